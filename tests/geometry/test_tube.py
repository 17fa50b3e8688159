from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.geometry.outlines import signed_areas
from carotid.geometry.tube import ANGLES, Cut, Tube, cut, ray_angles, tube_through

if TYPE_CHECKING:
    from numpy.typing import NDArray


def oblique(tilt_deg: float, step_mm: float, radius: float = 3.0, points: int = 90) -> Tube:
    """A straight round tube along x and z; its axial outlines are ellipses."""
    heights = np.arange(0, 40 + step_mm / 2, step_mm)
    centers = np.column_stack([heights * np.tan(np.deg2rad(tilt_deg)), np.zeros_like(heights)])
    t = 2 * np.pi * np.arange(points) / points
    ellipse = np.column_stack(
        [radius / np.cos(np.deg2rad(tilt_deg)) * np.cos(t), radius * np.sin(t)]
    )
    outlines = centers[:, None] + ellipse
    return tube_through(heights, centers, outlines, np.full(outlines.shape[:2], 0.1))


def across(tube: Tube, tilt_deg: float, heights: list[float], max_gap_mm: float = 3) -> Cut:
    tilt = np.deg2rad(tilt_deg)
    z = np.array(heights)
    origins = np.column_stack([z * np.tan(tilt), 0 * z, z])
    first = np.tile([np.cos(tilt), 0, -np.sin(tilt)], (len(z), 1))
    second = np.tile([0.0, 1, 0], (len(z), 1))
    return cut(tube, origins, first, second, max_gap_mm)


def area(found: Cut) -> NDArray[np.float64]:
    turns = ray_angles()
    toward = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    return signed_areas(found.radii_mm[..., None] * toward)


@pytest.mark.parametrize("tilt", [0, 10, 20, 30, 45, 60])
@pytest.mark.parametrize("step", [0.35, 2.0])
def test_across_an_oblique_tube_the_cut_is_its_circle(tilt: float, step: float) -> None:
    found = across(oblique(tilt, step), tilt, [12.0, 20.0, 21.3])
    np.testing.assert_allclose(found.radii_mm, 3, atol=0.01)
    np.testing.assert_allclose(area(found), 9 * np.pi, rtol=0.005)


def test_the_spread_shrinks_where_the_slice_cuts_obliquely() -> None:
    found = across(oblique(30, 0.5), 30, [20.0])
    np.testing.assert_allclose(found.spread_mm[0, 0], 0.1 * np.cos(np.deg2rad(30)), rtol=1e-3)
    np.testing.assert_allclose(found.spread_mm[0, ANGLES // 4], 0.1, rtol=1e-3)


def test_a_plane_that_leaves_the_tube_s_slices_is_empty() -> None:
    tube = oblique(45, 0.5)
    found = across(tube, 45, [0.0, 20.0, 40.0], max_gap_mm=2)
    assert np.isnan(found.radii_mm[[0, 2]]).all()
    assert np.isfinite(found.radii_mm[1]).all()


@pytest.mark.parametrize("tilt", [20, 35])
def test_a_tube_that_narrows_at_once_is_cut_too(tilt: float) -> None:
    """As behind the flow divider: each ray against a fine search along it."""
    heights = np.arange(0, 40, 0.05)
    radius = 4 - 2 / (1 + np.exp(-(heights - 20) / 0.15))
    centers = np.column_stack([heights * np.tan(np.deg2rad(tilt)), np.zeros_like(heights)])
    radii = np.tile(radius[:, None], ANGLES)
    tube = Tube(heights, centers, radii, 0.1 * np.ones_like(radii))
    at = [18.5, 19.5, 20.0, 20.5, 21.5]
    found = across(tube, tilt, at)
    assert np.isfinite(found.spread_mm).all()
    run, slope = np.linspace(0, 8, 80_001)[1:], np.deg2rad(tilt)
    for plane, height in enumerate(at):
        for ray, turn in enumerate(ray_angles()):
            z = height - run * np.cos(turn) * np.sin(slope)
            away = run * np.hypot(np.cos(turn) / np.cos(slope), np.sin(turn))
            first = run[np.argmax(away >= np.interp(z, heights, radius))]
            assert found.radii_mm[plane, ray] == pytest.approx(first, abs=0.01)


def test_gaps_are_joined_up_to_their_limit() -> None:
    tube = oblique(0, 0.5)
    keep = (tube.heights_mm < 10) | (tube.heights_mm > 13)
    holed = Tube(
        *(a[keep] for a in (tube.heights_mm, tube.centers_mm, tube.radii_mm, tube.spread_mm))
    )
    assert np.isfinite(across(holed, 0, [11.0], max_gap_mm=4).radii_mm).all()
    assert np.isnan(across(holed, 0, [11.0], max_gap_mm=2).radii_mm).all()


def test_outlines_that_do_not_lie_around_their_center_are_left_out() -> None:
    heights = np.array([0.0, 1, 2])
    centers = np.array([[0.0, 0], [9, 9], [0, 0]])
    t = 2 * np.pi * np.arange(20) / 20
    outlines = np.tile(np.column_stack([np.cos(t), np.sin(t)]), (3, 1, 1))
    tube = tube_through(heights, centers, outlines, np.full((3, 20), np.nan))
    np.testing.assert_array_equal(tube.heights_mm, [0, 2])
    assert np.isnan(tube.spread_mm).all()


def test_a_tube_of_no_slices_has_no_cut() -> None:
    empty = Tube(np.empty(0), np.empty((0, 2)), np.empty((0, ANGLES)), np.empty((0, ANGLES)))
    assert np.isnan(across(empty, 0, [3.0]).radii_mm).all()
