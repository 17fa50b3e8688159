"""Predicting a volume window by window, and putting the windows together."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from carotid.network.head import Passed, features_pay, heatmaps_of, part_of
from carotid.network.volumes import empty_volume
from carotid.network.windows.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from torch import Tensor

    from carotid.network.head import Head, Part
    from carotid.network.windows.plan import Crew, WindowPlan


@dataclass(frozen=True, eq=False)
class WindowedImage:
    """An image that windows are laid over.

    Attributes:
        image: (s, p, l) float32 intensities.
        plan: Where the windows lie.
        memory_order: How the axes of its (channels, s, p, l) heatmaps shall follow each other in
            memory, last one fastest.
    """

    image: Tensor
    plan: WindowPlan
    memory_order: tuple[int, ...] = (0, 1, 2, 3)

    def window(self, corner: tuple[int, int, int]) -> Tensor:
        """(1, 1, s, p, l): what a window sees, with zeros beyond the image; else a view of it."""
        outer, inner = self.plan.boxes(corner)
        seen = self.image[outer]
        if seen.shape == self.plan.window:
            return seen[None, None]
        size = self.plan.window
        window = empty_volume(size, "passing").zero_() if seen.is_cpu else seen.new_zeros(size)
        window[inner] = seen
        return window[None, None]


def predict(
    network: Callable[[Tensor], Tensor],
    image: Tensor,
    plan: WindowPlan,
    channels: int,
    on_window: Callable[[], None] | None = None,
) -> Tensor:
    """Heatmaps of a whole volume from one network; see `predict_each`."""
    return next(predict_each(iter([(network, WindowedImage(image, plan))]), channels, on_window))


def predict_each(
    passes: Iterable[tuple[Callable[[Tensor], Tensor], WindowedImage]],
    channels: int,
    on_window: Callable[[], None] | None = None,
    *,
    crew: Crew | None = None,
) -> Generator[Tensor]:
    """Heatmaps of whole volumes from the windows of their plans, one after the other.

    While the caller is busy with one volume's heatmaps, windows of the next one are predicted, if
    the crew has more than one worker.

    Args:
        passes: Networks, each of which maps (1, 1, s, p, l) to (1, channels, s, p, l), and what
            each of them shall predict, on its device; taken one by one, as they are needed. One
            that `GivesParts` is asked for these where that is less work.
        channels: How many channels the networks return.
        on_window: Called after each window.
        crew: How many windows are predicted at a time; default one.

    Yields:
        (channels, s, p, l) float32 on the image's device.
    """
    workers, threads = (1, 1) if crew is None else (crew.workers, crew.threads)
    begun: deque[tuple[WindowPlan, tuple[int, ...]]] = deque()

    def windows() -> Iterator[tuple[Callable[[Tensor], Part], Tensor]]:
        for network, view in passes:
            begun.append((view.plan, view.memory_order))
            part = partial(part_of if features_pay(view.plan) else heatmaps_of, network)
            for corner in view.plan.corners:
                yield part, view.window(corner)

    with closing(side_by_side(windows(), workers, threads)) as predicted:
        while True:
            heatmaps = _put_together(predicted, begun, channels, on_window)
            if heatmaps is None:
                return
            yield heatmaps
            del heatmaps  # not to be kept while the next ones are put together


@torch.inference_mode()
def _put_together(
    predicted: Iterator[Part],
    begun: deque[tuple[WindowPlan, tuple[int, ...]]],
    channels: int,
    on_window: Callable[[], None] | None,
) -> Tensor | None:
    """(channels, s, p, l): the next windows, averaged where they overlap; None after the last."""
    part = next(predicted, None)
    if part is None:
        return None
    plan, memory_order = begun.popleft()
    together = WindowSum(plan, channels, memory_order)
    for corner in plan.corners:
        together.add(next(predicted) if part is None else part, corner)
        part = None  # not to be kept while the next one is waited for
        if on_window is not None:
            on_window()
    return together.heatmaps()


class WindowSum:
    """Windows of a volume, put together.

    Args:
        plan: The windows, each of which has to be added once.
        channels: How many channels there are.
        memory_order: See `WindowedImage`.
    """

    def __init__(
        self, plan: WindowPlan, channels: int, memory_order: tuple[int, ...] = (0, 1, 2, 3)
    ) -> None:
        self._plan = plan
        self._shape = (channels, *plan.shape)
        self._memory_order = memory_order
        self._total: Tensor | None = None
        self._head: Head | None = None
        self._passed: Passed | None = None

    def add(self, part: Part, corner: tuple[int, int, int]) -> None:
        """Take a window by its first voxel in the padded volume."""
        if self._total is None:
            self._total = _zeros(part.voxels, self._shape, self._memory_order)
            self._head = part.head
            self._passed = None if part.head is None else Passed(part.head, self._plan)
        outer, inner = self._plan.boxes(corner)
        part.add_to(self._total[(slice(None), *outer)], inner)
        if self._passed is not None:
            self._passed.add(part, corner)

    def heatmaps(self) -> Tensor:
        """(channels, s, p, l): their average, in the memory of the sum."""
        if self._total is None:
            raise ValueError("there is no window")
        if self._head is None or self._passed is None:
            return _averaged(self._total, self._plan)
        self._head.average(self._total, self._passed, self._plan)
        return self._total


def _zeros(like: Tensor, shape: tuple[int, ...], memory_order: tuple[int, ...]) -> Tensor:
    """Zeros of a shape whose axes follow each other in memory in another order."""
    sizes = [shape[axis] for axis in memory_order]
    stored = empty_volume(sizes, "lasting").zero_() if like.is_cpu else like.new_zeros(sizes)
    return stored.permute([memory_order.index(axis) for axis in range(len(shape))])


def _averaged(total: Tensor, plan: WindowPlan) -> Tensor:
    counts = [torch.tensor(plan.counts(a), dtype=total.dtype) for a in range(3)]
    if all(bool((c == 1).all()) for c in counts):
        return total
    s, p, l = (count.to(total.device) for count in counts)  # noqa: E741 - named l everywhere
    plane = p[:, None] * l
    if total.is_cuda:  # one large step is sooner done than many small ones
        return total.div_(s[:, None, None] * plane)
    for k, count in enumerate(s):
        total[:, k] /= plane * count
    return total
