"""Crops on a GPU: cut, varied and given their targets by the card, several of one shape at a time.

A crop as tall as a window is, with its target, has 180 MB; a card that is sent them waits most of
the time. So the sides of the pool lie on the card, in half precision, and only numbers are sent
for a step. The crops of a step have one shape, for they go through the network together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.training.heatmap.crops import (
    MULTIPLE,
    centers_in,
    changed_contrast,
    crop_shape,
    overlap,
    random_start,
)
from carotid.training.heatmap.stream import FIRST_SIDES, SidePool, choose_kind
from carotid.training.heatmap.targets import RADIUS_VOXEL, STEEPNESS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from carotid.training.heatmap.parameters import Phase, TrainingParameters
    from carotid.training.heatmap.stream import StoredSide

    Shape = tuple[int, int, int]

DEPTH_STEP = 2 * MULTIPLE
"""Crops are so many voxels deep, or a multiple: a card first tries how to convolve each shape."""

FAR_VOXEL = 1e6
"""Where the center of a vessel is put that is not there; its target reaches nowhere."""


@dataclass(frozen=True, eq=False)
class DeviceSide:
    """A side whose image lies on the device; see `crops.Side`.

    Attributes:
        image: (s, p, l) float16 on the device.
        centers: (s, 2, 2) float32.
        annotated: (s,) bool.
    """

    image: Tensor
    centers: NDArray[np.float32]
    annotated: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CropBatch:
    """Crops of one shape.

    Attributes:
        images: (n, 1, s, p, l) float32 on the device.
        targets: (n, 2, s, p, l) float32 on the device, heights from 0 to 402.
        counted: (n, s) whether the slices have a say in the loss; in main memory, see `losses`.
    """

    images: Tensor
    targets: Tensor
    counted: Tensor


class DeviceStream:
    """Crops for a device.

    Args:
        draw: Makes the k-th side; the same k gives the same side.
        seed: Where crops start from.
        device: Where sides are kept and crops cut.
        parameters: The settings.
        phase: The phase that is trained.
    """

    def __init__(
        self,
        draw: Callable[[int], StoredSide],
        seed: int,
        device: torch.device,
        parameters: TrainingParameters,
        phase: Phase,
    ) -> None:
        self._draw = draw
        self._seed = seed
        self._device = device
        self._parameters = parameters
        self._phase = phase
        self._copying: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        most = max(kind.batch or parameters.crops_per_worker for kind in phase.crops)
        sizes = parameters.pool_size, parameters.steps_per_side
        self._pool = SidePool(self._take, *sizes, first=max(FIRST_SIDES, most))

    def crops(self, step: int) -> CropBatch:
        """The crops of a step."""
        sides = self._pool.at(step)
        kind = choose_kind(self._phase, self._seed, step)
        rng = np.random.default_rng([self._seed, step, 0])
        count = kind.batch or self._parameters.crops_per_worker
        chosen, shape = choose_alike(sides, kind.shape, count, rng)
        batch = cut_crops(chosen, shape, [random_start(side, shape, rng) for side in chosen])
        if self._parameters.augment:
            for image in batch.images[:, 0]:
                vary(image, rng)
        return batch

    def _take(self, number: int) -> DeviceSide:
        """Draw a side and copy it to the device, which goes on computing."""
        side = self._draw(number)
        image = torch.from_numpy(side.image)
        if self._copying is None:
            image = image.to(self._device)
        else:
            computing = torch.cuda.current_stream(self._device)
            with torch.cuda.stream(self._copying):
                image = image.to(self._device)
            image.record_stream(computing)
        return DeviceSide(image, side.centers, side.annotated)


def choose_alike(
    sides: Sequence[DeviceSide], kind: Shape, count: int, rng: np.random.Generator
) -> tuple[list[DeviceSide], Shape]:
    """So many sides whose crops of a kind have the same shape, and that shape.

    Where there are too few of them, they are taken several times.
    """
    order = rng.permutation(len(sides))
    shape = crop_shape(sides[order[0]], kind, DEPTH_STEP)
    alike = (sides[k] for k in order if crop_shape(sides[k], kind, DEPTH_STEP) == shape)
    return list(islice(cycle(islice(alike, count)), count)), shape


def cut_crops(sides: Sequence[DeviceSide], shape: Shape, starts: Sequence[Shape]) -> CropBatch:
    """What `crops.cut_crop` cuts out of each side, on the device."""
    device = sides[0].image.device
    images = torch.zeros((len(sides), 1, *shape), device=device)
    centers = np.empty((len(sides), shape[0], 2, 2), dtype=np.float32)
    counted = np.empty((len(sides), shape[0]), dtype=np.bool_)
    for k, (side, start) in enumerate(zip(sides, starts, strict=True)):
        inner, outer = overlap(side.image.shape, shape, start)
        images[k, 0][inner] = side.image[outer].float()
        centers[k], counted[k] = centers_in(side, shape[0], start)
    sent = torch.from_numpy(centers).to(device, non_blocking=True)
    return CropBatch(images, targets_from_centers(sent, shape), torch.from_numpy(counted))


def targets_from_centers(centers: Tensor, shape: Shape) -> Tensor:
    """What `targets.target_from_centers` draws for each crop.

    Args:
        centers: (n, s, 2, 2) per slice and channel the (p, l) position in voxels, NaN where absent.
        shape: (s, p, l) of a crop.

    Returns:
        (n, 2, s, p, l) float32.
    """
    there = torch.isfinite(centers).all(dim=-1, keepdim=True)
    centers = torch.where(there, centers, FAR_VOXEL).transpose(1, 2)
    rows, columns = (
        (torch.arange(size, device=centers.device) - centers[..., axis, None]).square_()
        for axis, size in enumerate(shape[1:])
    )
    distance = (rows[..., :, None] + columns[..., None, :]).sqrt_()
    height = distance.mul_(-STEEPNESS / RADIUS_VOXEL).add_(STEEPNESS)
    return height.clamp_(min=0).expm1_()


def vary(image: Tensor, rng: np.random.Generator) -> None:
    """Vary a crop (s, p, l) in place, as `crops.random_crop` does; its noise is PyTorch's."""

    def slope(low: float, high: float) -> Tensor:
        return torch.linspace(low, high, len(image), device=image.device)[:, None, None]

    changed = changed_contrast(image, rng, slope, lambda: torch.randn_like(image))
    image.copy_(torch.where(image > 0, changed.clamp(0, 1), 0.0))
