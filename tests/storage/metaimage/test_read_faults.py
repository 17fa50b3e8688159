"""The MetaImage reader on files that are not sound: one clear line each."""

from __future__ import annotations

import os
import re
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reading import read_metaimage
from tests.storage.metaimage.files import (
    VOXELS,
    assert_is_voxels,
    deflated_bytes,
    file_bytes,
    header_lines,
    put,
    refused,
)

from carotid.errors import InputError
from carotid.storage.metaimage.fields import MAX_HEADER_BYTES, MAX_HEADER_LINES

if TYPE_CHECKING:
    from pathlib import Path


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
