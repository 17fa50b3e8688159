"""Float32 as it stands, whatever the process has chosen for its own computations.

PyTorch can be told to compute in less than float32 where nobody sees it: autocast, TensorFloat-32
on GPUs, bfloat16 in a CPU's matrix units. That changes heatmaps by 1e-3 to 1e-2 of the peak, where
2e-4 is allowed. Searches for the fastest algorithm choose another one each time. All of this is
switched off while something of ours is computed, and is as it was afterwards.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

_Switch = tuple[Any, str, object]
"""Where it is, what it is called, and its value for exact results."""


class Exactly:
    """A network whose numbers are float32's, and the same at every call; without gradients.

    Args:
        network: What is called.
        device: Where it computes.
    """

    def __init__(self, network: Callable[[Tensor], Tensor], device: torch.device) -> None:
        self.network = network
        self._device = device

    def __call__(self, window: Tensor) -> Tensor:
        """What the network makes of something."""
        with torch.no_grad(), exact(self._device):
            return self.network(window)


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Compute in float32, and by the same algorithm each time, on a kind of device.

    Autocast is the thread's and is off for this thread. The other switches are the process's: they
    come back when the last thread leaves.
    """
    kind = device.type
    lowered = torch.is_autocast_enabled(kind) if kind in _HELD else False
    with torch.autocast(kind, enabled=False) if lowered else nullcontext():
        if kind not in _HELD:
            yield
            return
        held = _HELD[kind]
        held.take()
        try:
            yield
        finally:
            held.give_back()


class _Held:
    """Switches of the process, set as long as any thread needs them.

    Args:
        switches: Finds out what they are, in the words of this PyTorch.
    """

    def __init__(self, switches: Callable[[], list[_Switch]]) -> None:
        self._switches = switches
        self._lock = threading.Lock()
        self._holders = 0
        self._before: list[_Switch] = []

    def take(self) -> None:
        """Set them, unless another thread has."""
        with self._lock:
            if self._holders == 0:
                for place, name, value in self._switches():
                    before = getattr(place, name)
                    if before != value:
                        setattr(place, name, value)
                        self._before.insert(0, (place, name, before))
            self._holders += 1

    def give_back(self) -> None:
        """Set them back, unless another thread still needs them."""
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                for place, name, value in self._before:
                    setattr(place, name, value)
                self._before = []


def _of_the_cpu() -> list[_Switch]:
    onednn: Any = torch.backends.mkldnn
    if not hasattr(onednn, "conv"):  # PyTorch before 2.9
        return []
    return [(place, "fp32_precision", "ieee") for place in (onednn.conv, onednn.matmul)]


def _of_cuda() -> list[_Switch]:
    cudnn: Any = torch.backends.cudnn
    precise: _Switch = (cudnn, "allow_tf32", False)
    if hasattr(cudnn, "conv"):  # from 2.9 on, where the other is an error for who uses this one
        precise = (cudnn.conv, "fp32_precision", "ieee")
    return [precise, (cudnn, "benchmark", False), (cudnn, "deterministic", True)]


_HELD = {"cpu": _Held(_of_the_cpu), "cuda": _Held(_of_cuda)}
