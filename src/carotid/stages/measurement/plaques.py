"""Plaque: runs of slices in which the wall is thick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.measurement.stretches import stretch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.measurement.measured import MeasuredArtery
    from carotid.stages.measurement.parameters import MeasurementParameters


@dataclass(frozen=True)
class Plaque:
    """One run of slices.

    Attributes:
        rows: Slices of the artery, bridged gaps included.
        from_mm, to_mm: Where it begins and ends, from the bifurcation; NaN where that is unknown.
        length_mm: Along the artery.
        wall_volume_mm3: Volume of the wall in the run.
        thickest: The row in which the wall is thickest.
    """

    rows: tuple[int, ...]
    from_mm: float
    to_mm: float
    length_mm: float
    wall_volume_mm3: float
    thickest: int


def plaques_of(
    one: MeasuredArtery, parameters: MeasurementParameters, slice_mm: float
) -> tuple[Plaque, ...]:
    """Runs of slices with a largest thickness of at least `plaque_thickness_mm`, in order.

    Slices that cannot be read do not end a run if the gap is short enough.
    """
    joined = parameters.joined_mm(slice_mm)
    whole = stretch(one, one.wall_read, (-np.inf, np.inf), joined, slice_mm)
    s = one.artery.axis.s_at(one.artery.heights_mm)
    with np.errstate(invalid="ignore"):
        thick = one.wall_read & (one.across.wt_max >= parameters.plaque_thickness_mm)
    found = []
    for rows in _runs(np.flatnonzero(thick), s, whole.along_mm, parameters.plaque_gap_mm):
        inside = rows[one.wall_read[rows]]
        ends = s[rows[[0, -1]]] + np.array([-0.5, 0.5]) * whole.along_mm[rows[[0, -1]]]
        if ends[1] - ends[0] < parameters.plaque_length_mm:
            continue
        volume = (one.axial.wa[inside] * whole.depth_mm[inside]).sum()
        found.append(
            Plaque(
                tuple(rows.tolist()),
                float(ends[0] - one.artery.zero_mm),
                float(ends[1] - one.artery.zero_mm),
                float(ends[1] - ends[0]),
                float(volume),
                int(inside[np.nanargmax(one.across.wt_max[inside])]),
            )
        )
    return tuple(found)


def _runs(
    thick: NDArray[np.int64], s: NDArray[np.float64], along: NDArray[np.float64], gap_mm: float
) -> list[NDArray[np.int64]]:
    """Rows of each run, from its first thick slice to its last."""
    if not len(thick):
        return []
    # What lies between the stretches that two thick slices stand for.
    free = np.diff(s[thick]) - (along[thick][1:] + along[thick][:-1]) / 2
    ends = np.flatnonzero(free > gap_mm)
    first = thick[np.concatenate([[0], ends + 1])]
    last = thick[np.concatenate([ends, [len(thick) - 1]])]
    return [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
