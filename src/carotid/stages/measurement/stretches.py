"""Stretches of an artery, and how much of each slice belongs to one.

A slice stands for the stretch from half way to the slice below to half way to the slice above;
where the next one that can be read is too far away, for half of the scan's slice distance. What a
stretch begins or ends within counts by its share, so that lengths and volumes do not jump by whole
slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from carotid.evaluation.common_range import Segments
from carotid.stages.measurement.parameters import default_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.stages.measurement.measured import MeasuredArtery
    from carotid.stages.measurement.parameters import MeasurementParameters

SEGMENTS: Mapping[str, tuple[Label, str]] = {
    "common": ("internal", "the common carotid, below the bifurcation"),
    "common_low": ("internal", "the common carotid below the bulb, s < bulb_from_mm"),
    "common_bulb": ("internal", "the bulb's part of the common carotid, bulb_from_mm ≤ s < 0"),
    "internal": ("internal", "the internal carotid, above the bifurcation"),
    "internal_bulb": ("internal", "the bulb's part of the internal carotid, 0 ≤ s < bulb_to_mm"),
    "internal_high": ("internal", "the internal carotid beyond the bulb, s ≥ bulb_to_mm"),
    "common_internal": ("internal", "the common and the internal carotid together"),
    "external": ("external", "the external carotid"),
}
"""Stretches that are told about: whose outlines they are in, and what they are."""


WHOLE = ("common_internal", "external")
"""Those that together hold every slice once."""


def segment_limits(parameters: MeasurementParameters) -> dict[str, tuple[float, float]]:
    """From and to, mm from the bifurcation, of each of `SEGMENTS`."""
    low, high = parameters.bulb_from_mm, parameters.bulb_to_mm
    return {
        "common": (-np.inf, 0.0),
        "common_low": (-np.inf, low),
        "common_bulb": (low, 0.0),
        "internal": (0.0, np.inf),
        "internal_bulb": (0.0, high),
        "internal_high": (high, np.inf),
        "common_internal": (-np.inf, np.inf),
        "external": (-np.inf, np.inf),
    }


COUNTING = ("bulb_from_mm", "bulb_to_mm", "max_gap_mm", "spread_along_mm")
"""Settings that `segments` hands on to what compares measurements."""


def segments(parameters: MeasurementParameters) -> Segments:
    """Where all segments are, for what compares measurements."""
    return Segments(
        limits_mm=segment_limits(parameters),
        labels={name: label for name, (label, _) in SEGMENTS.items()},
        max_gap_mm=parameters.max_gap_mm,
        spread_along_mm=parameters.spread_along_mm,
        settings={key: getattr(parameters, key) for key in COUNTING},
        defaults=default_settings(),
    )


def segment_names(one: MeasuredArtery, parameters: MeasurementParameters) -> list[str]:
    """The innermost segment of each slice; "" where the bifurcation is unknown."""
    if one.artery.label == "external":
        return ["external"] * len(one.s_mm)
    limits = segment_limits(parameters)
    order = ["common_low", "common_bulb", "internal_bulb", "internal_high"]
    return [
        next((name for name in order if limits[name][0] <= s < limits[name][1]), "")
        for s in one.s_mm
    ]


@dataclass(frozen=True, eq=False)
class Stretch:
    """What of an artery's k slices lies in a stretch.

    Attributes:
        along_mm: (k,) length along the artery that each slice stands for; 0 outside.
        depth_mm: (k,) the same in height, for volumes: axial area times this.
        rows: (k,) slices that lie in it themselves.
    """

    along_mm: NDArray[np.float64]
    depth_mm: NDArray[np.float64]
    rows: NDArray[np.bool_]

    @classmethod
    def nothing(cls, k: int) -> Self:
        """One that none of k slices lies in."""
        return cls(np.zeros(k), np.zeros(k), np.zeros(k, np.bool_))

    @property
    def length_mm(self) -> float:
        """Length along the artery that was read."""
        return float(self.along_mm.sum())


def stretch(
    one: MeasuredArtery,
    read: NDArray[np.bool_],
    limits_mm: tuple[float, float],
    joined_mm: float,
    slice_mm: float,
) -> Stretch:
    """The part of an artery between two positions, of slices that can be read.

    Args:
        one: The artery.
        read: (k,) which of its slices can be read.
        limits_mm: From and to, mm from the bifurcation; may be infinite. Where the bifurcation is
            unknown there is something only between two infinite limits.
        joined_mm: Slices further apart are not joined.
        slice_mm: Distance of the scan's slices.
    """
    k = len(read)
    artery = one.artery
    rows = np.flatnonzero(read)
    low, high = (artery.heights_at(s) if np.isfinite(s) else s for s in limits_mm)
    if not len(rows) or np.isnan(low) or np.isnan(high):
        return Stretch.nothing(k)
    heights = artery.heights_mm[rows]
    half = np.diff(heights) / 2
    half = np.where(2 * half <= joined_mm, half, slice_mm / 2)
    below = np.clip(heights - np.concatenate([[slice_mm / 2], half]), low, high)
    above = np.clip(heights + np.concatenate([half, [slice_mm / 2]]), low, high)
    depth, along = np.zeros(k), np.zeros(k)
    depth[rows] = above - below
    along[rows] = artery.axis.s_at(above) - artery.axis.s_at(below)
    inside = read & (artery.heights_mm >= low) & (artery.heights_mm < high)
    return Stretch(along, depth, inside)
