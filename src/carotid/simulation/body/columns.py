"""Painting columns: what has an elliptic section in every slice and runs along the height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.canvas import ellipsoid_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.canvas import Box, Canvas, Triple

_PAD_MM = 4.0
"""How far beyond a surface its distance is computed."""


@dataclass(frozen=True)
class Rim:
    """A layer about something.

    Attributes:
        thickness_mm: Its thickness.
        level: Its signal.
    """

    thickness_mm: float
    level: float


@dataclass(frozen=True, eq=False)
class Column:
    """Ellipses, or rounded rectangles, one per row of a canvas; every number may be one for all.

    Attributes:
        center_p: Center along p, mm.
        center_l: Center along l, mm.
        half_p: Half axis along p before turning, mm.
        half_l: Half axis along l before turning, mm.
        turn: Angle in the slice, radians.
        power: 2 for an ellipse, more for a rounded rectangle.
        span_mm: Lowest and highest s.
    """

    center_p: NDArray[np.float64] | float
    center_l: NDArray[np.float64] | float
    half_p: NDArray[np.float64] | float
    half_l: NDArray[np.float64] | float
    turn: float = 0.0
    power: float = 2.0
    span_mm: tuple[float, float] = (-np.inf, np.inf)


def column_distance(
    canvas: Canvas, column: Column, pad_mm: float
) -> tuple[Box, NDArray[np.float32]] | None:
    """Approximate signed distance from a column's surface, negative inside.

    Args:
        canvas: Whose voxels are asked.
        column: The column.
        pad_mm: How far beyond the surface it is asked.

    Returns:
        The box and the distance in it, exact only near the surface, or None.
    """
    s = canvas.axis_mm(0).astype(np.float64)
    first, last = np.searchsorted(s, column.span_mm)
    if first >= last:
        return None
    rows = slice(int(first), int(last))
    center_p, center_l, half_p, half_l = (
        np.broadcast_to(np.asarray(value, np.float64), s.shape)[rows]
        for value in (column.center_p, column.center_l, column.half_p, column.half_l)
    )
    reach = np.maximum(half_p, half_l) + pad_mm
    box = canvas.box(
        np.array([s[first], (center_p - reach).min(), (center_l - reach).min()]),
        np.array([s[last - 1], (center_p + reach).max(), (center_l + reach).max()]),
    )
    if box is None:
        return None
    box = (rows, box[1], box[2])
    _, p, lateral = canvas.grid_mm(box)
    dp, dl = p - _per_row(center_p), lateral - _per_row(center_l)
    u: NDArray[np.floating]
    v: NDArray[np.floating]
    if column.turn:
        cos, sin = np.float32(np.cos(column.turn)), np.float32(np.sin(column.turn))
        u = (dp * cos + dl * sin) / _per_row(half_p)
        v = (dl * cos - dp * sin) / _per_row(half_l)
    else:
        u, v = dp / _per_row(half_p), dl / _per_row(half_l)
    if column.power == 2.0:
        radius: NDArray[np.floating] = np.sqrt(u * u + v * v)
    else:
        power = np.float32(column.power)
        radius = (np.abs(u) ** power + np.abs(v) ** power) ** np.float32(1 / column.power)
    radius -= 1
    radius *= _per_row(np.minimum(half_p, half_l))
    return box, np.asarray(radius, np.float32)


def _per_row(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)[:, None, None]


def paint_column(canvas: Canvas, column: Column, level: float, rim: Rim | None = None) -> None:
    """Paint a column, in a layer of another signal where a rim is given."""
    found = column_distance(canvas, column, _PAD_MM + (rim.thickness_mm if rim else 0.0))
    if found is not None:
        _paint(canvas, found, level, rim)


def paint_ellipsoid(
    canvas: Canvas,
    center_mm: Triple,
    half_mm: Triple,
    level: float,
    rim: Rim | None = None,
    turn: float = 0.0,
) -> None:
    """Paint an ellipsoid turned about s, in a layer of another signal where a rim is given."""
    found = ellipsoid_distance(canvas, center_mm, half_mm, turn)
    if found is not None:
        _paint(canvas, found, level, rim)


def _paint(
    canvas: Canvas, found: tuple[Box, NDArray[np.float32]], level: float, rim: Rim | None
) -> None:
    box, distance = found
    if rim is not None:
        canvas.paint(box, canvas.edge(distance - np.float32(rim.thickness_mm)), rim.level)
    canvas.paint(box, canvas.edge(distance), level)
