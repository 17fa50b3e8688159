"""Comparing directories of contours: what counts, what is told, and what stops one participant."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.command import run_carotid
from tests.stages.segmentation.tubes import grid_of, tubes

from carotid.artifacts import Contours, CrossSection
from carotid.errors import UsageError
from carotid.evaluation.compare_contours import compare_contours
from carotid.storage.results.contours import save_contours

if TYPE_CHECKING:
    from pathlib import Path

ALL = tubes(grid_of("RAS"))
FEW = [tuple(one for one in side if one.z % 7 == 0) for side in (ALL.left, ALL.right)]
MADE = Contours(FEW[0], FEW[1], ALL.canonical, ALL.stored)


def write(root: Path, participant: str = "sub-1", contours: Contours = MADE) -> Path:
    folder = root / participant / "contour_transform"
    folder.mkdir(parents=True, exist_ok=True)
    save_contours(contours, folder)
    return folder


def without(contours: Contours, *, every: int = 0, walls_up_to: int = -1) -> Contours:
    """Contours whose left side lacks every n-th section, and walls up to a slice."""
    left = [
        CrossSection(s.label, s.z, s.lumen, None if s.z <= walls_up_to else s.wall)
        for k, s in enumerate(contours.left)
        if not every or k % every
    ]
    return Contours(tuple(left), contours.right, contours.canonical, contours.stored)


def test_equal_contours_agree(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name)
    found = compare_contours(tmp_path / "a", tmp_path / "b", tmp_path / "out", challenge=True)
    total = len(MADE.left) + len(MADE.right)
    for boundary, count in found.counts.items():
        assert (count.first, count.reference, count.both) == (total, total, total)
        assert found.dice[boundary] == pytest.approx([1] * total)
        assert max(one.hausdorff_mm for one in found.agreements[boundary]) < 1e-9
    assert [one.score for one in found.scores] == pytest.approx([1] * total)
    assert not found.warnings
    assert (tmp_path / "out" / "compare_contour_challenge.tsv").is_file()


def test_rows_are_sorted_and_places_repeat(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for participant in ("sub-2", "sub-10"):
            write(tmp_path / name, participant)
    compare_contours(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    for table in ("dice", "slices", "points"):
        dictionary = tmp_path / "out" / f"compare_contour_{table}.json"
        header = dictionary.with_suffix(".tsv").read_text().splitlines()[0].split("\t")
        assert list(json.loads(dictionary.read_text())) == header
        rows = (tmp_path / "out" / f"compare_contour_{table}.tsv").read_text().splitlines()[1:]
        places = [row.split("\t")[:5] for row in rows]
        keys = [(p, side, label, int(z), thing) for p, side, label, z, thing in places]
        assert keys == sorted(keys)


def test_slices_of_one_directory_alone_are_counted_and_score_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a", contours=without(MADE, every=3))
    write(tmp_path / "b")
    found = compare_contours(tmp_path / "a", tmp_path / "b", tmp_path / "out", challenge=True)
    lumen = found.counts["lumen"]
    missing = -(-len(MADE.left) // 3)
    assert lumen.reference - lumen.first == missing
    assert lumen.both == lumen.first
    assert sum(one.score == 0 for one in found.scores) == missing
    assert len(found.scores) == lumen.reference
    turned = compare_contours(tmp_path / "b", tmp_path / "a", tmp_path / "out", challenge=True)
    assert len(turned.scores) == lumen.first


def test_a_lumen_counts_where_a_wall_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b", contours=without(MADE, walls_up_to=30))
    found = compare_contours(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert len(found.dice["lumen"]) > len(found.dice["wall"]) == found.counts["wall"].both


def test_distances_take_the_voxels_of_x_and_y_apart(tmp_path: Path) -> None:
    """Contours moved by one voxel in y, which is 0.8 mm."""

    def moved(section: CrossSection) -> CrossSection:
        assert section.lumen is not None
        lumen = type(section.lumen).of_points(section.lumen.points + np.array([0, 1]))
        return CrossSection(section.label, section.z, lumen, None)

    other = Contours(tuple(map(moved, MADE.left)), (), MADE.canonical, MADE.stored)
    write(tmp_path / "a")
    write(tmp_path / "b", contours=other)
    found = compare_contours(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert [one.hausdorff_mm for one in found.agreements["lumen"]] == pytest.approx(
        [0.8] * len(MADE.left), abs=0.01
    )
    assert not found.agreements["wall"]


def test_what_only_one_has_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "a", "sub-9")
    write(tmp_path / "b")
    write(tmp_path / "b", "sub-8")
    (tmp_path / "b" / "sub-1" / "contour_transform" / "left_contour.tsv").unlink()
    found = compare_contours(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    text = "; ".join(found.warnings)
    assert "has contours of sub-9" in text
    assert "has contours of sub-8" in text
    assert "sub-1: the left side is left out" in text
    assert found.counts["lumen"].both == len(MADE.right)


def test_nothing_in_common_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b", "sub-2")
    with pytest.raises(UsageError, match="nothing can be compared"):
        compare_contours(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_participant_that_is_damaged_does_not_stop_the_others(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for participant in ("sub-1", "sub-2", "sub-3"):
            write(tmp_path / name, participant)
    table = tmp_path / "a" / "sub-2" / "contour_transform" / "left_contour.tsv"
    table.write_text(table.read_text().replace("\tlumen\t", "\tlume\t", 1))
    metadata = tmp_path / "b" / "sub-3" / "contour_transform" / "spatial_metadata.json"
    content = json.loads(metadata.read_text())
    content["orig_shape"][2] += 1
    content["stored_shape"] = None
    metadata.write_text(json.dumps(content))
    run = run_carotid("compare", "contour", tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert run.returncode == 1
    assert "row 2, column object" in run.stderr
    assert "sub-3 was not compared" in run.stderr
    assert "different grids" in run.stderr
    assert "1 participant\n" in run.stdout
    rows = (tmp_path / "out" / "compare_contour_dice.tsv").read_text().splitlines()
    assert {row.split("\t")[0] for row in rows[1:]} == {"sub-1"}


def test_the_challenge_score_is_printed(tmp_path: Path) -> None:
    write(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    run = run_carotid(
        "compare", "contour", tmp_path / "a", tmp_path / "b", tmp_path / "out", "--challenge"
    )
    assert run.returncode == 0, run.stderr
    assert "challenge score: 1.0000" in run.stdout
    header = (tmp_path / "out" / "compare_contour_challenge.tsv").read_text().splitlines()[0]
    assert header.split("\t")[4:6] == ["score", "wall_dice"]
