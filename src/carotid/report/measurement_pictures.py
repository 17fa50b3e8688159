"""Measured arteries on the page: the wall laid flat, and areas along it at the same scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.figures.segments import segments_of
from carotid.figures.unfolded import unfold
from carotid.report.drawing import lines, raster
from carotid.report.drawing.picture import Chart, Layer, Picture, Words, layer
from carotid.report.measured_slices import signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.figures.courses import DrawnCourse

TOP_MM = 3.0
"""Thickness at the end of the colors."""

PLAQUE_MM = 1.5
"""Thickness that a line is drawn at."""

_PX_PER_MM = 4.0
_HEIGHT_PX = 360
_MAP_PX = 132
_CURVE_PX = 224
_HEIGHTS_PX = 62
"""At the right of a curve, for the numbers of heights: no line goes there."""

_FOOT = 14
_INSET = 10
_LINE_PX = 10
_NORMAL_95 = 1.96
_TICK_MM = 20
_ROOM_FOR_SPREAD = 1.5
"""A spread is drawn up to so many times the largest area."""


@dataclass(frozen=True)
class Extent:
    """The stretch along the arteries that all drawings of a participant share.

    Attributes:
        low, high: Positions in mm, towards the head.
        top_mm2: The area at the right border of curves.
        cut: Whether a spread goes on beyond it.
    """

    low: float
    high: float
    top_mm2: float
    cut: bool

    @classmethod
    def of(cls, courses: Sequence[DrawnCourse]) -> Extent:
        """What holds all of some arteries."""
        areas = np.concatenate([np.concatenate(_areas(one)) for one in courses])
        upper = areas + np.concatenate([np.concatenate(_halves(one)) for one in courses])
        largest = np.nanmax(areas) if np.isfinite(areas).any() else 100.0
        widest = np.nanmax(upper) if np.isfinite(upper).any() else largest
        top = np.ceil(min(max(largest, widest), _ROOM_FOR_SPREAD * largest) / 25) * 25
        return cls(
            min(float(one.s_mm.min()) for one in courses) - 0.5,
            max(float(one.s_mm.max()) for one in courses) + 0.5,
            float(top),
            bool(widest > top),
        )

    @property
    def height(self) -> int:
        """Of a drawing in pixels."""
        return round(min(_HEIGHT_PX, _PX_PER_MM * (self.high - self.low)))

    def y(self, s_mm: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Pixels from the top."""
        share = (self.high - np.asarray(s_mm, np.float64)) / (self.high - self.low)
        return np.asarray(share * self.height, np.float64)


def thickness_map(course: DrawnCourse, extent: Extent) -> Picture:
    """The wall cut open at the back and laid flat, as one sees it from the front."""
    found = unfold(course)
    values = found.thickness_mm[::-1]
    rows, columns = values.shape
    top, bottom = (float(extent.y(s)) for s in (found.to_mm, found.from_mm))
    row_px, column_px = (bottom - top) / rows, _MAP_PX / columns
    before = round(top / row_px)
    whole = np.full((max(round(extent.height / row_px), before + rows), columns), np.nan)
    whole[before : before + rows] = values
    layers: list[Layer] = []
    thick = np.where(np.isfinite(whole), whole, 0.0)
    layers += layer(
        "plaque", lines.outlines(thick, PLAQUE_MM, row_px, column_px, 1.0, closed=False)
    )
    layers += _limits(course, extent, _MAP_PX)
    words = tuple(
        Words(word[:3], _MAP_PX * (k + 1) / 4, _FOOT - 3, anchor="middle")
        for k, word in enumerate(found.directions[1:4])
    )
    return Picture(
        raster.exact_image(_colors(whole), (_MAP_PX, extent.height)),
        f"Thickness of the wall of the {course.side} {course.label} carotid, unfolded",
        "map",
        (_MAP_PX, extent.height),
        1.0,
        tuple(layers),
        below=words,
        caption=f"{course.side.capitalize()}: wall thickness",
    )


def area_curve(course: DrawnCourse, extent: Extent) -> Chart:
    """Areas inside lumen and outer wall along the artery, with 95 % of their spread."""
    lumen, outer = _areas(course)
    right = _CURVE_PX - _HEIGHTS_PX
    inner = right - _INSET
    y = extent.y(course.s_mm)

    def x(areas: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(_INSET + np.clip(areas / extent.top_mm2, 0, 1) * inner, np.float64)

    layers = [
        *layer("axis", f"M{_INSET} 0v{extent.height}M{right} 0v{extent.height}"),
        *_limits(course, extent, right),
    ]
    spreads = _halves(course)
    for name, areas, half in (("wall", outer, spreads[1]), ("lumen", lumen, spreads[0])):
        layers += layer(f"spread {name}", _ribbon(x(areas - half), x(areas + half), y))
        layers += layer(f"area {name}", _broken(x(areas), y, course))
    base = extent.height + _FOOT - 3
    largest = f"{'≥ ' if extent.cut else ''}{extent.top_mm2:g} mm²"
    words = [
        Words("0", _INSET, base, anchor="middle"),
        Words(largest, right, base, anchor="middle"),
    ]
    for s in range(int(np.ceil(extent.low / _TICK_MM)) * _TICK_MM, int(extent.high) + 1, _TICK_MM):
        at = float(extent.y(s))
        height = f"{signed(s)} mm" if s else "0"
        words.append(Words(height, _CURVE_PX - 3, max(at + 4, _LINE_PX), anchor="end"))
        layers += layer("tick", f"M{right} {lines.number(at)}h-4")
    words += [
        Words(
            one.title,
            right - 4,
            float(extent.y((one.from_mm + one.to_mm) / 2)) + 4,
            anchor="end",
            over_lines=True,
        )
        for one in segments_of(course)
        if float(extent.y(one.from_mm) - extent.y(one.to_mm)) > _FOOT
    ]
    return Chart(
        f"{course.side.capitalize()}: lumen and vessel area",
        f"Lumen and vessel area along the {course.side} {course.label} carotid",
        _CURVE_PX,
        extent.height,
        _FOOT,
        tuple(layers),
        tuple(words),
    )


def _areas(course: DrawnCourse) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lumen and vessel area where they can be read."""
    lumen = np.where(course.lumen_read, course.values("la_mm2"), np.nan)
    outer = np.where(course.wall_read, course.values("tva_mm2"), np.nan)
    return np.asarray(lumen, np.float64), np.asarray(outer, np.float64)


def _halves(course: DrawnCourse) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Half the width of the bands around both: 95 % of what their spread says."""
    lumen, outer = (_NORMAL_95 * course.values(name) for name in ("la_sd_mm2", "tva_sd_mm2"))
    return np.asarray(lumen, np.float64), np.asarray(outer, np.float64)


def _limits(course: DrawnCourse, extent: Extent, width: float) -> list[Layer]:
    """Lines at the bifurcation and at the limits of the bulb."""
    if not course.from_bifurcation:
        return []
    bulb = [one for one in segments_of(course) if one.title == "bulb"]
    data = "".join(
        f"M0 {lines.number(float(extent.y(s)))}h{lines.number(width)}"
        for one in bulb
        for s in (one.from_mm, one.to_mm)
    )
    fork = float(extent.y(0.0))
    inside = 0 <= fork <= extent.height
    return [
        *layer("limit", data),
        *layer("fork", f"M0 {lines.number(fork)}h{lines.number(width)}" if inside else ""),
    ]


def _broken(x: NDArray[np.float64], y: NDArray[np.float64], course: DrawnCourse) -> str:
    breaks = np.flatnonzero(~course.joined()) + 1
    return lines.polyline(np.insert(np.stack([x, y], axis=1), breaks, np.nan, axis=0))


def _ribbon(low: NDArray[np.float64], high: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """Closed stretches between two curves, where both are known."""
    known = np.isfinite(low) & np.isfinite(high)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    parts = []
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        there = np.stack([low[a:b], y[a:b]], axis=1)
        back = np.stack([high[a:b], y[a:b]], axis=1)[::-1]
        parts.append(lines.polyline(np.concatenate([there, back])) + "z")
    return "".join(parts)


def _colors(thickness_mm: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(rows, columns, 4) colors; nothing where the thickness is unknown."""
    from matplotlib import colormaps

    return np.asarray(
        colormaps["magma"](np.ma.masked_invalid(thickness_mm / TOP_MM), bytes=True), np.uint8
    )
