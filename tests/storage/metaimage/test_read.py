"""The MetaImage reader: against SimpleITK where files are sound, one clear line where not."""

from __future__ import annotations

import os
import re
import tracemalloc
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reading import read_metaimage

from carotid.errors import InputError
from carotid.storage.metaimage.fields import MAX_HEADER_BYTES, MAX_HEADER_LINES
from carotid.storage.metaimage.read import (
    iter_slabs,
    read_metaimage_header,
    read_multichannel,
)

if TYPE_CHECKING:
    from carotid.geometry.volume import Volume

DATA = Path(__file__).parents[2] / "data" / "metaimage"
GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "heatmap"

SHAPE = (3, 4, 5)
VOXELS = np.arange(60, dtype="<i2").reshape(SHAPE[::-1]) * 7 - 30  # (k, j, i)

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


# --- sound files -------------------------------------------------------------------------------


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


# --- faults ------------------------------------------------------------------------------------

HEADER_FAULTS: dict[str, tuple[dict[str, str | None], str]] = {
    "another object": ({"ObjectType": "Tube"}, "no image"),
    "NDims -1": ({"NDims": "-1"}, "NDims = -1"),
    "NDims 2": ({"NDims": "2"}, "three-dimensional"),
    "NDims 4": ({"NDims": "4"}, "three-dimensional"),
    "NDims 99": ({"NDims": "99"}, "three-dimensional"),
    "NDims missing": ({"NDims": None}, "lacks NDims"),
    "NDims words": ({"NDims": "three"}, "whole number"),
    "text voxels": ({"BinaryData": "False"}, "text"),
    "a doubtful truth": ({"BinaryData": "maybe"}, "True or False"),
    "size 0": ({"DimSize": "3 0 5"}, "size"),
    "size negative": ({"DimSize": "3 -4 5"}, "size"),
    "size 2^32+1": ({"DimSize": "3 4 4294967297"}, "size"),
    "size of 400 digits": ({"DimSize": f"3 4 {'9' * 400}"}, "whole numbers"),
    "8 GB": ({"DimSize": "2048 2048 1024"}, "cut short"),
    "two sizes": ({"DimSize": "3 20"}, "3 whole numbers"),
    "size missing": ({"DimSize": None}, "lacks DimSize"),
    "fractional size": ({"DimSize": "3 4 5.5"}, "whole numbers"),
    "too big": ({"DimSize": "3 4 6"}, "cut short"),
    "too small": ({"DimSize": "3 4 4"}, "longer than the header says"),
    "0 channels": ({"ElementNumberOfChannels": "0"}, "channels"),
    "-1 channels": ({"ElementNumberOfChannels": "-1"}, "channels"),
    "10^19 channels": ({"ElementNumberOfChannels": "1" + "0" * 19}, "channels"),
    "unknown type": ({"ElementType": "MET_HALF"}, "MET_HALF"),
    "array type": ({"ElementType": "MET_FLOAT_ARRAY"}, "type"),
    "type missing": ({"ElementType": None}, "lacks ElementType"),
    "another type": ({"ElementType": "MET_FLOAT"}, "cut short"),
    "spacing 0": ({"ElementSpacing": "0.5 0 0.5"}, "spacing"),
    "spacing negative": ({"ElementSpacing": "0.5 -0.5 0.5"}, "spacing"),
    "spacing NaN": ({"ElementSpacing": "0.5 nan 0.5"}, "finite|numbers"),
    "spacing infinite": ({"ElementSpacing": "0.5 1e999 0.5"}, "numbers"),
    "spacing vast": ({"ElementSpacing": "0.5 1e300 0.5"}, "spacing"),
    "spacing of two": ({"ElementSpacing": "0.5 0.5"}, "3 numbers"),
    "spacing with a comma": ({"ElementSpacing": "0,5 0,5 0,5"}, "3 numbers"),
    "spacing missing": ({"ElementSpacing": None}, "Add a line 'ElementSpacing"),
    "direction missing": ({"TransformMatrix": None}, "left and right are unknown"),
    "direction singular": ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "right angles"),
    "direction sheared": ({"TransformMatrix": "1 0 0 0.6 0.8 0 0 0 1"}, "right angles"),
    "direction zero": ({"TransformMatrix": "0 0 0 0 0 0 0 0 0"}, "unit"),
    "direction stretched": ({"TransformMatrix": "2 0 0 0 1 0 0 0 1"}, "unit"),
    "direction NaN": ({"TransformMatrix": "nan 0 0 0 1 0 0 0 1"}, "numbers"),
    "direction of eight": ({"TransformMatrix": "1 0 0 0 1 0 0 0"}, "9 numbers"),
    "direction huge": ({"TransformMatrix": "1e308 0 0 0 1 0 0 0 1"}, "numbers"),
    "offset NaN": ({"Offset": "nan 0 0"}, "numbers"),
    "offset huge": ({"Offset": "1e300 0 0"}, "numbers"),
    "offset twice": ({"Position": "10 20 31"}, "states Offset twice"),
    "header size": ({"HeaderSize": "7"}, "HeaderSize"),
    "header size -2": ({"HeaderSize": "-2"}, "HeaderSize"),
    "no data file": ({"ElementDataFile": ""}, "names no file"),
    "plain called deflated": ({"CompressedData": "True"}, "damaged"),
    "deflate bomb's size": (
        {"CompressedData": "True", "DimSize": "2048 2048 1024"},
        "too short for the volume",
    ),
}


@pytest.mark.parametrize("name", HEADER_FAULTS)
def test_a_faulty_header_is_one_clear_line(tmp_path: Path, name: str) -> None:
    changes, expected = HEADER_FAULTS[name]
    message = refused(put(tmp_path, file_bytes(**changes)))
    assert re.search(expected, message), message


@pytest.mark.parametrize("length", [0, 1, 10, 40, 200])
def test_a_header_cut_short(tmp_path: Path, length: int) -> None:
    message = refused(put(tmp_path, file_bytes()[:length]))
    assert "empty" in message if length == 0 else re.search("cut short|not a MetaImage", message)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "not a MetaImage"),
        (b"<!DOCTYPE html>\n<html></html>", "not a MetaImage"),
        (bytes(1000), "not a MetaImage"),
        (b"\n" * 100, "empty"),
        (b"ObjectType = Image\nNDims = 3\ngarbage\n", "line 3"),
        (b"ObjectType = Image\nNDims = 3\n" + b"Comment = x\n" * MAX_HEADER_LINES, "last line"),
        (b"Comment = " + b"x" * (MAX_HEADER_BYTES + 5) + file_bytes(), "last line"),
        (file_bytes(NDims="3\nNDims = 4"), "states NDims twice"),
        (b"NDims = 3\nDimSize = \0\n", "damaged"),
    ],
)
def test_what_is_no_header(tmp_path: Path, content: bytes, expected: str) -> None:
    assert expected in refused(put(tmp_path, content))


@pytest.mark.parametrize("cut", [1, 2, 4, 5, 60, 119, 120])
def test_a_plain_body_cut_short_or_too_long(tmp_path: Path, cut: int) -> None:
    assert "cut short" in refused(put(tmp_path, file_bytes(VOXELS.tobytes()[:-cut])))
    assert "longer" in refused(put(tmp_path, file_bytes(VOXELS.tobytes() + bytes(cut))))


@pytest.mark.parametrize("told", [True, False])
def test_a_deflated_body_cut_short_anywhere(tmp_path: Path, told: bool) -> None:
    body = zlib.compress(VOXELS.tobytes())
    for length in range(len(body)):
        size = str(len(body)) if told else None
        message = refused(put(tmp_path, deflated_bytes(body[:length], CompressedDataSize=size)))
        assert "short" in message


@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_flipped_bit_is_never_read_as_other_voxels(tmp_path: Path, level: int) -> None:
    body = zlib.compress(VOXELS.tobytes(), level)
    refusals = 0
    for bit in range(0, 8 * len(body), 3):
        flipped = bytearray(body)
        flipped[bit // 8] ^= 1 << bit % 8
        path = put(tmp_path, deflated_bytes(bytes(flipped)))
        try:
            assert_is_voxels(read_metaimage(path))
        except InputError:
            refusals += 1
    assert refusals > 0.9 * (8 * len(body) // 3)  # unused bits may flip freely


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (deflated_bytes(zlib.compress(VOXELS.tobytes()[:-2])), "cut short"),
        (deflated_bytes(zlib.compress(VOXELS.tobytes() + b"x")), "more than the header says"),
        (deflated_bytes(zlib.compress(VOXELS.tobytes() + bytes(10**7))), "more than the header"),
        (deflated_bytes() + b"x", "longer than the header says"),
        (deflated_bytes(CompressedDataSize=None) + b"x", "follow the end"),
        (deflated_bytes(CompressedDataSize=None) + bytes(10**6), "follow the end"),
        (deflated_bytes(CompressedDataSize="0"), "longer"),
        (deflated_bytes(CompressedDataSize="-1"), "longer"),
        (deflated_bytes(CompressedDataSize="12"), "longer"),
        (deflated_bytes(CompressedDataSize="99999999"), "cut short"),
        (deflated_bytes(CompressedDataSize="many"), "CompressedDataSize"),
        (deflated_bytes(b""), "too short"),
        (deflated_bytes(zlib.compress(VOXELS.tobytes(), wbits=-15)), "damaged"),
        (deflated_bytes(zlib.compress(VOXELS.tobytes(), wbits=31)), "damaged"),
        (deflated_bytes(b"\x78\xbb" + bytes(60)), "damaged"),  # asks for a preset dictionary
    ],
)
def test_a_stream_that_is_not_what_the_header_says(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    message = refused(put(tmp_path, content))
    assert expected in message


@pytest.mark.parametrize(
    "content",
    [
        deflated_bytes(zlib.compress(bytes(1 << 25))),
        file_bytes(DimSize="2048 2048 1024"),
        deflated_bytes(DimSize="2048 2048 1024"),
        deflated_bytes(zlib.compress(bytes(10**6)), DimSize="60000 60000 60000"),
    ],
)
def test_a_bomb_takes_no_memory(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path, content)
    tracemalloc.start()
    with pytest.raises(InputError):
        read_metaimage(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing.raw", "no such file"),
        ("../outside.raw", "outside"),
        ("sub/../../outside.raw", "outside"),
        ("linked.raw", "outside"),
        ("linked_folder/outside.raw", "outside"),
        ("dangling.raw", "does not exist"),
        ("loop.raw", "."),
        ("pipe.raw", "pipe"),
        ("folder.raw", "a folder"),
        (".", "outside|folder"),
        ("LIST", "several files"),
        ("LIST 2D", "several files"),
        ("slice%03d.raw 1 5 1", "several files"),
        ("x" * 5000, "."),
        ("\udcff.raw", "no such file"),
    ],
)
def test_a_data_file_that_is_not_one_beside_the_header(
    tmp_path: Path, name: str, expected: str
) -> None:
    put(tmp_path, VOXELS.tobytes(), "outside.raw")
    folder = tmp_path / "raw"
    (folder / "sub").mkdir(parents=True)
    (folder / "linked.raw").symlink_to(tmp_path / "outside.raw")
    (folder / "linked_folder").symlink_to(tmp_path)
    (folder / "dangling.raw").symlink_to("nowhere.raw")
    (folder / "loop.raw").symlink_to("loop.raw")
    os.mkfifo(folder / "pipe.raw")
    (folder / "folder.raw").mkdir()
    text = "".join(f"{k} = {v}\n" for k, v in header_lines(ElementDataFile=name).items())
    path = put(folder, text.encode("utf-8", "surrogateescape"), "scan.mhd")
    assert re.search(expected, refused(path))


def test_an_absolute_data_file_is_refused_even_beside_the_header(tmp_path: Path) -> None:
    data = put(tmp_path, VOXELS.tobytes(), "scan.raw")
    path = put(tmp_path, file_bytes(b"", ElementDataFile=str(data)), "scan.mhd")
    assert "outside" in refused(path)


@pytest.mark.timeout(20)
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mha")
    (tmp_path / "folder.mha").mkdir()
    (tmp_path / "device.mha").symlink_to("/dev/zero")
    (tmp_path / "dangling.mha").symlink_to("nowhere")
    (tmp_path / "loop.mha").symlink_to("loop.mha")
    for name, expected in {
        "pipe.mha": "a named pipe",
        "folder.mha": "a folder",
        "device.mha": "a device",
        "dangling.mha": "does not exist",
        "loop.mha": "cannot be opened",
        "missing.mha": "no such file",
    }.items():
        assert expected in refused(tmp_path / name)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.data(),
    original=st.sampled_from([file_bytes(), deflated_bytes(), deflated_bytes(DimSize="3 4 6")]),
)
def test_changed_bytes_give_a_scan_or_one_line(
    tmp_path: Path, data: st.DataObject, original: bytes
) -> None:
    content = bytearray(original)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(start + 8, len(content))))
        piece = data.draw(st.binary(max_size=8) | st.sampled_from([b"-1", b"nan", b"1e308", b"\n"]))
        content[start:stop] = piece
    path = put(tmp_path, bytes(content))
    try:
        volume = read_metaimage(path)
    except InputError:
        refused(path)
    else:
        assert volume.array.shape == volume.grid.shape
