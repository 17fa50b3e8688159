from __future__ import annotations

import functools
import json
import operator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.dicom_series import series_uid, write_classic

from carotid.errors import InputError, UsageError
from carotid.storage.metaimage.read import open_metaimage
from carotid.storage.raw import load_scan
from carotid.storage.results.layout import centerline_file
from carotid.storage.scan_source import ScanSource
from carotid.training.contour.annotations import find_contour_sources, folds, read_items

from .scans import write_participant

if TYPE_CHECKING:
    from collections.abc import Callable
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


def test_a_series_is_chosen_where_a_folder_has_several(annotated: Path) -> None:
    raw = annotated / "raw"
    scan = open_metaimage(raw / "a.mha").read().volume
    (raw / "a.mha").unlink()
    for series, more in (("2", 0), ("3", 7)):
        volume = scan.with_array((scan.array + more).astype(np.int16))
        write_classic(volume, raw / "a", uid=series, name=f"{series}-{{}}".format)
    with pytest.raises(InputError, match="there are 2 series") as error:
        find_contour_sources(raw, annotated / "annotations")
    assert "--series of `carotid run`, `transform` or `train`" in str(error.value)
    for series, more in (("2", 0), ("3", 7)):
        sources = find_contour_sources(
            ScanSource(raw, series=series_uid(series)), annotated / "annotations"
        )
        found = load_scan(sources[0].scan).array
        assert int(found.min()) == int(scan.array.min()) + more
        assert sources[0].rescaling.upper_percentile == 99.5, "of RAW_DIR's parameters.json"


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


def _edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Change the cells of each row of a table."""
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *("\t".join(change(r.split("\t"))) for r in rows)]) + "\n")


def _times(factor: float) -> Callable[[list[str]], list[str]]:
    return lambda row: [*row[:2], *(str(float(v) * factor) for v in row[2:4]), *row[4:]]


def _exchanged(row: list[str]) -> list[str]:
    return [row[0], {"lumen": "wall", "wall": "lumen"}[row[1]], *row[2:]]


def test_lumen_and_wall_exchanged(annotated: Path) -> None:
    _edit(annotated / "annotations/a/contour_transform/left_contour.tsv", _exchanged)
    with pytest.raises(InputError, match="a left internal 1: the wall lies inside the lumen"):
        find_contour_sources(annotated / "raw", annotated / "annotations")


def test_impossible_size(annotated: Path) -> None:
    table = annotated / "annotations/a/contour_transform/left_contour.tsv"
    _edit(table, _times(0.01))
    with pytest.raises(InputError, match=r"a left internal 1: a lumen 0\.0\d* mm wide"):
        find_contour_sources(annotated / "raw", annotated / "annotations")


def test_lumens_outside_of_the_scan(annotated: Path) -> None:
    _edit(
        annotated / "annotations/a/contour_transform/left_contour.tsv",
        lambda row: [*row[:2], str(float(row[2]) + 50), *row[3:]],
    )
    with pytest.raises(InputError, match="1: the lumen lies outside of the scan"):
        find_contour_sources(annotated / "raw", annotated / "annotations")


def test_contours_far_from_their_centerline(annotated: Path) -> None:
    centerline = centerline_file(annotated / "annotations", "a", "left")
    centerline.parent.mkdir()
    rows = [f"internal\t16\t20\t{z}" for z in range(30)]
    centerline.write_text("\n".join(["label\tx\ty\tz", *rows]) + "\n")
    find_contour_sources(annotated / "raw", annotated / "annotations")
    _edit(centerline, lambda row: [row[0], str(float(row[1]) + 25), *row[2:]])
    with pytest.raises(InputError, match=r"a left: half of the lumens lie more than 12\.5 mm from"):
        find_contour_sources(annotated / "raw", annotated / "annotations")


def test_sides_exchanged(annotated: Path) -> None:
    folder = annotated / "annotations/a/contour_transform"
    left, right = folder / "left_contour.tsv", folder / "right_contour.tsv"
    right.write_text(left.read_text())
    _edit(left, lambda row: [*row[:2], str(float(row[2]) + 18), *row[3:]])
    with pytest.raises(InputError, match="found a: the left side lies to the right of the right"):
        find_contour_sources(annotated / "raw", annotated / "annotations")


def test_who_is_left_out_is_named(annotated: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A name typed wrong, and tables without a row."""
    write_participant(annotated, "c", 2.0)
    (annotated / "annotations/b").rename(annotated / "annotations/bb")
    table = annotated / "annotations/c/contour_transform/left_contour.tsv"
    table.write_text(table.read_text().splitlines()[0] + "\n")
    sources = find_contour_sources(annotated / "raw", annotated / "annotations")
    assert {one.participant for one in sources} == {"a"}
    assert "without a scan of this name, so left out: bb" in caplog.text
    assert "1 of 3 scans have no annotation: b" in caplog.text
    assert f"{table.parent}: both tables are empty" in caplog.text


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
