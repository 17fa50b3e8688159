"""Where the NIfTI reader takes voxels to lie: sform, qform, and what cannot be trusted."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.reading import read_nifti
from tests.storage.nifti.files import AFFINE, AFFINES, content_of, image_of, put, refused

if TYPE_CHECKING:
    from pathlib import Path


def forms(sform: Any, sform_code: int, qform: Any, qform_code: int) -> bytes:
    image = image_of()
    image.set_sform(sform, sform_code)
    image.set_qform(qform, qform_code)
    return bytes(image.to_bytes())


def test_the_sform_goes_before_the_qform(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shifted = AFFINE.copy()
    shifted[0, 3] += 2
    volume = read_nifti(put(tmp_path, forms(AFFINE, 1, shifted, 1)))
    np.testing.assert_allclose(volume.grid.affine, AFFINE, atol=1e-6)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "2 mm apart" in record.getMessage()
    assert str(tmp_path / "scan.nii") in record.getMessage()


def test_forms_that_agree_need_no_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nearly = AFFINE.copy()
    nearly[0, 3] += 0.01
    read_nifti(put(tmp_path, forms(AFFINE, 1, nearly, 1)))
    assert not caplog.records


@pytest.mark.parametrize(("sform_code", "qform_code"), [(2, 0), (0, 1), (4, 0), (0, 2)])
def test_the_form_whose_code_is_set_is_taken(
    tmp_path: Path, sform_code: int, qform_code: int, caplog: pytest.LogCaptureFixture
) -> None:
    mirrored = AFFINE @ np.diag([-1.0, 1, 1, 1])
    content = forms(
        AFFINE if sform_code else mirrored,
        sform_code,
        AFFINE if qform_code else mirrored,
        qform_code,
    )
    volume = read_nifti(put(tmp_path, content))
    np.testing.assert_allclose(volume.grid.affine, AFFINE, atol=1e-5)
    assert not caplog.records


def test_a_qform_with_an_unset_handedness_is_read_as_the_standard_says(tmp_path: Path) -> None:
    pixdim = np.array([0, 0.35, 0.9, 2.5, 0, 0, 0, 0], np.float32)
    content = content_of(sform_code=0, qform_code=1, pixdim=pixdim)
    np.testing.assert_allclose(
        read_nifti(put(tmp_path, content)).grid.affine[:3, :3], AFFINE[:3, :3], atol=1e-5
    )


SHEAR = AFFINE @ np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (forms(AFFINE, 0, AFFINE, 0), "left and right are unknown"),
        (forms(AFFINE, 1, AFFINES["LAS"], 1), "RAS and LAS"),
        (forms(AFFINE, 1, AFFINES["LIP (coronal)"], 1), "contradict"),
        (content_of(affine=SHEAR), "right angles"),
        (content_of(srow_x=0), "spacing|right angles"),
        (content_of(srow_x=np.nan), "sform is not usable"),
        (content_of(srow_y=np.inf), "sform is not usable"),
        (content_of(srow_z=3e38), "sform is not usable"),
        (content_of(sform_code=0, qform_code=1, quatern_b=np.nan), "qform is not usable"),
        (content_of(sform_code=0, qform_code=1, quatern_b=3), "qform is not usable"),
        (content_of(sform_code=0, qform_code=1, qoffset_x=np.inf), "qform is not usable"),
        (content_of(sform_code=0, qform_code=1, pixdim=[1, 0, 1, 1, 1, 1, 1, 1]), "qform is not"),
        (content_of(sform_code=0, qform_code=1, pixdim=[1, -1, 1, 1, 1, 1, 1, 1]), "qform is not"),
        (content_of(sform_code=0, qform_code=1, pixdim=[7, 1, 1, 1, 1, 1, 1, 1]), "qform is not"),
        (content_of(affine=AFFINE * 1e-4), "spacing"),
        (content_of(xyzt_units=1), "metres"),
        (content_of(xyzt_units=3), "micrometres"),
    ],
)
def test_a_place_that_cannot_be_trusted(tmp_path: Path, content: bytes, expected: str) -> None:
    assert re.search(expected, refused(put(tmp_path, content)))
