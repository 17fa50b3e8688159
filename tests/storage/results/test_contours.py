"""Contour tables: what is written is read back, and a bad row is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.artifacts import BOUNDARIES, Contours, CrossSection, Outline
from carotid.errors import InputError
from carotid.geometry.decimals import rounded
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.results.contours import load_contours, save_contours

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.artifacts import Label

STORED = Grid((40, 20, 50), np.diag([-0.5, 0.4, -0.7, 1.0]) + np.eye(4, k=3) * 3)
CANONICAL = STORED.reoriented("RAS")
GENERATOR = np.random.default_rng(0)
HEADER = "label\tobject\tx\ty\tz\tdeviation\tnorm_deviation\n"


def outline(points: int = 7) -> Outline:
    spread = rounded(GENERATOR.random((3, points)))
    spread[1, 2] = np.nan
    return Outline(rounded(GENERATOR.uniform(-3, 40, (points, 2))), *spread)


def section(label: Label, z: int) -> CrossSection:
    return CrossSection(label, z, outline(), outline(9))


def contours(stored: Grid | None = STORED) -> Contours:
    left = (section("external", 9), section("external", 10), section("internal", 2))
    right = (
        CrossSection("internal", 4, outline(), None),
        CrossSection("internal", 11, None, outline()),
    )
    return Contours(left, right, CANONICAL, stored)


def table(folder: Path, text: str, side: str = "left") -> Path:
    """A folder of contours whose table of one side is `text`."""
    save_contours(contours(), folder)
    (folder / f"{side}_contour.tsv").write_text(text)
    return folder


@pytest.mark.parametrize("stored", [STORED, None])
def test_contours_come_back_equal(stored: Grid | None, tmp_path: Path) -> None:
    written = contours(stored)
    save_contours(written, tmp_path)
    found = load_contours(tmp_path)
    for side in SIDE_NAMES:
        for a, b in zip(found.side(side), written.side(side), strict=True):
            assert (a.label, a.z) == (b.label, b.z)
            for boundary in BOUNDARIES:
                one, other = a.outline(boundary), b.outline(boundary)
                assert (one is None) == (other is None)
                if one is not None and other is not None:
                    for name in ("points", "deviation", "norm_deviation", "deviation_mm"):
                        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert found.canonical.agrees_with(CANONICAL, 1e-12)
    assert (found.stored is None) == (stored is None)
    assert stored is None or (found.stored is not None and found.stored.agrees_with(stored, 1e-12))


def test_the_table_is_the_one_described(tmp_path: Path) -> None:
    one = Outline.of_points(np.array([[38.01234567891, 1 / 3], [2, 3], [4, 5]]))
    save_contours(
        Contours((CrossSection("internal", 11, one, None),), (), CANONICAL, None), tmp_path
    )
    rows = (tmp_path / "left_contour.tsv").read_text().splitlines()
    assert rows[0] == "label\tobject\tx\ty\tz\tdeviation\tnorm_deviation\tdeviation_mm"
    assert rows[1] == "internal\tlumen\t38.0123457\t0.333333333\t11.0\t\t\t"
    assert len(rows) == 4
    assert (tmp_path / "right_contour.tsv").read_text().count("\n") == 1
    assert sorted(json.loads((tmp_path / "spatial_metadata.json").read_text())) == [
        "affine",
        "orig_shape",
    ]


def test_columns_come_in_any_order_and_rows_of_an_outline_may_be_apart(tmp_path: Path) -> None:
    text = "z\tobject\tnote\tx\tlabel\ty\n" + "\n".join(
        f"{z}\twall\tmine\t{x}\tinternal\t{x + 1}" for x in (1, 2, 3) for z in (12, "7.0")
    )
    left = load_contours(table(tmp_path, "\ufeff" + text)).left
    assert [(one.label, one.z, one.lumen) for one in left] == [
        ("internal", 7, None),
        ("internal", 12, None),
    ]
    for one in left:
        assert one.wall is not None
        np.testing.assert_array_equal(one.wall.points, [[1, 2], [2, 3], [3, 4]])
        assert np.isnan(one.wall.deviation_mm).all()


def test_external_comes_before_internal_and_slices_are_sorted_as_numbers(tmp_path: Path) -> None:
    kinds = [("internal", 9), ("internal", 10), ("external", 30), ("external", 4)]
    rows = [f"{label}\tlumen\t{x}\t1\t{z}\t\t" for label, z in kinds for x in (1, 2, 3)]
    left = load_contours(table(tmp_path, HEADER + "\n".join(rows))).left
    assert [(one.label, one.z) for one in left] == sorted(kinds)


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [
        ("common\tlumen\t1\t1\t3\t\t", "label", "internal or external"),
        ("internal\tLumen\t1\t1\t3\t\t", "object", "lumen or wall"),
        ("internal\tlumen\t1,5\t1\t3\t\t", "x", "a number"),
        ("internal\tlumen\t1\t\t3\t\t", "y", "a number"),
        ("internal\tlumen\t1\tnan\t3\t\t", "y", "a finite number"),
        ("internal\tlumen\t1e300\t1\t3\t\t", "x", "a place in the scan, 0 to 39"),
        ("internal\tlumen\t-2e6\t1\t3\t\t", "x", "a place in the scan, 0 to 39"),
        ("internal\tlumen\t1\t2e6\t3\t\t", "y", "a place in the scan, 0 to 19"),
        ("internal\tlumen\t1\t1\t3.5\t\t", "z", "a whole number from 0 to 49"),
        ("internal\tlumen\t1\t1\t-1\t\t", "z", "a whole number from 0 to 49"),
        ("internal\tlumen\t1\t1\t50\t\t", "z", "a whole number from 0 to 49"),
        ("internal\tlumen\t1\t1\t3\twide\t", "deviation", "a number"),
    ],
)
def test_a_bad_row_is_named(row: str, column: str, expected: str, tmp_path: Path) -> None:
    good = "internal\tlumen\t1\t1\t3\t0.1\t\n"
    with pytest.raises(InputError) as caught:
        load_contours(table(tmp_path, HEADER + good + good + row + "\n" + good))
    message = str(caught.value)
    assert f"row 4, column {column} " in message
    assert expected in message
    assert "left_contour.tsv" in message


def test_outlines_may_lie_outside_of_the_scan(tmp_path: Path) -> None:
    rows = [f"internal\tlumen\t{x}\t{y}\t3\t\t" for x, y in ((-400, -124), (139, 10), (9, 143))]
    (section,) = load_contours(table(tmp_path, HEADER + "\n".join(rows))).left
    assert section.lumen is not None
    assert section.lumen.points.tolist() == [[-400, -124], [139, 10], [9, 143]]


@pytest.mark.parametrize("text", ["", "label\tobject\tx\ty\n", "label\tobject\tx\ty\tz\tx\n"])
def test_a_wrong_first_row_is_named(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="first row"):
        load_contours(table(tmp_path, text))


def test_a_row_with_too_few_cells_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 2 of the contour table"):
        load_contours(table(tmp_path, HEADER + "internal\tlumen\t1\t1\t3\n"))


@pytest.mark.parametrize("name", ["right_contour.tsv", "spatial_metadata.json"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    save_contours(contours(), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=name):
        load_contours(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"affine": None}, "position in space"),
        ({"affine": "abc"}, "which grid"),
        ({"orig_shape": [40, 20]}, "three whole numbers"),
        ({"orig_shape": [40, 20, 50.5]}, "three whole numbers"),
        ({"affine": np.diag([0.5, 0.4, -0.7, 1.0]).tolist()}, "canonical order"),
        ({"stored_shape": [40, 20, 51]}, "another one than the canonical grid"),
    ],
)
def test_a_wrong_grid_is_named(change: dict[str, object], message: str, tmp_path: Path) -> None:
    save_contours(contours(), tmp_path)
    path = tmp_path / "spatial_metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        load_contours(tmp_path)


def test_a_scan_turned_by_45_degrees_has_a_canonical_grid(tmp_path: Path) -> None:
    turn = np.eye(4)
    turn[:2, :2] = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    stored = Grid((40, 20, 50), turn @ np.diag([0.5, 0.4, 0.7, 1.0]))
    save_contours(Contours((), (), stored.reoriented("RAS"), stored), tmp_path)
    assert load_contours(tmp_path).stored is not None


CIRCLE = [(20 + 5 * np.cos(t), 10 + 5 * np.sin(t)) for t in np.linspace(0, 6, 20)]


def circles(points: list[tuple[float, float]]) -> list[str]:
    """Rows of a lumen and of a wall in one slice, lumen first."""
    scaled = [("lumen", 1.0), ("wall", 1.5)]
    return [f"internal\t{o}\t{x * f:.4f}\t{y * f:.4f}\t7\t\t" for o, f in scaled for x, y in points]


def test_a_table_that_was_sorted_is_refused(tmp_path: Path) -> None:
    """The order of an outline's points is lost, and its area with it."""
    rows = circles(CIRCLE)
    load_contours(table(tmp_path, HEADER + "\n".join(rows)))
    in_turn = [row for pair in zip(rows[:20], rows[20:], strict=True) for row in pair]
    load_contours(table(tmp_path, HEADER + "\n".join(in_turn)))
    by_x = sorted(rows, key=lambda row: float(row.split("\t")[2]))
    with pytest.raises(InputError, match="may have been sorted"):
        load_contours(table(tmp_path, HEADER + "\n".join(by_x)))


def test_rows_that_were_pasted_again_are_refused(tmp_path: Path) -> None:
    rows = circles(CIRCLE)
    with pytest.raises(InputError, match=r"row 42, column x .*a point of this outline again"):
        load_contours(table(tmp_path, HEADER + "\n".join([*rows, *rows[1:9]])))
    closed = [*rows[:20], rows[0], *rows[20:]]
    load_contours(table(tmp_path, HEADER + "\n".join(closed)))


@pytest.mark.parametrize("order", ["utf-16", "utf-8-sig"])
def test_tables_as_excel_saves_them(tmp_path: Path, order: str) -> None:
    """Tab-separated text is UTF-16 there, with empty columns behind those that were touched."""
    rows = [HEADER.strip(), *circles(CIRCLE)]
    folder = table(tmp_path, "")
    text = "\r\n".join(row + "\t\t" for row in rows)
    (folder / "left_contour.tsv").write_bytes(text.encode(order))
    (one,) = load_contours(folder).left
    assert one.lumen is not None
    assert len(one.lumen.points) == 20
