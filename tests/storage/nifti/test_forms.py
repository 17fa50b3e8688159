"""Where NIfTI voxels lie: forms that agree but for rounding, and forms that do not."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reading import read_nifti
from tests.storage.nifti.files import AFFINE, AFFINES, VOXELS, bytes_of, content_of, put, refused

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NIFTI: Any = nibabel
TURNS = [
    (axis, degrees, order, flips, spacing)
    for axis in range(3)
    for degrees in (45, -45, 135, 44.999999, 45.000001)
    for order in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
    for spacing in ((0.5, 0.5, 0.5), (0.35, 0.9, 2.5))
]
"""Prescriptions that lie between two names for a direction."""


def turned(
    axis: int, degrees: float, order: tuple[int, ...], flips: tuple[int, ...], spacing: Any
) -> NDArray[np.float64]:
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    i, j = [(1, 2), (0, 2), (0, 1)][axis]
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = cosine
    turn[i, j], turn[j, i] = -sine, sine
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.eye(3)[:, order] @ np.diag(flips) @ np.diag(spacing)
    affine[:3, 3] = [-14.75, -10.25, 31.5]
    return affine


def test_prescriptions_of_45_degrees_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for turn in TURNS:
        affine = turned(*turn)
        image = NIFTI.Nifti1Image(VOXELS, affine)
        image.set_sform(affine, 1)
        image.set_qform(affine, 1)
        volume = read_nifti(put(tmp_path, image.to_bytes()))
        np.testing.assert_allclose(volume.grid.affine, affine, atol=1e-5, err_msg=str(turn))
    assert not caplog.records


def changed(**fields: Any) -> bytes:
    """An upside-down scan whose forms agree, with header fields set to anything."""
    affine = AFFINES["RAS"] @ np.diag([1.0, -1, -1, 1])
    image = NIFTI.Nifti1Image(VOXELS, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    return bytes_of(image, **fields)


UPSIDE_DOWN = AFFINES["RAS"] @ np.diag([1.0, -1, -1, 1])


@pytest.mark.parametrize("excess", [5e-7, 2.4e-7, 1e-5, 1e-3])
@pytest.mark.parametrize("sform_code", [0, 1])
def test_a_quaternion_that_rounding_made_longer(
    tmp_path: Path, excess: float, sform_code: int, caplog: pytest.LogCaptureFixture
) -> None:
    longer = np.float32(1) + np.float32(excess)
    path = put(tmp_path, changed(quatern_b=longer, sform_code=sform_code))
    np.testing.assert_allclose(read_nifti(path).grid.affine, UPSIDE_DOWN, atol=1e-5)
    assert not caplog.records


@pytest.mark.parametrize("digits", [2, 3, 4])
def test_a_quaternion_of_few_decimals(tmp_path: Path, digits: int) -> None:
    image = NIFTI.Nifti1Image(VOXELS, AFFINES["RAS (oblique)"])
    b, c, d = (round(float(n), digits) for n in image.header.get_qform_quaternion()[1:])
    content = content_of(sform_code=0, qform_code=1, quatern_b=b, quatern_c=c, quatern_d=d)
    affine = read_nifti(put(tmp_path, content)).grid.affine
    np.testing.assert_allclose(affine, AFFINES["RAS (oblique)"], atol=3 * 10.0**-digits)


@pytest.mark.parametrize(
    "fields",
    [
        {"quatern_b": 3},
        {"quatern_c": np.nan},
        {"qoffset_x": np.inf},
        {"pixdim": [1, -0.5, 0.6, 0.7, 0, 0, 0, 0]},
        {"pixdim": [-1, -0.5, -0.6, -0.7, 0, 0, 0, 0]},
        {"pixdim": [7, 0.5, 0.6, 0.7, 0, 0, 0, 0]},
        {"pixdim": [1, 0, 0, 0, 0, 0, 0, 0]},
        {"pixdim": [1, np.nan, 0.6, 0.7, 0, 0, 0, 0]},
    ],
    ids=str,
)
def test_a_useless_qform_beside_a_good_sform_is_left_alone_with_a_word(
    tmp_path: Path, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = put(tmp_path, changed(**fields))
    np.testing.assert_allclose(read_nifti(path).grid.affine, UPSIDE_DOWN, atol=1e-6)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "the qform is not usable" in record.getMessage()
    assert "the sform is used" in record.getMessage()
    assert "qform is not usable" in refused(put(tmp_path, changed(sform_code=0, **fields)))


def test_a_code_without_a_matrix_is_no_sform(tmp_path: Path) -> None:
    """Some tools state a code and leave the matrix at zeros."""
    nothing = dict.fromkeys(("srow_x", "srow_y", "srow_z"), 0)
    path = put(tmp_path, changed(**nothing))
    np.testing.assert_allclose(read_nifti(path).grid.affine, UPSIDE_DOWN, atol=1e-6)
    message = refused(put(tmp_path, changed(qform_code=0, **nothing)))
    assert "left and right are unknown" in message


@pytest.mark.parametrize("qform_code", [0, 1])
@pytest.mark.parametrize("factors", [(2, 2, 2), (0.1, 0.1, 0.1), (1, 1, 1.05), (0.98, 1, 1)])
def test_an_sform_of_other_voxel_sizes_than_stated(
    tmp_path: Path, qform_code: int, factors: tuple[float, float, float]
) -> None:
    scaled = AFFINE @ np.diag([*factors, 1.0])
    content = content_of(
        srow_x=scaled[0], srow_y=scaled[1], srow_z=scaled[2], qform_code=qform_code
    )
    message = refused(put(tmp_path, content))
    assert "contradict each other about the size of the voxels" in message
    assert "and 0.35 x 0.9 x 2.5 mm" in message


def test_a_qform_of_other_voxel_sizes_than_the_sform(tmp_path: Path) -> None:
    pixdim = [1, 0.35, 0.9, 2.75, 0, 0, 0, 0]
    assert "2.5 mm and 0.35 x 0.9 x 2.75 mm" in refused(
        put(tmp_path, content_of(pixdim=pixdim, qform_code=1))
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_rounded_and_negative_sizes_are_no_contradiction(tmp_path: Path, sign: int) -> None:
    pixdim = [1, sign * 0.352, sign * 0.9, sign * 2.51, 0, 0, 0, 0]
    volume = read_nifti(put(tmp_path, content_of(pixdim=pixdim, qform_code=0)))
    np.testing.assert_allclose(volume.grid.affine, AFFINE, atol=1e-6)


@pytest.mark.parametrize("degrees", [50, 90, 180])
def test_forms_in_other_directions_contradict_each_other(tmp_path: Path, degrees: float) -> None:
    sform = AFFINES["RAS"]
    turn = turned(2, degrees, (0, 1, 2), (1, 1, 1), (1, 1, 1))
    turn[:3, 3] = 0
    image = NIFTI.Nifti1Image(VOXELS, sform)
    image.set_qform(turn @ sform, 1)
    image.set_sform(sform, 1)
    assert "contradict each other about the patient's directions" in refused(
        put(tmp_path, image.to_bytes())
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    quaternion=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(n * n for n in q) > 1e-3),
    handedness=st.sampled_from([1, -1]),
)
def test_any_qform_is_read_as_nibabel_reads_it(
    tmp_path: Path, quaternion: tuple[float, ...], handedness: int
) -> None:
    turn = NIFTI.quaternions.quat2mat(quaternion)
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.5, 0.6, 0.7 * handedness])
    affine[:3, 3] = [10, -20, 30]
    image = NIFTI.Nifti1Image(VOXELS, affine)
    image.set_sform(None, 0)
    image.set_qform(affine, 1)
    volume = read_nifti(put(tmp_path, image.to_bytes()))
    # nibabel drops a real part below 3.6e-7 ** 0.5, so that it is the less exact of the two
    np.testing.assert_allclose(volume.grid.affine, affine, atol=2e-3)
    np.testing.assert_allclose(volume.grid.affine, image.get_qform(), atol=2e-3)
