"""MetaImage headers of sound scans that are written in an unusual way, and units."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK
from tests.reading import read_metaimage
from tests.storage.metaimage.files import (
    VOXELS,
    assert_is_voxels,
    deflated_bytes,
    file_bytes,
    put,
    refused,
)

if TYPE_CHECKING:
    from pathlib import Path

FOUR_AXES = {
    "NDims": "4",
    "DimSize": "3 4 5 1",
    "ElementSpacing": "0.5 0.6 0.7 1",
    "TransformMatrix": "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",
    "Offset": "10 20 30 0",
}
FIVE_AXES = {
    "NDims": "5",
    "DimSize": "3 4 5 1 1",
    "ElementSpacing": "0.5 0.6 0.7 1 9",
    "TransformMatrix": " ".join(str(int(n)) for n in np.eye(5).ravel()),
    "Offset": "10 20 30 0 4",
}


@pytest.mark.parametrize("lines", [FOUR_AXES, FIVE_AXES])
@pytest.mark.parametrize("packed", [True, False])
def test_further_axes_of_one_are_dropped(
    tmp_path: Path, lines: dict[str, str], packed: bool
) -> None:
    content = deflated_bytes(**lines) if packed else file_bytes(**lines)
    assert_is_voxels(read_metaimage(put(tmp_path, content)))


@pytest.mark.parametrize("compressed", [True, False])
def test_four_axes_as_itk_writes_them(tmp_path: Path, compressed: bool) -> None:
    image = SimpleITK.GetImageFromArray(VOXELS[None], isVector=False)
    image.SetSpacing((0.5, 0.6, 0.7, 1))
    image.SetOrigin((10, 20, 30, 0))
    SimpleITK.WriteImage(image, str(tmp_path / "scan.mha"), useCompression=compressed)
    assert b"NDims = 4" in (tmp_path / "scan.mha").read_bytes()
    assert_is_voxels(read_metaimage(tmp_path / "scan.mha"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DimSize": "3 4 5 2"}, "NDims = 4, DimSize = 3 4 5 2"),
        ({"DimSize": "1 3 4 5"}, "NDims = 4, DimSize = 1 3 4 5"),
        ({"DimSize": "3 4 5"}, "not one three-dimensional volume"),
        ({"DimSize": "3 4 5 0"}, "not one three-dimensional volume"),
        ({"ElementSpacing": "0.5 0.6 0.7"}, "ElementSpacing"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0 1"}, "TransformMatrix"),
        ({"TransformMatrix": "0 0 0 1 0 1 0 0 0 0 1 0 1 0 0 0"}, "not unit vectors"),
        ({"TransformMatrix": "1 0 0 0.1 0 1 0 0 0 0 1 0 0 0 0 1"}, "not unit vectors"),
        ({"NDims": "2"}, "NDims = 2"),
        ({"NDims": "11", "DimSize": "3 4 5 1 1 1 1 1 1 1 1"}, "NDims = 11"),
    ],
)
def test_four_axes_that_are_no_volume(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    assert words in refused(put(tmp_path, file_bytes(**{**FOUR_AXES, **changes})))


@pytest.mark.parametrize("units", ["cm", "um", "m", "inch", "CM"])
def test_other_units_than_millimetres_are_refused(tmp_path: Path, units: str) -> None:
    message = refused(put(tmp_path, file_bytes(DistanceUnits=units)))
    assert "does not measure in millimetres" in message
    assert f"DistanceUnits = {units}" in message


@pytest.mark.parametrize("units", ["mm", "MM", "?"])
def test_millimetres_may_be_stated(tmp_path: Path, units: str) -> None:
    assert_is_voxels(read_metaimage(put(tmp_path, file_bytes(DistanceUnits=units))))


@pytest.mark.parametrize(
    "name",
    [
        "ICA 70%dist.raw",
        "100%d.raw",
        "50%2d stenosis.raw",
        "slice%03d.raw 1 5 1",
        "data/scan.raw",
        "a/b c/d.raw",
        "./scan.raw",
        "list of voxels.raw",
    ],
)
def test_data_files_of_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(VOXELS.tobytes())
    path = put(tmp_path, file_bytes(b"", ElementDataFile=name), "scan.mhd")
    assert_is_voxels(read_metaimage(path))


def test_a_data_file_with_windows_separators(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "scan.raw").write_bytes(VOXELS.tobytes())
    path = put(tmp_path, file_bytes(b"", ElementDataFile="data\\scan.raw"), "scan.mhd")
    assert_is_voxels(read_metaimage(path))
    path = put(tmp_path, file_bytes(b"", ElementDataFile="..\\data\\scan.raw"), "scan.mhd")
    assert "outside" in refused(path)


@pytest.mark.parametrize("name", ["slice%03d.raw 1 5 1", "s%d.raw 0 4", "s%d.raw 0 4 2"])
def test_patterns_name_several_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "slice001.raw").touch()
    path = put(tmp_path, file_bytes(b"", ElementDataFile=name), "scan.mhd")
    assert "several files" in refused(path)


@pytest.mark.parametrize("spelling", ["Grösse.RAW", "gro\u0308sse.raw", "GRÖSSE.raw"])
@pytest.mark.parametrize("folder", ["", "data/"])
def test_a_data_file_whose_name_another_system_spells_alike(
    tmp_path: Path, spelling: str, folder: str
) -> None:
    """Windows and macOS do not care for case; macOS stores accents apart from their letters."""
    name = f"{folder}grösse.raw"
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / spelling).write_bytes(VOXELS.tobytes())
    path = put(tmp_path, file_bytes(b"", ElementDataFile=name), "scan.mhd")
    assert_is_voxels(read_metaimage(path))
    (tmp_path / folder / "GROSSE.raw").touch()
    assert_is_voxels(read_metaimage(path))
    (tmp_path / folder / "GRöSSE.RAW").touch()
    assert "no such file" in refused(path)


@pytest.mark.parametrize("ending", [".mha", ".mhd"])
def test_a_byte_order_mark_before_the_header(tmp_path: Path, ending: str) -> None:
    content = file_bytes(VOXELS.tobytes() if ending == ".mha" else b"")
    if ending == ".mhd":
        content = file_bytes(b"", ElementDataFile="scan.raw")
        (tmp_path / "scan.raw").write_bytes(VOXELS.tobytes())
    path = put(tmp_path, b"\xef\xbb\xbf" + content, f"scan{ending}")
    assert_is_voxels(read_metaimage(path))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s9--00.raw\n", "datalad get"),
        (gzip.compress(VOXELS.tobytes(), mtime=0), "gunzip"),
        (b"<html>404</html>", "a web page"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_data_file_that_is_something_else(
    tmp_path: Path, content: bytes, words: str, *, compressed: bool
) -> None:
    (tmp_path / "scan.raw").write_bytes(content)
    stated = {"CompressedData": "True", "CompressedDataSize": "99999"} if compressed else {}
    path = put(tmp_path, file_bytes(b"", ElementDataFile="scan.raw", **stated), "scan.mhd")
    message = refused(path)
    assert words in message
    assert "scan.raw" in message
