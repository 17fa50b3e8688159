"""What a kind of network looks like from outside: the weights it has, and how it is made.

Whoever adds a network describes it here once, beside its module: an `Architecture`, and a
`ModelKind` that lists the architectures which weight files of this kind may be of. Reading weights
(`weights`), building members (`members`) and the training engine take these as arguments and know
no network by name. The heatmap network's are in `carotid.network.unet`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn


@dataclass(frozen=True)
class Architecture:
    """One network, without its numbers.

    Attributes:
        name: In messages and records, such as "a residual 3D U-Net with channels 8, 16, 32".
        build: Makes the module with random weights; a function of a module or a class, so that it
            can be sent to other processes.
        older_names: Parts of weights' names that were others once, and what they are now.
    """

    name: str
    build: Callable[[], nn.Module]
    older_names: tuple[tuple[str, str], ...] = ()

    @cached_property
    def state(self) -> Mapping[str, Tensor]:
        """Names, shapes and types of its weights and buffers, on the meta device."""
        return self.without_numbers().state_dict()

    def without_numbers(self) -> nn.Module:
        """The module on the meta device; no random numbers are drawn."""
        with torch.device("meta"):
            return self.build()


@dataclass(frozen=True)
class ModelKind:
    """What the files of a model directory may hold.

    Attributes:
        name: The kind, as in `carotid models path heatmap`.
        architectures: What the weights may be of; all members of an ensemble are of the same one.
        usual_bytes: About how large a file is.
        checkpoint_key: Weights may also lie under this key of a dictionary, beside other things.
        inert_classes: Full names of classes that such a dictionary may mention; none is imported.
    """

    name: str
    architectures: tuple[Architecture, ...]
    usual_bytes: int
    checkpoint_key: str | None = None
    inert_classes: tuple[str, ...] = ()
