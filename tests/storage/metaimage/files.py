"""MetaImage files of a small volume, sound or changed, and the one line that refuses them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.reading import read_metaimage

from carotid.errors import InputError
from carotid.storage.metaimage.read import iter_slabs

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.volume import Volume


SHAPE = (3, 4, 5)
VOXELS = np.arange(60, dtype="<i2").reshape(SHAPE[::-1]) * 7 - 30  # (k, j, i)


def header_lines(**changes: str | None) -> dict[str, str]:
    """The lines of a sound header of VOXELS; a change to None leaves a line out."""
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "10 20 30",
        "ElementSpacing": "0.5 0.6 0.7",
        "DimSize": "3 4 5",
        "ElementType": "MET_SHORT",
    } | changes
    last = lines.pop("ElementDataFile", "LOCAL")
    return {k: v for k, v in {**lines, "ElementDataFile": last}.items() if v is not None}


def file_bytes(
    body: bytes = VOXELS.tobytes(), /, *, end_: str | None = "\n", **changes: str | None
) -> bytes:
    text = "".join(f"{key} = {value}{end_}" for key, value in header_lines(**changes).items())
    return text.encode() + body


def deflated_bytes(body: bytes | None = None, /, **changes: str | None) -> bytes:
    body = zlib.compress(VOXELS.tobytes()) if body is None else body
    size = str(len(body))
    return file_bytes(
        body, **{"CompressedData": "True", "CompressedDataSize": size, **changes}, end_="\n"
    )


def put(folder: Path, content: bytes, name: str = "scan.mha") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refused(path: Path) -> str:
    """The one line with which a file is refused; both ways to read it must refuse."""
    with pytest.raises(InputError) as caught:
        read_metaimage(path)
    with pytest.raises(InputError):
        for _ in iter_slabs(path, 2):
            pass
    message = str(caught.value)
    assert "\n" not in message
    assert str(path.parent) in message
    return message


def assert_is_voxels(volume: Volume) -> None:
    np.testing.assert_array_equal(volume.array, VOXELS.transpose(2, 1, 0))
    assert volume.array.dtype == np.int16
    assert volume.array.dtype.isnative
    expected = np.diag([-0.5, -0.6, 0.7, 1.0])
    expected[:3, 3] = [-10, -20, 30]
    np.testing.assert_allclose(volume.grid.affine, expected)
