"""From a stored scan to what the networks see: rescaled, in S-P-L order, at 0.5 mm.

This needs no PyTorch, so that the first scan can be prepared while that is being imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.frame import NetworkFrame
from carotid.own_pages import zeros_apart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.crop import Crop
    from carotid.geometry.intensity import IntensityRange
    from carotid.geometry.sides import Side, Sides
    from carotid.geometry.volume import Volume

_SLAB_BYTES = 2 << 20
"""Float32 voxels that are worked on together, in bytes: few enough to stay in the cache."""


@dataclass(frozen=True, eq=False)
class PreparedScan:
    """A scan as the networks see it.

    Attributes:
        images: (s, p, l) float32 each: `frame.sides`, the right one mirrored.
        frame: The way back to the stored grid.
        intensities: What became 0 and 1; None where they stayed as they are.
    """

    images: list[NDArray[np.float32]]
    frame: NetworkFrame
    intensities: IntensityRange | None = None

    def side_image(self, side: Side) -> NDArray[np.float32]:
        """(s, p, l) float32: the image of one of `frame.sides`."""
        return self.images[self.frame.sides.index(side)]


def prepare(
    volume: Volume,
    intensities: IntensityRange | None,
    *,
    resample: bool,
    crop: Crop | None = None,
    sides: Sides = "both",
) -> PreparedScan:
    """Bring a scan to the network frame, slab by slab.

    Args:
        volume: The scan as stored, in any orientation; checked, see `check_intensities`.
        intensities: What becomes 0 and 1; None leaves intensities as they are.
        resample: Whether axes are brought to 0.5 mm.
        crop: The part that networks look at; None: all of it.
        sides: Which sides the scan shows.

    Raises:
        InputError: Where the crop leaves nothing.
    """
    frame = NetworkFrame.of(volume.grid, resample=resample, crop=crop, sides=sides)
    ordered = frame.reordering.view(volume.array)
    along_s, along_p, along_l = (
        one.part(*seen) for one, seen in zip(frame.forth, frame.seen, strict=True)
    )
    first_column = frame.seen[2][0]
    images = [zeros_apart(frame.side_shape(side), np.float32) for side in frame.sides]
    rows = max(1, _SLAB_BYTES // (4 * ordered.shape[1] * ordered.shape[2]))
    for start in range(0, len(along_s), rows):
        part = along_s.part(start, min(start + rows, len(along_s)))
        low, high = part.input_range()
        slab = _float32(ordered[low:high], intensities)
        slab = part.shifted(low, high - low).applied_to(slab, 0)
        slab = along_l.applied_to(along_p.applied_to(slab, 1), 2)
        for image, side in zip(images, frame.sides, strict=True):
            seen = slab[:, :, side.start - first_column : side.stop - first_column]
            image[start : start + rows] = seen[:, :, ::-1] if side.mirrored else seen
    return PreparedScan(images, frame, intensities)


def _float32(
    values: NDArray[np.generic], intensities: IntensityRange | None
) -> NDArray[np.float32]:
    contiguous = np.ascontiguousarray(values)
    if intensities is None:
        return contiguous.astype(np.float32)
    return intensities.applied_to(contiguous)
