"""What is drawn of arteries: order, gaps, the side of plaque in a map, the slices of extremes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.figures.arteries import PLAQUE_MM, measured, neck, scan

from carotid.figures.courses import DrawnCourse, drawn_courses
from carotid.figures.cuts import cut_picture, extreme_rows
from carotid.figures.segments import segments_of
from carotid.figures.unfolded import unfold
from carotid.measurements import SideMeasurements

RIGHT, LEFT = 0, 2
"""Of the internal carotids in the order of `drawn_courses`."""


def internal(which: int) -> DrawnCourse:
    return drawn_courses(measured())[which]


def test_arteries_come_right_before_left_and_upwards() -> None:
    found = [(one.side, one.label) for one in drawn_courses(measured())]
    assert found == [
        ("right", "internal"),
        ("right", "external"),
        ("left", "internal"),
        ("left", "external"),
    ]
    for one in drawn_courses(measured()):
        assert (np.diff(one.s_mm) > 0).all()
        assert one.from_bifurcation


def test_plaque_is_lateral_on_both_sides_and_the_maps_are_mirror_images() -> None:
    maps = [unfold(internal(which)) for which in (RIGHT, LEFT)]
    for one, words in zip(maps, (("lateral", "medial"), ("medial", "lateral")), strict=True):
        assert one.directions == ("posterior", words[0], "anterior", words[1], "posterior")
        row, column = np.unravel_index(np.nanargmax(one.thickness_mm), one.thickness_mm.shape)
        at = one.from_mm + 0.5 * (row + 0.5)
        assert at == pytest.approx(10, abs=1.5)
        quarter = column / (one.thickness_mm.shape[1] - 1) * 4
        assert one.directions[round(quarter)] == "lateral"
        assert np.nanmax(one.thickness_mm) == pytest.approx(1 + PLAQUE_MM, abs=0.15)
    right, left = maps
    np.testing.assert_allclose(
        right.thickness_mm, left.thickness_mm[:, ::-1], atol=0.12, equal_nan=True
    )


def test_what_cannot_be_read_is_a_gap() -> None:
    course = internal(LEFT)
    near = np.abs(course.s_mm + 8) < 3
    unread = replace(course, wall_read=course.wall_read & ~near)
    found = unfold(unread)
    middles = found.from_mm + 0.5 * (np.arange(len(found.thickness_mm)) + 0.5)
    empty = np.asarray(np.isnan(found.thickness_mm).all(axis=1))
    assert empty[np.abs(middles + 8) < 2].all()
    assert not empty[(np.abs(middles + 8) > 4) & (np.abs(middles + 7) < 6)].any()
    kept = np.flatnonzero(~near)
    missing = replace(
        course,
        s_mm=course.s_mm[kept],
        rows=course.rows[kept],
        thickness_mm=course.thickness_mm[kept],
        wall_read=course.wall_read[kept],
        lumen_read=course.lumen_read[kept],
    )
    assert np.flatnonzero(~missing.joined()).size == 1
    again = unfold(missing)
    assert np.isnan(again.thickness_mm[np.abs(middles + 8) < 2]).all()


def test_the_mouth_of_the_other_artery_is_no_thin_wall() -> None:
    whole = measured()
    table, row = whole.left.slices, int(internal(LEFT).rows[20])
    thickness = whole.left.thickness_mm.copy()
    thickness[row, 4:8] = (0.0, 0.1, 0.4, 0.6)
    thickness[row + 1, 4] = 0.1
    flags = list(table.words("flags"))
    flags[row] = "both_lumens,oblique"
    side = SideMeasurements(replace(table, cells={**table.cells, "flags": tuple(flags)}), thickness)
    drawn = drawn_courses(replace(whole, left=side))[LEFT].thickness_mm
    assert np.isnan(drawn[20]).nonzero()[0].tolist() == [4, 5, 6], "its rim is none either"
    assert drawn[20, 7] == 0.6
    assert drawn[21, 4] == 0.1, "elsewhere a thin wall is shown"


def test_segments_have_words_and_limits() -> None:
    found = {one.title: one for one in segments_of(internal(LEFT))}
    assert list(found) == ["common", "bulb", "internal"]
    assert found["bulb"].from_mm == pytest.approx(-10, abs=1.2)
    assert found["bulb"].to_mm == pytest.approx(10, abs=1.2)


def test_extremes_are_those_that_can_be_read() -> None:
    course = internal(LEFT)
    rows = extreme_rows(course)
    assert course.values("wt_max_mm")[rows["thickest"]] == pytest.approx(1 + PLAQUE_MM, abs=0.15)
    hidden = course.wall_read.copy()
    hidden[rows["thickest"]] = False
    again = extreme_rows(replace(course, wall_read=hidden))
    assert again["thickest"] != rows["thickest"]
    none = np.zeros(len(course), np.bool_)
    assert extreme_rows(replace(course, wall_read=none, lumen_read=none)) == {}


def test_the_narrowest_is_that_of_one_lumen_as_in_the_table_of_arteries() -> None:
    course = internal(LEFT)
    row = extreme_rows(course)["narrowest"]
    flags = list(course.table.words("flags"))
    flags[course.rows[row]] = "both_lumens"
    table = replace(course.table, cells={**course.table.cells, "flags": tuple(flags)})
    assert extreme_rows(replace(course, table=table))["narrowest"] != row


@pytest.mark.parametrize("order", ["RAS", "LPS", "PSR", "SLA"])
def test_a_section_is_seen_from_the_feet_whatever_the_order_of_axes(order: str) -> None:
    contours, _ = neck()
    for which, outward in ((RIGHT, -1), (LEFT, 1)):
        course = internal(which)
        row = extreme_rows(course)["thickest"]
        found = cut_picture(course, "thickest", row, contours, scan(order))
        assert found.grey is not None
        assert found.lumen_mm is not None
        assert found.wall_mm is not None
        middle = found.grey[len(found.grey) // 2]
        assert middle[2] > middle[-3], "the patient's right is on the left"
        wall, lumen = (outward * one[:, 0] for one in (found.wall_mm, found.lumen_mm))
        lateral, medial = wall.max() - lumen.max(), lumen.min() - wall.min()
        assert lateral > medial + 0.8, "plaque is lateral: outwards from the middle"
    plain = cut_picture(course, "thickest", row, contours, None)
    assert plain.grey is None


def test_a_section_of_outlines_far_beyond_the_scan_is_no_larger_than_a_neck() -> None:
    contours, _ = neck()
    course = internal(LEFT)
    row = extreme_rows(course)["thickest"]
    z = round(float(course.values("z")[row]))
    far = tuple(
        replace(one, wall=replace(one.wall, points=one.wall.points * 1e4))
        if one.z == z and one.wall is not None
        else one
        for one in contours.left
    )
    found = cut_picture(course, "thickest", row, replace(contours, left=far), scan("RAS"))
    assert found.half_width_mm < 50
    assert found.grey is not None
    assert max(found.grey.shape) < 1000
