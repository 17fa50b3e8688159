"""Pictures as pixels: numbers on a voxel grid to an encoded image of true proportion.

Every picture is made from an array whose rows go down the picture and whose columns go to its
right, with the size of a voxel along both. It is encoded as WebP, always with the same settings,
so that the same numbers make the same bytes, and put into the page itself.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 560
"""Most pixels along one side of a picture."""

SHOWN = (1.0, 99.6)
"""Percentiles of intensities that become black and white."""

QUALITY = 62
_INK = 0.8
"""How much of a pixel the strongest heatmap covers."""


@dataclass(frozen=True)
class Frame:
    """The place of a picture: how large it is in the patient, and how many pixels it gets.

    Attributes:
        width_mm, height_mm: From the outer edge of the first voxel to that of the last one.
        width_px, height_px: Size of the encoded image; pixels are square.
    """

    width_mm: float
    height_mm: float
    width_px: int
    height_px: int

    @classmethod
    def of(
        cls, rows: int, columns: int, row_mm: float, column_mm: float, px_per_mm: float
    ) -> Frame:
        """The frame of an array of `rows` by `columns` voxels."""
        width, height = columns * column_mm, rows * row_mm
        scale = min(px_per_mm, MAX_PIXELS / max(width, height))
        return cls(width, height, max(1, round(width * scale)), max(1, round(height * scale)))


def window(values: NDArray[np.floating], least: float = 0.0) -> NDArray[np.float32]:
    """Bring intensities to 0 ... 1 between the percentiles of `SHOWN`; constant ones become 0.

    Args:
        values: Intensities.
        least: What becomes 1 is at least so much above what becomes 0: noise stays dark.
    """
    finite = np.nan_to_num(np.asarray(values, np.float32), posinf=0.0, neginf=0.0)
    low, high = np.percentile(finite, SHOWN)
    high = max(high, low + least)
    if not high > low:
        return np.zeros_like(finite)
    scaled = (finite - np.float32(low)) / np.float32(high - low)
    return np.asarray(np.clip(scaled, 0, 1), np.float32)


def fitted(values: NDArray[np.floating], frame: Frame) -> NDArray[np.float32]:
    """Resample an array to a frame's pixels; smaller pixels average, larger ones interpolate."""
    size = (frame.width_px, frame.height_px)
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32)


def grey_image(values: NDArray[np.floating]) -> str:
    """Encode 0 … 1 as a grey image: a `data:` address."""
    return _encoded(Image.fromarray(_bytes(values)).convert("RGB"))


def color_image(
    grey: NDArray[np.floating], internal: NDArray[np.floating], external: NDArray[np.floating]
) -> str:
    """Encode a grey picture with both channels over it: a `data:` address.

    Args:
        grey: (rows, columns), 0 … 1.
        internal: The same shape, 0 … 1: shown in red.
        external: Shown in green; where both are strong that makes yellow.
    """
    red, green = np.clip(internal, 0, 1), np.clip(external, 0, 1)
    cover = _INK * np.maximum(red, green)
    strongest = np.maximum(np.maximum(red, green), 1e-6)
    zero = np.zeros_like(grey)
    ink = np.stack([red / strongest, green / strongest, zero], axis=-1)
    mixed = grey[..., None] * (1 - cover[..., None]) + ink * cover[..., None]
    return _encoded(Image.fromarray(_bytes(mixed)))


def exact_image(colors: NDArray[np.uint8], size: tuple[int, int]) -> str:
    """Encode (rows, columns, 4) colors without loss, as wide and high as asked: an address."""
    return _encoded(Image.fromarray(colors).resize(size, Image.Resampling.NEAREST), lossless=True)


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), np.uint8)


def _encoded(image: Image.Image, *, lossless: bool = False) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=4, lossless=lossless)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
