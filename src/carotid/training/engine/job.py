"""What the engine is told about what it trains: the part that each kind of network brings.

The engine moves weights, averages them, validates, saves and resumes. What a sample is, how a
network looks and what it is measured by, it learns from a `Job`.
`carotid.training.heatmap.job.HeatmapJob` is an example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from carotid.training.engine.ahead import DrawsAhead


class Batches(Protocol):
    """The samples of one worker. What a step is trained on depends on its number alone."""

    def add_gradients(self, network: nn.Module, step: int) -> Tensor:
        """Add the mean gradient over a step's samples to the weights' `grad`.

        Args:
            network: In training mode; PyTorch's random numbers are seeded for the step.
            step: Counts from 0.

        Returns:
            The mean loss, a single number on the network's device.
        """


class Job(Protocol):
    """What is trained, as every worker needs to know it; it travels to other processes (pickle).

    Attributes:
        seed: Of everything random in it.
    """

    @property
    def seed(self) -> int:
        """See the class."""

    def build(self) -> nn.Module:
        """Make the network with random weights, as it is trained."""

    def trained(self, network: nn.Module) -> list[nn.Parameter]:
        """The weights that training moves."""

    def batches(self, worker: int, workers: int) -> Batches:
        """The samples of one of so many workers."""

    def batches_on(self, device: torch.device, ahead: DrawsAhead) -> Batches:
        """All samples, for a device that computes all gradients by itself.

        Args:
            device: Where the network is.
            ahead: Turns what makes draws into the same, made in advance.
        """


class Validated(Protocol):
    """What validation found.

    Attributes:
        loss: Mean loss; the epoch with the lowest is kept.
        metrics: Further figures by name.
    """

    @property
    def loss(self) -> float:
        """See the class."""

    @property
    def metrics(self) -> dict[str, float]:
        """See the class."""
