"""The U-Net's forward pass on a CPU, faster than the plain module and as exact.

`FastUNet` computes what `carotid.network.unet.UNet` computes in evaluation mode, in float32, in
another order; the difference is rounding. What makes it fast:

- Volumes are (d, h, w, channels) arrays, the layout in which oneDNN convolves without reordering.
- The finest level, where the plain network convolves 2 and 16 channels at full resolution, works
  on blocks of 2×2×2 voxels: 16 channels on the half grid (`carotid.network.subpixel`).
- Steps follow each other slab by slab while the data are in the cache, with small temporary arrays
  and in place where possible (`carotid.network.fast.slabs`).
- A convolution's bias before an instance norm has no effect: left out. 1/σ passes through a PReLU
  and goes into the weights of the next convolution. The two convolutions that read the same input,
  a unit's first and its shortcut, are one with twice the outputs (`cpu_levels`).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, cast

import torch

from carotid.network.fast.cpu_levels import Bottom, Doubling, Finest, Halving, Scaled
from carotid.network.fast.slabs import EPSILON, Convolver
from carotid.network.unet import MULTIPLE_OF, WIDTHS

if TYPE_CHECKING:
    from torch import Tensor

    from carotid.network.unet import UNet

_DIMENSIONS = 5
"""Of a window: (1, 1, s, p, l)."""


class FastUNet:
    """The forward pass of one network, on the CPU.

    It keeps no arrays between calls, so any number of networks can take turns in one thread or work
    in several. The same window gives the same bytes at every call, with the same number of threads.
    What it is not made for (batches, a window whose bottom level is a single voxel, other types and
    devices) goes to the plain module, with its errors.

    Args:
        net: A float32 network on the CPU, in evaluation mode, that nobody will change.

    Raises:
        ValueError: If a weight is not finite, or so large that it could overflow when 1/σ is
            multiplied into it.
    """

    def __init__(self, net: UNet) -> None:
        largest = torch.finfo(torch.float32).max * EPSILON**0.5 / 2
        if not all(bool((p.abs() < largest).all()) for p in net.parameters()):
            raise ValueError("a weight is not finite, or larger than the fast pass can scale")
        self._plain = net
        self._convolve = Convolver.available()
        self._halvings, self._doublings = [], []
        level = net.get_submodule("model")
        self._finest = Finest.of(level.get_submodule("2"))
        for depth in range(len(WIDTHS) - 1):
            self._halvings.append(Halving.of(level.get_submodule("0")))
            if depth > 0:
                self._doublings.append(Doubling.of(level.get_submodule("2")))
            level = level.get_submodule("1.submodule")
        self._bottom = Bottom.of(level)

    def __call__(self, window: Tensor) -> Tensor:
        """Map one window to heatmaps, without gradients.

        Args:
            window: (1, 1, s, p, l) float32 on the CPU, in any strides; sides multiples of 16.

        Returns:
            (1, 2, s, p, l) heatmaps, lines contiguous, in memory of their own.
        """
        with torch.no_grad():
            if not _suits(window):
                return cast("Tensor", self._plain(window))
            convolve = self._convolve
            x = window[0, 0]
            x = (x if x.stride(-1) == 1 else x.contiguous()).unsqueeze(-1)
            skipped = []
            for halving in self._halvings:
                x = halving.apply(convolve, x)
                skipped.append(x)
            x = self._bottom.apply(convolve, x)
            below = Scaled(x, x.new_ones(x.shape[3]))
            del x
            for doubling in reversed(self._doublings):
                below = doubling.apply(convolve, skipped.pop(), below)
            return self._finest.apply(convolve, skipped.pop(), below)

    def in_slabs_of(self, voxels: int) -> FastUNet:
        """Return the same network with other slabs, where it works in slabs at all."""
        other = copy.copy(self)
        other._convolve = self._convolve.in_slabs_of(voxels)
        return other


def _suits(window: Tensor) -> bool:
    sides = window.shape[2:]
    return (
        window.ndim == _DIMENSIONS
        and tuple(window.shape[:2]) == (1, 1)
        and all(n > 0 and n % MULTIPLE_OF == 0 for n in sides)
        and sides.numel() > MULTIPLE_OF**3
        and window.dtype == torch.float32
        and window.device.type == "cpu"
    )
