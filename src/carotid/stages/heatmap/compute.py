"""From a scan and an ensemble to the heatmaps of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.artifacts import LABELS, Heatmaps, SideHeatmaps
from carotid.errors import InputError, ModelError, UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.intensity import checked_percentiles
from carotid.geometry.volume import Volume
from carotid.network.members import Member
from carotid.network.windows.plan import WindowPlan
from carotid.network.windows.predict import WindowedImage
from carotid.stages.heatmap.fold import SideResult
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.predict import AS_PLANNED, Predictor
from carotid.stages.heatmap.reading import prepare_scan

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from carotid.geometry.frame import NetworkFrame
    from carotid.geometry.sides import Side
    from carotid.stages.heatmap.prepare import PreparedScan


def compute_heatmaps(
    array: NDArray[np.generic],
    affine: ArrayLike,
    members: Sequence[Member],
    parameters: HeatmapParameters | None = None,
    *,
    percentiles: tuple[float, float] | None = None,
    on_window: Callable[[], None] | None = None,
) -> Heatmaps:
    """Heatmaps of the internal and external carotid on both sides of a neck.

    Nothing is printed or written, and no global state is another one afterwards.

    Args:
        array: (i, j, k) intensities as stored, in any orientation.
        affine: (4, 4), voxel index to R-A-S mm.
        members: The ensemble; see `load_members`.
        parameters: Window, overlap and resampling; None takes the defaults.
        percentiles: The two percentiles (0 to 100) of the whole scan that become 0 and 1, beyond
            which intensities are clipped; None leaves intensities as they are. Give what the
            networks were trained with.
        on_window: Called after each window of each member; a GPU may still be computing it.

    Returns:
        Mean and standard deviation over the members on the scan's own grid, and the canonical
        indices of each member's maxima.

    Raises:
        InputError: Where array or affine cannot be used, or voxels are masked.
        UsageError: Where `percentiles` are not two numbers from 0 to 100, the first below the
            second, or `members` or `parameters` are something else than they should be.
        ModelError: Where there is no member, or one gives no finite numbers.
    """
    _check_members(members)
    chosen = HeatmapParameters() if parameters is None else parameters
    if not isinstance(chosen, HeatmapParameters):
        raise UsageError(
            "these are no parameters of heatmaps",
            found=type(chosen).__name__,
            expected="HeatmapParameters(roi_size=…, …) or None",
        )
    wanted = None if percentiles is None else checked_percentiles(percentiles)
    volume = _volume(array, affine)
    scan = prepare_scan(
        volume,
        percentiles=wanted,
        resample=chosen.spacing,
        crop=chosen.crop,
        sides=chosen.sides,
    )
    done = {
        result.side.name: _gather(result, volume.grid)
        for result in predict_sides(scan, members, chosen, on_window)
    }
    return Heatmaps(done["left"], done["right"], volume.grid)


def _check_members(members: Sequence[Member]) -> None:
    """Refuse anything but a list of networks, such as the folder that they are loaded from."""
    whole = isinstance(members, Sequence) and not isinstance(members, str)
    strange = [one for one in members if not isinstance(one, Member)] if whole else [members]
    if strange:
        raise UsageError(
            "members is no list of networks",
            found=type(strange[0]).__name__,
            expected="a list of Member, as load_members(folder) gives it",
        )


def _volume(array: NDArray[np.generic], affine: ArrayLike) -> Volume:
    """A scan in memory, checked.

    Raises:
        InputError: Array or affine cannot be used.
    """
    try:
        stored = np.asanyarray(array)  # with its mask, if it has one
    except (TypeError, ValueError) as error:
        raise InputError(f"the voxels are no array: {error}", found=type(array)) from error
    try:
        placed = np.asarray(affine, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the affine is no matrix of numbers: {error}", expected="4 x 4, index to R-A-S mm"
        ) from error
    return Volume(stored, Grid(stored.shape, placed))


def count_windows(frame: NetworkFrame, members: int, parameters: HeatmapParameters) -> int:
    """How many forward passes a scan takes."""
    return members * sum(len(_plan(frame, side, parameters)) for side in frame.seen_sides)


def predict_sides(
    scan: PreparedScan,
    members: Sequence[Member],
    parameters: HeatmapParameters,
    on_window: Callable[[], None] | None = None,
    *,
    predictor: Predictor | None = None,
    scratch_folder: Path | None = None,
) -> Generator[SideResult]:
    """All members' predictions of side after side, each ready to be folded on the stored grid.

    A side that networks do not look at has no predictions and is folded to zeros.

    Args:
        scan: The scan as the networks see it.
        members: The ensemble.
        parameters: Window and overlap.
        on_window: Called after each window of each member.
        predictor: Predicts windows, and knows how much of the device's memory could be had.
        scratch_folder: Where files lie that take predictions beyond a fixed budget of memory; None
            keeps all in memory.

    Raises:
        ModelError: Where there is no member, or one gives no finite numbers.
    """
    if not members:
        raise ModelError("an ensemble needs at least one member")
    predictor = Predictor() if predictor is None else predictor
    results, views = [], []
    for side in scan.frame.sides:
        scratch_file = None if scratch_folder is None else scratch_folder / f".{side.name}"
        result = SideResult(scan.frame, side, len(members), scratch_file)
        results.append(result)
        if not side.width:
            continue
        image = _with_ends(scan.side_image(side), parameters)
        plan = _plan(scan.frame, side, parameters)
        views.append(WindowedImage(image, plan, result.coarse.memory_order))
    with closing(predictor.predict_each(members, views, len(LABELS), on_window)) as predicted:
        for result in results:
            for member in members if result.side.width else ():
                heatmaps = _without_ends(next(predicted), scan.frame, result.side, parameters)
                _keep(result, heatmaps, member, predictor)
            yield result


def _with_ends(image: NDArray[np.float32], parameters: HeatmapParameters) -> Tensor:
    """(s, p, l): an image with its end slices repeated as far as `min_height` asks for it."""
    ends = parameters.ends(len(image))
    return torch.from_numpy(np.pad(image, (ends, (0, 0), (0, 0)), "edge") if any(ends) else image)


def _without_ends(
    heatmaps: Tensor, frame: NetworkFrame, side: Side, parameters: HeatmapParameters
) -> Tensor:
    """(2, s, p, l): the heatmaps of a side without those of slices that were repeated."""
    height = frame.side_shape(side)[0]
    ends = parameters.ends(height)
    if not any(ends):
        return heatmaps
    return heatmaps.narrow(1, ends[0], height).clone()  # so that the others' memory is free


def _keep(result: SideResult, heatmaps: Tensor, member: Member, predictor: Predictor) -> None:
    """Add heatmaps to a result, in main memory if that of the device is short."""
    if predictor.step != AS_PLANNED:
        result.leave_device()
    try:
        result.add(heatmaps, member.name)
    except torch.OutOfMemoryError:
        result.leave_device()
        result.add(heatmaps.cpu(), member.name)


def _plan(frame: NetworkFrame, side: Side, parameters: HeatmapParameters) -> WindowPlan:
    shape = parameters.shown_shape(frame.side_shape(side))
    return WindowPlan.of(shape, parameters.window(shape), parameters.overlap)


def _gather(result: SideResult, grid: Grid) -> SideHeatmaps:
    """The whole mean and standard deviation in memory, (2, i, j, k)."""
    mean = np.empty((len(LABELS), *grid.shape), np.float32)
    std = np.empty_like(mean)
    done = 0
    for slab in result.slabs():
        box = slice(done, done + len(slab.mean))
        mean[..., box] = slab.mean.transpose(3, 2, 1, 0)
        std[..., box] = slab.std.transpose(3, 2, 1, 0)
        done = box.stop
    return SideHeatmaps(mean, std, result.maxima.indices)
