"""RAW_DIR: who is in it, whose scan is read how, and `parameters.json`."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from carotid.errors import CarotidError, ConfigurationError, InputError, UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.raw import (
    NO_RESCALING,
    RawScan,
    Rescaling,
    find_scans,
    hash_scan,
    load_scan,
    read_rescaling,
    scan_header,
    select_participants,
)

DATA = Path(__file__).parents[1] / "data" / "metaimage"
GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "heatmap"
NIFTI: Any = nibabel


def touch(folder: Path, *names: str) -> Path:
    """Make empty files, and folders where the name ends in a slash."""
    for name in names:
        if name.endswith("/"):
            (folder / name).mkdir(parents=True)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"")
    return folder


def scans_of(*participant_ids: str) -> dict[str, RawScan]:
    return {key: RawScan(key, Path(f"{key}.mha"), "metaimage") for key in participant_ids}


# --- who is there ------------------------------------------------------------------------------


def test_every_format_side_by_side(tmp_path: Path) -> None:
    touch(
        tmp_path, "P.001_U.mha", "b.mhd", "b.raw", "c.nii", "d.x.nii.gz", "Anon 450/IM0001", "E.MHA"
    )
    touch(
        tmp_path, "parameters.json", ".hidden.mha", ".cache/", "readme.txt", "empty/", "f.mha.bak"
    )
    touch(tmp_path, "q.hdr", "q.img", "loose.dcm", "__MACOSX/", "parameters.json.mha")
    scans = find_scans(tmp_path)
    assert {key: (scan.path.name, scan.kind) for key, scan in scans.items()} == {
        "Anon 450": ("Anon 450", "dicom"),
        "E": ("E.MHA", "metaimage"),
        "P.001_U": ("P.001_U.mha", "metaimage"),
        "b": ("b.mhd", "metaimage"),
        "c": ("c.nii", "nifti"),
        "d.x": ("d.x.nii.gz", "nifti"),
        "empty": ("empty", "dicom"),
        "parameters.json": ("parameters.json.mha", "metaimage"),
    }
    assert list(scans) == sorted(scans)
    assert all(scan.participant_id == key for key, scan in scans.items())
    assert all(scan.path.parent == tmp_path for scan in scans.values())


def test_what_is_passed_over_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "a.mhd", "a.zraw", "notes.txt", "parameters.json", ".hidden")
    with caplog.at_level(logging.INFO):
        find_scans(tmp_path)
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage() == f"{tmp_path}: not used: notes.txt"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.mha", "a.nii"], ["'a' is there twice", "a.mha and a.nii"]),
        (["a/", "a.mha"], ["'a' is there twice", "a and a.mha"]),
        (["a.nii", "a.nii.gz"], ["'a' is there twice", "a.nii and a.nii.gz"]),
        (["a.mha", "a.mhd"], ["'a' is there twice", "a.mha and a.mhd"]),
        (["Sub-1.mha", "sub-1.mha"], ["upper and lower case", "Sub-1.mha and sub-1.mha"]),
        (["STRASSE/", "straße.nii"], ["upper and lower case", "STRASSE and straße.nii"]),
        (["e\u0301.mha", "\u00e9.nii"], ["differ only"]),
        (["-v.mha"], ["cannot be used", "'-v'", "Rename"]),
        (["a\nb.mha"], ["cannot be used"]),
        (["a\tb/"], ["cannot be used"]),
        (["a .mha"], ["cannot be used"]),
        (["a\\b.nii"], ["cannot be used"]),
        (["x" * 201 + ".mha"], ["longer than 200"]),
        (["\udcff.mha"], ["cannot be used"]),
        ([], ["no scans", "found nothing", "one folder of DICOM files"]),
        (["IM1.dcm", "IM2.dcm"], ["no scans", "found IM1.dcm, IM2.dcm", "one folder of DICOM"]),
        (["parameters.json"], ["no scans"]),
        ([f"{n:03}.txt" for n in range(100)], ["no scans", "019.txt and 80 more"]),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, names: list[str], expected: list[str]) -> None:
    touch(tmp_path, *names)
    with pytest.raises(UsageError) as caught:
        find_scans(tmp_path)
    message = str(caught.value)
    assert str(tmp_path) in message
    assert "\n" not in message
    for words in expected:
        assert words in message


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    touch(tmp_path, "file")
    with pytest.raises(UsageError, match="no such folder"):
        find_scans(tmp_path / "missing")
    with pytest.raises(UsageError, match="not a folder"):
        find_scans(tmp_path / "file")


def test_links_to_scans_are_followed_and_broken_ones_fail_when_loaded(tmp_path: Path) -> None:
    store = touch(tmp_path / "store", "series/IM1")
    raw = touch(tmp_path / "raw", "x/")
    (raw / "linked").symlink_to(store / "series")
    (raw / "lost.mha").symlink_to(store / "lost.mha")
    scans = find_scans(raw)
    assert list(scans) == ["linked", "lost", "x"]
    with pytest.raises(InputError, match=r"lost\.mha.*does not exist"):
        load_scan(scans["lost"])


# --- whom to take ------------------------------------------------------------------------------


def test_all_some_and_repeated_participants() -> None:
    scans = scans_of("c", "a", "b")
    nobody: list[str] = []
    for everybody in (None, nobody):
        assert [scan.participant_id for scan in select_participants(scans, everybody)] == list(
            "abc"
        )
    assert select_participants(scans, ["c", "a", "c"]) == [scans["a"], scans["c"]]


@pytest.mark.parametrize(
    "wanted", ["../x", "/etc", "", "a\nb", "-a", "sub-1.mha", "SUB-1", "sub-1 ", "sub-1/", "."]
)
def test_an_id_that_is_not_there_lists_what_is(wanted: str) -> None:
    with pytest.raises(UsageError) as caught:
        select_participants(scans_of("sub-1", "other"), ["other", wanted])
    message = str(caught.value)
    assert "--participant: there is no participant of that name" in message
    assert "ids among other, sub-1" in message
    assert "\n" not in message
    assert repr(wanted) in message


def test_the_nearest_id_is_named_and_long_lists_are_shortened() -> None:
    scans = scans_of(*[f"sub-{n:03}" for n in range(1000)])
    with pytest.raises(UsageError) as caught:
        select_participants(scans, ["sub-0005"])
    assert "Perhaps 'sub-0" in str(caught.value)
    assert "sub-019 and 980 more" in str(caught.value)
    with pytest.raises(UsageError) as caught:
        select_participants(scans, ["zzz", "yyy", "zzz"])
    assert "Perhaps" not in str(caught.value)
    assert "found 'zzz', 'yyy'," in str(caught.value)


# --- reading -----------------------------------------------------------------------------------

AFFINE = np.array([[0, 0, -0.7, 10], [-0.5, 0, 0, 20], [0, 0.6, 0, -30], [0, 0, 0, 1.0]])
VOLUME = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), Grid((2, 3, 4), AFFINE))


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    """One volume as every single-file format."""
    write_metaimage(tmp_path / "mha.mha", VOLUME)
    for name in ("nii.nii", "gz.nii.gz"):
        NIFTI.save(NIFTI.Nifti1Image(VOLUME.array, VOLUME.grid.affine), tmp_path / name)
    header = "\n".join(
        [
            "NDims = 3",
            "TransformMatrix = 0 1 0 0 0 1 1 0 0",
            "Offset = -10 -20 -30",
            "ElementSpacing = 0.5 0.6 0.7",
            "DimSize = 2 3 4",
            "ElementType = MET_SHORT",
            "ElementDataFile = mhd.raw",
        ]
    )
    (tmp_path / "mhd.mhd").write_text(header)
    (tmp_path / "mhd.raw").write_bytes(VOLUME.array.tobytes("F"))
    return tmp_path


def test_one_volume_is_the_same_in_every_format(raw_dir: Path) -> None:
    scans = find_scans(raw_dir)
    assert list(scans) == ["gz", "mha", "mhd", "nii"]
    for scan in scans.values():
        volume = load_scan(scan)
        np.testing.assert_array_equal(volume.array, VOLUME.array)
        assert volume.grid.agrees_with(VOLUME.grid, 1e-5)
        grid, dtype = scan_header(scan)
        assert dtype == np.int16
        assert grid.agrees_with(volume.grid, 0)


def test_errors_name_the_participants_file(raw_dir: Path) -> None:
    touch(raw_dir, "hollow/", "nodicom/readme.txt")
    for scan in find_scans(raw_dir).values():
        if scan.kind != "dicom":
            scan.path.write_bytes(scan.path.read_bytes()[:100])
        for read in (load_scan, scan_header):
            with pytest.raises(CarotidError) as caught:
                read(scan)
            assert str(scan.path) in str(caught.value)
            assert isinstance(caught.value, InputError)


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden cases are not here")
def test_the_golden_dicom_folder_is_read() -> None:
    scans = find_scans(GOLDEN / "dicom_axial" / "raw")
    assert list(scans) == ["Anon 450"]
    volume = load_scan(scans["Anon 450"])
    with np.load(GOLDEN / "dicom_axial" / "expected" / "Anon 450.npz") as expected:
        assert volume.reoriented("RAS").grid.agrees_with(
            Grid(np.squeeze(expected["image_ras"]).shape, expected["affine_ras"]), 1e-3
        )
    assert len(hash_scan(scans["Anon 450"])) == 64


def test_reading_metaimage_loads_neither_nibabel_nor_pydicom(raw_dir: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from carotid.storage.raw import *;"
        f"load_scan(find_scans(Path({str(raw_dir)!r}))['mha']);"
        "heavy = {'nibabel', 'pydicom', 'highdicom', 'scipy', 'torch', 'matplotlib'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


# --- checksums ---------------------------------------------------------------------------------


def test_one_file_has_its_own_checksum(raw_dir: Path) -> None:
    for scan in find_scans(raw_dir).values():
        if scan.path.suffix != ".mhd":
            assert hash_scan(scan) == hashlib.sha256(scan.path.read_bytes()).hexdigest()


def test_a_header_and_its_data_file_are_hashed_as_sha256sum_would(raw_dir: Path) -> None:
    lines = "".join(
        f"{hashlib.sha256((raw_dir / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("mhd.mhd", "mhd.raw")
    )
    scan = find_scans(raw_dir)["mhd"]
    assert hash_scan(scan) == hashlib.sha256(lines.encode()).hexdigest()
    (raw_dir / "mhd.raw").write_bytes(bytes(48))
    assert hash_scan(scan) != hashlib.sha256(lines.encode()).hexdigest()


def test_a_folders_checksum_is_that_of_its_dicom_files_and_their_names(tmp_path: Path) -> None:
    part = bytes(128) + b"DICM"
    folder = touch(tmp_path / "raw" / "p", "b/two", "one", "Thumbs.db")
    (folder / "one").write_bytes(part + b"1")
    (folder / "b" / "two").write_bytes(part + b"2")
    scan = RawScan("p", folder, "dicom")
    first = hash_scan(scan)
    (folder / "Thumbs.db").write_bytes(b"changed")
    (folder / "loop").symlink_to(folder)
    assert hash_scan(scan) == first
    (folder / "one").rename(folder / "three")
    second = hash_scan(scan)
    (folder / "b" / "two").write_bytes(part + b"3")
    assert len({first, second, hash_scan(scan)}) == 3


@pytest.mark.timeout(20)
def test_a_pipe_has_no_checksum(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.nii")
    with pytest.raises(InputError, match="a named pipe"):
        hash_scan(RawScan("a", tmp_path / "a.nii", "nifti"))


# --- parameters.json ---------------------------------------------------------------------------

RIGHT: dict[str, Any] = {
    "rescale": True,
    "lower_percentile_rescaler": 5,
    "upper_percentile_rescaler": 99.5,
}


def test_without_the_file_nothing_is_rescaled(tmp_path: Path) -> None:
    assert read_rescaling(tmp_path) == NO_RESCALING
    assert not NO_RESCALING.rescale


@pytest.mark.parametrize("changes", [{}, {"rescale": False}, {"more": [1, {"a": None}]}])
def test_settings_are_read(tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "parameters.json").write_text(json.dumps(RIGHT | changes), "utf-8-sig")
    assert read_rescaling(tmp_path) == Rescaling(
        rescale=changes.get("rescale", True), lower_percentile=5, upper_percentile=99.5
    )


LOWER, UPPER = "lower_percentile_rescaler", "upper_percentile_rescaler"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (json.dumps(RIGHT | {"rescale": 1}), "'rescale' is not usable (found 1"),
        (json.dumps(RIGHT | {"rescale": "true"}), "'rescale' is not usable"),
        (json.dumps(RIGHT | {"rescale": None}), "found null, expected true or false"),
        (json.dumps(RIGHT | {LOWER: True}), f"'{LOWER}' is not usable"),
        (json.dumps(RIGHT | {LOWER: "5"}), f"'{LOWER}' is not usable"),
        (json.dumps(RIGHT | {LOWER: -1}), "a number from 0 to 100"),
        (json.dumps(RIGHT | {LOWER: float("nan")}), "a number from 0 to 100"),
        (json.dumps(RIGHT | {UPPER: 100.1}), f"'{UPPER}' is not usable"),
        (json.dumps(RIGHT | {UPPER: 10**400}), f"'{UPPER}' is not usable"),
        (json.dumps(RIGHT | {UPPER: float("inf")}), f"'{UPPER}' is not usable"),
        (json.dumps(RIGHT | {UPPER: [99]}), f"'{UPPER}' is not usable"),
        (json.dumps(RIGHT | {UPPER: 5}), "is not below"),
        (json.dumps(RIGHT | {UPPER: 4}), "found 5 and 4"),
        ("{}", "the key 'rescale' is missing"),
        (json.dumps({k: v for k, v in RIGHT.items() if k != UPPER}), f"'{UPPER}' is missing"),
        ("[]", "found list"),
        ("null", "a JSON object"),
        ("", "not valid JSON"),
        ("{'rescale': True}", "not valid JSON"),
        ('{"rescale": true, "rescale": false}', "'rescale' is there twice"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON"),
        (" " * 2**20 + json.dumps(RIGHT), "too big"),
    ],
)
def test_wrong_settings_are_one_clear_line(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "parameters.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        read_rescaling(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert "\n" not in message
    assert len(message) < 1000


def test_what_is_no_text_file(tmp_path: Path) -> None:
    path = tmp_path / "parameters.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not valid JSON"):
        read_rescaling(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError, match="a folder"):
        read_rescaling(tmp_path)
    path.rmdir()
    path.symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match="does not exist"):
        read_rescaling(tmp_path)
