from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from carotid.artifacts import (
    LABELS,
    Bifurcation,
    Centerline,
    Centerlines,
    SideCenterlines,
)
from carotid.errors import InputError, OutputError
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.provenance import Record
from carotid.storage.annotations import read_annotation
from carotid.storage.results.centerlines import load_centerlines, read_side, save_centerlines
from carotid.storage.results.layout import CenterlineLayout
from carotid.storage.results.record import grid_facts, write_record

if TYPE_CHECKING:
    from pathlib import Path

KNOWN_TOOL = "label\tz\tx\ty\tmean_value\tstd_value\tmax_distances\n"


def artery(rng: np.random.Generator, n: int, *, uncertain: bool) -> Centerline:
    z = np.sort(rng.choice(90, n, replace=False))
    points = np.column_stack([np.round(rng.uniform(0, 50, (n, 2)), 4), z])
    values = rng.uniform(0, 400, (3, n)).astype(np.float32).astype(np.float64)
    uncertainty = np.round(rng.uniform(0, 9, n), 3) if uncertain else np.full(n, np.nan)
    return Centerline(points, values[0], values[1], values[2], uncertainty)


def centerlines(*, uncertain: bool = True) -> Centerlines:
    rng = np.random.default_rng(5)
    fork = Bifurcation(np.array([10.5, 20.25, 30.125]), 0.75)
    left = SideCenterlines(
        artery(rng, 40, uncertain=uncertain), artery(rng, 20, uncertain=uncertain), fork
    )
    right = SideCenterlines(
        artery(rng, 7, uncertain=uncertain), artery(rng, 0, uncertain=uncertain)
    )
    return Centerlines(left, right, Grid((64, 50, 90), np.diag([0.5, 0.6, -0.7, 1.0])))


def saved(folder: Path, made: Centerlines) -> CenterlineLayout:
    layout = CenterlineLayout(folder)
    if made.grid is not None:
        write_record(folder, Record("centerline", {}, context=grid_facts(made.grid)))
    save_centerlines(made, folder)
    return layout


def assert_equal(found: Centerline, expected: Centerline) -> None:
    for name in ("points", "mean_value", "std_value", "max_distances", "uncertainty_mm"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)


@pytest.mark.parametrize("uncertain", [True, False])
def test_what_is_saved_loads_equal(tmp_path: Path, uncertain: bool) -> None:
    made = centerlines(uncertain=uncertain)
    layout = saved(tmp_path, made)
    found = load_centerlines(layout.root)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in layout.files()}
    for side in SIDE_NAMES:
        for label in LABELS:
            assert_equal(found.side(side).artery(label), made.side(side).artery(label))
    assert found.left.bifurcation is not None
    assert made.left.bifurcation is not None
    np.testing.assert_array_equal(found.left.bifurcation.point, made.left.bifurcation.point)
    assert found.left.bifurcation.uncertainty_mm == 0.75
    assert found.right.bifurcation is None
    assert found.grid is not None
    assert made.grid is not None
    assert found.grid.agrees_with(made.grid)


def test_columns_are_the_known_tools_and_uncertainty_comes_last(tmp_path: Path) -> None:
    layout = saved(tmp_path, centerlines())
    header = layout.table("left").read_text().splitlines()[0]
    assert header == "label\tx\ty\tz\tmean_value\tstd_value\tmax_distances\tuncertainty_mm"
    save_centerlines(centerlines(uncertain=False), layout.root)
    assert layout.table("left").read_text().splitlines()[0] == header.removesuffix(
        "\tuncertainty_mm"
    )


def test_rows_are_internal_then_external_and_rise(tmp_path: Path) -> None:
    table = saved(tmp_path, centerlines()).table("left").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in table]
    keys = [(row[0] == "external", int(row[3])) for row in rows]
    assert keys == sorted(keys)


def test_a_side_without_arteries_is_a_header(tmp_path: Path) -> None:
    none = Centerline.of_points(np.empty((0, 3)))
    nothing = SideCenterlines(none, none)
    layout = saved(tmp_path, Centerlines(centerlines().left, nothing, None))
    assert len(layout.table("right").read_text().splitlines()) == 1
    assert len(load_centerlines(layout.root).right.internal) == 0


def test_bifurcation_is_told_in_millimetres_too(tmp_path: Path) -> None:
    layout = saved(tmp_path, centerlines())
    told = json.loads(layout.bifurcation.read_text())
    assert told["right"] is None
    # canonical slice 30.125 of an axis that is stored downwards lies at index 58.875
    assert told["left"]["ras_mm"] == pytest.approx([5.25, 12.15, -41.212], abs=1e-3)


def test_known_tools_order_of_columns_and_rows(tmp_path: Path) -> None:
    path = tmp_path / "left_centerline.tsv"
    path.write_text(
        KNOWN_TOOL + "external\t6.0\t1.0\t2.0\t3.5\t\t0.5\ninternal\t9\t4\t5\t1\tnan\t0\n"
        "internal\t5\t4\t5\t1\t0.1\t0\n"
    )
    found = read_side(path)
    np.testing.assert_array_equal(found.internal.points, [[4, 5, 5], [4, 5, 9]])
    np.testing.assert_array_equal(found.external.points, [[1, 2, 6]])
    assert found.external.mean_value.tolist() == [3.5]
    assert np.isnan(found.external.std_value).all()
    assert np.isnan(found.external.uncertainty_mm).all()
    np.testing.assert_array_equal(read_annotation(path).internal, found.internal.points)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("internal\t5.5\t1\t2\t\t\t", "row 3, column z .*whole slice"),
        ("internal\t4\t1\t2\t\t\t", "row 3, column z .*second internal"),
        ("internal\t5\tx\t2\t\t\t", "row 3, column x"),
        ("internal\t5\t1\t2\tx\t\t", "row 3, column mean_value"),
        ("common\t5\t1\t2\t\t\t", "row 3, column label"),
        ("internal\t5\t1\t2", "row 3 of the centerline"),
    ],
)
def test_row_spoilt_by_hand_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "left_centerline.tsv"
    path.write_text(KNOWN_TOOL + "internal\t4\t1\t2\t1\t1\t1\n" + row + "\n")
    with pytest.raises(InputError, match=message):
        read_side(path)


@pytest.mark.parametrize("content", ["{", "[]", '{"left": 3, "right": null}', '{"left": null}'])
def test_spoilt_bifurcation_is_an_input_error(tmp_path: Path, content: str) -> None:
    layout = saved(tmp_path, centerlines())
    layout.bifurcation.write_text(content)
    with pytest.raises(InputError, match=r"bifurcation\.json"):
        load_centerlines(layout.root)


def test_tables_of_another_program_have_no_grid_and_no_bifurcation(tmp_path: Path) -> None:
    layout = CenterlineLayout(tmp_path)
    for side in SIDE_NAMES:
        layout.table(side).write_text("label\tx\ty\tz\ninternal\t1\t2\t3\n")
    found: Any = load_centerlines(layout.root)
    assert found.grid is found.left.bifurcation is None


def test_folder_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        save_centerlines(centerlines(), tmp_path / "none")


def test_a_center_outside_of_the_scan_is_named(tmp_path: Path) -> None:
    path = tmp_path / "left_centerline.tsv"
    path.write_text("label\tx\ty\tz\ninternal\t3\t4\t5\ninternal\t3\t999\t6\n")
    assert len(read_side(path).internal.points) == 2
    assert len(read_side(path, None, (10, 1000, 7)).internal.points) == 2
    with pytest.raises(InputError, match=r"row 3, column y .*found 999, expected at most 49"):
        read_side(path, None, (10, 50, 7))
