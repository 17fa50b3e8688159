"""The MetaImage reader on sound files, against SimpleITK."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from tests.reading import read_metaimage
from tests.storage.metaimage.files import (
    SHAPE,
    VOXELS,
    assert_is_voxels,
    deflated_bytes,
    file_bytes,
    put,
    refused,
)

from carotid.errors import InputError
from carotid.storage.metaimage.read import (
    iter_slabs,
    read_metaimage_header,
    read_multichannel,
)

DATA = Path(__file__).parents[2] / "data" / "metaimage"
GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "heatmap"
TILT = np.deg2rad(20)

TURN = np.array(
    [[np.cos(TILT), -np.sin(TILT), 0], [np.sin(TILT), np.cos(TILT), 0], [0, 0, 1]]
) @ np.array([[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]])

DIRECTIONS = {  # column a: where index a grows to, in L-P-S
    "LPS": np.eye(3),
    "RAS": np.diag([-1.0, -1.0, 1.0]),
    "RPS (left-handed)": np.diag([-1.0, 1.0, 1.0]),
    "LIP (coronal)": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "PIR (sagittal)": np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]),
    "LPS (oblique)": TURN,
    "LIP (oblique coronal)": TURN @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}

TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


def itk_image(array: np.ndarray[Any, Any], direction: np.ndarray[Any, Any]) -> Any:
    image: Any = SimpleITK.GetImageFromArray(array)
    image.SetSpacing((0.35, 0.9, 2.5))
    image.SetOrigin((-31.7, 12.25, 101.0))
    image.SetDirection(direction.reshape(-1).tolist())
    return image


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("extension", [".mha", ".mhd"])
@pytest.mark.parametrize("compressed", [True, False])
def test_every_voxel_lies_where_simpleitk_places_it(
    tmp_path: Path, name: str, extension: str, compressed: bool
) -> None:
    image = itk_image(VOXELS, DIRECTIONS[name])
    path = tmp_path / f"scan{extension}"
    SimpleITK.WriteImage(image, str(path), useCompression=compressed)
    volume = read_metaimage(path)
    assert volume.array.shape == image.GetSize() == SHAPE
    assert volume.orientation == name[:3]
    for index in np.ndindex(*SHAPE):
        assert volume.array[index] == image.GetPixel(*index)
        left, posterior, superior = image.TransformIndexToPhysicalPoint(index)
        world = volume.grid.world_from_index(np.array(index))
        np.testing.assert_allclose(world, [-left, -posterior, superior], atol=1e-9)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("compressed", [True, False])
def test_every_type_keeps_its_extremes(tmp_path: Path, kind: str, compressed: bool) -> None:
    dtype = np.dtype(kind)
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    array = np.array([limits.min, limits.max, 0, 1, 2, 3, 4, 100], dtype).reshape(2, 2, 2)
    path = tmp_path / "scan.mha"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(path), useCompression=compressed)
    header = read_metaimage_header(path)
    volume = read_metaimage(path)
    assert header.dtype == volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array.transpose(2, 1, 0), array)


def test_nan_and_infinity_are_voxels_like_others(tmp_path: Path) -> None:
    array = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    path = put(tmp_path, file_bytes(array.tobytes(), DimSize="2 2 1", ElementType="MET_FLOAT"))
    np.testing.assert_array_equal(read_metaimage(path).array.ravel("F"), array)


def test_real_files_of_one_volume_are_equal_however_they_are_stored() -> None:
    names = ["test_001.mha", "test_001.mhd", "test_001_crlf.mhd"]
    names += ["test_001_uncompressed.mha", "test_001_uncompressed.mhd"]
    expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(DATA / names[0]))).transpose(
        2, 1, 0
    )
    assert len(np.unique(expected)) > 1
    for name in names:
        volume = read_metaimage(DATA / name)
        np.testing.assert_array_equal(volume.array, expected)
        assert volume.grid.spacing_mm == (13.75, 13.75, 19.861110687255859)
        np.testing.assert_allclose(
            volume.grid.affine[:3, 3], [192.8546875, 213.5546875, -385.8194444444]
        )


def test_a_real_header_without_its_data_file_names_the_file() -> None:
    message = refused(DATA / "real_header_only_missing_raw.mhd")
    assert "0_P125_U.raw" in message
    assert "no such file" in message


@pytest.mark.parametrize(
    "content",
    [
        file_bytes(),
        file_bytes(end_="\r\n"),
        file_bytes(end_="   \n"),
        deflated_bytes(),
        deflated_bytes(CompressedDataSize=None),
        deflated_bytes(HeaderSize="-1"),
        file_bytes(HeaderSize="-1"),
        file_bytes(ElementDataFile="Local"),
        file_bytes(ObjectType=None, BinaryData=None, BinaryDataByteOrderMSB=None),
        file_bytes(CompressedData=None, ElementNumberOfChannels="1"),
        file_bytes(BinaryData="1", CompressedData="f"),
        file_bytes(Offset=None, Position="10 20 30"),
        file_bytes(Offset=None, Origin="10 20 30", Position="10 20 30"),
        file_bytes(TransformMatrix=None, Rotation="1 0 0 0 1 0 0 0 1"),
        file_bytes(TransformMatrix=None, Orientation="1. 0 0 0 1e0 0 0 0 +1"),
        file_bytes(ElementSpacing=None, ElementSize="0.5 0.6 0.7"),
        file_bytes(ElementSize="0.5 0.6 3"),
        file_bytes(Comment="Ångström = unit\tof length", AcquisitionDate=""),
        file_bytes(VOXELS.byteswap().tobytes(), BinaryDataByteOrderMSB="True"),
        file_bytes(
            VOXELS.byteswap().tobytes(), BinaryDataByteOrderMSB=None, ElementByteOrderMSB="True"
        ),
        deflated_bytes(zlib.compress(VOXELS.byteswap().tobytes(), 0), BinaryDataByteOrderMSB="T"),
    ],
)
def test_every_spelling_of_the_same_scan_is_read_alike(tmp_path: Path, content: bytes) -> None:
    assert_is_voxels(read_metaimage(put(tmp_path, content)))


def test_a_data_file_may_lie_beside_or_below_the_header(tmp_path: Path) -> None:
    (tmp_path / "voxels").mkdir()
    put(tmp_path, VOXELS.tobytes(), "voxels/a b.raw")
    put(tmp_path, b"12345" + VOXELS.tobytes(), "skipped.raw")
    below = put(tmp_path, file_bytes(b"", ElementDataFile="voxels/a b.raw"), "below.mhd")
    no_newline = put(tmp_path, file_bytes(b"", ElementDataFile="voxels/a b.raw")[:-1], "cut.mhd")
    counted = file_bytes(b"", HeaderSize="5", ElementDataFile="skipped.raw")
    from_end = file_bytes(b"", HeaderSize="-1", ElementDataFile="skipped.raw")
    for path in (below, no_newline, put(tmp_path, counted, "n.mhd"), put(tmp_path, from_end)):
        assert_is_voxels(read_metaimage(path))


def test_a_participant_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    target = put(tmp_path / "store", deflated_bytes())
    (tmp_path / "link.mha").symlink_to(target)
    assert_is_voxels(read_metaimage(tmp_path / "link.mha"))


def test_a_missing_offset_is_the_origin(tmp_path: Path) -> None:
    volume = read_metaimage(put(tmp_path, file_bytes(Offset=None)))
    np.testing.assert_array_equal(volume.grid.affine[:3, 3], [0, 0, 0])


@pytest.mark.parametrize("compressed", [True, False])
def test_channels_are_the_first_axis_and_slabs_have_the_files_order(
    tmp_path: Path, compressed: bool
) -> None:
    array = np.random.default_rng(3).normal(size=(7, 4, 3, 2)).astype(np.float32)
    image = SimpleITK.GetImageFromArray(array, isVector=True)
    path = tmp_path / "mean.mha"
    SimpleITK.WriteImage(image, str(path), useCompression=compressed)
    header = read_metaimage_header(path)
    assert (header.grid.shape, header.channels) == ((3, 4, 7), 2)
    voxels, grid = read_multichannel(path)
    assert grid.shape == (3, 4, 7)
    np.testing.assert_array_equal(voxels, array.transpose(3, 2, 1, 0))
    for step in (1, 3, 7, 50):
        slabs = list(iter_slabs(path, step))
        assert [len(slab) for slab in slabs][:-1] == [step] * (len(slabs) - 1)
        np.testing.assert_array_equal(np.concatenate(slabs), array)
    with pytest.raises(InputError, match="2 channels"):
        read_metaimage(path)


def test_the_header_needs_no_voxels(tmp_path: Path) -> None:
    content = bytearray(deflated_bytes())
    content[-20:] = b"\xff" * 20
    path = put(tmp_path, bytes(content))
    header = read_metaimage_header(path)
    assert header.grid.shape == SHAPE
    assert header.compressed
    assert header.voxel_bytes == VOXELS.nbytes
    assert "damaged" in refused(path)


def test_a_large_volume_takes_one_array_and_small_change(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 99, (64, 256, 256), dtype=np.int16)
    body = zlib.compress(array.tobytes(), 1)
    path = put(tmp_path, deflated_bytes(body, DimSize="256 256 64"))
    tracemalloc.start()
    volume = read_metaimage(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(volume.array, array.transpose(2, 1, 0))
    assert peak < array.nbytes + 4 * 2**20


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden cases are not here")
@pytest.mark.parametrize(
    ("case", "file"),
    [
        ("axial_lps", "sub-01.mha"),
        ("coronal_oblique", "sub-01.mhd"),
        ("coronal_oblique", "sub-02.mhd"),
        ("native_ras", "P.001_U.mha"),
    ],
)
def test_golden_scans(case: str, file: str) -> None:
    volume = read_metaimage(GOLDEN / case / "raw" / file).reoriented("RAS")
    with np.load(GOLDEN / case / "expected" / f"{file[:-4]}.npz") as expected:
        image = np.squeeze(expected["image_ras"])
        if volume.array.dtype == np.int16:  # these cases are rescaled between two percentiles
            voxels = volume.array.astype(np.float64)
            low, high = np.percentile(voxels, [5, 95])
            rescaled = np.clip((voxels - low) / (high - low), 0, 1)
            np.testing.assert_allclose(rescaled, image, atol=1e-6)
        else:
            np.testing.assert_array_equal(volume.array, image)
        np.testing.assert_allclose(volume.grid.affine, expected["affine_ras"], atol=1e-6)
