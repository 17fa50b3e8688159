"""What ran, on what, with which versions: the facts that make a result repeatable.

Nothing here identifies a patient, and nothing changes between two equal runs (no times).
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

from carotid import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECORDED_PACKAGES = ("torch", "numpy", "isal", "pydicom", "nibabel")


@dataclass(frozen=True)
class TransformRecord:
    """The settings of one transform, as `parameters.json` states them.

    Attributes:
        settings: The transform's parameters, its directories and its device.
        models: SHA-256 of every member by name, in the order of the members.
        rescaling: How intensities were rescaled.
    """

    settings: Mapping[str, Any]
    models: Mapping[str, str]
    rescaling: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=lambda: versions())

    def as_json(self) -> dict[str, Any]:
        """One flat object: settings first, then provenance."""
        return {
            **self.settings,
            "rescaling": dict(self.rescaling),
            "models": dict(self.models),
            "versions": dict(self.versions),
        }


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of what computes, reads and writes."""
    found = {"carotid": __version__, "python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def differences(now: Mapping[str, Any], then: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """In words, where two records differ in the given keys."""
    found = []
    for key in keys:
        a, b = now.get(key), then.get(key)
        if a == b:
            continue
        if key == "models":
            found.append(_model_difference(a or {}, b or {}))
        else:
            found.append(f"{key} is {a}, was {b}")
    return found


def _model_difference(now: Mapping[str, str], then: Mapping[str, str]) -> str:
    if sorted(now.values()) == sorted(then.values()):
        return "the models have other names or another order"
    return (
        f"the models differ ({len(now)} now: {', '.join(now)}; {len(then)} then: {', '.join(then)})"
    )
