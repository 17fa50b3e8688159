"""The contour network's forward pass, faster than the plain module and as exact.

What makes it fast:

- Of the samples along a ray one output is kept, so each dilated layer needs every second sample of
  the one before: the network is a pyramid with stride 2 and dilation 1 along the ray, samples
  127 → 63 → 31 → 15 → 7 → 3 → 1 and slices 7 → 3 → 1.
- The 61 rows repeat, so 31 with circular padding give the same. Together that is a tenth of the
  multiplications.
- The norms, which in evaluation are factors and offsets, go into the convolutions' weights.
- Arrays are (image, row, sample, channel), the layout in which oneDNN convolves without reordering;
  the three windows of slices that the first layer sees are images of their own, and channels of the
  second layer.

In training a norm's statistics are over all positions, so the plain module is needed there.
`pyramid_or_plain` hands the pyramid out only after it has agreed with the plain module.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from carotid.errors import ModelError
from carotid.geometry.polar import repeated_rows
from carotid.network.polar_cnn import ANGLES, LAYERS, OUTPUTS, SAMPLES, SLICES, PolarCNN

if TYPE_CHECKING:
    from carotid.network.polar_cnn import Drop, Variant

logger = logging.getLogger(__name__)

TOLERANCE = 1e-5
"""How far the pyramid may be from the plain module, relative to the largest value.

Each is about 1e-6 from the exact result, by rounding. A fault in the algebra or in a kernel shows
as 1e-3 and more.
"""

_PROBES = 2
"""Random images for the comparison."""

_WINDOWS = 3
"""Windows of three slices that the second layer sees, two slices apart."""


class PolarNetwork(Protocol):
    """A contour network that is ready to predict."""

    @property
    def variant(self) -> Variant:
        """Which of the four it is."""

    def __call__(self, rays: Tensor, repeats: int = 1, drop: Drop | None = None) -> Tensor:
        """Map images to outputs, without gradients.

        Args:
            rays: (batch, length, 31, 127) float32 on its device: one row an angle. In 3D the
                length is 7; in 2D the middle slice is taken.
            repeats: How often; more than once makes sense with `drop` only.
            drop: What takes the place of dropout layers; None leaves them out.

        Returns:
            (batch, repeats, 2, 31).
        """


@dataclass(frozen=True, eq=False)
class PlainPolarNetwork:
    """A network as the plain module computes it.

    Attributes:
        net: In evaluation mode.
    """

    net: PolarCNN

    @property
    def variant(self) -> Variant:
        """Which of the four it is."""
        return self.net.variant

    def __call__(self, rays: Tensor, repeats: int = 1, drop: Drop | None = None) -> Tensor:
        """Map images to outputs; see `PolarNetwork`."""
        rows = torch.as_tensor(repeated_rows(rays.shape[-2]), device=rays.device)
        complete = rays[:, :, rows] if self.variant.dimension == 3 else middle(rays)[:, rows]
        images = complete[:, None].repeat_interleave(repeats, 0)
        with torch.no_grad():
            found = self.net(images) if drop is None else self.net.with_dropout(images, drop)
        return found.reshape(len(rays), repeats, OUTPUTS, ANGLES)


@dataclass(frozen=True, eq=False)
class _Convolution:
    """A layer with the norm that follows it.

    Attributes:
        weight: (outputs, inputs, rows, samples), with the norm's factor.
        bias: (outputs,) with the norm's factor.
        shift: (outputs,) what the norm adds, after a dropout layer if there is one.
        dilation: Step between the rows of the kernel.
        stride: Step along the ray.
    """

    weight: Tensor
    bias: Tensor
    shift: Tensor
    dilation: int
    stride: int

    def apply(self, x: Tensor, drop: Drop | None = None) -> Tensor:
        """Map (batch, row, sample, channel) to the next layer's, activation included."""
        around = self.dilation * (self.weight.shape[2] - 1) // 2
        if around:
            x = torch.cat([x[:, -around:], x, x[:, :around]], 1)
        bias = self.bias + self.shift if drop is None else self.bias
        found = functional.conv2d(
            x.permute(0, 3, 1, 2),
            self.weight,
            bias,
            stride=(1, self.stride),
            dilation=(self.dilation, 1),
        )
        if drop is not None:
            found = drop(found) + self.shift[:, None, None]
        return found.relu_().permute(0, 2, 3, 1)


class PolarPyramid:
    """A network as a pyramid; made by `of`, see the module."""

    def __init__(
        self, variant: Variant, layers: list[_Convolution], last: tuple[Tensor, Tensor]
    ) -> None:
        self.variant = variant
        self._layers = layers
        self._last = last

    @classmethod
    def of(cls, net: PolarCNN) -> PolarPyramid:
        """Rearrange the weights of a plain network, on its device; it is not changed."""
        variant = net.variant
        convolutions = [part for part in net.model if isinstance(part, nn.Conv2d | nn.Conv3d)]
        norms = [part for part in net.model if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d)]
        layers = []
        for number, (conv, norm) in enumerate(zip(convolutions, norms, strict=False)):
            weight, bias, shift = _with_norm(conv, norm)
            layer = LAYERS[number]
            if variant.dimension == 3:
                weight = _slices_as_channels(weight, windows=number == 1)
            weight = weight.contiguous(memory_format=torch.channels_last)
            stride = 2 if layer.kernel[2] > 1 and number < _last_along_ray() else 1
            layers.append(_Convolution(weight, bias, shift, layer.dilation[1], stride))
        end = convolutions[-1]
        last = end.weight.detach().reshape(OUTPUTS, -1).clone(), _values(end.bias).clone()
        return cls(variant, layers, last)

    def __call__(self, rays: Tensor, repeats: int = 1, drop: Drop | None = None) -> Tensor:
        """Map images to outputs; see `PolarNetwork`."""
        with torch.no_grad():
            x = self._first(rays)
            if repeats > 1:
                x = x.repeat_interleave(repeats, 0)
            for layer in self._layers[1:]:
                x = layer.apply(x, drop if self.variant.dropout else None)
            found = functional.linear(x[:, :, 0], *self._last)
        return found.transpose(1, 2).reshape(len(rays), repeats, OUTPUTS, ANGLES)

    def _first(self, rays: Tensor) -> Tensor:
        """The first layer: (batch, row, sample, channel), which has no dropout."""
        if self.variant.dimension == 2:
            return self._layers[0].apply(middle(rays)[..., None])
        windows = [rays[:, start : start + 3] for start in range(0, SLICES - 2, 2)]
        seen = torch.stack(windows, 1).permute(0, 1, 3, 4, 2)
        batch, rows, samples = len(rays), seen.shape[2], seen.shape[3]
        found = self._layers[0].apply(seen.reshape(batch * _WINDOWS, rows, samples, 3))
        by_window = found.reshape(batch, _WINDOWS, *found.shape[1:]).permute(0, 2, 3, 1, 4)
        return by_window.reshape(batch, rows, found.shape[2], -1)


def pyramid_or_plain(net: PolarCNN, device: torch.device) -> PolarNetwork:
    """The pyramid, if it agrees with the plain module on random images; else the plain one.

    Args:
        net: The plain module. It is put into evaluation mode and on the device, and must not be
            changed from then on.
        device: Where it shall compute.

    Raises:
        ModelError: The network gives no numbers.
    """
    plain = PlainPolarNetwork(net.eval().requires_grad_(requires_grad=False).to(device))
    generator = torch.Generator().manual_seed(0)
    probe = torch.rand((_PROBES, SLICES, ANGLES, SAMPLES), generator=generator).to(device)
    expected = plain(probe)
    if not bool(torch.isfinite(expected).all()):
        raise ModelError(
            "the network gives no numbers: its weights are finite, but not what it makes of them",
            remedy="train or download this model again",
        )
    try:
        pyramid = PolarPyramid.of(net)
        found = torch.cat([pyramid(probe), pyramid(probe, drop=lambda values: values)], 1)
        difference = _difference(found, expected, plain, probe)
    except (RuntimeError, ValueError, AttributeError, TypeError) as error:
        logger.warning("The plain forward pass is used, the fast one cannot be: %s", error)
        return plain
    if not difference <= TOLERANCE:
        logger.warning(
            "The plain forward pass is used: the fast one differs from it by %.1e of the largest "
            "value, more than %.0e",
            difference,
            TOLERANCE,
        )
        return plain
    return pyramid


def middle(rays: Tensor) -> Tensor:
    """(batch, row, sample): the slice that a network in 2D sees."""
    return rays[:, rays.shape[1] // 2]


def _difference(found: Tensor, expected: Tensor, plain: PlainPolarNetwork, probe: Tensor) -> float:
    """Largest difference from the plain result, relative to its largest value.

    A network that subtracts nearly equal numbers shows the plain module's own roundings. Where
    the two differ by more than the tolerance, the exact result decides: the difference counts
    unless the pyramid is the nearer to it.
    """
    largest = expected.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    difference = float((found - expected).abs().max() / largest)
    if difference <= TOLERANCE:
        return difference
    exact = PlainPolarNetwork(copy.deepcopy(plain.net).double())(probe.double())
    error = float((found - exact).abs().max())
    return 0.0 if error <= float((expected - exact).abs().max()) else difference


def _with_norm(
    conv: nn.Conv2d | nn.Conv3d, norm: nn.BatchNorm2d | nn.BatchNorm3d
) -> tuple[Tensor, Tensor, Tensor]:
    """A convolution's weight and bias, both with the norm's factor, and what the norm adds."""
    mean, variance = _values(norm.running_mean).double(), _values(norm.running_var).double()
    factor = _values(norm.weight).double() / torch.sqrt(variance + norm.eps)
    weight = _values(conv.weight).double()
    scaled = weight * factor.view(-1, *[1] * (weight.ndim - 1))
    bias = _values(conv.bias).double() * factor
    shift = _values(norm.bias).double() - mean * factor
    return scaled.float(), bias.float(), shift.float()


def _values(value: Tensor | None) -> Tensor:
    if value is None:
        raise ValueError("this is not the architecture that the pyramid is made for")
    return value.detach()


def _slices_as_channels(weight: Tensor, *, windows: bool) -> Tensor:
    """(outputs, inputs, 1 or 3 slices, rows, samples) as a kernel in 2D.

    The first layer sees three slices of one channel. For the second layer, each channel of each
    window of slices is a channel, window by window.
    """
    if windows:
        weight = weight.transpose(1, 2)
    return weight.reshape(len(weight), -1, *weight.shape[3:])


def _last_along_ray() -> int:
    """The last layer that reaches along the ray: it sees three samples and needs no stride."""
    return max(number for number, layer in enumerate(LAYERS) if layer.kernel[2] > 1)
