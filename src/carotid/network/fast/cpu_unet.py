"""The U-Net's forward pass, faster than the plain module and as exact.

On a CPU, `FastUNet` computes what `carotid.network.unet.UNet` computes in evaluation mode, in
float32, in another order; the difference is rounding. What makes it fast:

- Volumes are (d, h, w, channels) arrays, the layout in which oneDNN convolves without reordering.
- The finest level, where the plain network convolves 2 and 16 channels at full resolution, works
  on blocks of 2×2×2 voxels: 16 channels on the half grid (`carotid.network.fast.subpixel`).
- Steps follow each other slab by slab while the data are in the cache, with small temporary arrays
  and in place where possible (`carotid.network.fast.slabs`).
- A convolution's bias before an instance norm has no effect: left out. 1/σ passes through a PReLU
  and goes into the weights of the next convolution. The two convolutions that read the same input,
  a unit's first and its shortcut, are one with twice the outputs (`cpu_levels`).
- Where windows overlap, `part` stops before the last convolution, which is done once for their sum
  (`carotid.network.head`).

`fast_or_plain` hands out the fast pass only after it has agreed with the plain module.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from carotid.network.fast.cpu_levels import Bottom, Doubling, Finest, Halving, Scaled
from carotid.network.fast.cuda_unet import CudaUNet, Exactly, exact_convolutions
from carotid.network.fast.slabs import EPSILON, Convolver, NormedVolume
from carotid.network.head import Head, Part
from carotid.network.unet import CHANNELS, MULTIPLE_OF, OUT_CHANNELS, UNet
from carotid.network.windows.plan import WindowPlan
from carotid.network.windows.predict import WindowSum

if TYPE_CHECKING:
    from collections.abc import Callable

_logger = logging.getLogger(__name__)

CPU_TOLERANCE = 1e-5
"""How far the fast pass may be from the plain one, relative to the largest value.

Each is 1e-6 to 2e-6 from the exact result: the roundings (6e-8 each) of some twenty convolutions
and norms. A fault in the algebra or in a kernel shows as 1e-3 and more.
"""

CUDA_TOLERANCE = 5e-5
"""The same on CUDA, where cuDNN may choose another algorithm for another layout."""

_PROBES = (((48, 32, 48), 1.0), ((16, 32, 48), 1000.0))
"""Windows for the comparison, and their largest intensity. Both are small, for the plain module
takes long for its size on them, and every member of an ensemble is compared."""

_OVERLAPPING = WindowPlan.of((9, 6, 11), (6, 8, 6), 0.5)
"""Windows that overlap, some of them beyond the volume, for comparing sums of features."""

_PROBE_SLAB_VOXELS = 2**10
"""Slabs for the comparison, thin enough that the larger probe has several on two levels."""


class FastUNet:
    """The forward pass of one network, on the CPU; made by `from_plain`.

    It keeps no arrays between calls, so any number of networks can take turns in one thread or work
    in several. The same window gives the same bytes at every call, with the same number of threads.
    What it is not made for (batches, a window whose bottom level is a single voxel, other types and
    devices) goes to the plain module, with its errors.
    """

    def __init__(
        self,
        plain: UNet,
        halvings: list[Halving],
        bottom: Bottom,
        doublings: list[Doubling],
        finest: Finest,
        head: Head,
        convolve: Convolver,
    ) -> None:
        self._plain = plain
        self._halvings = halvings
        self._bottom = bottom
        self._doublings = doublings
        self._finest = finest
        self.head = head
        self._convolve = convolve

    @classmethod
    def from_plain(cls, net: UNet) -> FastUNet:
        """Rearrange the weights of a plain network; it is copied, not changed.

        Raises:
            ValueError: If it is not the known architecture, or a weight is not finite or so large
                that it could overflow when 1/σ is multiplied into it.
        """
        frozen = copy.deepcopy(net).eval().requires_grad_(requires_grad=False)
        return cls._of(frozen.to("cpu", torch.float32))

    @classmethod
    def _of(cls, plain: UNet) -> FastUNet:
        """As `from_plain`, of a network on the CPU that nobody will change."""
        if type(plain) is not UNet:
            raise ValueError("this is not the architecture that the fast pass is made for")
        largest = torch.finfo(torch.float32).max * EPSILON**0.5 / 2
        if not all(bool((p.abs() < largest).all()) for p in plain.parameters()):
            raise ValueError("a weight is not finite, or larger than the fast pass can scale")
        halvings, doublings = [], []
        level = plain.get_submodule("model")
        finest = Finest.of(level.get_submodule("2"))
        convolve = Convolver.available()
        head = Head.of(level.get_submodule("2.1"), convolve)
        for depth in range(len(CHANNELS) - 1):
            halvings.append(Halving.of(level.get_submodule("0")))
            if depth > 0:
                doublings.append(Doubling.of(level.get_submodule("2")))
            level = level.get_submodule("1.submodule")
        return cls(plain, halvings, Bottom.of(level), doublings, finest, head, convolve)

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
            return self._finest.heatmaps(self._convolve, self._blocks(window), self.head)

    def part(self, window: Tensor) -> Part:
        """Map one window to features that can be added up, and what is to be done with the sum.

        Args:
            window: (1, 1, s, p, l) float32 on the CPU, in any strides; sides multiples of 16.

        Returns:
            (1, 2, s, p, l) features with their head, in memory of their own.
        """
        with torch.no_grad():
            if not _suits(window):
                return Part(cast("Tensor", self._plain(window)))
            return self._finest.features(self._convolve, self._blocks(window), self.head)

    def in_slabs_of(self, voxels: int) -> FastUNet:
        """Return the same network with other slabs, where it works in slabs at all."""
        other = copy.copy(self)
        other._convolve = self._convolve.in_slabs_of(voxels)
        other.head = replace(self.head, convolve=other._convolve)
        return other

    def _blocks(self, window: Tensor) -> NormedVolume:
        """All but the last convolution, in blocks."""
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
        return self._finest.blocks(convolve, skipped.pop(), below)


def fast_or_plain(net: UNet, device: torch.device) -> Callable[[Tensor], Tensor]:
    """Return the fastest forward pass on a device that agrees with the plain module.

    The candidate (`FastUNet` on the CPU, `CudaUNet` on CUDA) and the plain module work on two
    small random windows, in slabs that are small accordingly; the global random state is not
    touched. The CPU's candidate makes heatmaps of the second one, whose intensities are large, by
    way of features only, and sums of windows that overlap are compared as well. When they differ
    by more than `CPU_TOLERANCE` or `CUDA_TOLERANCE` of the largest value, or the candidate cannot
    be made, a warning is logged and the plain module is returned.

    Args:
        net: The plain module. It is put into evaluation mode and on the device, and must not be
            changed from then on: its weights are not copied.
        device: Where it shall compute.

    Raises:
        torch.OutOfMemoryError: Where the device has no room for either.
    """
    frozen = net.eval().requires_grad_(requires_grad=False).to(device)
    if device.type not in {"cpu", "cuda"}:
        return frozen
    plain: Callable[[Tensor], Tensor] = frozen if device.type == "cpu" else Exactly(frozen)
    tolerance = CPU_TOLERANCE if device.type == "cpu" else CUDA_TOLERANCE
    try:
        fast: Callable[[Tensor], Tensor]
        if device.type == "cpu":
            fast = FastUNet._of(frozen)
            thin = fast.in_slabs_of(_PROBE_SLAB_VOXELS)
            difference = _difference(thin, frozen, tolerance, device)
        else:
            fast = Exactly(CudaUNet(frozen))
            with exact_convolutions():
                difference = _difference(fast, frozen, tolerance, device)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, AttributeError, TypeError) as error:
        _logger.warning("The plain forward pass is used, the fast one cannot be: %s", error)
        return plain
    if not difference <= tolerance:
        _logger.warning(
            "The plain forward pass is used: the fast one differs from it by %.1e of the largest "
            "value, more than %.0e",
            difference,
            tolerance,
        )
        return plain
    return fast


def _difference(
    fast: Callable[[Tensor], Tensor], plain: nn.Module, tolerance: float, device: torch.device
) -> float:
    """Largest difference on the probes, relative to the largest value; NaN if there is one.

    A network with a channel that is nearly constant divides by almost nothing, so that the plain
    module's own roundings show. Where the two differ by more than the tolerance, the exact result
    decides: the difference counts unless the fast one is the nearer to it.
    """
    generator = torch.Generator().manual_seed(0)
    differences = []
    with torch.no_grad():
        for shape, largest in _PROBES:
            window = (torch.rand((1, 1, *shape), generator=generator) * largest).to(device)
            if isinstance(fast, FastUNet) and shape == _PROBES[-1][0]:
                found = _by_its_features(fast, window)
            else:
                found = fast(window)
            expected = plain(window)
            difference = _relative(found, expected)
            if difference > tolerance:
                exact = copy.deepcopy(plain).double()(window.double())
                error = _relative(found, exact)
                nearer = error <= _relative(expected, exact)
                difference = 0.0 if nearer else max(difference, error)
            differences.append(difference)
        if isinstance(fast, FastUNet):
            features = torch.rand(
                (len(_OVERLAPPING), OUT_CHANNELS, *_OVERLAPPING.window), generator=generator
            )
            differences.append(_difference_of_sums(fast.head, plain, features))
    return float(torch.tensor(differences).max())  # NaN prevails


def _by_its_features(fast: FastUNet, window: Tensor) -> Tensor:
    """Heatmaps of a window alone, with the last convolution as it is for many windows."""
    s, p, l = window.shape[2:]  # noqa: E741 - the axis is named l everywhere
    together = WindowSum(WindowPlan.of((s, p, l), (s, p, l), 0), OUT_CHANNELS)
    together.add(fast.part(window), (0, 0, 0))
    return together.heatmaps()[None]


def _difference_of_sums(head: Head, plain: nn.Module, features: Tensor) -> float:
    """How far the last convolution of overlapping windows' sum is from the average of theirs."""
    last = plain.get_submodule("model.2.1")
    one, other = (WindowSum(_OVERLAPPING, OUT_CHANNELS) for _ in range(2))
    for corner, window in zip(_OVERLAPPING.corners, features.unsqueeze(1), strict=True):
        one.add(Part(window, head=head), corner)
        other.add(Part(last(window)), corner)
    return _relative(one.heatmaps(), other.heatmaps())


def _relative(found: Tensor, expected: Tensor) -> float:
    """Largest difference over the largest expected value."""
    largest = expected.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    return float((found - expected).abs().max() / largest)


def _suits(window: Tensor) -> bool:
    sides = window.shape[2:]
    return (
        window.ndim == len(_PROBES[0][0]) + 2
        and tuple(window.shape[:2]) == (1, 1)
        and all(n > 0 and n % MULTIPLE_OF == 0 for n in sides)
        and sides.numel() > MULTIPLE_OF**3
        and window.dtype == torch.float32
        and window.device.type == "cpu"
    )
