"""Known centers: read, refused with their row, and measured from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.errors import InputError
from carotid.report.truth import distance_mm, read_centers

if TYPE_CHECKING:
    from pathlib import Path


def put(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "left_centerline.tsv"
    path.write_text("\n".join(["label\tx\ty\tz", *rows]) + "\n")
    return path


def test_common_carotid_counts_for_both(tmp_path: Path) -> None:
    rows = ["internal\t1\t2\t0", "internal\t3\t4\t1", "external\t5\t6\t1", "internal\t7\t8\t2"]
    centers = read_centers(put(tmp_path, *rows), 4)
    assert centers is not None
    assert centers[0].tolist() == [[1, 2], [1, 2]]
    assert centers[1].tolist() == [[3, 4], [5, 6]]
    assert np.isnan(centers[2, 1]).all()
    assert np.isnan(centers[3]).all()


def test_distance_is_in_the_plane() -> None:
    centers = np.array([[[1.0, 2.0], [np.nan, np.nan]]])
    peaks = np.array([[[4, 4], [0, 0]]])
    found = distance_mm(peaks, centers, (0.5, 1.0, 9.0))
    assert found[0, 0] == pytest.approx(2.5)
    assert np.isnan(found[0, 1])


def test_absent_file_is_unknown(tmp_path: Path) -> None:
    assert read_centers(tmp_path / "none.tsv", 3) is None


@pytest.mark.parametrize(
    "row", ["common\t1\t2\t0", "internal\t1\t2", "internal\tx\t2\t0", "internal\t1\tnan\t0"]
)
def test_wrong_row_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(InputError, match="row 3"):
        read_centers(put(tmp_path, "internal\t1\t2\t0", row), 3)


def test_center_outside_of_the_scan(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="outside"):
        read_centers(put(tmp_path, "internal\t1\t2\t3"), 3)
    (tmp_path / "left_centerline.tsv").write_text("x,y,z\n")
    with pytest.raises(InputError, match="first row"):
        read_centers(tmp_path / "left_centerline.tsv", 3)
