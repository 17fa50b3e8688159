"""Finds the carotid arteries in 3D black-blood MRI of the neck.

The names below are loaded when they are first used, so that `import carotid` stays instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carotid.artifacts import Heatmaps, SideHeatmaps
    from carotid.errors import CarotidError
    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume
    from carotid.network.members import Member, load_members
    from carotid.network.shipped import shipped_models
    from carotid.stages.heatmap.compute import compute_heatmaps
    from carotid.stages.heatmap.parameters import HeatmapParameters
    from carotid.viewer.view import view

__version__ = "0.1.0"

__all__ = [
    "CarotidError",
    "Grid",
    "HeatmapParameters",
    "Heatmaps",
    "Member",
    "SideHeatmaps",
    "Volume",
    "compute_heatmaps",
    "load_members",
    "shipped_models",
    "view",
]

_HOMES = {
    "CarotidError": "carotid.errors",
    "Grid": "carotid.geometry.grid",
    "HeatmapParameters": "carotid.stages.heatmap.parameters",
    "Heatmaps": "carotid.artifacts",
    "Member": "carotid.network.members",
    "SideHeatmaps": "carotid.artifacts",
    "Volume": "carotid.geometry.volume",
    "compute_heatmaps": "carotid.stages.heatmap.compute",
    "load_members": "carotid.network.members",
    "shipped_models": "carotid.network.shipped",
    "view": "carotid.viewer.view",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'carotid' has no attribute '{name}'"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
