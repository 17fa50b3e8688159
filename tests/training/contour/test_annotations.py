from __future__ import annotations

import functools
import json
import operator
from typing import TYPE_CHECKING

import pytest

from carotid.errors import InputError, UsageError
from carotid.training.contour.annotations import find_contour_sources, folds, read_items

from .scans import write_participant

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    write_participant(tmp_path, "b", 2.0)
    write_participant(tmp_path, "a", 2.4)
    return tmp_path


def test_sides_of_participants_that_have_scans(annotated: Path) -> None:
    (annotated / "annotations/c/contour_transform").mkdir(parents=True)
    sources = find_contour_sources(annotated / "raw", annotated / "annotations")
    assert [(one.participant, one.side) for one in sources] == [("a", "left"), ("b", "left")]
    assert len(sources[0].sections) == 28


def test_a_list_chooses_cross_sections(annotated: Path) -> None:
    path = annotated / "list.tsv"
    path.write_text("z\tlabel\tside\tparticipant_id\n3\tinternal\tleft\ta\n5\tinternal\tleft\ta\n")
    items = read_items(path)
    assert items == [("a", "left", "internal", 3), ("a", "left", "internal", 5)]
    sources = find_contour_sources(annotated / "raw", annotated / "annotations", items)
    assert [[s.z for s in one.sections] for one in sources] == [[3, 5]]


def test_all_mistakes_are_told_at_once(annotated: Path) -> None:
    table = annotated / "annotations/a/contour_transform/left_contour.tsv"
    rows = table.read_text().splitlines()
    kept = [r for r in rows if not r.startswith(("internal\twall\t", "x")) or "\t7.0\t" not in r]
    moved = [r for r in kept if not (r.startswith("internal\tlumen") and "\t9.0\t" in r)]
    crescent = [
        f"internal\tlumen\t{x}\t{y}\t9.0\t\t\t" for x, y in ((0, 0), (30, 0), (1, 1), (0, 30))
    ]
    table.write_text("\n".join([*moved, *crescent]) + "\n")
    missing = [("b", "left", "internal", 99), ("z", "left", "internal", 1)]
    with pytest.raises(InputError) as error:
        find_contour_sources(annotated / "raw", annotated / "annotations", None)
    text = str(error.value)
    assert "a left internal 7: no wall" in text
    assert "a left internal 9: the mean of the lumen's points lies outside" in text
    with pytest.raises(InputError, match="2 annotated contours") as error:
        find_contour_sources(annotated / "raw", annotated / "annotations", missing)
    assert "b left internal 99" in str(error.value)


def test_contours_of_another_scan_are_refused(annotated: Path) -> None:
    folder = annotated / "annotations/a/contour_transform"
    content = json.loads((folder / "spatial_metadata.json").read_text())
    grid = {"orig_shape": [9, 9, 30], "affine": content["affine"]}
    (folder / "spatial_metadata.json").write_text(json.dumps(grid))
    with pytest.raises(InputError, match="another scan"):
        find_contour_sources(annotated / "raw", annotated / "annotations")


def test_no_annotation_at_all(annotated: Path) -> None:
    with pytest.raises(UsageError, match="no scan has annotated contours"):
        find_contour_sources(annotated / "raw", annotated / "nowhere")


@pytest.mark.parametrize(
    "row",
    ["a\tleft\tinternal\t1.5", "a\tup\tinternal\t1", "a\tleft\tcommon\t1", "a\tleft\tinternal"],
)
def test_a_list_with_a_wrong_row(tmp_path: Path, row: str) -> None:
    path = tmp_path / "list.tsv"
    path.write_text(f"participant_id\tside\tlabel\tz\n{row}\n")
    with pytest.raises(InputError, match="row 2"):
        read_items(path)


def test_folds_are_repeatable_and_complete() -> None:
    names = [f"p{k}" for k in range(7)]
    parts = folds(names, 3, 1)
    assert [len(part) for part in parts] == [3, 2, 2]
    assert sorted(functools.reduce(operator.iadd, parts, [])) == names
    assert folds(names, 3, 1) == parts
    assert folds(names, 3, 2) != parts


def test_more_folds_than_participants() -> None:
    with pytest.raises(UsageError, match="too few"):
        folds(["a", "b"], 3, 0)
