"""Annotated scans of straight tubes, as a RAW_DIR and an ANNOTATION_DIR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tests.stages.planes.phantom import oblique_grid, tube_scan

from carotid.artifacts import Contours, CrossSection, Label, Outline
from carotid.geometry.grid import CANONICAL
from carotid.simulation.surfaces import Chain
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.results.contours import save_contours
from carotid.storage.results.layout import CONTOUR_TRANSFORM

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.grid import Grid

SHAPE = (48, 44, 30)
RESCALING = '{"rescale": true, "lower_percentile_rescaler": 1, "upper_percentile_rescaler": 99.5}'


def circle(x: float, y: float, radius_mm: float, grid: Grid, points: int = 40) -> Outline:
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    across = radius_mm / np.array(grid.spacing_mm[:2])
    ring = np.column_stack([np.cos(turn), np.sin(turn)]) * across
    return Outline.of_points(ring + np.array([x, y]))


def section(label: Label, z: int, x: float, radius_mm: float, grid: Grid) -> CrossSection:
    return CrossSection(
        label, z, circle(x, 20.0, radius_mm, grid), circle(x, 20.0, radius_mm + 1.1, grid)
    )


def write_participant(
    root: Path, name: str, radius_mm: float, orientation: str = "LPS", every: int = 1
) -> None:
    """A tube in the left half, upright in the voxels, with contours in every slice but the ends.

    Or in every so many slices.
    """
    grid = oblique_grid(orientation, SHAPE)
    canonical = grid.reoriented(CANONICAL)
    height = np.arange(canonical.shape[2] + 4) - 2.0
    at = np.column_stack([np.full(len(height), 16.0), np.full(len(height), 20.0), height])
    chain = Chain(canonical.world_from_index(at), np.full(len(height), radius_mm))
    (root / "raw").mkdir(parents=True, exist_ok=True)
    (root / "raw" / "parameters.json").write_text(RESCALING)
    write_metaimage(root / "raw" / f"{name}.mha", tube_scan(grid, (chain, 1.1)))
    folder = root / "annotations" / name / CONTOUR_TRANSFORM
    folder.mkdir(parents=True)
    sections = tuple(
        section("internal", z, 16.0, radius_mm, canonical)
        for z in range(1, canonical.shape[2] - 1, every)
    )
    save_contours(Contours(sections, (), canonical, grid), folder)
