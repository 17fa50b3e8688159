"""The NIfTI reader on sound files, against nibabel."""

from __future__ import annotations

import gzip
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reading import read_nifti, read_nifti_header
from tests.storage.nifti.files import (
    AFFINE,
    AFFINES,
    ENDINGS,
    KINDS,
    NIFTI,
    SHAPE,
    VOXELS,
    content_of,
    image_of,
    put,
    refused,
)

from carotid.storage.nifti.read import MAX_TRAILING_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray


DATA = Path(__file__).parents[2] / "data" / "nifti"
SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_voxels_and_places_are_nibabels(tmp_path: Path, name: str, kind: Any, ending: str) -> None:
    path = tmp_path / f"scan{ending}"
    nibabel.save(image_of(kind, affine=AFFINES[name]), path)
    volume = read_nifti(path)
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, VOXELS)
    assert volume.orientation == name[:3]
    expected = NIFTI.load(path).affine
    np.testing.assert_allclose(volume.grid.affine, expected, atol=1e-6)
    grid, dtype = read_nifti_header(path)
    assert dtype == np.int16
    assert grid.agrees_with(volume.grid, 0)


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_type_in_both_byte_orders(tmp_path: Path, kind: str, order: Any) -> None:
    array = (np.arange(60).reshape(SHAPE) - 5).astype(kind, casting="unsafe")
    header = NIFTI.Nifti1Header(endianness=order)
    header.set_data_dtype(array.dtype.newbyteorder(order))
    NIFTI.save(NIFTI.Nifti1Image(array, AFFINE, header), tmp_path / "scan.nii")
    volume = read_nifti(tmp_path / "scan.nii")
    assert volume.array.dtype == np.dtype(kind)
    assert volume.array.dtype.isnative
    np.testing.assert_array_equal(volume.array, array)
    assert read_nifti_header(tmp_path / "scan.nii")[1] == np.dtype(kind)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("size", [(3, 4, 5), (80, 90, 70)])
def test_a_slope_and_intercept_give_float32(
    tmp_path: Path, ending: str, size: tuple[int, int, int]
) -> None:
    array = np.random.default_rng(0).integers(-999, 999, size, dtype=np.int16)
    content = content_of(array, scl_slope=0.25, scl_inter=-3.5)
    path = put(tmp_path, content, f"scan{ending}")
    volume = read_nifti(path)
    assert volume.array.dtype == read_nifti_header(path)[1] == np.float32
    np.testing.assert_array_equal(volume.array, array * 0.25 - 3.5)
    np.testing.assert_array_equal(volume.array, NIFTI.load(path).get_fdata())


@pytest.mark.parametrize(
    ("slope", "intercept"), [(0, 0), (0, 9), (np.nan, 0), (np.nan, np.nan), (1, 0)]
)
def test_a_slope_that_says_nothing_leaves_the_stored_type(
    tmp_path: Path, slope: float, intercept: float
) -> None:
    volume = read_nifti(put(tmp_path, content_of(scl_slope=slope, scl_inter=intercept)))
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, VOXELS)


def test_a_scale_beyond_float32_overflows_without_a_word(tmp_path: Path) -> None:
    array = np.array([0, 1, 30000], np.int16).reshape(1, 1, 3)
    volume = read_nifti(put(tmp_path, content_of(array, scl_slope=3e38, scl_inter=0)))
    np.testing.assert_array_equal(volume.array.ravel(), np.array([0, 3e38, np.inf], np.float32))


@pytest.mark.parametrize("size", [(3, 4, 5, 1), (3, 4, 5, 1, 1, 1, 1)])
def test_further_axes_of_one_are_dropped(tmp_path: Path, size: tuple[int, ...]) -> None:
    volume = read_nifti(put(tmp_path, content_of(VOXELS.reshape(size))))
    np.testing.assert_array_equal(volume.array, VOXELS)


def test_extensions_and_several_gzip_members_are_passed_over(tmp_path: Path) -> None:
    image = image_of()
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * 5000))
    content = image.to_bytes()
    path = tmp_path / "scan.nii.gz"
    for cuts in ([], [100], [348, 352], [5000, len(content) - 1]):
        edges = [0, *cuts, len(content)]
        pieces = [content[a:b] for a, b in pairwise(edges)]
        path.write_bytes(b"".join(gzip.compress(piece) for piece in pieces) + bytes(512))
        np.testing.assert_array_equal(read_nifti(path).array, VOXELS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_few_bytes_after_the_voxels_are_tolerated(tmp_path: Path, ending: str) -> None:
    content = content_of()
    path = put(tmp_path, content + bytes(MAX_TRAILING_BYTES), f"scan{ending}")
    np.testing.assert_array_equal(read_nifti(path).array, VOXELS)
    path = put(tmp_path, content + bytes(MAX_TRAILING_BYTES + 1), f"scan{ending}")
    assert "more than the header says" in refused(path)


@pytest.mark.parametrize(("field", "value"), [("vox_offset", 0), ("xyzt_units", 0)])
def test_numbers_that_are_often_left_out(tmp_path: Path, field: str, value: int) -> None:
    volume = read_nifti(put(tmp_path, content_of(**{field: value})))
    np.testing.assert_array_equal(volume.array, VOXELS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_large_volume_takes_one_array_and_small_change(tmp_path: Path, ending: str) -> None:
    array = np.random.default_rng(0).integers(0, 99, (256, 256, 64), dtype=np.int16)
    content = content_of(array)
    path = tmp_path / f"scan{ending}"
    path.write_bytes(gzip.compress(content, 1) if ending == ".nii.gz" else content)
    read_nifti(put(tmp_path, content_of(), "small.nii"))  # imports
    tracemalloc.start()
    volume = read_nifti(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(volume.array, array)
    assert peak < array.nbytes + 4 * 2**20


@pytest.mark.parametrize("name", ["big.nii.gz", "little.nii.gz"])
def test_real_files_are_read_as_nibabel_reads_them(name: str) -> None:
    expected = NIFTI.load(DATA / name)
    volume = read_nifti(DATA / name)
    assert len(np.unique(volume.array)) > 100
    np.testing.assert_array_equal(volume.array, np.squeeze(np.asanyarray(expected.dataobj)))
    np.testing.assert_allclose(volume.grid.affine, expected.affine, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"), [("5D_small.nii", "5 axes of sizes 1 x 2 x 3"), ("not-nifti.nii", "not")]
)
def test_real_files_that_are_no_scans(name: str, expected: str) -> None:
    assert expected in refused(DATA / name)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real files are not here")
def test_the_real_neck_is_read_and_its_two_forms_agree(caplog: pytest.LogCaptureFixture) -> None:
    path = SHARED / "neck_mr" / "neck_t2tse_ax_flowvoid.nii.gz"
    volume = read_nifti(path)
    assert (volume.grid.shape, volume.orientation) == ((320, 256, 19), "LAS")
    np.testing.assert_allclose(volume.grid.spacing_mm, (0.69, 0.69, 7.5), atol=0.01)
    assert not caplog.records  # 0.01 mm apart; nibabel drops the turn's small real part


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.tuples(*[st.integers(1, 9)] * 3),
    name=st.sampled_from(list(AFFINES)),
    kind=st.sampled_from(["u1", "i2", "f4"]),
    two=st.booleans(),
    ending=st.sampled_from(ENDINGS),
)
def test_any_scan_saved_by_nibabel_is_read(
    tmp_path: Path, size: tuple[int, int, int], name: str, kind: str, two: bool, ending: str
) -> None:
    array: NDArray[Any] = np.random.default_rng(0).integers(0, 255, size).astype(kind)
    path = tmp_path / f"scan{ending}"
    nibabel.save(image_of(KINDS[two], array, AFFINES[name]), path)
    volume = read_nifti(path)
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_allclose(volume.grid.affine, AFFINES[name], atol=1e-5)
