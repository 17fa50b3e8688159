"""What a reader makes of a scan: first what its header says, then voxels and checksum together.

Opening reads headers only, so that whoever asks can see whether there is room for the scan. Reading
then goes through the bytes once: what is hashed is what the voxels were made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume


@dataclass(frozen=True, eq=False)
class ScanContent:
    """A scan that was read.

    Attributes:
        volume: The voxels and where they lie.
        sha256: Checksum of the file or files that they were made from, 64 hexadecimal digits.
        padding: Where the header says that a voxel was filled in and not measured, in the shape of
            the volume; None where there is no such voxel. Those voxels have the lowest value of the
            measured ones.
    """

    volume: Volume
    sha256: str
    padding: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class OpenedScan:
    """A scan whose header was read and checked.

    Attributes:
        grid: Where the voxels will lie.
        dtype: The type that they will have.
        read: Reads them; an `InputError` where the files have changed since they were opened.
    """

    grid: Grid
    dtype: np.dtype[np.generic]
    read: Callable[[], ScanContent]
