"""Drawn vessels whose measures are known exactly, in scans of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.necks import turned
from tests.stages.measurement.phantoms import (
    Vessel,
    bent,
    centerlines_of,
    contours_of,
    grid_of,
    straight,
)

from carotid.errors import InputError
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.shapes import measure_shapes

if TYPE_CHECKING:
    from carotid.measurements import Measurements, MeasurementTable

SPACINGS = [(0.35, 0.35, 0.35), (0.5, 0.8, 1.2), (0.8, 0.8, 0.8)]

TAPER = np.interp(straight()[:, 2], [-60, 60], [4.2, 1.8])

# Vessel, radius of lumen and outer border, mean, largest and smallest thickness across it.
CASES = {
    "straight": (Vessel.around(straight()), 3, 4, 1.0, 1.0, 1.0),
    "oblique": (Vessel.around(straight(30, 25)), 3, 4, 1.0, 1.0, 1.0),
    "bent": (Vessel.around(bent()), 3, 4, 1.0, 1.0, 1.0),
    "eccentric": (
        Vessel.around(straight(), 2, 4, (0, 1.6, 0)),
        2,
        4,
        1.7598,
        3.6,
        0.4,
    ),
    "eccentric and oblique": (
        Vessel.around(straight(30), 2, 4, (0, -1.6, 0)),
        2,
        4,
        1.7598,
        3.6,
        0.4,
    ),
    "tight": (Vessel.around(straight(15), 1.2, 4, (0, 2.2, 0)), 1.2, 4, 2.231, 5.0, 0.6),
}


def measured(
    vessel: Vessel, spacing: tuple[float, float, float], side: str = "left"
) -> Measurements:
    grid = grid_of(spacing)
    vessels = {"internal": vessel}
    every = max(round(1 / spacing[2]), 1)
    return measure(
        contours_of(vessels, grid, side, every=every),  # type: ignore[arg-type]
        centerlines_of(vessels, grid, side=side),  # type: ignore[arg-type]
    )


def middle(table: MeasurementTable, name: str, within_mm: float = 12) -> np.ndarray:
    return table.numbers(name)[np.abs(table.numbers("s_mm")) < within_mm]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", CASES)
def test_across_the_vessel_measures_are_exact(
    name: str, spacing: tuple[float, float, float]
) -> None:
    vessel, lumen, outer, mean, largest, smallest = CASES[name]
    table = measured(vessel, spacing).left.slices
    np.testing.assert_allclose(middle(table, "la_mm2"), np.pi * lumen**2, rtol=0.02)
    np.testing.assert_allclose(middle(table, "tva_mm2"), np.pi * outer**2, rtol=0.02)
    np.testing.assert_allclose(middle(table, "wt_mean_mm"), mean, atol=0.03)
    np.testing.assert_allclose(middle(table, "wt_max_mm"), largest, atol=0.08)
    np.testing.assert_allclose(middle(table, "wt_min_mm"), smallest, atol=0.05)
    np.testing.assert_allclose(middle(table, "nwi"), 1 - (lumen / outer) ** 2, atol=0.005)
    for kind in ("equivalent", "caliper", "inscribed"):
        np.testing.assert_allclose(
            middle(table, f"lumen_diameter_{kind}_mm"), 2 * lumen, rtol=0.015
        )
    np.testing.assert_allclose(
        middle(table, "ei_1_minus_min_over_max"), 1 - smallest / largest, atol=0.03
    )


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_taper_is_followed(spacing: tuple[float, float, float]) -> None:
    table = measured(Vessel.around(straight(20), TAPER, TAPER + 1), spacing).left.slices
    s = middle(table, "s_mm")
    radius = np.interp(s, [-60, 60], [4.2, 1.8])
    np.testing.assert_allclose(middle(table, "la_mm2"), np.pi * radius**2, rtol=0.02)
    np.testing.assert_allclose(middle(table, "wt_mean_mm"), 1, atol=0.03)


@pytest.mark.parametrize("tilt", [10, 20, 30, 45])
def test_obliquity_enlarges_the_axial_slice_as_geometry_says(tilt: int) -> None:
    table = measured(Vessel.around(straight(tilt, 40)), (0.5, 0.5, 0.5)).left.slices
    factor = 1 / np.cos(np.deg2rad(tilt))
    np.testing.assert_allclose(middle(table, "angle_deg"), tilt, atol=0.1)
    for name, exact in (("la", 9 * np.pi), ("tva", 16 * np.pi), ("wa", 7 * np.pi)):
        np.testing.assert_allclose(middle(table, f"axial_{name}_mm2"), factor * exact, rtol=0.01)
    np.testing.assert_allclose(middle(table, "axial_nwi"), 7 / 16, atol=0.002)
    np.testing.assert_allclose(middle(table, "axial_wt_max_mm"), factor, rtol=0.01)
    excess = {10: 0.0076, 20: 0.0305, 30: 0.0688, 45: 0.1529}[tilt]
    np.testing.assert_allclose(middle(table, "axial_wt_mean_mm"), 1 + excess, atol=0.008)
    flagged = ["oblique" in word for word in table.words("flags")]
    assert all(flagged) if tilt > 30 else not any(flagged)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize(
    "course", [straight(), straight(30, 20), straight(45), bent()], ids=["0", "30", "45", "bent"]
)
def test_volumes_are_axial_areas_times_slice_distance(
    course: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    table = measured(Vessel.around(course), spacing).segments
    row = table.words("segment").index("internal_bulb")
    # The segment's ends are slices, not planes across: the same volume for a straight tube.
    for name, exact in (("lumen", 90), ("vessel", 160), ("wall", 70)):
        found = table.numbers(f"{name}_volume_mm3")[row]
        assert found == pytest.approx(exact * np.pi, rel=0.01)
    assert table.numbers("percent_wall_volume")[row] == pytest.approx(100 * 7 / 16, abs=0.3)
    assert table.numbers("covered_mm")[row] == pytest.approx(10, abs=0.02)


SCANS = [
    ("RAS", None),
    ("LPS", None),
    ("SPL", None),
    ("AIR", None),
    ("PSR", turned(12, -8, 15)),
    ("LIA", turned(12, -8, 15)),
]


@pytest.mark.parametrize(("order", "tilt"), SCANS, ids=[order for order, _ in SCANS])
def test_nothing_depends_on_the_stored_order_of_axes(order: str, tilt: np.ndarray | None) -> None:
    vessel = Vessel.around(straight(25, 70), 2, 4, (1.0, 1.0, 0))
    spacing = (0.5, 0.7, 0.9)
    vessels = {"internal": vessel}
    upright = grid_of(spacing, "RAS", tilt)
    stored = grid_of(spacing, order, tilt)
    plain, other = (
        measure(contours_of(vessels, grid), centerlines_of(vessels, grid))  # type: ignore[arg-type]
        for grid in (upright, stored)
    )
    for column in plain.left.slices.columns:
        if column.unit:
            np.testing.assert_allclose(
                other.left.slices.numbers(column.name),
                plain.left.slices.numbers(column.name),
                atol=1e-3,
            )


def test_a_tilted_scan_sees_the_same_vessel() -> None:
    vessel = Vessel.around(straight(25, 70), 2, 4, (1.0, 1.0, 0))
    vessels = {"internal": vessel}
    found = []
    for tilt in (None, turned(14, -9, 20)):
        grid = grid_of((0.5, 0.5, 1.0), "RAS", tilt)
        table = measure(contours_of(vessels, grid), centerlines_of(vessels, grid)).left.slices  # type: ignore[arg-type]
        found.append([np.median(middle(table, f"wt_{k}_mm")) for k in ("mean", "max", "min")])
        found[-1] += [np.median(middle(table, "la_mm2")), np.median(middle(table, "wt_max_deg"))]
    np.testing.assert_allclose(found[0][:3], found[1][:3], atol=0.02)
    assert found[0][3] == pytest.approx(found[1][3], rel=0.01)
    assert found[0][4] == pytest.approx(found[1][4], abs=3)


@pytest.mark.parametrize(
    ("shift", "left_deg", "right_deg"),
    [
        ((0, 1.2, 0), 0, 0),
        ((0, -1.2, 0), 180, 180),
        ((-1.2, 0, 0), 90, 270),
        ((1.2, 0, 0), 270, 90),
    ],
    ids=["anterior", "posterior", "to the patient's left", "to the patient's right"],
)
def test_lateral_is_away_from_the_midline_on_both_sides(
    shift: tuple[float, float, float], left_deg: float, right_deg: float
) -> None:
    # The wall is thickest where the outer border is shifted to.
    vessel = Vessel.around(straight(), 2, 4, shift)
    for side, expected in zip(SIDE_NAMES, (left_deg, right_deg), strict=True):
        found = measured(vessel, (0.6, 0.6, 1.0), side).side(side)
        apart = (middle(found.slices, "wt_max_deg") - expected + 180) % 360 - 180
        assert np.abs(apart).max() < 6
        thickest = np.nanmedian(found.thickness_mm, axis=0).argmax() * 10
        assert thickest == expected % 360


def test_annotations_of_every_fifth_slice_give_the_same_numbers() -> None:
    vessel = Vessel.around(straight(20), 2, 4, (0, 1.6, 0))
    grid = grid_of((0.5, 0.5, 0.35))
    vessels = {"internal": vessel}
    line = centerlines_of(vessels, grid)  # type: ignore[arg-type]
    every, fifth = (
        measure(contours_of(vessels, grid, every=n), line).segments  # type: ignore[arg-type]
        for n in (1, 5)
    )
    row = every.words("segment").index("internal_bulb")
    for name in ("la_mean_mm2", "wt_mean_mm", "wt_max_mm", "wall_volume_mm3", "covered_mm"):
        assert fifth.numbers(name)[row] == pytest.approx(every.numbers(name)[row], rel=0.002)


def test_neighbouring_slices_are_joined_however_thick_they_are() -> None:
    table = measured(Vessel.around(straight(20)), (0.6, 0.6, 4.4))
    row = table.segments.words("segment").index("internal_bulb")
    assert table.segments.numbers("covered_mm")[row] == pytest.approx(10, abs=0.02)
    assert table.segments.numbers("la_mean_mm2")[row] == pytest.approx(9 * np.pi, rel=0.01)
    assert table.segments.numbers("wall_volume_mm3")[row] == pytest.approx(70 * np.pi, rel=0.01)


def test_without_centerlines_the_outlines_tell_the_course() -> None:
    grid = grid_of((0.5, 0.5, 0.5))
    vessels = {"internal": Vessel.around(straight(30, 120))}
    table = measure(contours_of(vessels, grid)).left.slices  # type: ignore[arg-type]
    readable = np.array([word == "yes" for word in table.words("readable")])
    inner = readable & np.isfinite(table.numbers("la_mm2"))
    np.testing.assert_allclose(table.numbers("angle_deg")[inner], 30, atol=0.2)
    np.testing.assert_allclose(table.numbers("la_mm2")[inner], 9 * np.pi, rtol=0.02)
    assert np.isnan(table.numbers("s_mm")).all()
    assert set(table.words("segment")) == {""}


@pytest.mark.parametrize("aside", [0, -1e-15, -1e-6])
def test_a_wall_that_is_thickest_in_front_is_so_at_0_degrees(aside: float) -> None:
    """An angle just below 0 is 360 in a table of six digits, which no direction is."""
    turns = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=-1)[None]
    found = measure_shapes(2 * circle - [0.8, 0], 4 * circle + [0, aside], "radial")
    assert found.wt_max_deg[0] == 0


def test_a_neck_without_any_outline_is_told_where_to_look() -> None:
    contours = contours_of({}, grid_of((1.0, 1.0, 1.0)))
    with pytest.raises(InputError, match=r"no outline with an area.*Look at .* on the page"):
        measure(contours)
