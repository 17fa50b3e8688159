"""What is wrong with the order of a scan's axial slices, told by the scan alone.

Files can be whole while the neck in them is not: slices are lost, stored twice or left empty, or
the patient moved between them. Then heights along an artery and volumes are wrong, though each
slice looks sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import counted, listed
from carotid.geometry.grid import CANONICAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.volume import Volume

STEP = 1.7
"""Neighbours that differ so many times as much as those around them do not follow each other."""

ALTERNATE = 1.1
"""Neighbours that differ so many times as much as slices two apart lie elsewhere by turns. In
sound stacks, be they of noise alone, it is 1 at most."""

_LEAST_STEP = 0.03
"""Share of the brightness by which slices differ at least that do not follow each other."""

_NEAR_MM = 8.0
_LEAST_NEAR = 3
"""Pairs of slices around a pair: those so far below and above, or at least so many each."""

_AVERAGED_MM = 3.0
"""Slices are averaged over blocks so wide before they are compared, for noise is in single voxels,
and there are many of them."""

_TISSUE = 0.3
"""Of the mean: what is darker is air or blood, and not compared."""

_LEAST_TISSUE = 0.05
"""Of a slice: less is too little to be compared."""

_ENDS = 0.05
"""Of all slices, at each end: where a slab fades pictures change more."""

_PHANTOM = 0.75
"""Where more slices than this are the same as the next one, there is no neck in them."""


def stack_faults(volume: Volume, kept: tuple[int, int] | None = None) -> tuple[str, ...]:
    """What stands against a scan's axial slices, in words; nothing where they follow each other.

    Slices are numbered as in all tables: from 0, from feet to head.

    Args:
        volume: The scan, in any orientation.
        kept: The slices that count, from the first up to, not with, the last; None: all.
    """
    canonical = volume.reoriented(CANONICAL)
    first, stop = kept or (0, canonical.grid.shape[2])
    array = canonical.array[:, :, first:stop]
    empty = array.min(axis=(0, 1)) == array.max(axis=(0, 1))
    full = np.flatnonzero(~empty)
    if full.size < 2:
        return ()
    found = []
    blank = [first + int(z) for z in np.flatnonzero(empty) if full[0] < z < full[-1]]
    if blank:
        found.append(f"{_slices(blank)} without a picture: parts of the scan are missing")
    blocks = _blocks(array, canonical.grid.spacing_mm)
    alike = np.flatnonzero((blocks[..., 1:] == blocks[..., :-1]).all(axis=(0, 1)) & ~empty[1:]) + 1
    same = [int(z) for z in alike if np.array_equal(array[:, :, z], array[:, :, z - 1])]
    if same and len(same) <= _PHANTOM * (len(empty) - 1):
        words = _slices([first + z for z in same])
        found.append(f"{words} the same as the one below: stored twice, or filled in")
    change, over = _changes(blocks)
    steps = _steps(_by_those_around(change, canonical.grid.spacing_mm[2]), first)
    return (*found, *steps, *_alternate(change, over))


def _steps(changes: NDArray[np.float64], first: int) -> tuple[str, ...]:
    """Where a slice does not follow the one below, the worst place by number."""
    steps = np.flatnonzero(np.nan_to_num(changes) > STEP)
    if not steps.size:
        return ()
    worst = int(steps[np.argmax(changes[steps])])
    others = f", and so in {counted(steps.size - 1, 'other place')}" if steps.size > 1 else ""
    which = f"slices {first + worst} and {first + worst + 1}"
    times = f"{changes[worst]:.1f} times as much as their neighbours"
    return (f"{which} differ {times}{others}: slices are missing, or the patient moved",)


def _slices(numbers: list[int]) -> str:
    """Which slices, the first ones by number, and the verb.

    >>> _slices([4]), _slices([4, 5, 6, 7])
    ('slice 4 is', 'slices 4, 5, 6 and 1 more are')
    """
    if len(numbers) == 1:
        return f"slice {numbers[0]} is"
    return f"slices {listed([str(one) for one in numbers], 3)} are"


def _alternate(change: NDArray[np.float64], over: NDArray[np.float64]) -> tuple[str, ...]:
    """Whether slices are less like their neighbours than like those beyond them.

    Args:
        change: (n - 1,) how much slices differ from the next ones.
        over: (n - 2,) how much from the next but one.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (change[:-1] + change[1:]) / 2 / over
    ends = _ends(len(ratio))
    known = ratio[ends:-ends][np.isfinite(ratio[ends:-ends])]
    if len(known) < _LEAST_NEAR or np.median(known) < ALTERNATE:
        return ()
    told = "slices are more like the next but one than like the next"
    return (f"{told}: every other one was taken while the patient lay elsewhere",)


def _blocks(
    array: NDArray[np.generic], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    """(x, y, z) means over blocks of each slice; what is left over at the sides does not count."""
    wide, deep = (
        min(size, max(1, round(_AVERAGED_MM / mm)))
        for size, mm in zip(array.shape[:2], spacing_mm[:2], strict=True)
    )
    count = array.shape[1] // deep
    rows = [
        array[x : x + wide, : count * deep]
        .reshape(wide, count, deep, -1)
        .mean(axis=(0, 2), dtype=np.float32)
        for x in range(0, array.shape[0] - wide + 1, wide)
    ]
    return np.stack(rows)


def _changes(blocks: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much each slice differs from the next one, and from the next but one.

    Brightness is compared as ratios, and the middle of all blocks counts: what ends or begins at a
    height, such as a bone, changes few of them, a shift changes all. A whole slice may be brighter.
    """
    count = blocks.shape[2]
    least = float(blocks.mean(dtype=np.float64)) * _TISSUE
    planes = list(np.moveaxis(blocks, 2, 0))
    found = []
    for away in (1, 2):
        pairs = zip(planes, planes[away:], strict=False) if least > 0 else ()
        changes = np.full(max(count - away, 0), np.nan)
        for z, (one, other) in enumerate(pairs):
            changes[z] = _difference(one, other, least)
        found.append(changes)
    return found[0], found[1]


def _difference(one: NDArray[np.float32], other: NDArray[np.float32], least: float) -> float:
    """Of the brightness of tissue; NaN where there is too little of it."""
    tissue = (one > least) & (other > least)
    if tissue.mean() < _LEAST_TISSUE:
        return float("nan")
    ratio = np.log(other[tissue] / one[tissue])
    return float(np.median(np.abs(ratio - np.median(ratio))))


def _by_those_around(change: NDArray[np.float64], slice_mm: float) -> NDArray[np.float64]:
    """(n - 1,) how often as large as usual around a change is; NaN where nothing can be said."""
    pairs = len(change)
    reach = max(_LEAST_NEAR, round(_NEAR_MM / slice_mm))
    ends = _ends(pairs)
    times = np.full(pairs, np.nan)
    for z in range(ends, pairs - ends):
        around = np.delete(change, z)[max(0, z - reach) : z + reach]
        around = around[np.isfinite(around)]
        if around.size > _LEAST_NEAR and change[z] > _LEAST_STEP and np.median(around) > 0:
            times[z] = change[z] / np.median(around)
    return times


def _ends(count: int) -> int:
    return max(2, int(_ENDS * count))
