from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.stages.measurement.phantoms import (
    Vessel,
    centerlines_of,
    contours_of,
    grid_of,
    straight,
)

from carotid.errors import InputError
from carotid.geometry.sides import SIDE_NAMES
from carotid.measurements import Column, MeasurementTable
from carotid.stages.measurement.cohort_tables import arteries_table, participants_table
from carotid.stages.measurement.measure import measure
from carotid.storage.results.layout import MeasurementLayout
from carotid.storage.results.measurement_tables import load_table, save_table
from carotid.storage.results.measurements import load_measurements, save_measurements

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.measurements import Measurements


@pytest.fixture(scope="module")
def measurements() -> Measurements:
    grid = grid_of((0.8, 0.8, 2.0))
    vessels: Any = {"internal": Vessel.around(straight(10), 2.5, 4.2, (0, 0.8, 0))}
    return measure(contours_of(vessels, grid), centerlines_of(vessels, grid))


def test_measurements_read_back_as_written(tmp_path: Path, measurements: Measurements) -> None:
    save_measurements(measurements, tmp_path)
    again = load_measurements(tmp_path)
    pairs = [
        (measurements.segments, again.segments),
        (measurements.plaques, again.plaques),
        *((measurements.side(side).slices, again.side(side).slices) for side in SIDE_NAMES),
    ]
    for wrote, read in pairs:
        assert read.columns == wrote.columns
        for column in wrote.columns:
            if isinstance(wrote.cells[column.name], tuple):
                assert read.words(column.name) == wrote.words(column.name)
            else:
                np.testing.assert_allclose(
                    read.numbers(column.name), wrote.numbers(column.name), rtol=1e-5, atol=1e-5
                )
    np.testing.assert_allclose(
        again.left.thickness_mm, measurements.left.thickness_mm, rtol=1e-5, atol=1e-5
    )
    assert again.right.thickness_mm.shape == (0, 36)
    files = sorted(path.name for path in tmp_path.iterdir())
    made = [path.name for path in MeasurementLayout(tmp_path).files()]
    assert files == sorted(set(made) - {"provenance.json"})


def test_each_column_is_in_the_data_dictionary(tmp_path: Path, measurements: Measurements) -> None:
    save_measurements(measurements, tmp_path)
    for table in MeasurementLayout(tmp_path).tables():
        header = table.read_text().splitlines()[0].split("\t")
        dictionary = json.loads(table.with_suffix(".json").read_text())
        assert list(dictionary) == header
        for name, entry in dictionary.items():
            assert entry["Description"], name
            unit = next(
                (end for end in ("mm", "mm2", "mm3", "deg") if name.endswith(f"_{end}")), ""
            )
            spelt = {"mm2": "mm^2", "mm3": "mm^3", "deg": "degree"}.get(unit, unit)
            assert entry.get("Units", "") in (spelt, "percent"), name


def test_missing_values_are_empty_cells(tmp_path: Path, measurements: Measurements) -> None:
    save_measurements(measurements, tmp_path)
    rows = [line.split("\t") for line in (tmp_path / "arteries.tsv").read_text().splitlines()]
    external = next(row for row in rows if row[:2] == ["right", "external"])
    cells = dict(zip(rows[0], external, strict=True))
    assert cells["wall_volume_mm3"] == cells["stenosis_nascet_percent"] == cells["mla_mm2"] == ""
    assert cells["slices"] == "0"


def test_tables_of_other_programs_are_read_without_a_dictionary(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text("participant_id\tlumen\treader\n007\t3.5\tA\n008\tn/a\tB\n009\t\tA\n")
    table = load_table(path)
    assert table.words("participant_id") == ("007", "008", "009")
    np.testing.assert_array_equal(table.numbers("lumen"), [3.5, np.nan, np.nan])
    assert table.words("reader") == ("A", "B", "A")


def test_damaged_files_are_named(tmp_path: Path, measurements: Measurements) -> None:
    save_measurements(measurements, tmp_path)
    thickness = tmp_path / "left_thickness.tsv"
    thickness.write_text("".join(thickness.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(InputError, match=r"left_thickness\.tsv: .*does not belong"):
        load_measurements(tmp_path)
    (tmp_path / "plaques.json").write_text("{")
    with pytest.raises(InputError, match=r"plaques\.json"):
        load_table(tmp_path / "plaques.tsv")


def segments(segment: str = "internal_bulb", **values: tuple[float, float]) -> MeasurementTable:
    """A table with one segment of both sides."""
    names = {name: np.array(pair) for name, pair in values.items()}
    cells: dict[str, Any] = {
        "side": ("left", "right"),
        "segment": (segment, segment),
        **names,
    }
    return MeasurementTable(tuple(Column(name, "", "") for name in cells), cells)


def spoil(path: Path, column: str, cell: str, row: int = 3) -> None:
    """Write a cell into a row of a table; the header is row 1."""
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    lines[row - 1][lines[0].index(column)] = cell
    path.write_text("\n".join("\t".join(line) for line in lines) + "\n")


@pytest.mark.parametrize(
    ("column", "cell", "with_dictionary"),
    [
        ("la_mm2", "12,5", True),
        ("la_mm2", "12,5", False),
        ("la_mm2", "1.234,5", True),
        ("la_mm2", "#REF!", True),
        ("nwi", "0,5", True),
        ("nwi", "1,2E-05", False),
    ],
)
def test_numbers_that_were_spoilt_are_named(
    tmp_path: Path, measurements: Measurements, column: str, cell: str, *, with_dictionary: bool
) -> None:
    save_measurements(measurements, tmp_path)
    path = MeasurementLayout(tmp_path).slices("left")
    spoil(path, column, cell)
    if not with_dictionary:
        path.with_suffix(".json").unlink()
    with pytest.raises(InputError, match=f"row 3, column {column} of the table") as caught:
        load_measurements(tmp_path)
    assert f"{path}: " in str(caught.value)
    assert f"found '{cell}', expected a number" in str(caught.value)


def test_columns_that_are_gone_are_named(tmp_path: Path, measurements: Measurements) -> None:
    save_measurements(measurements, tmp_path)
    path = MeasurementLayout(tmp_path).slices("left")
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    k = lines[0].index("readable")
    path.write_text("\n".join("\t".join(line[:k] + line[k + 1 :]) for line in lines) + "\n")
    with pytest.raises(InputError, match="the table has no column readable") as caught:
        load_measurements(tmp_path)
    assert str(path) in str(caught.value)
    path.with_suffix(".json").unlink()
    table = load_table(path)
    with pytest.raises(InputError, match="the table has no column readable") as caught:
        table.words("readable")
    assert str(path) in str(caught.value)
    with pytest.raises(InputError, match="column flags of the table holds words"):
        table.numbers("flags")


def test_a_participant_is_told_by_mean_and_extreme_of_both_sides() -> None:
    found = {
        "b": segments(covered_mm=(9, 10), wt_max_mm=(1.0, 3.0), mla_mm2=(20, 12)),
        "a": segments(covered_mm=(0, 10), wt_max_mm=(np.nan, 2.0), mla_mm2=(np.nan, np.nan)),
    }
    table = participants_table(found)
    assert table.words("participant_id") == ("a", "b")
    np.testing.assert_array_equal(table.numbers("internal_bulb_sides_count"), [1, 2])
    # A side that was not read has no share in the volumes' means, so none in the length's either.
    np.testing.assert_array_equal(table.numbers("internal_bulb_covered_mm_sides_mean"), [10, 9.5])
    np.testing.assert_array_equal(table.numbers("internal_bulb_covered_mm_sides_min"), [10, 9])
    np.testing.assert_array_equal(table.numbers("internal_bulb_wt_max_mm_sides_mean"), [2, 2])
    np.testing.assert_array_equal(table.numbers("internal_bulb_wt_max_mm_sides_max"), [2, 3])
    np.testing.assert_array_equal(table.numbers("internal_bulb_mla_mm2_sides_mean"), [np.nan, 16])
    np.testing.assert_array_equal(table.numbers("internal_bulb_mla_mm2_sides_min"), [np.nan, 12])
    assert np.isnan(table.numbers("common_wt_max_mm_sides_mean")).all()
    assert "external_stenosis_nascet_percent_sides_max" not in table.cells


def test_a_side_without_a_reference_is_missing_in_the_count_of_stenoses() -> None:
    """Beyond an occlusion there is none: the largest stenosis is then that of the healthy side."""
    one = segments("internal", stenosis_nascet_percent=(np.nan, 3.0))
    table = participants_table({"a": one, "b": segments(covered_mm=(9, 10))})
    of = "internal_stenosis_nascet_percent_sides_{}".format
    np.testing.assert_array_equal(table.numbers(of("max")), [3, np.nan])
    np.testing.assert_array_equal(table.numbers(of("count")), [1, 0])
    assert table.columns[[column.name for column in table.columns].index(of("count"))].unit == ""


def test_a_participant_s_row_says_how_its_numbers_came_about() -> None:
    both = {"side": ("left", "right", "right"), "segment": ("common_internal",) * 2 + ("external",)}
    cells: dict[str, Any] = {
        **both,
        "bifurcation": ("unknown", "unknown", "corrected"),
        "wt_method": ("radial",) * 3,
        "plaque_threshold_mm": np.full(3, 2.0),
        "readable_share": np.array([0.9, 0.4, 1.0]),
        "corrected_slices": np.zeros(3),
    }
    told = MeasurementTable(tuple(Column(name, "", "") for name in cells), cells)
    table = participants_table({"a": told, "b": segments(covered_mm=(9, 10))})
    names = [column.name for column in table.columns[1:7]]
    assert names == [
        "bifurcation_left", "bifurcation_right", "corrected_slices", "removed_slices",
        "wt_method", "plaque_threshold_mm",
    ]  # fmt: skip
    assert table.words("bifurcation_left") == ("unknown", "unknown")
    assert table.words("bifurcation_right") == ("corrected", "unknown")
    assert table.words("wt_method") == ("radial", "")
    np.testing.assert_array_equal(table.numbers("plaque_threshold_mm"), [2, np.nan])
    share = table.numbers("common_internal_readable_share_sides_min")
    np.testing.assert_array_equal(share, [0.4, np.nan])
    dictionary = {column.name: column for column in table.columns}
    assert set(dictionary["bifurcation_left"].levels) == {
        "divider", "found", "corrected", "lowest", "unknown", "not_searched",
    }  # fmt: skip
    assert "radial" in dictionary["wt_method"].levels


def test_all_arteries_lie_below_each_other(tmp_path: Path, measurements: Measurements) -> None:
    table = arteries_table({"sub-02": measurements.segments, "sub-01": segments(slices=(4, 5))})
    assert len(table) == 2 + len(measurements.segments)
    assert table.words("participant_id")[:3] == ("sub-01", "sub-01", "sub-02")
    assert table.numbers("slices")[:2].tolist() == [4, 5]
    save_table(tmp_path / "arteries.tsv", table)
    assert load_table(tmp_path / "arteries.tsv").columns == table.columns


def test_a_side_that_was_not_searched_is_no_side_without_an_artery() -> None:
    told = MeasurementTable(
        tuple(Column(name, "", "") for name in ("side", "segment", "bifurcation")),
        {
            "side": ("left", "right", "right"),
            "segment": ("common", "common", "external"),
            "bifurcation": ("divider", "not_searched", "not_searched"),
        },
    )
    table = participants_table({"a": told})
    assert table.words("bifurcation_left") == ("divider",)
    assert table.words("bifurcation_right") == ("not_searched",)
