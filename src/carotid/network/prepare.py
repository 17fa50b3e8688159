"""From a stored scan to what the networks see: rescaled, in S-P-L order, at 0.5 mm."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.geometry.frame import NetworkFrame
from carotid.geometry.intensity import check_intensities
from carotid.network.sampling import sample_axis, sample_last_axis
from carotid.network.volumes import empty_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from carotid.geometry.intensity import IntensityRange
    from carotid.geometry.sides import Side
    from carotid.geometry.volume import Volume

_SLAB_BYTES = 8 << 20
"""Float32 voxels that are worked on together, in bytes."""


@dataclass(frozen=True, eq=False)
class PreparedScan:
    """A scan in the network frame.

    Attributes:
        image: (s, p, l) float32, the whole neck, on the CPU.
        frame: The way back to the stored grid.
    """

    image: Tensor
    frame: NetworkFrame

    def side_images(self) -> deque[Tensor]:
        """Each of `frame.sides`, as `side_image` gives it."""
        return deque(self.side_image(side) for side in self.frame.sides)

    def side_image(self, side: Side) -> Tensor:
        """(s, p, l) float32: one side as the networks see it, a right one mirrored."""
        part = self.image[:, :, side.start : side.stop]
        if not side.mirrored:
            return part
        mirrored = empty_volume(part.shape, "lasting")
        np.copyto(mirrored.numpy(), part.numpy()[:, :, ::-1])
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
    image = empty_volume(frame.shape, "lasting")
    rows = max(1, _SLAB_BYTES // (4 * ordered.shape[1] * ordered.shape[2]))
    for start in range(0, len(along_s), rows):
        part = along_s.part(start, min(start + rows, len(along_s)))
        low, high = part.input_range()
        slab = torch.from_numpy(_float32(ordered[low:high], intensities))
        slab = sample_axis(sample_last_axis(slab, along_l), 1, along_p)
        image[start : start + rows] = sample_axis(slab, 0, part.shifted(low, high - low))
    return PreparedScan(image, frame)


def _float32(
    values: NDArray[np.generic], intensities: IntensityRange | None
) -> NDArray[np.float32]:
    contiguous = np.ascontiguousarray(values)
    if intensities is None:
        return contiguous.astype(np.float32)
    return intensities.applied_to(contiguous)
