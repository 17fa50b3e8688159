from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from carotid.errors import InputError
from carotid.storage.annotations import Annotation, annotation_text, read_annotation

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "label\tx\ty\tz\ninternal\t10\t20.5\t3\ninternal\t11\t21\t4\nexternal\t15\t22\t4\n"


def read(tmp_path: Path, text: str | bytes, slices: int | None = None) -> Annotation:
    path = tmp_path / "left_centerline.tsv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_annotation(path, slices)


def test_common_carotid_is_what_lies_below_the_lowest_external_row(tmp_path: Path) -> None:
    annotation = read(tmp_path, GOOD, 9)
    assert annotation.bifurcation_z == 4
    centers = annotation.at_slices(np.arange(6))
    np.testing.assert_array_equal(centers[3], [[10, 20.5], [10, 20.5]])
    np.testing.assert_array_equal(centers[4], [[11, 21], [15, 22]])
    assert np.isnan(centers[[0, 1, 2, 5]]).all()


def test_without_external_rows_all_is_common(tmp_path: Path) -> None:
    centers = read(tmp_path, "label\tx\ty\tz\ninternal\t1\t2\t0\n").at_slices(np.array([0.0]))
    np.testing.assert_array_equal(centers, [[[1, 2], [1, 2]]])


def test_lines_join_close_rows_and_no_others(tmp_path: Path) -> None:
    rows = "label\tx\ty\tz\ninternal\t0\t10\t2\ninternal\t6\t10\t5\ninternal\t6\t10\t20\n"
    heights = np.array([2.0, 3.0, 4.5, 5.0, 12.0, 20.0, 21.0])
    centers = read(tmp_path, rows).at_slices(heights, max_gap=3)[:, 0, 0]
    np.testing.assert_allclose(centers, [0, 2, 5, 6, np.nan, 6, np.nan])


def test_rows_may_come_in_any_order_with_other_line_ends(tmp_path: Path) -> None:
    lines = GOOD.splitlines()
    text = "\ufeff" + "\r\n".join([lines[0], *lines[:0:-1], ""])
    np.testing.assert_array_equal(read(tmp_path, text).internal, read(tmp_path, GOOD).internal)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    centers = rng.uniform(0, 90, (12, 2, 2))
    centers[:5, 1] = np.nan
    centers[10:] = np.nan
    found = read(tmp_path, annotation_text(centers), 12).at_slices(np.arange(12))
    centers[:5, 1] = centers[:5, 0]
    np.testing.assert_allclose(found, centers, atol=1e-4)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("internal\t1\t2", "row 5 of the annotation does not have as many cells"),
        ("common\t1\t2\t5", "row 5, column label"),
        ("internal\tone\t2\t5", "row 5, column x"),
        ("internal\t1\tnan\t5", "row 5, column y"),
        ("internal\t1\t-2\t5", "row 5, column y"),
        ("internal\t1\t2\t9", "row 5, column z"),
        ("internal\t1\t2\t3", "row 5, column z"),
        ("internal\t1\t2\tinf", "row 5, column z"),
        ("internal 1 2 5", "row 5 of the annotation"),
    ],
)
def test_bad_row_is_named(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, GOOD + row + "\n", slices=9)
    assert "left_centerline.tsv" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "x\ty\tz\n", "label,x,y,z\ninternal,1,2,3\n", "label\tx\ty\tz\n", b"\xff\xfe\x00"]
)
def test_no_annotation_is_refused(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(InputError, match="annotation"):
        read(tmp_path, text)


def test_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_annotation(tmp_path / "none.tsv")
