"""The NIfTI reader on files that are not sound: one clear line each."""

from __future__ import annotations

import gzip
import os
import re
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reading import read_nifti
from tests.storage.nifti.files import (
    AFFINE,
    ENDINGS,
    KINDS,
    SHAPE,
    VOXELS,
    content_of,
    image_of,
    put,
    refused,
)

from carotid.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


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
