"""What is measured in one plane: areas, diameters and thickness of many cross-sections."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.outlines import (
    centroids,
    inscribed_diameters,
    least_calipers,
    signed_areas,
)
from carotid.geometry.thickness import walls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.thickness import ThicknessMethod

MAP_ANGLES = 36
"""Directions in which the thickness of a cross-section is kept: one every 10 degrees."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """Measures of s cross-sections; NaN where one could not be taken. Lengths in mm.

    Attributes:
        la, tva, wa: (s,) area of the lumen, of all inside the wall's outer outline, of the wall,
            which is NaN where the lumen's is larger than all.
        nwi: (s,) normalised wall index, wa / tva.
        wt_mean, wt_max, wt_min: (s,) thickness of the wall.
        wt_max_deg: (s,) where it is thickest, seen from the center of the lumen: degrees from
            anterior, 90 is lateral.
        eccentricity: (s,) 1 − wt_min / wt_max.
        lumen_diameter: (s,) of the circle of the lumen's area.
        lumen_caliper: (s,) smallest distance of two parallels around the lumen.
        lumen_inscribed: (s,) of the largest circle in the lumen.
        outer_diameter: (s,) of the circle of the area `tva`.
        crossed: (s,) share of the lumen's outline that lies outside the wall.
        thickness: (s, `MAP_ANGLES`) by direction, from anterior towards lateral.
    """

    la: NDArray[np.float64]
    tva: NDArray[np.float64]
    wa: NDArray[np.float64]
    nwi: NDArray[np.float64]
    wt_mean: NDArray[np.float64]
    wt_max: NDArray[np.float64]
    wt_min: NDArray[np.float64]
    wt_max_deg: NDArray[np.float64]
    eccentricity: NDArray[np.float64]
    lumen_diameter: NDArray[np.float64]
    lumen_caliper: NDArray[np.float64]
    lumen_inscribed: NDArray[np.float64]
    outer_diameter: NDArray[np.float64]
    crossed: NDArray[np.float64]
    thickness: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.la)


def measure_shapes(
    lumen: NDArray[np.float64],
    outer: NDArray[np.float64],
    method: ThicknessMethod,
    area_factor: float = 1.0,
    *,
    diameters: bool = True,
) -> Shapes:
    """Measure cross-sections.

    Args:
        lumen: (s, n, 2) outlines of the lumen, mm, first coordinate to anterior and second to
            lateral, counter-clockwise in these; NaN where there is none.
        outer: (s, m, 2) outer outlines of the wall, likewise.
        method: How thickness is defined.
        area_factor: What polygons' areas are multiplied by, where they are known to lie in a
            smooth outline.
        diameters: Whether the lumen's caliper and inscribed circle are wanted, which take time.
    """
    s = len(lumen)
    has_lumen, has_outer = _complete(lumen), _complete(outer)
    both = has_lumen & has_outer
    la = _filled(s, has_lumen, signed_areas(lumen[has_lumen]) * area_factor)
    tva = _filled(s, has_outer, signed_areas(outer[has_outer]) * area_factor)
    wa = np.where(tva >= la, tva - la, np.nan)
    asked = has_lumen & diameters
    field = walls(lumen[both], outer[both], method)
    by_angle, where = _by_direction(field.thickness_mm, field.nodes, centroids(lumen[both]))
    largest, least = field.thickness_mm.max(axis=1), field.thickness_mm.min(axis=1)
    with np.errstate(all="ignore"):
        eccentricity = 1 - least / largest
        return Shapes(
            la=la,
            tva=tva,
            wa=wa,
            nwi=wa / tva,
            wt_mean=_filled(s, both, field.thickness_mm.mean(axis=1)),
            wt_max=_filled(s, both, largest),
            wt_min=_filled(s, both, least),
            wt_max_deg=_filled(s, both, np.where(largest > 0, where, np.nan)),
            eccentricity=_filled(s, both, eccentricity),
            lumen_diameter=2 * np.sqrt(la / np.pi),
            lumen_caliper=_filled(s, asked, least_calipers(lumen[asked])),
            lumen_inscribed=_filled(s, asked, inscribed_diameters(lumen[asked])),
            outer_diameter=2 * np.sqrt(tva / np.pi),
            crossed=_filled(s, both, field.crossed),
            thickness=_filled(s, both, by_angle),
        )


def without_wall(shapes: Shapes, rows: NDArray[np.bool_]) -> Shapes:
    """The same, without what tells of the wall in some rows; the areas stay."""
    kept = {"la", "tva", "wa", "lumen_diameter", "lumen_caliper", "lumen_inscribed", "crossed"}
    values = {}
    for field in fields(Shapes):
        value = getattr(shapes, field.name)
        if field.name not in kept:
            value = value.copy()
            value[rows] = np.nan
        values[field.name] = value
    return Shapes(**values)


def _by_direction(
    thickness: NDArray[np.float64], nodes: NDArray[np.float64], centers: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Thickness every 10 degrees, and the direction of its maximum, from 0 to below 360."""
    spoke = nodes - centers[:, None]
    turns = np.rad2deg(np.arctan2(spoke[..., 1], spoke[..., 0])) % 360
    asked = 360 / MAP_ANGLES * np.arange(MAP_ANGLES)
    found = np.full((len(thickness), MAP_ANGLES), np.nan)
    thickest = np.full(len(thickness), np.nan)
    for k in np.flatnonzero(np.isfinite(thickness).all(axis=1)):
        found[k] = np.interp(asked, turns[k], thickness[k], period=360)
        thickest[k] = turns[k, thickness[k].argmax()].round(3) % 360  # 360 in a table would be 0
    return found, thickest


def _complete(outlines: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(outlines).all(axis=(1, 2)), np.bool_)


def _filled(s: int, rows: NDArray[np.bool_], values: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full((s, *values.shape[1:]), np.nan)
    out[rows] = values
    return out
