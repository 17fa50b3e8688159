"""What the scan shows around an artery, slice by slice: small pictures in one image."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.grid import CANONICAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.volume import Volume

HALF_MM = 14.0
"""From a picture's middle to its border."""

PIXELS = 72
"""Of a picture's side."""

COLUMNS = 16
QUALITY = 82

_WHITE_PERCENTILE = 99.0


@dataclass(frozen=True)
class Tiles:
    """Pictures in rows of `COLUMNS`, as a `data:` address.

    Attributes:
        address: The image.
        count: How many pictures.
    """

    address: str
    count: int


def tiles_around(scan: Volume, middles_mm: NDArray[np.float64], slices: NDArray[np.int64]) -> Tiles:
    """Cut the scan around an artery.

    Pictures are seen from the feet: the patient's right is on the left, anterior is up.

    Args:
        scan: In any order of axes.
        middles_mm: (k, 2) where pictures have their middle, canonical index times spacing.
        slices: (k,) canonical z.
    """
    from PIL import Image
    from scipy.ndimage import map_coordinates

    canonical = scan.reoriented(CANONICAL)
    spacing = np.array(canonical.grid.spacing_mm[:2])
    offsets = HALF_MM * ((np.arange(PIXELS) + 0.5) / PIXELS * 2 - 1)
    pictures = np.zeros((len(slices), PIXELS, PIXELS))
    for k, (middle, z) in enumerate(zip(middles_mm, slices, strict=True)):
        x = (middle[0] - offsets) / spacing[0]
        y = (middle[1] - offsets) / spacing[1]
        at = np.broadcast_arrays(x[None, :], y[:, None])
        plane = np.asarray(canonical.array[:, :, z], np.float32)
        pictures[k] = map_coordinates(plane, at, order=1, cval=0.0)
    white = float(np.percentile(pictures, _WHITE_PERCENTILE)) if len(pictures) else 0.0
    grey = np.clip(pictures * (255 / white if white > 0 else 0), 0, 255).astype(np.uint8)
    rows = -(-len(grey) // COLUMNS)
    sheet = np.zeros((rows * COLUMNS, PIXELS, PIXELS), np.uint8)
    sheet[: len(grey)] = grey
    beside = sheet.reshape(rows, COLUMNS, PIXELS, PIXELS).transpose(0, 2, 1, 3)
    buffer = io.BytesIO()
    flat = np.ascontiguousarray(beside).reshape(rows * PIXELS, COLUMNS * PIXELS)
    Image.fromarray(flat).save(buffer, "WEBP", quality=QUALITY, method=4)
    address = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Tiles(address, len(grey))
