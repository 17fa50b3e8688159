"""What training on scans refuses, or tells, before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.training.stand_in import write_participant

from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.results.layout import centerline_file

from .trainings import settings, train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carotid.geometry.sides import SideName

pytestmark = pytest.mark.usefixtures("small_windows")


def test_bad_annotation_is_refused_with_its_row_before_anything_is_trained(annotated: Path) -> None:
    path = centerline_file(annotated / "annotations", "P1", "right")
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace("12.0000", "twelve")
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="row 5, column y") as caught:
        train(annotated)
    assert str(path) in str(caught.value)
    assert not (annotated / "out").exists()


def test_scans_with_absurd_voxels_are_all_named_before_training(annotated: Path) -> None:
    shape = (60, 24, 30)
    array = np.random.default_rng(5).uniform(0, 900, shape).astype(np.float32)
    grid = Grid(shape, np.diag([0.6, 0.6, 0.6, 1.0]))
    for name, value in (("P1", 1e20), ("P2", 1e19)):
        array[1, 2, 3] = value
        write_metaimage(annotated / "raw" / f"{name}.mha", Volume(array.copy(), grid))
    with pytest.raises(InputError, match=r"2 of 3 scans cannot be trained on") as caught:
        train(annotated)
    for name in ("P1.mha", "P2.mha"):
        assert f"{name}: the scan has voxels too large to compute with" in str(caught.value)
    assert not (annotated / "out").exists()
    write_participant(annotated, "P2", 2)
    kept = annotated / "out" / "parameters.json"
    kept.parent.mkdir()
    kept.write_text("{}")
    with pytest.raises(InputError, match=r"P1\.mha: the scan has voxels too large"):
        train(annotated, force=True)
    assert kept.read_text() == "{}", "nothing is removed before"


def _rows(root: Path, name: str, side: SideName, change: Callable[[list[str]], list[str]]) -> Path:
    """Change the cells of each row of an annotation."""
    path = centerline_file(root / "annotations", name, side)
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *("\t".join(change(row.split("\t"))) for row in rows)]))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: [row[0], str(float(row[1]) + 50), *row[2:]], r"found x = \d+ at z = 3"),
        (lambda row: [*row[:2], str(float(row[2]) + 20), row[3]], r"found y = \d+ at z = 3"),
        (lambda row: [*row[:3], str(float(row[3]) + 9)], "column z of the annotation is wrong"),
        (lambda row: [row[0], "55", *row[2:]], "no annotated center lies in this side"),
    ],
)
def test_centers_that_do_not_fit_the_scan_are_refused_before_training(
    annotated: Path, change: Callable[[list[str]], list[str]], message: str
) -> None:
    path = _rows(annotated, "P1", "left", change)
    centerline_file(annotated / "annotations", "P1", "right").unlink()
    with pytest.raises(InputError, match=message) as caught:
        train(annotated)
    assert str(path) in str(caught.value)
    assert not (annotated / "out").exists()


def test_many_centers_outside_of_their_side_are_told(
    annotated: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def half(row: list[str]) -> list[str]:
        return [row[0], "50" if int(row[3]) < 10 else row[1], *row[2:]]

    path = _rows(annotated, "P1", "left", half)
    train(annotated, parameters=settings(steps_per_epoch=1))
    assert f"{path}: 29 % of the centers lie outside of the left two thirds" in caplog.text


def test_sides_exchanged_are_refused_by_name(annotated: Path) -> None:
    left, right = (centerline_file(annotated / "annotations", "P1", side) for side in SIDE_NAMES)
    texts = left.read_text(), right.read_text()
    right.write_text(texts[0])
    left.write_text(texts[1])
    with pytest.raises(InputError, match="found P1: the left side lies to the right of the right"):
        train(annotated)
    assert not (annotated / "out").exists()


@pytest.mark.parametrize(("x", "refused"), [(36.0, True), (32.0, False)])
def test_one_side_alone_in_the_other_half_of_a_wide_scan(
    annotated: Path, x: float, refused: bool
) -> None:
    """A scan may be centered on an artery; far beyond the middle there is no left one."""
    voxels = np.random.default_rng(0).integers(0, 900, (60, 24, 30)).astype(np.int16)
    grid = Grid(voxels.shape, np.diag([2.0, 0.6, 0.6, 1.0]))
    write_metaimage(annotated / "raw" / "P1.mha", Volume(voxels, grid))
    _rows(annotated, "P1", "left", lambda row: [row[0], str(x), *row[2:]])
    centerline_file(annotated / "annotations", "P1", "right").unlink()
    if not refused:
        assert len(train(annotated, parameters=settings(steps_per_epoch=1))) == 2
        return
    with pytest.raises(InputError, match=r"P1: all of the left side .*13 mm.*annotate both sides"):
        train(annotated)


def test_centers_closer_than_slices_are_named(
    annotated: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As where all indices were halved."""
    train(annotated, parameters=settings(steps_per_epoch=1))
    assert "several rows to a slice" not in caplog.text
    _rows(annotated, "P1", "left", lambda row: [row[0], *(str(float(v) / 2) for v in row[1:])])
    train(annotated, parameters=settings(steps_per_epoch=1), force=True)
    told = [one.getMessage() for one in caplog.records if "several rows" in one.getMessage()]
    assert len(told) == 1
    assert told[0].endswith("voxel indices of the scan: P1 left")


def test_annotations_without_a_scan_are_named(
    annotated: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (annotated / "annotations" / "P1").rename(annotated / "annotations" / "P01")
    train(annotated, parameters=settings(steps_per_epoch=1))
    assert "without a scan of this name, so left out: P01" in caplog.text
    assert "1 of 3 scans have no annotation: P1" in caplog.text
