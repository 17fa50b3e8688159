"""Where positions along the arteries begin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.evaluation.cohort import fork as neck

from carotid.artifacts import Centerline, Contours
from carotid.evaluation.common_range import ArteryCourse, measures_in_common
from carotid.stages.measurement.bifurcations import bifurcations_of
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.stretches import segment_limits

from .phantoms import Vessel, centerlines_of, contours_of, grid_of, straight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines
    from carotid.geometry.grid import Grid
    from carotid.measurements import SideMeasurements

SPACING = (0.5, 0.6, 0.8)
DIVIDER_MM = 4 / np.cos(np.arctan(0.4)) / 0.8
"""Slices through tubes of 2 mm radius, which move apart by 0.8 per mm, are apart from here on."""


def forked() -> dict[str, Vessel]:
    """Two arteries whose courses meet at the origin."""
    along = straight()[:, 2]
    away = 0.4 * np.clip(along, 0, None)
    internal, external = straight().copy(), straight().copy()
    internal[:, 0] -= away
    external[:, 0] += away
    above = along >= 0
    return {
        "internal": Vessel.around(internal, 2, 3),
        "external": Vessel.around(external[above], 2, 3),
    }


def drawn(grid: Grid, side: str = "left", every: int = 1) -> Contours:
    vessels: Any = forked()
    return contours_of(vessels, grid, side, every=every)


def lines(grid: Grid, fork_mm: Any = (0, 0, 0), side: str = "left", **more: Any) -> Centerlines:
    vessels: Any = forked()
    return centerlines_of(vessels, grid, fork_mm, side, **more)


def without_external_below(contours: Contours, height_mm: float) -> Contours:
    """As networks on planes draw it: one outline below the flow divider."""
    kept = tuple(
        one
        for one in contours.left
        if one.label == "internal" or height_of(contours, one.z) >= height_mm
    )
    return replace(contours, left=kept)


def height_of(contours: Contours, z: int) -> float:
    return float(contours.canonical.world_from_index(np.array([0.0, 0.0, z]))[2])


def found(
    contours: Contours, centerlines: Centerlines | None, side: str = "left"
) -> tuple[float, str]:
    """The height in R-A-S at which the internal's positions begin, and where that comes from."""
    made = measure(contours, centerlines)
    own: Mapping[str, SideMeasurements] = {"left": made.left, "right": made.right}
    table = own[side].slices
    internal = np.array(table.words("label")) == "internal"
    s: NDArray[np.float64] = table.numbers("s_mm")[internal]
    heights = np.array([height_of(contours, int(z)) for z in table.numbers("z")[internal]])
    order = np.argsort(s)
    rows = list(zip(made.segments.words("side"), made.segments.words("segment"), strict=True))
    source = made.segments.words("bifurcation")[rows.index((side, "internal"))]
    return float(np.interp(0, s[order], heights[order])), source


@pytest.mark.parametrize("order", ["RAS", "LPS", "SRA", "PIL"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_positions_begin_at_the_lowest_slice_in_which_the_lumens_are_apart(
    order: str, side: str
) -> None:
    grid = grid_of(SPACING, order)
    height, source = found(drawn(grid, side), lines(grid, side=side), side)
    assert source == "divider"
    assert DIVIDER_MM - 0.1 <= height <= DIVIDER_MM + SPACING[2] + 0.1


def test_one_outline_that_holds_both_lumens_is_below_it() -> None:
    grid = grid_of(SPACING)
    both = without_external_below(drawn(grid), 3.2)
    # The external's course lies within the internal's lumen up to 2.5 mm, where they overlap next.
    height, source = found(both, lines(grid))
    assert source == "divider"
    assert DIVIDER_MM - 0.1 <= height <= DIVIDER_MM + SPACING[2] + 0.1


def test_it_is_seen_without_centerlines() -> None:
    grid = grid_of(SPACING)
    height, source = found(drawn(grid), None)
    assert source == "divider"
    assert DIVIDER_MM - 0.1 <= height <= DIVIDER_MM + SPACING[2] + 0.1


def test_contours_of_another_scan_show_nothing() -> None:
    grid = grid_of(SPACING)
    centers = lines(grid)
    own, other = (bifurcations_of(drawn(one), centers) for one in (grid, grid_of((0.7, 0.6, 0.8))))
    met = centers.left.bifurcation
    assert met is not None
    np.testing.assert_array_equal(other["left"], met.point)
    assert own["left"][2] > met.point[2] + 4


def test_a_bifurcation_that_was_set_by_hand_counts() -> None:
    grid = grid_of(SPACING)
    height, source = found(drawn(grid), lines(grid, (0, 0, -2.0), by_hand=True))
    assert source == "corrected"
    assert height == pytest.approx(-2.0, abs=0.1)


def test_outlines_that_begin_late_do_not_show_it() -> None:
    """Somebody drew the external from 9 mm on: its course is beside the other lumen before."""
    grid = grid_of(SPACING)
    height, source = found(without_external_below(drawn(grid), 9.0), lines(grid))
    assert source == "found"
    assert height == pytest.approx(0, abs=0.1)


def test_an_external_that_begins_late_does_not_show_it() -> None:
    """Its course, too, was found from 9 mm on only."""
    grid = grid_of(SPACING)
    late, all_of_it = without_external_below(drawn(grid), 9.0), lines(grid)
    external = all_of_it.left.external.points
    low = min(one.z for one in late.left if one.label == "external")
    above = Centerline.of_points(external[external[:, 2] >= low])
    height, source = found(late, replace(all_of_it, left=replace(all_of_it.left, external=above)))
    assert source == "found"
    assert height == pytest.approx(0, abs=0.1)
    assert found(late, None)[1] == "lowest"


@pytest.mark.parametrize("label", ["internal", "external"])
@pytest.mark.parametrize("steps", [-1, 0])
def test_one_slice_without_outline_moves_it_by_a_slice_at_most(label: str, steps: int) -> None:
    """Where the slice is the lowest in which the lumens are apart, or the one below."""
    grid = grid_of(SPACING)
    contours = drawn(grid)
    divider = min(one.z for one in contours.left if height_of(contours, one.z) >= DIVIDER_MM)
    gone = tuple(x for x in contours.left if (x.label, x.z) != (label, divider + steps))
    height, source = found(replace(contours, left=gone), lines(grid))
    assert source == "divider"
    assert height == pytest.approx(height_of(contours, divider + 1 + steps), abs=0.05)


def test_sparse_outlines_do_not_show_it() -> None:
    grid = grid_of((0.5, 0.6, 0.4))
    every = drawn(grid, every=12)
    assert len({one.z for one in every.left}) > 8
    assert found(every, lines(grid))[1] == "found"


def test_thick_slices_show_it_to_a_slice() -> None:
    grid = grid_of((0.5, 0.6, 4.0))
    height, source = found(drawn(grid), lines(grid))
    assert source == "divider"
    assert DIVIDER_MM - 0.1 <= height <= DIVIDER_MM + 4.1


def test_one_slice_in_which_lumens_are_apart_is_none() -> None:
    """The outlines of one slice below have lost each other."""
    grid = grid_of(SPACING)
    contours = drawn(grid)
    low = min(one.z for one in contours.left if height_of(contours, one.z) > 2)
    moved = tuple(
        replace(one, lumen=replace(one.lumen, points=one.lumen.points + np.array([8, 0])))
        if one.z == low and one.label == "external" and one.lumen is not None
        else one
        for one in contours.left
    )
    height, source = found(replace(contours, left=moved), lines(grid))
    assert source == "divider"
    assert height >= DIVIDER_MM - 0.1


def test_a_divider_far_from_where_the_courses_meet_is_told_and_does_not_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    grid = grid_of(SPACING)
    height, source = found(drawn(grid), lines(grid, (0, 0, 12.0)))
    assert source == "found"
    assert height == pytest.approx(12, abs=0.1)
    assert (
        "left: the lumens part 6 mm below the point where the courses meet; positions count from "
        "where the courses meet; look at the outlines, or set the bifurcation by hand"
    ) in caplog.text


def test_an_artery_alone_has_the_bifurcation_of_its_centerlines() -> None:
    grid = grid_of(SPACING)
    contours = drawn(grid)
    alone = replace(contours, left=tuple(x for x in contours.left if x.label == "internal"))
    assert found(alone, lines(grid))[1] == "found"
    nothing = Centerline.of_points(np.empty((0, 3)))
    none = lines(grid, None)
    none = replace(none, left=replace(none.left, external=nothing))
    made = measure(alone, none)
    assert set(made.segments.words("bifurcation")) == {"unknown"}


def test_slices_between_where_the_courses_meet_and_the_flow_divider_are_told() -> None:
    """The courses part first; outlines of the external begin where its lumen is by itself."""
    vessels: Any = neck()
    grid = grid_of((0.6, 0.6, 1.0))
    centers = centerlines_of(vessels, grid, (0, 0, 0))
    outlines = contours_of(vessels, grid)
    first = min(one.z for one in outlines.left if one.label == "external") + 4
    apart = tuple(one for one in outlines.left if one.label == "internal" or one.z >= first)
    table = measure(replace(outlines, left=apart), centers).left.slices
    told = np.array(["both_lumens" in flags for flags in table.words("flags")])
    assert 2 <= told.sum() <= 4
    assert {table.words("label")[row] for row in np.flatnonzero(told)} == {"internal"}
    # Positions count from the flow divider: these slices are right below it.
    s = table.numbers("s_mm")[told]
    assert ((s > -6) & (s < 0)).all()
    assert np.isfinite(table.numbers("axial_la_mm2")[told]).all()  # it is told, and counts
    table = measure(outlines, centers).left.slices
    assert not any("both_lumens" in flags for flags in table.words("flags"))


@pytest.mark.parametrize("segment", ["common", "common_bulb"])
def test_the_least_lumen_is_that_of_one_artery(segment: str) -> None:
    """Planes in slices with both lumens reach above the divider, where the lumen is a smaller one.

    So do places between the last of these slices and the divider, over which repetitions are laid.
    """
    grid = grid_of(SPACING)
    apart = drawn(grid)
    trunk: Any = {"internal": Vessel.around(straight(), 3.6, 4.6)}
    below = (one for one in contours_of(trunk, grid).left if height_of(apart, one.z) < DIVIDER_MM)
    above = (one for one in apart.left if height_of(apart, one.z) >= DIVIDER_MM)
    made = measure(replace(apart, left=(*below, *above)), lines(grid))
    slices = made.left.slices
    both = np.array(["both_lumens" in flags for flags in slices.words("flags")])
    own = np.array(slices.words("label")) == "internal"
    common = own & (slices.numbers("s_mm") < 0) & (np.array(slices.words("readable")) != "no")
    areas = slices.numbers("la_mm2")
    row = [*zip(made.segments.words("side"), made.segments.words("segment"), strict=True)].index(
        ("left", segment)
    )
    assert np.nanmin(areas[common & both]) < np.nanmin(areas[common & ~both]) - 3, "a trap"
    least = np.pi * 3.6**2
    assert made.segments.numbers("mla_mm2")[row] == pytest.approx(least, rel=0.03)
    assert made.segments.numbers("mld_mm")[row] == pytest.approx(7.2, rel=0.02)
    course = ArteryCourse.of(slices, "internal", 2.0)
    (found,) = measures_in_common([course], segment_limits(MeasurementParameters())[segment])
    assert found["mla_mm2"] == pytest.approx(least, rel=0.03)
