"""Every scan that cannot be used: one clear line, no result, and the others are done."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.command import unfinished
from tests.dicom_series import write_classic
from tests.faults.bad_scans import METAIMAGE, NIFTI, PACKED, VOXEL_ROWS
from tests.faults.bad_series import DICOM, SCAN
from tests.faults.harness import MEMORY_LIMIT_BYTES, Place, run
from tests.necks import write_scan

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = {"MetaImage": METAIMAGE, "voxels": VOXEL_ROWS, "NIfTI": NIFTI, "DICOM": DICOM}
FIRST, LAST = "0 first good one", "zz last good one"


@pytest.mark.parametrize("kind", FORMATS)
def test_bad_scans_fail_alone(kind: str, tmp_path: Path) -> None:
    rows: dict[str, tuple[Callable[[Path, str], object], str]] = FORMATS[kind]
    place = Place.made(tmp_path, [FIRST, LAST])
    for name, (write, _) in rows.items():
        write(place.raw, name)
    before = place.inputs()

    ran = run(place.arguments, tmp_path)

    assert ran.code == 1, ran.err
    assert "Traceback" not in ran.said
    assert "Warning" not in ran.said, "another library's warning came through"
    assert place.inputs() == before
    assert ran.peak_bytes < MEMORY_LIMIT_BYTES
    done = {FIRST, LAST} | {name for name, (_, words) in rows.items() if not words}
    problems = [f"{name}: not done" for name in done - set(place.complete())]
    problems += [f"{name}: has a result" for name in set(place.complete()) - done]
    table = json.loads((place.out / "summary.json").read_text())["heatmap_transform"][
        "participants"
    ]
    assert len(table) == len(rows) + 2
    for row in table:
        name, reason = row["participant_id"], row["reason"]
        if name in done:
            continue
        words = rows[name][1]
        lines = [
            line for line in ran.out.splitlines() if re.match(rf"{re.escape(name)} +failed ", line)
        ]
        if [line for line in lines if line.endswith(reason)] != lines[:1] or len(lines) != 1:
            problems.append(f"{name}: not one line: {lines}")
        if str(place.raw) not in reason or "unexpected" in reason or len(reason) > 900:
            problems.append(f"{name}: not clear: {reason}")
        if not re.search(words, reason):
            problems.append(f"{name}: expected '{words}' in: {reason}")
    assert not problems, "\n".join(problems)
    assert unfinished(place.out) == []
    assert len(list(tmp_path.iterdir())) <= 8, "nothing is written beside the output directory"


def test_no_entry_of_raw_dir_is_overlooked(tmp_path: Path) -> None:
    """What may be a scan and is not used is named without -v, or is a participant."""
    place = Place.made(tmp_path, [FIRST])
    may_be_scans = [
        *("a.nrrd", "b.mgz", "c.hdr", "c.img", "d.zip", "e.tar.gz", "f.nii.gz.part", "g.IMA"),
        *("h.mha.crdownload", "i.nii.bz2", "j.raw", "k", "l.nii.gz~", ".m.nii.gz.Xy12Z9"),
        *(".n.nii.gz.icloud", ".syncthing.o.mha.tmp", "p.nii.gz.txt", "q.7z.001", "r.mha.html"),
    ]
    for name in may_be_scans:
        (place.raw / name).write_bytes(b"x" * 999)
    for name in ("notes.txt", "list.csv", "README", "Thumbs.db", ".DS_Store"):
        (place.raw / name).write_bytes(b"x" * 999)
    for name in ("$RECYCLE.BIN", "#recycle", "@Recycle", "@eaDir"):
        (place.raw / name).mkdir()
    (place.raw / "sub-02").symlink_to("/mnt/unmounted/sub-02")

    ran = run(place.arguments, tmp_path)

    assert ran.code == 1, ran.err
    assert place.complete() == [FIRST]
    assert "sub-02  " in ran.out
    assert "the link leads to a file that does not exist" in ran.out
    (warning,) = [line for line in ran.err.splitlines() if "not used:" in line]
    for name in may_be_scans:
        assert re.search(rf"[:,;] {re.escape(name)}[ ,]", warning), name
    for name in ("notes", "list", "README", "Thumbs", "DS_Store", "RECYCLE", "recycle", "eaDir"):
        assert name not in ran.said


@pytest.mark.parametrize("given", ["scans/one.mha", "series"])
def test_one_scan_may_stand_for_the_folder_of_all(given: str, tmp_path: Path) -> None:
    place = Place.made(tmp_path, [])
    write_classic(SCAN, tmp_path / "series")
    for name in ("one", "two"):
        write_scan(tmp_path / "scans" / f"{name}.mha", 1)

    ran = run(instead_of_raw_dir(place, given), tmp_path)

    assert ran.code == 0, ran.said
    assert place.complete() == [Path(given).stem]


def test_a_folder_one_level_too_high_says_what_to_give(tmp_path: Path) -> None:
    place = Place.made(tmp_path, [])
    for name in ("one", "two"):
        write_scan(tmp_path / "above" / "scans" / f"{name}.mha", 1)

    ran = run(instead_of_raw_dir(place, "above"), tmp_path)

    assert ran.code == 1, ran.said
    assert re.search("2 scans of other formats.*as RAW_DIR: .*scans", ran.said), ran.said
    assert not place.complete()


def instead_of_raw_dir(place: Place, given: str) -> list[str]:
    """The arguments of the heatmap command with another RAW_DIR."""
    return [str(place.root / given) if word == str(place.raw) else word for word in place.arguments]


def test_a_bids_data_set_is_read(tmp_path: Path) -> None:
    place = Place.made(tmp_path, [])
    for session in ("ses-1", "ses-2"):
        folder = place.raw / "sub-01" / session / "anat"
        folder.mkdir(parents=True)
        (folder / f"sub-01_{session}_T1w.nii.gz").write_bytes(PACKED)
    (place.raw / "dataset_description.json").write_text("{}")

    ran = run(place.arguments, tmp_path)

    assert ran.code == 0, ran.err
    assert place.complete() == ["sub-01_ses-1", "sub-01_ses-2"]
