"""The members of an ensemble: networks that are ready to predict."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carotid.errors import ModelError
from carotid.network.device import CPU, as_device
from carotid.network.fast import fast_or_plain
from carotid.network.unet import HEATMAP
from carotid.network.weights import Weights, checked_state, read_models

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from carotid.network.architecture import ModelKind

logger = logging.getLogger(__name__)

_building = threading.Lock()


@dataclass(frozen=True, eq=False)
class Member:
    """One network of an ensemble.

    Attributes:
        name: What it is called in messages and records: its path within the model directory.
        sha256: SHA-256 of its file, hexadecimal; empty where it came from no file.
        network: Computes, in float32 on the device, and does not change what it is given: windows
            overlap. A heatmap network maps (1, 1, s, p, l) to (1, 2, s, p, l).
        device: Where it computes.
        weights: What a network on the CPU can be made from; None where `network` is on the CPU.
    """

    name: str
    sha256: str
    network: Callable[[Tensor], Tensor]
    device: torch.device
    weights: Weights | None = None

    @property
    def cpu_network(self) -> Callable[[Tensor], Tensor]:
        """The same network on the CPU, for when the device's memory gives out."""
        if self.weights is None:
            return self.network
        with _building:  # several threads may ask for it at once
            return self._built_for_the_cpu

    @cached_property
    def _built_for_the_cpu(self) -> Callable[[Tensor], Tensor]:
        return self.network if self.weights is None else build_member(self.weights).network

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Tensor],
        kind: ModelKind = HEATMAP,
        *,
        name: str = "member",
        device: torch.device | str | None = None,
        plain: bool = False,
    ) -> Member:
        """Build a member from weights in memory, which are copied.

        Args:
            state: The network's `state_dict`, of any floating type.
            kind: What it may be weights of.
            name: What to call it.
            device: Where it shall compute; default CPU.
            plain: Whether the plain module is wanted even where a faster equal one exists.

        Raises:
            ModelError: Where the weights are none, do not fit the architecture or are not finite.
            UsageError: Where there is no such device.
        """
        named = isinstance(state, Mapping) and all(isinstance(key, str) for key in state)
        if not named or not all(isinstance(value, Tensor) for value in state.values()):
            raise ModelError(
                "these are no weights",
                where=name,
                found=type(state).__name__,
                expected="tensors by their names, as network.state_dict() gives them",
            )
        architecture, checked = checked_state(state, name, kind)
        weights = Weights(name, "", architecture, checked)
        return build_member(weights, as_device(device), plain=plain)


def load_members(
    directory: Path | str,
    device: torch.device | str | None = None,
    *,
    kind: ModelKind = HEATMAP,
    plain: bool = False,
) -> list[Member]:
    """Load every model of a directory.

    Args:
        directory: See `find_models`.
        device: Where the networks shall compute: "cpu", "cuda" or a `torch.device`; default CPU.
        kind: What the files may hold; default heatmap networks.
        plain: Whether the plain module is wanted even where a faster equal one exists.

    Raises:
        ModelError: Where one cannot be used; all are checked before any is built.
        UsageError: Where there is no such device.
    """
    chosen = as_device(device)
    return build_members(read_models(Path(directory), kind), chosen, plain=plain)


def build_members(
    models: Sequence[Weights], device: torch.device, *, plain: bool = False
) -> list[Member]:
    """Make networks from weights, on the CPU where a device has no memory for them.

    Args:
        models: What `read_models` found.
        device: Where the networks shall compute.
        plain: Whether the plain module is wanted even where a faster equal one exists.
    """
    try:
        return [build_member(one, device, plain=plain) for one in models]
    except torch.OutOfMemoryError:
        logger.warning("no room for the networks on the device (%s); the CPU goes on", device)
    return [build_member(one, plain=plain) for one in models]


def build_member(weights: Weights, device: torch.device = CPU, *, plain: bool = False) -> Member:
    """Make a network from weights, which must not be changed from then on.

    Args:
        weights: What was read.
        device: Where the network shall compute.
        plain: Whether the plain module is wanted even where a faster equal one exists.

    Raises:
        torch.OutOfMemoryError: Where the device has no room for it.
    """
    net = weights.architecture.without_numbers()
    net.load_state_dict(weights.state, assign=True)
    network = fast_or_plain(net, device, plain=plain)
    kept = None if device.type == "cpu" else weights
    return Member(weights.name, weights.sha256, network, device, kept)


def begin_members(models: Sequence[Weights], workers: int) -> list[Member]:
    """Make networks for the CPU from weights, in threads: a member's first window waits for it.

    Args:
        models: What `read_models` found.
        workers: How many are built at a time, each on one core.
    """
    pool = ThreadPoolExecutor(workers, "model", torch.set_num_threads, (1,))
    members = [
        Member(one.name, one.sha256, _Begun(pool.submit(build_member, one)), CPU) for one in models
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
