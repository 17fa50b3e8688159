"""Pictures as lines: outlines, dots and marks as SVG path data, in millimetres of the picture.

Lines are drawn over an image, not into it, so that they stay sharp at every size and can follow
the page's colors. Internal is solid and triangular, external dashed and round, everywhere: the
two can be told apart without color.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_MIN_OUTLINE_POINTS = 4
_MAX_OUTLINES = 60


def number(value: float) -> str:
    """A coordinate with one decimal, as short as it can be written."""
    text = f"{value:.1f}"
    return "0" if text in {"0.0", "-0.0"} else text.removesuffix(".0")


def outlines(
    values: NDArray[np.floating],
    level: float,
    row_mm: float,
    column_mm: float,
    step_mm: float,
    *,
    closed: bool = True,
) -> str:
    """Where an array crosses a level, as path data; the longest outlines where there are many.

    Args:
        values: (rows, columns), at voxel centers.
        level: The value to outline.
        row_mm: Voxel size along the rows' axis, down the picture.
        column_mm: Voxel size across the picture.
        step_mm: Points that lie closer together than this are left out.
        closed: Whether outlines are closed along the border; else they end there.
    """
    if min(values.shape) < 2 or not values.max() > level:
        return ""
    from contourpy import contour_generator

    padded = np.pad(np.asarray(values, np.float64), 1, mode="constant" if closed else "edge")
    lines = contour_generator(z=padded).lines(level)
    found = []
    for line in lines:
        points = (np.asarray(line) - 0.5) * (column_mm, row_mm)
        thin = _thinned(points, step_mm)
        if len(thin) >= _MIN_OUTLINE_POINTS:
            found.append(thin)
    found.sort(key=len, reverse=True)
    return "".join(_path(points) for points in found[:_MAX_OUTLINES])


def polyline(points_mm: NDArray[np.floating]) -> str:
    """Path data of a line through (n, 2) points x, y; it breaks where a point is NaN."""
    parts: list[str] = []
    pen_down = False
    for x, y in points_mm:
        if np.isnan(x) or np.isnan(y):
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{number(x)} {number(y)}")
        pen_down = True
    return "".join(parts)


def fine_polyline(points_mm: NDArray[np.floating]) -> str:
    """The same through points that are all known, to 0.02 mm, for outlines of a few millimetres."""
    steps = np.diff(np.rint(points_mm * 50), axis=0) / 50
    x, y = np.rint(points_mm[0] * 50) / 50
    return f"M{x:g} {y:g}l" + " ".join(f"{dx:g} {dy:g}" for dx, dy in steps)


def triangles(points_mm: Iterable[tuple[float, float]], size_mm: float) -> str:
    """Path data of upright triangles around points."""
    up, half, down = number(size_mm * 0.67), number(size_mm * 0.58), number(size_mm)
    side = number(2 * float(half))
    return "".join(
        f"M{number(x)} {number(y - float(up))}l{half} {down}h-{side}z" for x, y in points_mm
    )


def circles(points_mm: Iterable[tuple[float, float]], radius_mm: float) -> str:
    """Path data of circles around points."""
    r = number(radius_mm)
    d = number(2 * float(r))
    return "".join(
        f"M{number(x - float(r))} {number(y)}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0-{d} 0"
        for x, y in points_mm
    )


def crosses(points_mm: Iterable[tuple[float, float]], size_mm: float) -> str:
    """Path data of upright crosses through points."""
    s = number(size_mm)
    d = number(2 * float(s))
    return "".join(
        f"M{number(x - float(s))} {number(y)}h{d}M{number(x)} {number(y - float(s))}v{d}"
        for x, y in points_mm
    )


def _thinned(points: NDArray[np.float64], step_mm: float) -> NDArray[np.float64]:
    kept = [points[0]]
    for point in points[1:-1]:
        if abs(point - kept[-1]).max() >= step_mm:
            kept.append(point)
    kept.append(points[-1])
    return np.array(kept)


def _path(points: NDArray[np.float64]) -> str:
    """Path data with relative steps, which are shorter; rounding errors do not add up."""
    tenths = np.rint(points * 10).astype(int)
    x, y = tenths[0]
    parts = [f"M{number(x / 10)} {number(y / 10)}l"]
    for dx, dy in np.diff(tenths, axis=0):
        parts.append(f"{number(dx / 10)} {number(dy / 10)} ")
    closed = "z" if (tenths[0] == tenths[-1]).all() else ""
    return "".join(parts).rstrip() + closed
