"""The fastest forward pass that agrees with the plain module: the door of `carotid.network.fast`.

Nobody outside imports what is behind it. A forward pass is handed out only after it has agreed with
the plain module on this machine, for kernels differ between processors and versions of PyTorch.
"""

from __future__ import annotations

import copy
import logging
import math
from typing import TYPE_CHECKING

import torch

from carotid.network.exact import Exactly, exact
from carotid.network.fast.cpu_unet import FastUNet
from carotid.network.fast.cuda_unet import CudaUNet
from carotid.network.unet import UNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

logger = logging.getLogger(__name__)

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

_PROBE_SLAB_VOXELS = 2**10
"""Slabs for the comparison, thin enough that the larger probe has several on two levels."""


def fast_or_plain(net: nn.Module, device: torch.device, *, plain: bool = False) -> Exactly:
    """Return the fastest forward pass on a device that agrees with the plain module.

    The candidate (`FastUNet` on the CPU, `CudaUNet` on CUDA) and the plain module work on two
    small random windows, in slabs that are small accordingly; the global random state is not
    touched. When they differ by more than `CPU_TOLERANCE` or `CUDA_TOLERANCE` of the largest value,
    or the candidate cannot be made, a warning is logged and the plain module is returned. For other
    architectures than the heatmap U-Net there is no candidate.

    Args:
        net: The plain module. It is put into evaluation mode and on the device, and must not be
            changed from then on: its weights are not copied.
        device: Where it shall compute.
        plain: Whether the plain module is wanted in any case.

    Returns:
        What the module is, without gradients, in exact float32; the heatmap U-Net maps
        (1, 1, s, p, l) float32 on the device to (1, 2, s, p, l).

    Raises:
        torch.OutOfMemoryError: Where the device has no room for either.
    """
    chosen: Callable[[Tensor], Tensor] = net.eval().requires_grad_(requires_grad=False).to(device)
    if type(net) is UNet and not plain:
        if device.type == "cuda":
            chosen = _agreeing(CudaUNet, net, device, CUDA_TOLERANCE)
        if device.type == "cpu":
            chosen = _agreeing(FastUNet, net, device, CPU_TOLERANCE)
    return Exactly(chosen, device)


def _agreeing(
    make: Callable[[UNet], Callable[[Tensor], Tensor]],
    plain: UNet,
    device: torch.device,
    tolerance: float,
) -> Callable[[Tensor], Tensor]:
    """The candidate if it can be made and agrees with the plain module; else that one."""
    try:
        with exact(device):
            fast = make(plain)
            probed = fast.in_slabs_of(_PROBE_SLAB_VOXELS) if isinstance(fast, FastUNet) else fast
            difference = _difference(probed, plain, tolerance, device)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, AttributeError, TypeError) as error:
        logger.warning("The plain forward pass is used, the fast one cannot be: %s", error)
        return plain
    if difference <= tolerance:
        return fast
    logger.warning(
        "The plain forward pass is used: the fast one differs from it by %.1e of the largest "
        "value, more than %.0e",
        difference,
        tolerance,
    )
    return plain


def _difference(
    fast: Callable[[Tensor], Tensor], plain: nn.Module, tolerance: float, device: torch.device
) -> float:
    """Largest difference on the probes, relative to the largest value; NaN if there is one.

    A network with a channel that is nearly constant divides by almost nothing, so that the plain
    module's own roundings show. Where the two differ by more than the tolerance, the exact result
    decides: the difference counts unless the fast one is the nearer to it.
    """
    generator = torch.Generator("cpu").manual_seed(0)
    differences = []
    with torch.no_grad():
        for shape, largest in _PROBES:
            window = torch.empty((1, 1, *shape), dtype=torch.float32, device="cpu")
            window = window.uniform_(0, largest, generator=generator).to(device)
            found = fast(window)
            expected = plain(window)
            difference = _relative(found, expected)
            if difference > tolerance:
                truth = copy.deepcopy(plain).double()(window.double())
                error = _relative(found, truth)
                nearer = error <= _relative(expected, truth)
                difference = 0.0 if nearer else max(difference, error)
            differences.append(difference)
    return max(differences, key=lambda one: (math.isnan(one), one))


def _relative(found: Tensor, expected: Tensor) -> float:
    """Largest difference over the largest expected value."""
    largest = expected.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    return float((found - expected).abs().max() / largest)
