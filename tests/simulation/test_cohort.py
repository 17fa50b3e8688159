from __future__ import annotations

import csv
import hashlib
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK

from carotid.errors import OutputError, UsageError
from carotid.simulation.cohort import (
    participant_id,
    participant_seed,
    simulate_cohort,
    truth_record,
    write_participant,
)
from carotid.simulation.contours import true_contours
from carotid.simulation.neck import simulate_neck
from carotid.simulation.truth import slice_centers
from carotid.storage.results.contours import load_contours

from .recipes import SMALL

if TYPE_CHECKING:
    from pathlib import Path


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def test_a_cohort_on_disk(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    ids = simulate_cohort(tmp_path / "a", 2, 7, SMALL, lambda k, n: calls.append((k, n)))
    assert ids == ["neck-001", "neck-002"]
    assert calls == [(1, 2), (2, 2)]
    files = _hashes(tmp_path / "a")
    assert sorted(files) == [
        "annotations/neck-001/centerline_transform/left_centerline.tsv",
        "annotations/neck-001/centerline_transform/right_centerline.tsv",
        "annotations/neck-001/contour_transform/left_contour.tsv",
        "annotations/neck-001/contour_transform/right_contour.tsv",
        "annotations/neck-001/contour_transform/spatial_metadata.json",
        "annotations/neck-002/centerline_transform/left_centerline.tsv",
        "annotations/neck-002/centerline_transform/right_centerline.tsv",
        "annotations/neck-002/contour_transform/left_contour.tsv",
        "annotations/neck-002/contour_transform/right_contour.tsv",
        "annotations/neck-002/contour_transform/spatial_metadata.json",
        "raw/neck-001.mha",
        "raw/neck-002.mha",
        "raw/parameters.json",
        "truth/neck-001.json",
        "truth/neck-002.json",
    ]
    assert json.loads((tmp_path / "a/raw/parameters.json").read_text()) == {
        "rescale": True,
        "lower_percentile_rescaler": 5.0,
        "upper_percentile_rescaler": 95.0,
    }
    # Fewer participants of the same seed are the same ones, byte for byte.
    simulate_cohort(tmp_path / "b", 1, 7, SMALL)
    fewer = _hashes(tmp_path / "b")
    assert {name: files[name] for name in fewer} == fewer
    simulate_cohort(tmp_path / "c", 1, 8, SMALL)
    assert _hashes(tmp_path / "c")["raw/neck-001.mha"] != fewer["raw/neck-001.mha"]


def test_what_is_there_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    simulate_cohort(tmp_path, 1, 0, SMALL)
    before = _hashes(tmp_path)
    with pytest.raises(UsageError, match="already"):
        simulate_cohort(tmp_path, 1, 1, SMALL)
    assert _hashes(tmp_path) == before
    simulate_cohort(tmp_path, 1, 1, SMALL, force=True)
    assert _hashes(tmp_path) != before


def test_force_leaves_nothing_of_an_earlier_cohort(tmp_path: Path) -> None:
    simulate_cohort(tmp_path, 2, 0, SMALL)
    (tmp_path / "raw/.neck-002.part").write_bytes(b"of a killed process")
    (tmp_path / "raw/.DS_Store").write_bytes(b"a file manager's")
    simulate_cohort(tmp_path, 1, 1, SMALL, force=True)
    (tmp_path / "raw/.DS_Store").unlink()
    left = _hashes(tmp_path)
    simulate_cohort(tmp_path / "alone", 1, 1, SMALL)
    assert left == _hashes(tmp_path / "alone")
    assert not (tmp_path / "annotations/neck-002").exists()


def test_an_interrupted_cohort_is_begun_again(tmp_path: Path) -> None:
    simulate_cohort(tmp_path, 1, 0, SMALL)
    whole = _hashes(tmp_path)
    (tmp_path / "raw/neck-001.mha").unlink()
    (tmp_path / "annotations/neck-001/contour_transform/left_contour.tsv").unlink()
    simulate_cohort(tmp_path, 1, 0, SMALL)
    assert _hashes(tmp_path) == whole


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("raw/sub-01.nii.gz", "a scan"),
        ("raw/neck-001.mha", "somebody's own scan of that name"),
        ("raw/parameters.json", '{"rescale": false}'),
        ("raw/parameters.json", "{"),
        ("annotations/neck-001/contour_transform/left_contour.tsv", "drawn by hand"),
        ("annotations/sub-01/centerline_transform/left_centerline.tsv", "x\ty"),
        ("truth/notes.txt", "mine"),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_what_others_wrote_is_not_touched(
    tmp_path: Path, name: str, content: str, *, force: bool
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    before = _hashes(tmp_path)
    with pytest.raises(UsageError, match=re.escape(path.name)) as caught:
        simulate_cohort(tmp_path, 1, 0, SMALL, force=force)
    assert "no simulation wrote" in str(caught.value)
    assert _hashes(tmp_path) == before


def test_own_scans_among_simulated_ones_are_kept(tmp_path: Path) -> None:
    simulate_cohort(tmp_path, 1, 0, SMALL)
    (tmp_path / "raw/sub-01.nii.gz").write_text("a scan")
    before = _hashes(tmp_path)
    with pytest.raises(UsageError, match="no simulation wrote"):
        simulate_cohort(tmp_path, 1, 1, SMALL, force=True)
    assert _hashes(tmp_path) == before


def test_one_simulation_at_a_time(tmp_path: Path) -> None:
    refused: list[str] = []

    def on_progress(*_: int) -> None:
        with pytest.raises(UsageError, match="another simulation") as caught:
            simulate_cohort(tmp_path, 1, 5, SMALL, force=True)
        refused.append(str(caught.value))

    simulate_cohort(tmp_path, 1, 0, SMALL, on_progress)
    assert len(refused) == 1
    simulate_cohort(tmp_path, 1, 0, SMALL, force=True)


@pytest.mark.parametrize(("participants", "seed"), [(0, 0), (-1, 0), (10**9, 0), (1, -1)])
def test_counts_and_seeds_that_make_no_sense(tmp_path: Path, participants: int, seed: int) -> None:
    with pytest.raises(UsageError):
        simulate_cohort(tmp_path, participants, seed, SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("no folder")
    with pytest.raises((OutputError, UsageError), match="raw"):
        simulate_cohort(tmp_path, 1, 0, SMALL)


def test_files_agree_with_the_neck_in_space(tmp_path: Path) -> None:
    """Read back by others' code: the scan's grid, the centers and the truth fall together."""
    neck = simulate_neck(participant_seed(3, 0), SMALL)
    write_participant(tmp_path, participant_id(0), neck)
    scan = SimpleITK.ReadImage(str(tmp_path / "raw/neck-001.mha"))
    np.testing.assert_array_equal(
        SimpleITK.GetArrayFromImage(scan).transpose(2, 1, 0), neck.volume.array
    )
    truth = json.loads((tmp_path / "truth/neck-001.json").read_text())
    canonical = neck.volume.grid.reoriented("RAS")
    for side in ("left", "right"):
        folder = tmp_path / "annotations/neck-001/centerline_transform"
        with (folder / f"{side}_centerline.tsv").open() as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        labels = {row["label"] for row in rows}
        assert labels <= {"internal", "external"}
        points = np.array(truth["sides"][side]["internal"]["points_mm"])
        for row in [r for r in rows if r["label"] == "internal"][::15]:
            index = np.array([float(row[axis]) for axis in "xyz"])
            assert row["z"].isdigit()
            world = canonical.world_from_index(index)
            assert np.linalg.norm(points - world, axis=1).min() < 1.2
            # In L-P-S, as others state positions, the same point lies inside of the same scan.
            lps = world * [-1, -1, 1]
            inside = scan.TransformPhysicalPointToContinuousIndex(  # type: ignore[no-untyped-call]
                [float(v) for v in lps]
            )
            size = scan.GetSize()  # type: ignore[no-untyped-call]
            assert all(-0.5 <= i <= n - 0.5 for i, n in zip(inside, size, strict=True))
        assert len(rows) == int(np.isfinite(slice_centers(neck, side)).all(axis=2).sum())
    stored = load_contours(tmp_path / "annotations/neck-001/contour_transform")
    made = true_contours(neck)
    assert stored.canonical.shape == canonical.shape
    for one, other in zip(stored.left + stored.right, made.left + made.right, strict=True):
        assert (one.label, one.z) == (other.label, other.z)
        assert one.lumen is not None
        assert other.lumen is not None
        np.testing.assert_allclose(one.lumen.points, other.lumen.points, atol=1e-4)


def test_the_truth_says_what_was_made() -> None:
    neck = simulate_neck(1, SMALL)
    record = truth_record(neck)
    json.dumps(record)
    left = record["sides"]["left"]
    assert len(left["internal"]["radius_mm"]) == len(left["internal"]["points_mm"])
    assert min(left["internal"]["radius_mm"]) > 0.5
    assert {"plaque_mm", "slow_flow", "external_ends_mm_above_bifurcation"} <= set(left["made"])
    assert len(left["bifurcation_mm"]) == 3
    assert record["visible_slices"] is not None
