"""The heatmap transform written a second time: whole arrays, nibabel, numpy.interp and MONAI.

Slow, simple, and made of other parts than the product, so that both cannot err alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from nibabel import orientations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Network = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class NaiveSide:
    """What is expected of one side: `members` is (members, 2, x, y, z), canonical."""

    seen: NDArray[np.float64]
    members: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]


def along_axis(array: NDArray[Any], axis: int, positions: NDArray[Any]) -> NDArray[np.float64]:
    """Linear resampling of one axis; the edge value beyond the ends."""
    index = np.arange(array.shape[axis])
    return np.apply_along_axis(lambda line: np.interp(positions, index, line), axis, array)


def naive_heatmaps(
    array: NDArray[Any],
    affine: NDArray[np.float64],
    networks: Sequence[Network],
    *,
    roi: tuple[int, int, int],
    overlap: float,
    resample: bool,
) -> dict[str, NaiveSide]:
    """Both sides; `mean` and `std` are (2, i, j, k) on the stored grid, the rest canonical."""
    way = orientations.io_orientation(affine)
    ras = orientations.apply_orientation(array.astype(np.float64), way)
    affine_ras = affine @ orientations.inv_ornt_aff(way, array.shape)
    spacing = nibabel.affines.voxel_sizes(affine_ras)[::-1]
    network_order = ras.transpose(2, 1, 0)[:, ::-1, ::-1]
    sampled = network_order
    if resample:
        for axis, s in enumerate(spacing):
            n = network_order.shape[axis]
            count = int(np.round((n - 1) * s / 0.5 + 1))
            sampled = along_axis(sampled, axis, np.arange(count) * 0.5 / s)
    width = sampled.shape[2]
    columns = {"left": slice(width // 3, width), "right": slice(0, 2 * width // 3)}
    found = {}
    for side, box in columns.items():
        seen = sampled[:, :, box]
        seen = seen[:, :, ::-1] if side == "right" else seen
        window = torch.from_numpy(np.ascontiguousarray(seen, np.float32))[None, None]
        members = []
        for network in networks:
            with torch.no_grad():
                heat = sliding_window_inference(window, roi, 1, network, overlap=overlap)
            heat_side = heat[0].numpy().astype(np.float64)
            whole = np.zeros((2, *sampled.shape))
            whole[..., box] = heat_side[..., ::-1] if side == "right" else heat_side
            if resample:
                for axis, s in enumerate(spacing):
                    positions = np.arange(network_order.shape[axis]) * s / 0.5
                    whole = along_axis(whole, axis + 1, positions)
            members.append(whole[:, :, ::-1, ::-1].transpose(0, 3, 2, 1))
        stack = np.stack(members) if members else np.zeros((1, 2, *ras.shape))
        spread = stack.std(0, ddof=1) if len(stack) > 1 else np.zeros_like(stack[0])
        found[side] = NaiveSide(
            seen, stack, _as_stored(stack.mean(0), way), _as_stored(spread, way)
        )
    return found


def _as_stored(canonical: NDArray[np.float64], way: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, x, y, z) in canonical order back in the stored order."""
    undo = orientations.ornt_transform(np.array([[0, 1], [1, 1], [2, 1]]), way)
    return np.stack([orientations.apply_orientation(channel, undo) for channel in canonical])


def first_maxima(members: NDArray[np.float64]) -> NDArray[np.int64]:
    """(members, 2, z, 2): the first largest value in (x, y) order of each axial slice."""
    count, channels, width, depth, slices = members.shape
    flat = members.reshape(count, channels, width * depth, slices).argmax(2)
    return np.stack(np.divmod(flat, depth), axis=-1)
