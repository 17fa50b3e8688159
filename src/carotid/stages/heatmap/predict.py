"""Predicting with less and less of a device's memory, in steps that keep the numbers.

A GPU may be too small for a scan, or other programs may take its memory in the middle of a run.
Then a side is predicted again, first with the volumes kept in main memory and one window at a time
on the device: the same networks on the same device, added up in the same order. If not even one
window fits, the networks compute on the CPU, which takes longer, but finishes. The CPU rounds
differently: about 3e-7 of the peak where it only folds heatmaps, 1e-6 where it computes them.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import torch

from carotid.network.windows.plan import ONE_AT_A_TIME, WindowWorkers
from carotid.network.windows.predict import predict_each

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from torch import Tensor

    from carotid.network.members import Member
    from carotid.network.windows.predict import WindowedImage

logger = logging.getLogger(__name__)

AS_PLANNED, WINDOWS_ALONE, ON_THE_CPU = range(3)

_LIBRARIES_LACK_MEMORY = (
    "unable to find an engine",  # all that fit the convolution want more room to work in
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
)

STEPS = (
    "all on the device",
    "windows one by one on the device, put together in main memory",
    "networks on the CPU",
)
"""What is done where, in the order in which it is tried."""


class Predictor:
    """Predicts sides, and remembers how much of the device's memory could be had.

    One that has stepped down stays there; for the next scan, begin with a new one.

    Args:
        workers: How many windows are predicted at a time on a CPU.

    Attributes:
        step: `AS_PLANNED`, `WINDOWS_ALONE` or `ON_THE_CPU`.
    """

    def __init__(self, workers: WindowWorkers = ONE_AT_A_TIME) -> None:
        self.step = AS_PLANNED
        self._workers = workers

    @property
    def in_words(self) -> str:
        """What was done where."""
        return STEPS[self.step]

    def predict_each(
        self,
        members: Sequence[Member],
        views: Sequence[WindowedImage],
        channels: int,
        on_window: Callable[[], None] | None = None,
    ) -> Generator[Tensor]:
        """Each member's heatmaps of each image: of the first one by all members, and so on.

        Args:
            members: The networks, all on one device.
            views: The images, on the CPU.
            channels: How many channels the networks return.
            on_window: Called after each window, once for each.

        Yields:
            (channels, s, p, l) float32; on the members' device at first, later on the CPU.

        Raises:
            torch.OutOfMemoryError: Where the CPU's memory is not enough either.
        """
        pairs = [(member, view) for view in views for member in members]
        done = seen = told = 0

        def tell() -> None:
            nonlocal seen, told
            seen += 1
            if on_window is not None and seen > told:
                told = seen
                on_window()

        while done < len(pairs):
            seen = sum(len(view.plan) for _, view in pairs[:done])
            workers = self._workers if self._computes_on_cpu(members[0]) else ONE_AT_A_TIME
            passes = self._passes(pairs[done:])
            try:
                for heatmaps in predict_each(passes, channels, tell, workers=workers):
                    done += 1
                    yield heatmaps
                    del heatmaps  # not to be kept while the next one is predicted
            except RuntimeError as error:
                if self.step == ON_THE_CPU or not lacks_memory(error):
                    raise
                self._step_down(members[0])

    def _passes(
        self, pairs: Sequence[tuple[Member, WindowedImage]]
    ) -> Iterator[tuple[Callable[[Tensor], Tensor], WindowedImage]]:
        """Who predicts what, with each image where it is needed."""
        for view, of_one in groupby(pairs, itemgetter(1)):
            here = view
            if self.step == AS_PLANNED:
                here = replace(view, image=view.image.to(pairs[0][0].device))
            for member, _ in of_one:
                yield self._network(member), here

    def _network(self, member: Member) -> Callable[[Tensor], Tensor]:
        """How a window is predicted, wherever the image is now."""
        if self.step == AS_PLANNED:
            return member.network
        return partial(_on_the_cpu if self.step == ON_THE_CPU else _window_alone, member)

    def _computes_on_cpu(self, member: Member) -> bool:
        return member.device.type == "cpu" or self.step == ON_THE_CPU

    def _step_down(self, member: Member) -> None:
        self.step += 1
        logger.warning(
            "out of memory on the device (%s); going on with %s", member.device, self.in_words
        )
        free_cached(member.device)


def _window_alone(member: Member, window: Tensor) -> Tensor:
    return member.network(window.to(member.device)).to("cpu")


def _on_the_cpu(member: Member, window: Tensor) -> Tensor:
    return member.cpu_network(window)  # built for it when the first window comes


def lacks_memory(error: RuntimeError) -> bool:
    """Whether a device's memory gave out, which cuDNN and cuBLAS tell in words of their own."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _LIBRARIES_LACK_MEMORY)


def free_cached(device: torch.device) -> None:
    """Give back device memory that PyTorch keeps for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
