"""Outlines drawn by hand take the place of what was found, and those between follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.stages.measurement.phantoms import Vessel, centerlines_of, contours_of, grid_of, straight

from carotid.geometry.outlines import signed_areas
from carotid.stages.correction import Drawn, corrected_contours, with_bifurcations
from carotid.stages.outline_changes import smooth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Contours, CrossSection

GRID = grid_of((0.5, 0.8, 1.0))


@pytest.fixture(scope="module")
def contours() -> Contours:
    return contours_of({"internal": Vessel.around(straight(15), 3, 4)}, GRID)


def section(contours: Contours, z: int) -> CrossSection:
    return next(one for one in contours.left if one.z == z)


def lumen(contours: Contours, z: int) -> NDArray[np.float64]:
    outline = section(contours, z).lumen
    assert outline is not None
    return outline.points


def area_mm2(points: NDArray[np.float64]) -> float:
    return float(signed_areas((points * [0.5, 0.8])[None])[0])


def larger(points: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    middle = points.mean(axis=0)
    return np.asarray(middle + factor * (points - middle), np.float64)


def drawn(z: int, points: NDArray[np.float64]) -> Drawn:
    return Drawn("left", "internal", "lumen", z, points)


def test_a_changed_outline_is_taken_and_fades_out_towards_its_neighbours(
    contours: Contours,
) -> None:
    kept = [drawn(z, lumen(contours, z)) for z in (10, 15, 25)]
    found = corrected_contours(contours, [*kept, drawn(20, larger(lumen(contours, 20), 1.3))])
    assert (found.drawn, found.between, found.left) == (1, 8, ())
    old, new = (
        np.array([area_mm2(lumen(one, z)) for z in range(8, 30)])
        for one in (contours, found.contours)
    )
    ratio = np.sqrt(new / old)
    by_slice = dict(zip(range(8, 30), ratio.tolist(), strict=True))
    assert by_slice[20] == pytest.approx(1.3)
    for z, expected in ((16, 1.06), (18, 1.18), (22, 1.18), (24, 1.06)):
        assert by_slice[z] == pytest.approx(expected, abs=0.01)
    for z in (8, 10, 12, 15, 25, 28):
        assert by_slice[z] == 1
    marked = {one.z for one in found.contours.left if one.lumen is not None and one.lumen.corrected}
    assert marked == {16, 17, 18, 19, 20, 21, 22, 23, 24}
    assert not any(one.wall is not None and one.wall.corrected for one in found.contours.left)
    assert np.isnan(section(found.contours, 20).lumen.deviation_mm).all()  # type: ignore[union-attr]


def test_without_a_neighbour_that_was_exported_one_slice_changes_alone(contours: Contours) -> None:
    found = corrected_contours(contours, [drawn(20, larger(lumen(contours, 20), 0.8))])
    assert (found.drawn, found.between) == (1, 0)


def test_what_was_left_as_it_was_changes_nothing(contours: Contours) -> None:
    moved = lumen(contours, 12) + np.array([0.04, 0])  # 0.02 mm: rounding of a file
    found = corrected_contours(contours, [drawn(10, lumen(contours, 10)), drawn(12, moved)])
    assert found.drawn == found.between == 0
    assert found.contours.left[5].lumen is contours.left[5].lumen


def test_outlines_are_added_where_there_were_none(contours: Contours) -> None:
    ring = lumen(contours, 20)
    new = Drawn("right", "external", "wall", 7, ring)
    found = corrected_contours(contours, [new])
    (added,) = found.contours.right
    assert (added.label, added.z, added.lumen) == ("external", 7, None)
    assert added.wall is not None
    assert added.wall.corrected


def test_an_outline_that_cannot_follow_is_named(contours: Contours) -> None:
    # A crescent beside its own center between two outlines that were drawn.
    turn = np.linspace(-2.4, 2.4, 30)
    arc = np.column_stack([np.cos(turn), np.sin(turn)])
    crescent = np.concatenate([6 * arc, 5 * arc[::-1]]) + lumen(contours, 20).mean(axis=0)
    with_it = corrected_contours(contours, [drawn(20, crescent)]).contours
    found = corrected_contours(
        with_it, [drawn(18, larger(lumen(contours, 18), 1.2)), drawn(22, lumen(contours, 22))]
    )
    assert found.left == (("left", "internal", "lumen", 20),)


def test_few_points_are_joined_smoothly() -> None:
    turn = 2 * np.pi * np.arange(8) / 8
    circle = 10 + 3 * np.column_stack([np.cos(turn), np.sin(turn)])
    distance = np.linalg.norm(smooth(circle) - 10, axis=1)
    assert np.abs(distance - 3).max() < 0.01
    many = np.repeat(circle, 3, axis=0)
    assert smooth(many) is many


def test_a_bifurcation_is_set_on_one_side() -> None:
    lines = centerlines_of({"internal": Vessel.around(straight())}, GRID)
    found = with_bifurcations(lines, {"right": np.array([1.0, 2, 3])})
    assert found.left is lines.left
    assert found.right.bifurcation is not None
    assert found.right.bifurcation.corrected
    np.testing.assert_array_equal(found.right.bifurcation.point, [1, 2, 3])


def test_a_lumen_drawn_outside_its_wall_is_told(contours: Contours) -> None:
    kept = [drawn(z, lumen(contours, z)) for z in (15, 25)]
    wide = larger(lumen(contours, 20), 1.8)
    found = corrected_contours(contours, [*kept, drawn(20, wide)])
    (crossing,) = found.crossing
    assert (crossing.side, crossing.label, crossing.z) == ("left", "internal", 20)
    assert crossing.outside_mm == pytest.approx(3 * 1.8 - 4, abs=0.1)
    wall = section(contours, 20).wall
    assert wall is not None
    both = [drawn(20, wide), Drawn("left", "internal", "wall", 20, larger(wall.points, 1.8))]
    assert corrected_contours(contours, both).crossing == ()


def test_what_would_follow_out_of_its_wall_stays(contours: Contours) -> None:
    """Where the wall is narrow between two slices that were drawn."""
    wall = section(contours, 18).wall
    assert wall is not None
    narrow = Drawn("left", "internal", "wall", 18, larger(wall.points, 0.78))
    given = corrected_contours(contours, [narrow]).contours
    before = lumen(given, 18)
    ends = [drawn(16, lumen(given, 16)), drawn(20, larger(lumen(given, 20), 1.3))]
    found = corrected_contours(given, ends)
    assert found.left == (("left", "internal", "lumen", 18),)
    assert found.between == 2
    np.testing.assert_array_equal(lumen(found.contours, 18), before)
