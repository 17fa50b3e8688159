"""NIfTI files of a small volume, made by nibabel, and the one line that refuses them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from tests.reading import read_nifti

from carotid.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


SHAPE = (3, 4, 5)
VOXELS = (np.arange(60, dtype=np.int16) * 7 - 30).reshape(SHAPE)
_C, _S = np.cos(0.4), np.sin(0.4)
TILT = np.array([[_C, -_S, 0, 0], [_S, _C, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
PLACE = np.array([[1, 0, 0, 10], [0, 1, 0, -20], [0, 0, 1, 30], [0, 0, 0, 1.0]])

AFFINES = {
    "RAS": PLACE @ np.diag([0.5, 0.6, 0.7, 1]),
    "LAS": PLACE @ np.diag([-0.5, 0.6, 0.7, 1]),
    "LPS": PLACE @ np.diag([-0.5, -0.6, 0.7, 1]),
    "LIP (coronal)": PLACE
    @ np.array([[-0.5, 0, 0, 0], [0, 0, -0.7, 0], [0, -0.6, 0, 0], [0, 0, 0, 1]]),
    "PIR (sagittal)": PLACE
    @ np.array([[0, 0, 0.7, 0], [-0.5, 0, 0, 0], [0, -0.6, 0, 0], [0, 0, 0, 1]]),
    "RAS (oblique)": PLACE @ TILT @ np.diag([0.35, 0.9, 2.5, 1]),
}

AFFINE = AFFINES["RAS (oblique)"]
NIFTI: Any = nibabel
KINDS = [nibabel.Nifti1Image, nibabel.Nifti2Image]
ENDINGS = [".nii", ".nii.gz"]


def image_of(kind: Any = nibabel.Nifti1Image, array: Any = VOXELS, affine: Any = AFFINE) -> Any:
    return kind(array, affine)


def content_of(array: Any = VOXELS, affine: Any = AFFINE, **fields: Any) -> bytes:
    """A `.nii` file's bytes, with header fields set to anything."""
    return bytes_of(image_of(array=array, affine=affine), **fields)


def bytes_of(image: Any, **fields: Any) -> bytes:
    """An image as a `.nii` file, with header fields set to anything."""
    content = bytearray(image.to_bytes())
    header = NIFTI.Nifti1Header(bytes(content[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    content[:348] = header.binaryblock
    return bytes(content)


def put(folder: Path, content: bytes, name: str = "scan.nii") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content, 6) if name.endswith(".gz") else content)
    return path


def refused(path: Path) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(InputError) as caught:
        read_nifti(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message
