"""Slices thicker than a voxel is wide, with or without gaps between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.canvas import Canvas
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_log

if TYPE_CHECKING:
    from carotid.simulation.canvas import Triple

_ROWS = 3
"""Rows at least that are painted for a slice."""

_THIN_MM = 2.0
"""Slices up to this thick are painted at the voxel size of the plane."""

_FEWEST = 4
"""Fewer slices make no volume."""


@dataclass(frozen=True)
class Slices:
    """How a canvas becomes slices.

    Attributes:
        rows: Rows of the canvas that a slice averages.
        step: Rows from one slice to the next.
    """

    rows: int
    step: int


def draw_slices(
    rng: np.random.Generator, recipe: NeckRecipe, acquired_mm: Triple
) -> tuple[Slices, Triple]:
    """Draw how thick slices are.

    Args:
        rng: Source of chance.
        recipe: Ranges.
        acquired_mm: Voxel size along s, p and l without thick slices.

    Returns:
        The slices, and the voxel size at which the neck has to be painted for them.
    """
    thickness = draw_log(rng, recipe.thick_mm)
    row = acquired_mm[0]
    if thickness > _THIN_MM:
        row = max(row, thickness / _ROWS)
    rows = max(1, round(thickness / row))
    gap = draw(rng, (1.0, 1.25)) if chance(rng, recipe.p_slice_gap) else 1.0
    step = max(rows, round(rows * gap))
    return Slices(rows, step), (row, acquired_mm[1], acquired_mm[2])


def in_slices(canvas: Canvas, slices: Slices) -> Canvas:
    """Average the rows of each slice; a canvas with too few rows stays as it is."""
    first = np.arange(0, len(canvas.image) - slices.rows + 1, slices.step)
    if len(first) < _FEWEST:
        return canvas
    image = canvas.image[first]
    for k in range(1, slices.rows):
        image += canvas.image[first + k]
    image *= np.float32(1 / slices.rows)
    s, p, lateral = canvas.spacing_mm
    begin = canvas.origin_mm[0] + (slices.rows - 1) / 2 * s
    return Canvas(
        image,
        (begin, canvas.origin_mm[1], canvas.origin_mm[2]),
        (slices.step * s, p, lateral),
        canvas.softness_mm,
    )
