"""Writing NIfTI: one volume as `.nii.gz`, slab by slab.

The header is NIfTI-1's. The grid stands in the sform and, as far as a rotation can say it, in the
qform, both with the code for scanner coordinates. The same voxels give the same bytes: the gzip
header has no time and no name.
"""

from __future__ import annotations

from itertools import chain
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from carotid.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid

MAX_SIDE = 32_767
"""Most voxels along an axis: NIfTI-1 keeps sizes in 16 bits with a sign."""

_SCANNER = 1
_LEVEL = 2
"""Of isal, 0 to 3."""


def write_nifti(
    file: IO[bytes],
    grid: Grid,
    slabs: Iterable[NDArray[np.generic]],
    scaling: tuple[float, float] = (1.0, 0.0),
    description: str = "",
) -> None:
    """Write one volume.

    Args:
        file: What becomes a file whose name ends in `.nii.gz`.
        grid: Where the voxels lie.
        slabs: (k, j, i) arrays of one type, in the order of the grid's slowest axis.
        scaling: Slope and intercept that readers apply to stored values.
        description: At most 79 bytes for the header.

    Raises:
        OutputError: The grid is too large for the format.
        OSError: The file cannot be written.
    """
    from isal import igzip

    packer: Any = igzip
    if max(grid.shape) > MAX_SIDE:
        raise OutputError(
            "the volume is too large for NIfTI-1",
            found="x".join(str(n) for n in grid.shape),
            expected=f"at most {MAX_SIDE} voxels along an axis",
        )
    rest = iter(slabs)
    first = next(rest)
    with packer.IGzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
        packed.write(_header(grid, first.dtype, scaling, description))
        for slab in chain([first], rest):
            packed.write(np.ascontiguousarray(slab, first.dtype.newbyteorder("<")).data)


def _header(
    grid: Grid, dtype: np.dtype[Any], scaling: tuple[float, float], description: str
) -> bytes:
    """The 348 bytes of the header and four that say that nothing comes between it and voxels."""
    from nibabel import nifti1

    formats: Any = nifti1
    header = formats.Nifti1Header(endianness="<")
    header.set_data_dtype(dtype.newbyteorder("<"))
    header.set_data_shape(grid.shape)
    header.set_qform(grid.affine, _SCANNER, strip_shears=True)
    header.set_sform(grid.affine, _SCANNER)
    header.set_xyzt_units("mm")
    header["descrip"] = description.encode()[:79]
    header["vox_offset"] = header.single_vox_offset
    header["scl_slope"], header["scl_inter"] = scaling
    header["magic"] = header.single_magic
    return bytes(header.binaryblock) + bytes(4)
