"""Simulated necks with their heatmaps and their truth, kept in a folder so that they are made once.

Heights are kept to 1/64 and cut to the box in which they are not zero: some 30 MB a neck instead of
200. A neck takes some 10 seconds to make, and a moment to read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.second_simulator import simulate_second
from benchmarks.second_whole import simulate_second_whole
from carotid.artifacts import Heatmaps, SideHeatmaps
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.geometry.volume import Volume
from carotid.network.members import load_members
from carotid.simulation.neck import simulate_neck
from carotid.simulation.truth import SimulatedNeck, slice_centers
from carotid.stages.heatmap.compute import compute_heatmaps
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.wishes import heatmap_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.network.members import Member

HELD_OUT_SEED = 3_000_000_000
"""Seeds of the first simulator from here on have never been trained on."""

PERCENTILES = (5.0, 95.0)
"""Intensities that become 0 and 1, as in simulated participants' `parameters.json`."""

NOISY_SEED, NOISY = 1000, 2.0
"""Hard slabs on which arteries are missed and mistaken: other necks, and so much more noise."""

RARE_SEED = 2000
"""Slabs with a rare artery: other necks, too."""

_STEPS = 64
_THICK_MM = (2.0, 8.0)


@dataclass(frozen=True, eq=False)
class TrueCenters:
    """The truth about one side, in canonical voxel indices.

    Attributes:
        centers: (axial slices, 2, 2) slice, label, x and y; NaN where there is no such artery; the
            common carotid is in `internal` alone.
        fork: (3,) where the common carotid divides; may lie outside of the volume.
    """

    centers: NDArray[np.float64]
    fork: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NeckCase:
    """A neck's heatmaps, on its canonical grid, and the truth about its sides."""

    name: str
    heatmaps: Heatmaps
    truth: dict[SideName, TrueCenters]


KINDS: dict[str, Callable[[int], SimulatedNeck]] = {
    "first": lambda k: simulate_neck(HELD_OUT_SEED + k),
    "first-thick": lambda k: thickened(simulate_neck(HELD_OUT_SEED + 5000 + k), k),
    "second-plain": lambda k: simulate_second(k, hard=False),
    "second-hard": lambda k: simulate_second(k, hard=True),
    "second-filtered": lambda k: simulate_second(k, acquired_mm=0.8),
    "second-decayed": lambda k: simulate_second(k, acquired_mm=0.8, decay=True),
    "second-noisy": lambda k: simulate_second(NOISY_SEED + k, hard=True, noise=NOISY),
    "second-occluded": lambda k: simulate_second(RARE_SEED + k, fault="occluded"),
    "second-kinked": lambda k: simulate_second(2 * RARE_SEED + k, fault="kinked"),
    "second-stack": lambda k: stack_of(simulate_second(k, hard=True), 12, 2.0),
    "second-whole-plain": lambda k: simulate_second_whole(k, hard=False),
    "second-whole-hard": lambda k: simulate_second_whole(k, hard=True),
}
"""What there is: the first simulator's necks, the same with slices of 2 to 8 mm, and the second's:
slabs, the same from acquired voxels of 0.8 mm through a filter or with a signal that decays while
it is read, slabs in which arteries are hard to find, slabs with one internal carotid occluded or
sharply kinked, 12 slices of 2 mm around the bifurcations, and whole sections."""


def cases(
    kind: str, seeds: Sequence[int], model_dir: Path, cache_dir: Path | None
) -> Iterator[NeckCase]:
    """Necks with their heatmaps, one after the other.

    Args:
        kind: One of `KINDS`.
        seeds: Which necks.
        model_dir: The networks.
        cache_dir: Where necks are kept and found; None keeps nothing.
    """
    members: list[Member] = []
    digest = _digest(model_dir)
    parameters = HeatmapParameters.model_validate(heatmap_settings(model_dir).get("heatmap", {}))
    for seed in seeds:
        path = None if cache_dir is None else cache_dir / digest / f"{kind}-{seed:04d}.npz"
        if path is None or not path.is_file():
            members = members or list(load_members(model_dir))
            kept = _made(KINDS[kind](seed), members, parameters)
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                aside = path.with_name(f".{path.name}")
                with aside.open("wb") as file:
                    np.savez(file, **kept)
                aside.replace(path)
        else:
            with np.load(path) as stored:
                kept = dict(stored)
        yield _case(f"{kind}-{seed}", kept)


def thickened(neck: SimulatedNeck, seed: int) -> SimulatedNeck:
    """The same neck with slices of 2 to 8 mm."""
    rng = np.random.default_rng([7, seed])
    return with_slices_of(neck, float(np.exp(rng.uniform(*np.log(_THICK_MM)))))


def with_slices_of(neck: SimulatedNeck, thick_mm: float) -> SimulatedNeck:
    """The same neck with thick slices: means over several, along the axis nearest to S."""
    canonical = neck.volume.reoriented(CANONICAL)
    step = max(2, round(thick_mm / canonical.grid.spacing_mm[2]))
    count = canonical.grid.shape[2] // step
    array = canonical.array[:, :, : count * step]
    x, y = array.shape[:2]
    thick = array.reshape(x, y, count, step).mean(axis=3).astype(np.int16)
    affine = canonical.grid.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (step - 1) / 2
    affine[:3, 2] *= step
    visible = neck.visible[: count * step].reshape(count, step).mean(axis=1) > 0.5
    return SimulatedNeck(Volume(thick, Grid((x, y, count), affine)), neck.sides, visible, neck.made)


def stack_of(neck: SimulatedNeck, slices: int, thick_mm: float) -> SimulatedNeck:
    """A few thick axial slices around the bifurcations, as sequences in 2D give them."""
    thick = with_slices_of(neck, thick_mm)
    grid, array = thick.volume.grid, thick.volume.array
    forks = [grid.index_from_world(side.bifurcation_mm)[2] for side in thick.sides.values()]
    first = int(np.clip(round(np.mean(forks)) - slices // 2, 0, array.shape[2] - slices))
    part = slice(first, first + slices)
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, 2] * first
    low = Volume(array[:, :, part], Grid((*grid.shape[:2], slices), affine))
    return SimulatedNeck(low, thick.sides, thick.visible[part], thick.made)


def _digest(model_dir: Path) -> str:
    found = hashlib.sha256()
    for path in (*sorted(model_dir.glob("*.pt")), *model_dir.glob("model.json")):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _made(
    neck: SimulatedNeck, members: Sequence[Member], parameters: HeatmapParameters
) -> dict[str, Any]:
    volume = neck.volume
    heatmaps = compute_heatmaps(
        volume.array, volume.grid.affine, members, parameters, percentiles=PERCENTILES
    )
    way = Reordering.between(volume.grid, CANONICAL)
    canonical = way.grid(volume.grid)
    kept: dict[str, Any] = {"shape": np.array(canonical.shape), "affine": canonical.affine}
    for side in SIDE_NAMES:
        one = heatmaps.side(side)
        mean = way.view(one.mean, first_axis=1)
        columns = np.flatnonzero((mean != 0).any(axis=(0, 2, 3)))
        low, high = int(columns[0]), int(columns[-1]) + 1
        for name, array in (("mean", mean), ("std", way.view(one.std, first_axis=1))):
            steps = np.rint(array[:, low:high].astype(np.float64) * _STEPS)
            kept[f"{side}_{name}"] = np.clip(steps, -(1 << 15), (1 << 15) - 1).astype(np.int16)
        kept[f"{side}_start"] = np.array(low)
        kept[f"{side}_max_indices"] = one.max_indices.astype(np.int16)
        kept[f"{side}_centers"] = slice_centers(neck, side)
        kept[f"{side}_fork"] = canonical.index_from_world(neck.sides[side].bifurcation_mm)
    return kept


def _case(name: str, kept: dict[str, Any]) -> NeckCase:
    x, y, z = (int(n) for n in kept["shape"])
    sides: dict[SideName, SideHeatmaps] = {}
    truth: dict[SideName, TrueCenters] = {}
    for side in SIDE_NAMES:
        low = int(kept[f"{side}_start"])
        whole = {}
        for part in ("mean", "std"):
            steps = kept[f"{side}_{part}"]
            whole[part] = np.zeros((2, x, y, z), np.float32)
            whole[part][:, low : low + steps.shape[1]] = steps / np.float32(_STEPS)
        indices = kept[f"{side}_max_indices"].astype(np.int64)
        sides[side] = SideHeatmaps(whole["mean"], whole["std"], indices)
        truth[side] = TrueCenters(kept[f"{side}_centers"], kept[f"{side}_fork"])
    grid = Grid((x, y, z), kept["affine"])
    return NeckCase(name, Heatmaps(sides["left"], sides["right"], grid), truth)
