"""Out to 3D Slicer and back, on grids stored in every way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.evaluation.cohort import fork
from tests.necks import turned
from tests.stages.measurement.phantoms import centerlines_of, contours_of, grid_of

from carotid.errors import InputError
from carotid.export.slicer import (
    bifurcation_markup,
    centerline_markups,
    contour_markups,
    read_bifurcations,
    read_drawn,
)
from carotid.geometry.grid import CANONICAL
from carotid.stages.measurement.bifurcations import bifurcations_of
from carotid.storage.markups import SUFFIX, Markup, markups_text

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.grid import Grid

GRIDS = [
    grid_of((0.6, 0.7, 1.0), "LPS"),
    grid_of((0.6, 0.7, 1.0), "RAS"),
    grid_of((0.6, 0.7, 1.0), "PSR", turned(11, -7, 14)),
]


def save(folder: Path, markups: list[Markup]) -> None:
    folder.mkdir(exist_ok=True)
    for one in markups:
        (folder / f"{one.name}{SUFFIX}").write_text(markups_text([one]))


@pytest.mark.parametrize("grid", GRIDS, ids=["LPS", "RAS", "PSR, tilted"])
def test_contours_come_back_as_they_went(grid: Grid, tmp_path: Path) -> None:
    vessels: Any = fork()
    contours = contours_of(vessels, grid, "right")
    markups = contour_markups(contours, 4, range(10, 30))
    save(tmp_path / "c", markups)
    found = read_drawn(tmp_path / "c", contours.canonical)
    assert {one.z for one in found} == {12, 16, 20, 22, 24, 28}  # the external one begins at 22
    assert {one.side for one in found} == {"right"}
    for one in found:
        section = next(s for s in contours.right if (s.label, s.z) == (one.label, one.z))
        outline = section.outline(one.boundary)
        assert outline is not None
        np.testing.assert_allclose(one.points, outline.points, atol=1e-3)


def test_the_ends_of_arteries_are_exported_too() -> None:
    """Slices beyond the last exported one would not follow a correction."""
    vessels: Any = fork()
    contours = contours_of(vessels, GRIDS[0], "right")
    names = {one.name for one in contour_markups(contours, 7, range(1000))}
    for label in ("internal", "external"):
        there = [one.z for one in contours.right if one.label == label and one.wall is not None]
        assert max(there) % 7
        for z in (min(there), max(there)):
            assert f"right_{label}_wall_z{z:04d}" in names
    assert len(names) < 2 * 2 * (len(contours.right) / 7 + 3)


@pytest.mark.parametrize("grid", GRIDS, ids=["LPS", "RAS", "PSR, tilted"])
def test_positions_in_the_patient_are_those_of_the_vessel(grid: Grid) -> None:
    vessels: Any = fork()
    contours, lines = contours_of(vessels, grid), centerlines_of(vessels, grid, (1.0, 2.0, 3.0))
    canonical = grid.reoriented(CANONICAL)
    curve = next(m for m in contour_markups(contours, 1, range(100)) if "internal_lumen" in m.name)
    course, radius = vessels["internal"].course, vessels["internal"].radius
    for point in curve.points_mm:
        distance = np.linalg.norm(course - point, axis=1)
        assert distance.min() < radius.max() * 1.3
    line = next(m for m in centerline_markups(lines, canonical) if m.name.startswith("left_int"))
    nearest = np.linalg.norm(line.points_mm[:, None] - course, axis=2).min(axis=1)
    assert nearest.max() < 0.3  # half a step of the drawn course
    point = bifurcation_markup(bifurcations_of(None, lines), canonical)
    np.testing.assert_allclose(point.points_mm, [[1, 2, 3]], atol=1e-6)
    # With outlines it is the flow divider: between the lumens, where they are apart first.
    divider = bifurcation_markup(bifurcations_of(contours, lines), canonical)
    assert divider.labels == ("left",)
    away = [
        np.linalg.norm(vessels[label].course - divider.points_mm[0], axis=1).min()
        for label in ("internal", "external")
    ]
    assert min(away) > 1.5  # the courses meet at the origin
    assert away[0] == pytest.approx(away[1], abs=1)


def test_a_moved_bifurcation_comes_back(tmp_path: Path) -> None:
    canonical = GRIDS[2].reoriented(CANONICAL)
    moved = Markup("bifurcation", "Fiducial", np.array([[3.0, -4.0, 5.0]]), ("Left",))
    path = tmp_path / "b.mrk.json"
    path.write_text(markups_text([moved]))
    found = read_bifurcations(path, canonical)
    assert list(found) == ["left"]
    np.testing.assert_allclose(canonical.world_from_index(found["left"]), [3, -4, 5], atol=1e-3)


@pytest.mark.parametrize(
    ("labels", "points", "message"),
    [
        (("F-1",), [[0, 0, 0]], "does not tell its side"),
        (("left", "left 2"), [[0, 0, 0], [1, 1, 1]], "two points of the left side"),
        (("right",), [[0, 0, 900]], "outside the scan"),
        ((), [], "no point"),
    ],
)
def test_bifurcations_that_cannot_be_used(
    labels: tuple[str, ...], points: list[list[float]], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "b.mrk.json"
    placed = np.array(points, np.float64).reshape(-1, 3)
    path.write_text(markups_text([Markup("F", "Fiducial", placed, labels)]))
    with pytest.raises(InputError, match=message):
        read_bifurcations(path, GRIDS[0].reoriented(CANONICAL))


def ring(z_mm: float = 0.0, tilt: float = 0.0) -> np.ndarray:
    t = 2 * np.pi * np.arange(24) / 24
    return np.column_stack([3 * np.cos(t), 3 * np.sin(t), z_mm + tilt * np.cos(t)])


def test_new_curves_tell_their_slice_by_their_place(tmp_path: Path) -> None:
    canonical = GRIDS[0].reoriented(CANONICAL)
    save(tmp_path / "c", [Markup("Common lumen, LEFT", "ClosedCurve", ring(4.2), ("",) * 24)])
    (one,) = read_drawn(tmp_path / "c", canonical)
    assert (one.side, one.label, one.boundary) == ("left", "internal", "lumen")
    z_mm = canonical.world_from_index(np.array([0.0, 0, one.z]))[2]
    assert z_mm == pytest.approx(4.2, abs=0.5)


@pytest.mark.parametrize(
    ("name", "points", "message"),
    [
        ("left_internal", ring(), "does not tell what it outlines"),
        ("internal_lumen", ring(), "does not tell what it outlines"),
        ("left_internal_lumen_z9999", ring(), "slice 9999 is not in the scan"),
        ("left_internal_lumen_z0003", ring(), "does not lie in slice 3"),
        ("left_internal_wall", ring(tilt=4), "does not lie in slice"),
        ("left_internal_wall", ring()[:2], "fewer than three points"),
        ("left_internal_wall", ring()[[0, 0, 0]], "lie on a line, or at one place"),
        ("left_internal_wall", ring()[:1] + np.eye(3)[[0]] * [[0], [2], [5]], "lie on a line"),
    ],
)
def test_curves_that_cannot_be_used(
    name: str, points: np.ndarray, message: str, tmp_path: Path
) -> None:
    save(tmp_path / "c", [Markup(name, "ClosedCurve", points, ("",) * len(points))])
    with pytest.raises(InputError, match=message):
        read_drawn(tmp_path / "c", GRIDS[0].reoriented(CANONICAL))


def test_an_outline_that_was_not_closed_is_no_correction_lost(tmp_path: Path) -> None:
    vessels: Any = fork()
    contours = contours_of(vessels, GRIDS[0], "right")
    markups = contour_markups(contours, 4, range(10, 30))
    save(tmp_path / "c", [replace(markups[0], kind="Curve"), *markups[1:]])
    with pytest.raises(InputError, match="the curve of an outline is open"):
        read_drawn(tmp_path / "c", contours.canonical)
    save(tmp_path / "points", [replace(markups[0], kind="Fiducial"), *markups[1:]])
    with pytest.raises(InputError, match="the curve of an outline is a list of points"):
        read_drawn(tmp_path / "points", contours.canonical)
    line = replace(markups[0], kind="Curve", name="right_internal_centerline")
    save(tmp_path / "d", [line, *markups[1:]])
    assert len(read_drawn(tmp_path / "d", contours.canonical)) == len(markups) - 1


def test_other_files_among_markups_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vessels: Any = fork()
    contours = contours_of(vessels, GRIDS[0], "right")
    save(tmp_path / "c", contour_markups(contours, 4, range(10, 30)))
    read_drawn(tmp_path / "c", contours.canonical)
    assert not caplog.text
    (tmp_path / "c" / "right_internal_lumen_z0012.json").touch()
    (tmp_path / "c" / ".DS_Store").touch()
    read_drawn(tmp_path / "c", contours.canonical)
    assert "not read, as they are no .mrk.json: right_internal_lumen_z0012.json" in caplog.text


def test_two_outlines_of_one_slice_are_refused(tmp_path: Path) -> None:
    twice = [Markup(f"left internal lumen {k}", "ClosedCurve", ring(), ("",) * 24) for k in "ab"]
    save(tmp_path / "c", twice)
    with pytest.raises(InputError, match="a second outline of the left internal lumen"):
        read_drawn(tmp_path / "c", GRIDS[0].reoriented(CANONICAL))


def test_an_empty_folder_is_no_correction(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with pytest.raises(InputError, match="no closed curve"):
        read_drawn(tmp_path / "c", GRIDS[0].reoriented(CANONICAL))


def test_each_markup_has_a_name_of_its_own() -> None:
    vessels: Any = fork()
    markups = contour_markups(contours_of(vessels, GRIDS[0]), 2, range(100))
    names = [one.name for one in markups]
    assert len(set(names)) == len(names) > 30
    assert all(one.kind == "ClosedCurve" for one in markups)
