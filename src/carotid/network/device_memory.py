"""Predicting with less and less of a device's memory, in steps that keep the numbers.

A GPU may be too small for a scan, or other programs may take its memory in the middle of a run.
Then a side is predicted again, first with the volumes kept in main memory and one window at a time
on the device: the same networks on the same device, added up in the same order, so the same
numbers. If not even one window fits, the networks compute on the CPU, which rounds differently
(about 1e-6 of the peak) and takes longer, but finishes.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import torch

from carotid.network.windows import predict_each

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from torch import Tensor

    from carotid.network.checkpoint import Member
    from carotid.network.windows import Crew, WindowPlan

logger = logging.getLogger(__name__)

AS_PLANNED, WINDOWS_ALONE, ON_THE_CPU = range(3)

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
        crew: How many windows are predicted at a time on a CPU; default one.

    Attributes:
        step: `AS_PLANNED`, `WINDOWS_ALONE` or `ON_THE_CPU`.
    """

    def __init__(self, crew: Crew | None = None) -> None:
        self.step = AS_PLANNED
        self._crew = crew

    @property
    def in_words(self) -> str:
        """What was done where."""
        return STEPS[self.step]

    def predict_each(
        self,
        members: Sequence[Member],
        image: Tensor,
        plan: WindowPlan,
        channels: int,
        on_window: Callable[[], None] | None = None,
        memory_order: tuple[int, ...] = (0, 1, 2, 3),
    ) -> Generator[Tensor]:
        """Each member's heatmaps of a side.

        Args:
            members: The networks, all on one device.
            image: (s, p, l) float32, on the CPU.
            plan: Where the windows lie.
            channels: How many channels the networks return.
            on_window: Called after each window, once for each.
            memory_order: See `carotid.network.windows.predict_each`.

        Yields:
            (channels, s, p, l) float32; on the members' device at first, later on the CPU.

        Raises:
            torch.OutOfMemoryError: Where the CPU's memory is not enough either.
        """
        done = seen = told = 0

        def tell() -> None:
            nonlocal seen, told
            seen += 1
            if on_window is not None and seen > told:
                told = seen
                on_window()

        while done < len(members):
            seen = done * len(plan)
            left = members[done:]
            networks, device = self._networks(left)
            on_cpu = left[0].device.type == "cpu" or self.step == ON_THE_CPU
            crew = self._crew if on_cpu else None
            try:
                for heatmaps in predict_each(
                    networks,
                    image.to(device),
                    plan,
                    channels,
                    tell,
                    crew=crew,
                    memory_order=memory_order,
                ):
                    done += 1
                    yield heatmaps
                    del heatmaps  # not to be kept while the next one is predicted
            except torch.OutOfMemoryError:
                if self.step == ON_THE_CPU:
                    raise
                self._step_down(left[0])

    def _networks(
        self, members: Sequence[Member]
    ) -> tuple[list[Callable[[Tensor], Tensor]], torch.device]:
        """How the windows of an image are predicted, and where that image has to be."""
        if self.step == AS_PLANNED:
            return [member.network for member in members], members[0].device
        how = _window_alone if self.step == WINDOWS_ALONE else _on_the_cpu
        return [partial(how, member) for member in members], torch.device("cpu")

    def _step_down(self, member: Member) -> None:
        self.step += 1
        logger.warning(
            "out of memory on the device (%s); going on with %s", member.device, self.in_words
        )
        free_cached(member.device)


def _window_alone(member: Member, window: Tensor) -> Tensor:
    return member.network(window.to(member.device)).to("cpu")


def _on_the_cpu(member: Member, window: Tensor) -> Tensor:
    return member.cpu_network(window)


def free_cached(device: torch.device) -> None:
    """Give back device memory that PyTorch keeps for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
