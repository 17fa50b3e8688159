"""RAW_DIR: who is in it, and who is asked for."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from carotid.errors import InputError, UsageError
from carotid.storage.participants import find_scans
from carotid.storage.raw import RawScan, load_scan


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
    assert record.getMessage() == f"{tmp_path}: no scans: notes.txt"


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
