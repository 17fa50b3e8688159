"""From a stored scan to what the networks see: rescaled, in S-P-L order, at 0.5 mm.

This needs no PyTorch, so that the first scan can be prepared while that is being imported.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.frame import NetworkFrame
from carotid.geometry.intensity import check_intensities
from carotid.geometry.memory import empty_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.intensity import IntensityRange
    from carotid.geometry.sides import Side
    from carotid.geometry.volume import Volume

_SLAB_BYTES = 2 << 20
"""Float32 voxels that are worked on together, in bytes: few enough to stay in the cache."""


@dataclass(frozen=True, eq=False)
class PreparedScan:
    """A scan in the network frame.

    Attributes:
        image: (s, p, l) float32, the whole neck.
        frame: The way back to the stored grid.
    """

    image: NDArray[np.float32]
    frame: NetworkFrame

    def side_images(self) -> deque[NDArray[np.float32]]:
        """Each of `frame.sides`, as `side_image` gives it."""
        return deque(self.side_image(side) for side in self.frame.sides)

    def side_image(self, side: Side) -> NDArray[np.float32]:
        """(s, p, l) float32: one side as the networks see it, a right one mirrored."""
        part = self.image[:, :, side.start : side.stop]
        if not side.mirrored:
            return part
        mirrored = empty_array(part.shape, part.dtype)
        np.copyto(mirrored, part[:, :, ::-1])
        return mirrored


def prepare(volume: Volume, intensities: IntensityRange | None, *, resample: bool) -> PreparedScan:
    """Bring a scan to the network frame, slab by slab.

    Args:
        volume: The scan as stored, in any orientation.
        intensities: What becomes 0 and 1; None leaves intensities as they are.
        resample: Whether axes are brought to 0.5 mm.

    Raises:
        InputError: Where the scan is constant, or has voxels that are no numbers or too large.
    """
    check_intensities(volume.array, rescaled=intensities is not None)
    frame = NetworkFrame.of(volume.grid, resample=resample)
    ordered = frame.reordering.view(volume.array)
    along_s, along_p, along_l = frame.forth
    image = empty_array(frame.shape, np.dtype(np.float32))
    rows = max(1, _SLAB_BYTES // (4 * ordered.shape[1] * ordered.shape[2]))
    for start in range(0, len(along_s), rows):
        part = along_s.part(start, min(start + rows, len(along_s)))
        low, high = part.input_range()
        slab = _float32(ordered[low:high], intensities)
        slab = part.shifted(low, high - low).applied_to(slab, 0)
        slab = along_l.applied_to(along_p.applied_to(slab, 1), 2)
        image[start : start + rows] = slab
    return PreparedScan(image, frame)


def _float32(
    values: NDArray[np.generic], intensities: IntensityRange | None
) -> NDArray[np.float32]:
    contiguous = np.ascontiguousarray(values)
    if intensities is None:
        return contiguous.astype(np.float32)
    return intensities.applied_to(contiguous)
