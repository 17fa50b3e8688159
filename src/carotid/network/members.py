"""The members of an ensemble: networks that are ready to predict."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carotid.network.fast import fast_or_plain
from carotid.network.unet import UNet
from carotid.network.weights import checked_state, read_models

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from carotid.network.weights import Weights

logger = logging.getLogger(__name__)

_building = threading.Lock()


@dataclass(frozen=True, eq=False)
class Member:
    """One network of an ensemble.

    Attributes:
        name: What it is called in messages and records: its path within the model directory.
        sha256: SHA-256 of its file, hexadecimal; empty where it came from no file.
        network: Maps (1, 1, s, p, l) float32 on the device to (1, 2, s, p, l), and does not change
            what it is given: windows overlap.
        device: Where it computes.
        state: What a network on the CPU can be made from; None where `network` is on the CPU.
    """

    name: str
    sha256: str
    network: Callable[[Tensor], Tensor]
    device: torch.device
    state: Mapping[str, Tensor] | None = None

    @property
    def cpu_network(self) -> Callable[[Tensor], Tensor]:
        """The same network on the CPU, for when the device's memory gives out."""
        if self.state is None:
            return self.network
        with _building:  # several threads may ask for it at once
            return self._built_for_the_cpu

    @cached_property
    def _built_for_the_cpu(self) -> Callable[[Tensor], Tensor]:
        state = self.state or {}
        return Member.from_state(state, name=self.name, sha256=self.sha256).network

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Tensor],
        *,
        name: str = "member",
        sha256: str = "",
        device: torch.device | None = None,
        plain: bool = False,
    ) -> Member:
        """Build a member from weights.

        Args:
            state: The U-Net's `state_dict`, of any floating type.
            name: What to call it.
            sha256: SHA-256 of the file it came from.
            device: Where it shall compute; default CPU.
            plain: Whether the plain module is wanted even where a faster equal one exists.

        Raises:
            ModelError: Where the weights do not fit the architecture or are not finite.
        """
        where = torch.device("cpu") if device is None else device
        with torch.device("meta"):  # so that no random numbers are drawn
            net = UNet()
        checked = checked_state(state, name)
        net.load_state_dict(checked, assign=True)
        network = fast_or_plain(net, where, plain=plain)
        return cls(name, sha256, network, where, None if where.type == "cpu" else checked)


def load_members(
    directory: Path | str, device: torch.device | None = None, *, plain: bool = False
) -> list[Member]:
    """Load every model of a directory.

    Args:
        directory: See `find_models`.
        device: Where the networks shall compute; default CPU.
        plain: Whether the plain module is wanted even where a faster equal one exists.

    Raises:
        ModelError: Where one cannot be used; all are checked before any is built.
    """
    return build_members(read_models(Path(directory)), device, plain=plain)


def build_members(
    models: Sequence[Weights], device: torch.device | None = None, *, plain: bool = False
) -> list[Member]:
    """Make networks from weights, on the CPU where a device has no memory for them.

    Args:
        models: What `read_models` found.
        device: Where the networks shall compute; default CPU.
        plain: Whether the plain module is wanted even where a faster equal one exists.
    """
    try:
        return [_build(one, device, plain=plain) for one in models]
    except torch.OutOfMemoryError:
        logger.warning("no room for the networks on the device (%s); the CPU goes on", device)
    return [_build(one, None, plain=plain) for one in models]


def begin_members(models: Sequence[Weights], workers: int) -> list[Member]:
    """Make networks for the CPU from weights, in threads: a member's first window waits for it.

    Args:
        models: What `read_models` found.
        workers: How many are built at a time, each on one core.
    """
    cpu = torch.device("cpu")
    pool = ThreadPoolExecutor(workers, "model", torch.set_num_threads, (1,))
    members = [
        Member(one.name, one.sha256, _Begun(pool.submit(_build, one, cpu)), cpu) for one in models
    ]
    pool.shutdown(wait=False)
    return members


class _Begun:
    """A network that is being built in another thread."""

    def __init__(self, member: Future[Member]) -> None:
        self._member = member

    def __call__(self, window: Tensor) -> Tensor:
        """Map a window to heatmaps, as soon as the network is there."""
        return self._member.result().network(window)


def _build(one: Weights, device: torch.device | None, *, plain: bool = False) -> Member:
    return Member.from_state(
        one.state, name=one.name, sha256=one.sha256, device=device, plain=plain
    )
