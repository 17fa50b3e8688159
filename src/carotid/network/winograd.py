"""3×3×3 convolutions with two thirds of the multiplications.

Two neighbouring outputs of a filter with three taps, y₀ = d₀g₀ + d₁g₁ + d₂g₂ and
y₁ = d₁g₀ + d₂g₁ + d₃g₂, take six multiplications as they are written and four in another order:

    m₀ = (d₀ − d₂) g₀                     y₀ = m₁ + m₂ + m₀
    m₁ = (d₁ + d₂) (g₀ + g₁ + g₂) / 2     y₁ = m₁ − m₂ + m₃
    m₂ = (d₂ − d₁) (g₀ − g₁ + g₂) / 2
    m₃ = (d₃ − d₁) g₂

This is F(2, 3) of S. Winograd, *Arithmetic Complexity of Computations* (1980); for convolution
layers A. Lavin and S. Gray, arXiv:1509.09308. Here d are slices of a volume, g are the slices of a
3×3×3 kernel, and each product is a 3×3 convolution of slices. The sums are cheap against it, and
rounding is about that of the ordinary way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from carotid.network.fast.slabs import Convolver

_SIDES = (0, 1, 1)


def convolve_in_pairs(
    convolve: Convolver,
    part: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    even: Tensor,
    odd: Tensor,
) -> None:
    """Convolve slices, pair by pair, with zeros around each slice.

    Args:
        convolve: How to convolve.
        part: (n + 2, h, w, inputs): the slices with their neighbours before and behind.
        weight: (outputs, inputs, 3, 3, 3).
        bias: (outputs,), or None.
        even: (⌈n / 2⌉, h, w, outputs), contiguous, where output slices 0, 2, 4, … go.
        odd: (⌊n / 2⌋, h, w, outputs), where the others go.
    """
    pairs, whole_pairs = len(even), len(odd)
    first, last = weight[:, :, :1], weight[:, :, 2:]
    outer, inner = (first + last) / 2, weight[:, :, 1:2] / 2
    d02, d13 = part[::2], part[1::2]
    d0, d2 = d02[:pairs], d02[1 : pairs + 1]
    d1, d3 = d13[:pairs], d13[1 : whole_pairs + 1]
    m1 = convolve(d1 + d2, outer + inner, padding=_SIDES)
    m2 = convolve(d2 - d1, outer - inner, padding=_SIDES)
    torch.add(m1, m2, out=even)
    torch.sub(m1[:whole_pairs], m2[:whole_pairs], out=odd)
    del m1, m2
    convolve.add(even, d0 - d2, first, bias, padding=_SIDES)
    if whole_pairs:
        convolve.add(odd, d3 - d1[:whole_pairs], last, bias, padding=_SIDES)
