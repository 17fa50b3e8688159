"""Predicting a volume window by window, and putting the windows together."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.network.windows.plan import ONE_AT_A_TIME
from carotid.network.windows.side_by_side import side_by_side
from carotid.own_pages import zeros_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from torch import Tensor

    from carotid.network.windows.plan import WindowPlan, WindowWorkers


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
        window = seen.new_zeros(self.plan.window)
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
    workers: WindowWorkers = ONE_AT_A_TIME,
) -> Generator[Tensor]:
    """Heatmaps of whole volumes from the windows of their plans, one after the other.

    While the caller is busy with one volume's heatmaps, windows of the next one are predicted, if
    there is more than one worker.

    Args:
        passes: Networks, each of which maps (1, 1, s, p, l) to (1, channels, s, p, l), and what
            each of them shall predict, on its device; taken one by one, as they are needed.
        channels: How many channels the networks return.
        on_window: Called after each window.
        workers: How many windows are predicted at a time.

    Yields:
        (channels, s, p, l) float32 on the image's device.
    """
    begun: deque[tuple[WindowPlan, tuple[int, ...]]] = deque()

    def windows() -> Iterator[tuple[Callable[[Tensor], Tensor], Tensor]]:
        for network, view in passes:
            begun.append((view.plan, view.memory_order))
            for corner in view.plan.corners:
                yield network, view.window(corner)

    with closing(side_by_side(windows(), workers)) as predicted:
        while True:
            heatmaps = _put_together(predicted, begun, channels, on_window)
            if heatmaps is None:
                return
            yield heatmaps
            del heatmaps  # not to be kept while the next ones are put together


@torch.inference_mode()
def _put_together(
    predicted: Iterator[Tensor],
    begun: deque[tuple[WindowPlan, tuple[int, ...]]],
    channels: int,
    on_window: Callable[[], None] | None,
) -> Tensor | None:
    """(channels, s, p, l): the next windows, averaged where they overlap; None after the last."""
    heatmaps = next(predicted, None)
    if heatmaps is None:
        return None
    plan, memory_order = begun.popleft()
    total = _zeros(heatmaps, (channels, *plan.shape), memory_order)
    for corner in plan.corners:
        if heatmaps is None:
            heatmaps = next(predicted)
        outer, inner = plan.boxes(corner)
        total[(slice(None), *outer)] += heatmaps[0][(slice(None), *inner)]
        heatmaps = None  # not to be kept while the next ones are waited for
        if on_window is not None:
            on_window()
    return _averaged(total, plan)


def _zeros(like: Tensor, shape: tuple[int, ...], memory_order: tuple[int, ...]) -> Tensor:
    """Zeros of a shape whose axes follow each other in memory in another order."""
    sizes = [shape[axis] for axis in memory_order]
    on_cpu = like.device.type == "cpu" and like.dtype == torch.float32
    stored = torch.from_numpy(zeros_apart(sizes, np.float32)) if on_cpu else like.new_zeros(sizes)
    return stored.permute([memory_order.index(axis) for axis in range(len(shape))])


def _averaged(total: Tensor, plan: WindowPlan) -> Tensor:
    counts = [torch.tensor(plan.counts(a), dtype=total.dtype, device="cpu") for a in range(3)]
    if all(bool((c == 1).all()) for c in counts):
        return total
    s, p, l = (count.to(total.device) for count in counts)  # noqa: E741 - named l everywhere
    plane = p[:, None] * l
    if total.is_cuda:  # one large step is sooner done than many small ones
        return total.div_(s[:, None, None] * plane)
    for k, count in enumerate(s):
        total[:, k] /= plane * count
    return total
