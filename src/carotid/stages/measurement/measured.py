"""One artery with everything that is measured in each of its slices, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.unsure_lumens import NARROW_MM
from carotid.geometry.tube import ANGLES
from carotid.stages.measurement.across import axial_outlines, planes_across
from carotid.stages.measurement.overlap import holds_course, overlap
from carotid.stages.measurement.shapes import Shapes, measure_shapes, without_wall
from carotid.stages.measurement.spreads import Spreads, spreads_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.stages.measurement.artery import Artery, Border
    from carotid.stages.measurement.parameters import MeasurementParameters

FLAGS: Mapping[str, str] = {
    "no_lumen": "the slice has no outline of the lumen",
    "no_wall": "the slice has no outer outline of the wall",
    "edge": "an outline reaches the edge of the scan",
    "crosses_itself": "an outline crossed itself and its convex hull was measured",
    "lumen_outside_wall": "a part of the lumen lies outside the wall; the thickness there is 0; "
    "nothing of the slice counts where the lumen is larger than the whole vessel",
    "fused": "the outer walls of both arteries run into each other: areas, no thickness",
    "unsure": "the mean thickness has a standard deviation above unsure_mm: the wall is not read",
    "unsure_lumen": "the lumen's diameter has a standard deviation above unsure_lumen_mm: nothing "
    "of the slice is read, and the artery may be narrow there",
    "lumens_overlap": "the lumens of both arteries overlap: the slice is below the flow divider",
    "both_lumens": "the lumen's outline holds the course of the other artery, which has no outline "
    "of its own there yet: the slice is below the flow divider",
    "oblique": "the vessel runs more obliquely through the slice than oblique_deg",
    "no_plane": "the vessel could not be cut across, so that only axial measures are there",
    "near_bifurcation": "nearer to the bifurcation than near_bifurcation_mm",
    "corrected": "an outline was corrected by hand, or follows one that was",
}
"""What a slice can be flagged for."""

MAX_CROSSED = 0.1
"""A wall with more than this share of its lumen outside is not read."""

_IN_SMOOTH = (2 * np.pi / ANGLES) / np.sin(2 * np.pi / ANGLES)
"""Area of a circle over that of the polygon through the ends of the rays."""


@dataclass(frozen=True, eq=False)
class MeasuredArtery:
    """An artery and its measures in its k slices.

    Attributes:
        artery: The artery.
        side: Which side's.
        s_mm: (k,) length from the bifurcation; NaN where that is unknown.
        angle_deg: (k,) between the vessel and the slice's normal.
        across: Measures in planes across the vessel.
        axial: Measures in the slices.
        spreads: Of the measures across.
        flags: (k,) by name.
        lumen_read: (k,) whether the lumen counts in what is told about the artery.
        wall_read: (k,) whether the wall does.
    """

    artery: Artery
    side: SideName
    s_mm: NDArray[np.float64]
    angle_deg: NDArray[np.float64]
    across: Shapes
    axial: Shapes
    spreads: Spreads
    flags: Mapping[str, NDArray[np.bool_]]
    lumen_read: NDArray[np.bool_]
    wall_read: NDArray[np.bool_]


def measure_arteries(
    arteries: Sequence[Artery],
    canonical: Grid,
    side: SideName,
    parameters: MeasurementParameters,
) -> tuple[MeasuredArtery, ...]:
    """Measure the arteries of one side."""
    return tuple(
        _measured(
            one,
            next((other for other in arteries if other.label != one.label), None),
            canonical,
            side,
            parameters,
        )
        for one in arteries
    )


def _measured(
    artery: Artery,
    other: Artery | None,
    canonical: Grid,
    side: SideName,
    parameters: MeasurementParameters,
) -> MeasuredArtery:
    planes = planes_across(artery, canonical, side, parameters.joined_mm(canonical.spacing_mm[2]))
    across = measure_shapes(planes.lumen, planes.outer, parameters.thickness, _IN_SMOOTH)
    axial = measure_shapes(
        *axial_outlines(artery, canonical, side), parameters.thickness, diameters=False
    )
    s_mm = artery.s_mm(artery.heights_mm)
    tangents = artery.axis.tangents(artery.heights_mm)
    angle = np.rad2deg(np.arccos(np.clip(tangents[:, 2], -1, 1)))
    k = len(artery.z)
    no_lumen, no_wall = _without(artery.lumen, k), _without(artery.wall, k)
    fused = overlap(artery, other, "wall") > parameters.fused_share
    joined = overlap(artery, other, "lumen") > 0
    crossed = np.fmax(np.nan_to_num(across.crossed), np.nan_to_num(axial.crossed))
    edge = _marked(artery.lumen, k, "at_edge") | _marked(artery.wall, k, "at_edge")
    across, axial = without_wall(across, fused), without_wall(axial, fused)
    spreads = spreads_of(across, planes.lumen_cut, planes.outer_cut, parameters)
    unsure = spreads.wt_mean > parameters.unsure_mm
    unsure_lumen = spreads.lumen_diameter > parameters.unsure_lumen_mm
    unsure_lumen &= across.lumen_diameter > NARROW_MM
    flags = {
        "no_lumen": no_lumen,
        "no_wall": no_wall,
        "edge": edge,
        "crosses_itself": _marked(artery.lumen, k, "hulls") | _marked(artery.wall, k, "hulls"),
        "lumen_outside_wall": crossed > 0,
        "fused": fused,
        "unsure": unsure,
        "unsure_lumen": unsure_lumen,
        "lumens_overlap": joined,
        "both_lumens": holds_course(artery, other),
        "oblique": angle > parameters.oblique_deg,
        "no_plane": np.isnan(across.la) & np.isnan(across.tva),
        "near_bifurcation": np.abs(s_mm) < parameters.near_bifurcation_mm,
        "corrected": _marked(artery.lumen, k, "corrected") | _marked(artery.wall, k, "corrected"),
    }
    inverted = (across.la > across.tva) | (axial.la > axial.tva)
    lumen_read = ~(no_lumen | edge | joined | inverted | unsure_lumen)
    wall_read = lumen_read & ~(no_wall | fused | unsure) & (crossed <= MAX_CROSSED)
    return MeasuredArtery(
        artery, side, s_mm, angle, across, axial, spreads, flags, lumen_read, wall_read
    )


def _without(border: Border, k: int) -> NDArray[np.bool_]:
    out = np.ones(k, np.bool_)
    out[border.rows] = False
    return out


def _marked(border: Border, k: int, name: str) -> NDArray[np.bool_]:
    out = np.zeros(k, np.bool_)
    out[border.rows] = getattr(border, name)
    return out
