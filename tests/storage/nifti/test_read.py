"""The NIfTI reader: equal to nibabel where files are sound, one clear line where not."""

from __future__ import annotations

import gzip
import logging
import os
import re
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

from carotid.errors import InputError
from carotid.storage.nifti.read import MAX_TRAILING_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).parents[2] / "data" / "nifti"
SHARED = Path(__file__).parents[4] / "shared" / "data"

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
    image = image_of(array=array, affine=affine)
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


# --- sound files -------------------------------------------------------------------------------


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


# --- where the voxels lie ----------------------------------------------------------------------


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


# --- faults ------------------------------------------------------------------------------------


def test_a_series_in_time_and_a_single_slice_are_refused(tmp_path: Path) -> None:
    message = refused(put(tmp_path, content_of(np.stack([VOXELS, VOXELS], axis=3))))
    assert "4 axes of sizes 3 x 4 x 5 x 2" in message
    assert "2 axes" in refused(put(tmp_path, content_of(dim=[2, 3, 4, 1, 1, 1, 1, 1])))


def test_color_and_complex_voxels_are_refused(tmp_path: Path) -> None:
    rgb = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    assert "color" in refused(put(tmp_path, content_of(rgb)))
    assert "complex" in refused(put(tmp_path, content_of(VOXELS.astype(np.complex64))))
    assert "code 1536" in refused(put(tmp_path, content_of(datatype=1536)))
    assert "code 0" in refused(put(tmp_path, content_of(datatype=0)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"magic": b"ni1"}, "voxels inside"),
        ({"magic": b""}, "voxels inside"),
        ({"sizeof_hdr": 0}, "not a NIfTI"),
        ({"dim": [0] * 8}, "unknown"),
        ({"dim": [9] * 8}, "9 axes"),
        ({"dim": [-1] * 8}, "unknown"),
        ({"dim": [3, 3, 0, 5, 1, 1, 1, 1]}, "size"),
        ({"dim": [3, 3, -4, 5, 1, 1, 1, 1]}, "size"),
        ({"dim": [3, 3, 4, 6, 1, 1, 1, 1]}, "cut short"),
        ({"dim": [3, 32767, 32767, 32767, 1, 1, 1, 1]}, "cut short"),
        ({"dim": [3, 3, 4, 5, 0, 0, 0, 0], "datatype": 64}, "cut short"),
        ({"vox_offset": 100}, "vox_offset 100"),
        ({"vox_offset": -352}, "vox_offset"),
        ({"vox_offset": np.nan}, "vox_offset nan"),
        ({"vox_offset": np.inf}, "vox_offset inf"),
        ({"vox_offset": 352.5}, "vox_offset"),
        ({"vox_offset": 1e30}, "vox_offset"),
        ({"vox_offset": 368}, "cut short"),
        ({"scl_slope": np.inf}, "slope inf"),
        ({"scl_slope": 2, "scl_inter": np.nan}, "intercept nan"),
    ],
)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_faulty_header_is_one_clear_line(
    tmp_path: Path, fields: dict[str, Any], expected: str, ending: str
) -> None:
    assert re.search(expected, refused(put(tmp_path, content_of(**fields), f"scan{ending}")))


@pytest.mark.parametrize("length", [0, 1, 3, 4, 100, 347, 348, 351, 352, 400, 471])
def test_a_file_cut_short(tmp_path: Path, length: int) -> None:
    content = content_of()
    assert len(content) == 472
    assert "short" in refused(put(tmp_path, content[:length]))
    packed = put(tmp_path, content[:length], "scan.nii.gz")
    assert "short" in refused(packed)


def test_a_gzip_stream_cut_short_anywhere(tmp_path: Path) -> None:
    stream = gzip.compress(content_of())
    for length in range(2, len(stream), 3):
        path = tmp_path / "scan.nii.gz"
        path.write_bytes(stream[:length])
        assert re.search("short|damaged", refused(path))


def test_a_flipped_bit_in_a_gzip_stream_is_never_read_as_another_scan(tmp_path: Path) -> None:
    stream = gzip.compress(content_of(), mtime=0)
    path = tmp_path / "scan.nii.gz"
    places = range(8 * 10, 8 * len(stream), 7)
    refusals = 0
    for bit in places:
        flipped = bytearray(stream)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            volume = read_nifti(path)
        except InputError:
            refusals += 1
        else:
            np.testing.assert_array_equal(volume.array, VOXELS)
            np.testing.assert_allclose(volume.grid.affine, AFFINE, atol=1e-5)
    assert refusals > 0.9 * len(places)  # a deflate stream has bits that stand for nothing


def test_names_and_contents_that_differ(tmp_path: Path) -> None:
    content = content_of()
    (tmp_path / "a.nii.gz").write_bytes(content)
    (tmp_path / "a.nii").write_bytes(gzip.compress(content))
    assert "not compressed" in refused(tmp_path / "a.nii.gz")
    assert "Rename it to .nii.gz" in refused(tmp_path / "a.nii")


@pytest.mark.parametrize("after", [b"x", b"\x1f\x8b", b"\0\0x"])
def test_bytes_after_a_gzip_stream(tmp_path: Path, after: bytes) -> None:
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(gzip.compress(content_of()) + after)
    assert re.search("damaged|short", refused(path))


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    after = put(tmp_path, content_of() + bytes(1 << 25), "after.nii.gz")
    claim = put(tmp_path, content_of(dim=[3, 20000, 20000, 200, 1, 1, 1, 1]), "claim.nii.gz")
    before = put(tmp_path, content_of(vox_offset=1 << 27)[:352] + bytes(1 << 25), "before.nii.gz")
    tracemalloc.start()
    for path in (after, claim, before):
        refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.timeout(20)
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nii")
    (tmp_path / "device.nii.gz").symlink_to("/dev/zero")
    assert "pipe" in refused(tmp_path / "pipe.nii")
    assert "device" in refused(tmp_path / "device.nii.gz")
    assert "no such file" in refused(tmp_path / "missing.nii")


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), two=st.booleans(), ending=st.sampled_from(ENDINGS))
def test_changed_bytes_give_a_scan_or_one_line(
    tmp_path: Path, data: st.DataObject, two: bool, ending: str
) -> None:
    content = bytearray(image_of(KINDS[two]).to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=8))
        content[place : place + len(piece)] = piece
    path = put(tmp_path, bytes(content), f"scan{ending}")
    try:
        volume = read_nifti(path)
    except InputError:
        refused(path)
    else:
        assert volume.array.shape == volume.grid.shape


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
