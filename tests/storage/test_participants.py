"""RAW_DIR: who is in it."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.dicom_series import assert_same_place, make_volume, write_classic, write_enhanced
from tests.storage.entries import touch

from carotid.errors import InputError, UsageError, one_line
from carotid.storage.litter import is_litter
from carotid.storage.participants import find_scans, find_scans_at
from carotid.storage.raw import load_scan


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
        (["e\u0301.mha", "\u00e9.nii"], ["differ only in how accents are stored"]),
        (["sub\u00a001.mha"], ["cannot be used", r"'sub\xa001'"]),
        (["sub\u200b01/"], ["cannot be used", r"'sub\u200b01'"]),
        (["-v.mha"], ["cannot be used", "'-v'", "Rename"]),
        (["a\nb.mha"], ["cannot be used", r"'a\nb'"]),
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
    with pytest.raises(UsageError, match=r"not a folder \(found a file"):
        find_scans(tmp_path / "file")
    touch(tmp_path, "sub-01.nii.gz")
    with pytest.raises(UsageError) as caught:
        find_scans(tmp_path / "sub-01.nii.gz")
    assert "found one scan" in str(caught.value)
    assert f"{tmp_path}, and --participant sub-01." in str(caught.value)
    paths = write_classic(make_volume(), tmp_path / "series")
    with pytest.raises(UsageError) as caught:
        find_scans(paths[0])
    assert "found one DICOM file" in str(caught.value)
    assert f"give {tmp_path} and --participant series." in str(caught.value)


def test_links_to_scans_are_followed_and_broken_ones_fail_when_loaded(tmp_path: Path) -> None:
    store = touch(tmp_path / "store", "series/IM1")
    raw = touch(tmp_path / "raw", "x/")
    (raw / "linked").symlink_to(store / "series")
    (raw / "lost.mha").symlink_to(store / "lost.mha")
    scans = find_scans(raw)
    assert list(scans) == ["linked", "lost", "x"]
    with pytest.raises(InputError, match=r"lost\.mha.*does not exist"):
        load_scan(scans["lost"])


def test_a_file_or_a_dicom_folder_can_stand_for_itself(tmp_path: Path) -> None:
    volume = make_volume()
    write_classic(volume, tmp_path / "sub-01")
    write_enhanced(volume, tmp_path / "sub-02.dcm")
    touch(tmp_path, "sub-03.nii.gz", "notes.txt")
    folder = find_scans_at(tmp_path / "sub-01")
    assert (folder.folder, list(folder.scans)) == (tmp_path / "sub-01", ["sub-01"])
    assert_same_place(load_scan(folder.scans["sub-01"]), volume)
    file = find_scans_at(tmp_path / "sub-02.dcm")
    assert (file.folder, list(file.scans)) == (tmp_path, ["sub-02"])
    assert_same_place(load_scan(file.scans["sub-02"]), volume)
    assert list(find_scans_at(tmp_path / "sub-03.nii.gz").scans) == ["sub-03"]
    with pytest.raises(UsageError, match="this file is no scan"):
        find_scans_at(tmp_path / "notes.txt")
    with pytest.raises(UsageError, match="no such folder"):
        find_scans_at(tmp_path / "gone")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", b"PK\x03\x04", "found a zip archive.*Unpack it"),
        ("a.nrrd", b"NRRD0004", "found an NRRD file"),
        ("a.PAR", b"# x", "found a format that is not read"),
        ("a.nii.gz.part", b"x", "found an unfinished download"),
    ],
)
def test_a_file_that_cannot_stand_for_a_scan_is_named_for_what_it_is(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=f"this file is no scan .{words}"):
        find_scans_at(tmp_path / name)


def test_a_folder_of_scans_stays_one(tmp_path: Path) -> None:
    write_classic(make_volume(), tmp_path)
    touch(tmp_path, "sub-01.mha")
    place = find_scans_at(tmp_path)
    assert (place.folder, list(place.scans)) == (tmp_path, ["sub-01"])


def test_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classic(make_volume(), tmp_path / "sub-01")
    monkeypatch.chdir(tmp_path / "sub-01")
    assert list(find_scans_at(Path()).scans) == ["sub-01"]


endings = st.sampled_from(
    [".mha", ".mhd", ".nii", ".nii.gz", ".dcm", ".raw", ".zip", ".part", ".txt", "", ".IMA", "~"]
)

stems = st.sampled_from(["a", "sub-01", "IM1", "Thumbs.db", "#recycle", ".x", "é", "é"]) | st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6
)

entries = st.dictionaries(
    st.builds("{}{}".format, stems, endings).filter(lambda name: name not in (".", "..")),
    st.sampled_from(["file", "folder", "dead link", "loop", "pipe", "DICOM", "header"]),
    max_size=6,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entries=entries)
@example(entries={"a.mhd": "file", "a.raw": "file"})
@pytest.mark.timeout(120)
def test_every_entry_is_a_participant_or_told_or_refused(
    tmp_path: Path, entries: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    raw = Path(tempfile.mkdtemp(dir=tmp_path))
    caplog.clear()
    for name, kind in entries.items():
        path = raw / name
        if kind == "folder":
            path.mkdir()
        elif kind in ("dead link", "loop"):
            path.symlink_to("nowhere" if kind == "dead link" else name)
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            content = {"file": b"x", "DICOM": bytes(128) + b"DICM" + bytes(9)}
            path.write_bytes(content.get(kind, b"ElementDataFile = data/x.raw\n"))
    with caplog.at_level(logging.INFO, "carotid"):
        try:
            scans = find_scans(raw)
        except UsageError as error:
            refused = str(error)
        else:
            refused = ""
    if refused:
        assert str(raw) in refused
        assert "\n" not in refused
        return
    told = one_line(" ".join(record.getMessage() for record in caplog.records))
    used = {scan.path.name for scan in scans.values()}
    for name, kind in entries.items():
        passed_over = is_litter(name, folder=kind == "folder")
        voxels = name.endswith(".raw") and f"{name.removesuffix('.raw')}.mhd" in used
        assert name in used or one_line(name)[:60] in told or passed_over or voxels, (name, kind)


def test_ids_that_are_one_number_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Programs for tables read 01 as 1: two people would become one."""
    touch(tmp_path, "1.mha", "01.mha", "2.mha", "010.mha", "a1.mha", "a01.mha")
    assert list(find_scans(tmp_path)) == ["01", "010", "1", "2", "a01", "a1"]
    (told,) = caplog.messages
    assert "01 and 1 are one number to programs for tables: read the column" in told
