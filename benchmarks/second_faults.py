"""Rare arteries of the second simulator: an occluded internal carotid, and a sharply kinked one.

One side of the neck has it; the other is healthy. What is made is drawn from a source of chance of
its own, so that the rest of the neck is as it would be without. Shares nothing with the first
simulator; see `benchmarks.second_simulator`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.second_arteries import Vessel
    from carotid.geometry.sides import SideName
    from carotid.simulation.truth import Feature

Fault = Literal["occluded", "kinked"]

_COLLAPSE_MM = 10.0
_BULB_MM = 16.0
_TOP_MM = 16.0
_EDGE_MM = 6.0
_STEP_MM = 0.3
_NEIGHBOURS_MM = 30.0
"""Over this height the neighbours' course moves as far as the artery does at once."""


def faulty_side(fault: Fault, seed: int) -> tuple[SideName, np.random.Generator]:
    """Which side has the fault, and the source of chance that it is drawn from."""
    rng = np.random.default_rng([22, ("occluded", "kinked").index(fault), seed])
    return SIDE_NAMES[int(rng.integers(len(SIDE_NAMES)))], rng


def with_fault(
    fault: Fault,
    rng: np.random.Generator,
    box_mm: tuple[float, float],
    internal: Vessel,
    fork: float,
) -> tuple[Vessel, Vessel, dict[str, Feature]]:
    """The internal carotid with the fault, the course that its neighbours keep to, what was made.

    Args:
        fault: Which.
        rng: Source of chance.
        box_mm: The scan's depth behind its middle, and its height.
        internal: The common with the internal carotid, healthy.
        fork: Height of the bifurcation, mm.
    """
    if fault == "occluded":
        vessel, made = _occluded(rng, internal, fork)
        return vessel, vessel, made
    return _kinked(rng, internal, fork, box_mm)


def _occluded(
    rng: np.random.Generator, internal: Vessel, fork: float
) -> tuple[Vessel, dict[str, Feature]]:
    """Filled from the bulb to its end, with what is about as bright as the wall; a little thinner.

    Occlusions begin in the bulb and reach to the skull.
    """
    start = fork + rng.uniform(2, 10)
    shrunk = 1 - rng.uniform(0, 0.35) * np.clip(
        (internal.points[:, 2] - start) / _COLLAPSE_MM, 0, 1
    )
    fill = rng.uniform(0.7, 1.2)
    vessel = replace(internal, radius=internal.radius * shrunk, open_up_to=start, fill=fill)
    return vessel, {"occluded_from_mm": float(start), "fill": float(fill)}


def _kinked(
    rng: np.random.Generator, internal: Vessel, fork: float, box_mm: tuple[float, float]
) -> tuple[Vessel, Vessel, dict[str, Feature]]:
    """Two sharp bends above the bulb, and between them a part that runs across.

    It runs outwards or inwards and to the back, as deep as the scan allows, and rises a little. The
    neighbours' course bends gently where the artery kinks.
    """
    behind, top = box_mm
    start = min(fork + rng.uniform(_BULB_MM, _BULB_MM + 14), top - _TOP_MM)
    length, rise = rng.uniform(8, 14), rng.uniform(1.5, 4)
    outwards = 1.0 if rng.random() < 0.6 else -1.0
    above = internal.points[internal.points[:, 2] > start]
    room = max(0.0, float(above[:, 1].min()) + behind - _EDGE_MM)
    back = min(length * np.sin(rng.uniform(0, np.radians(50))), room)
    across = outwards * np.sign(internal.points[0, 0]) * np.sqrt(length**2 - back**2)
    low, high = start - 1, start + rise + 1
    z = internal.points[:, 2]
    dense = np.arange(low, high, _STEP_MM * rise / (2 * length))
    heights = np.concatenate([z[z < low], dense, z[z >= high]])
    straight = np.column_stack([np.interp(heights, z, internal.points[:, k]) for k in range(3)])
    radius, thickening = (
        np.interp(heights, z, one) for one in (internal.radius, internal.thickening)
    )
    vessel, beside = (
        replace(
            internal,
            points=straight + _step(heights, start + rise / 2, over)[:, None] * (across, -back, 0),
            radius=radius,
            thickening=thickening,
        )
        for over in (rise, _NEIGHBOURS_MM)
    )
    made: dict[str, Feature] = {
        "kink_from_mm": float(start),
        "kink_to_mm": float(start + rise),
        "kink_across_mm": float(length),
    }
    return vessel, beside, made


def _step(heights: NDArray[np.float64], middle: float, over: float) -> NDArray[np.float64]:
    """A smooth step from 0 to 1 over some heights."""
    share = np.clip((heights - middle) / over + 0.5, 0, 1)
    return np.asarray(share**2 * (3 - 2 * share))
