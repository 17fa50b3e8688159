"""`carotid export` as users run it, from directories that are complete and that are not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.command import run_carotid
from tests.dicom_series import PATIENT, write_classic
from tests.export.marked import write_results
from tests.export.test_dicom import volume

from carotid.storage.participants import find_scans
from carotid.storage.raw import open_scan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("export")
    write_classic(volume("LPS"), root / "raw" / "P.002_U")
    grid = open_scan(find_scans(root / "raw")["P.002_U"]).grid
    write_results(root / "out", grid, "P.002_U")
    write_results(root / "out", "PSR", "sub-02", ("contour",))
    return root / "out"


@pytest.mark.parametrize(
    ("kind", "count", "missing"),
    [
        ("nifti", 2 + 8 + 16, ""),
        ("vtk", 10, "sub-02: 8 files in {to}/sub-02; there are no centerlines, measurements to"),
        (
            "slicer",
            77,
            "sub-02: 71 files in {to}/sub-02, 70 outlines among them; there are no centerlines, ",
        ),
        ("bids", 15, "P.002_U: is called sub-P002U there"),
        ("dicom", 2, ""),
    ],
)
def test_formats(kind: str, count: int, missing: str, out: Path, tmp_path: Path) -> None:
    to = tmp_path / "to"
    more = ("--raw_dir", out.parent / "raw") if kind == "dicom" else ()
    run = run_carotid("export", kind, out, to, *more)
    assert run.returncode == 0, run.stderr
    place = to / "P.002_U" if kind != "bids" else to / "sub-P002U" / "anat"
    written = [path for path in place.rglob("*") if path.is_file()]
    assert len(written) == count
    assert f"P.002_U: {len(written)} files in {place}" in run.stdout
    assert missing.format(to=to) in run.stdout
    assert not list(to.rglob(".*.part"))
    for value in PATIENT.values():
        assert value not in run.stdout + run.stderr
    first = {path: path.read_bytes() for path in written}
    assert run_carotid("export", kind, out, to, *more, "-p", "P.002_U").returncode == 0
    if kind != "dicom":  # whose objects have dates and numbers of their own
        assert {path: path.read_bytes() for path in written} == first


def test_one_that_fails_stops_nobody_and_is_told(out: Path, tmp_path: Path) -> None:
    write_results(tmp_path / "out", "LPS", "a", ("segmentation",))
    write_results(tmp_path / "out", "LPS", "b", ("segmentation",))
    broken = tmp_path / "out" / "a" / "segmentation_transform" / "left_segmentation.mha"
    broken.write_bytes(broken.read_bytes()[:400])
    run = run_carotid("export", "nifti", tmp_path / "out", tmp_path / "to")
    assert run.returncode == 1
    assert "a: failed: " in run.stderr
    assert str(broken) in run.stderr
    assert (tmp_path / "to" / "b" / "labels.nii.gz").is_file()
    assert not (tmp_path / "to" / "a").exists()


def test_what_cannot_be_exported(out: Path, tmp_path: Path) -> None:
    run = run_carotid("export", "nifti", out, tmp_path / "to", "-p", "sub-02")
    assert run.returncode == 2
    assert (
        "there is no participant of that name with masks or heatmaps (found 'sub-02'" in run.stderr
    )
    run = run_carotid("export", "dicom", out, tmp_path / "to")
    assert run.returncode == 2
    assert "--raw_dir" in run.stderr
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "dataset_description.json").write_text('{"Name": "scans"}')
    run = run_carotid("export", "bids", out, tmp_path / "raw")
    assert run.returncode == 2
    assert "another data set" in run.stderr
    assert len(list((tmp_path / "raw").iterdir())) == 1
    run = run_carotid("export", "vtk", out, out)
    assert run.returncode == 2
    assert "among the results" in run.stderr
    assert not (tmp_path / "to").exists()


def test_nothing_is_exported_among_results_or_scans(out: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "derivatives").mkdir(parents=True)
    (raw / "a.nii.gz").write_bytes(b"")
    write_results(tmp_path / "out", "LPS", "a", ("segmentation",))
    on_record = {"heatmap_transform": {"raw_dir": str(raw)}}
    (tmp_path / "out" / "parameters.json").write_text(json.dumps(on_record))
    for to, why in (
        (tmp_path / "out" / "sub", "among the results"),
        (tmp_path / "out" / "a", "among the results"),
        (raw / "b", "lies inside, an input directory"),
    ):
        run = run_carotid("export", "nifti", tmp_path / "out", to)
        assert run.returncode == 2
        assert why in run.stderr
    run = run_carotid("export", "nifti", out, raw)
    assert run.returncode == 2
    assert "among scans (found a.nii.gz)" in run.stderr
    assert sorted(path.name for path in raw.rglob("*")) == ["a.nii.gz", "derivatives"]
    run = run_carotid("export", "nifti", tmp_path / "out", raw / "derivatives" / "carotid")
    assert run.returncode == 0, run.stderr


def test_slices_in_the_wrong_order_are_refused(out: Path, tmp_path: Path) -> None:
    run = run_carotid("export", "slicer", out, tmp_path / "to", "--slices", "90", "20")
    assert run.returncode == 2
    assert "--slices: the first slice lies above the last one (found 90 20" in run.stderr
