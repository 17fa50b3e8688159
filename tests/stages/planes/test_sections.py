from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.outlines import centroids, signed_areas
from carotid.geometry.planes import Planes
from carotid.stages.planes.cut import Curve, finer, joined, without
from carotid.stages.planes.sections import Surfaces, sections

from .phantom import oblique_grid

if TYPE_CHECKING:
    from carotid.artifacts import CrossSection, Label


def _circle(center: tuple[float, float], radius: float, spread: float = 0.1) -> Curve:
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    points = np.column_stack([np.cos(turn), np.sin(turn)]) * radius + center
    return Curve(points, np.full(64, spread))


def _area(points: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return abs(float(signed_areas(points[None])[0]))


def _tube(low: list[float], high: list[float], radius: float, extra: float = 4.0) -> Surfaces:
    ends = np.array([low, high])
    out = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0]) * extra
    planes = Planes.across(np.linspace(ends[0] - out, ends[1] + out, 80), 1.0)
    even = np.full((len(planes), 32), radius)
    return Surfaces(planes, even, even + 1.0, even * 0 + 0.1, even * 0 + 0.2)


def _grid() -> Grid:
    affine = np.diag([0.5, 0.6, 0.8, 1.0])
    affine[:3, 3] = -20, -15, 0
    return Grid((80, 60, 50), affine)


@pytest.mark.parametrize("orientation", ["RAS", "LSA"])
def test_an_upright_tube_gives_circles_in_millimetres(orientation: str) -> None:
    grid = oblique_grid(orientation).reoriented(CANONICAL)
    low, high = grid.world_from_index(np.array([[25.0, 22.0, 5.0], [25.0, 22.0, 40.0]]))
    surface = _tube(list(low), list(high), 2.0)
    found, _ = sections({"internal": surface}, {"internal": range(5, 41)}, grid)
    assert [s.z for s in found] == list(range(5, 41))
    for section in found:
        assert section.label == "internal"
        for outline, radius in ((section.lumen, 2.0), (section.wall, 3.0)):
            assert outline is not None
            gap = (outline.points - [25.0, 22.0]) * [0.5, 0.6]
            np.testing.assert_allclose(np.hypot(*gap.T), radius, atol=1e-3)
        assert section.wall is not None
        np.testing.assert_allclose(section.wall.deviation_mm, 0.2)


def test_a_leaning_tube_is_cut_into_an_ellipse() -> None:
    surface = _tube([-10.0, 0, 4.0], [10.0, 0, 34.0], 2.0)
    found, _ = sections({"internal": surface}, {"internal": range(10, 30)}, _grid())
    lean = np.hypot(20, 30) / 30
    for section in found:
        assert section.lumen is not None
        area = _area(section.lumen.points * [0.5, 0.6])
        assert area == pytest.approx(np.pi * 4 * lean, rel=0.01)


def _fork(parting: float) -> tuple[CrossSection, ...]:
    internal = _tube([0.0, 0, 0.0], [0.0, 0, 38.0], 2.0)
    external = _tube([0.0, 0, parting], [14.0, 0, parting + 20], 1.6, extra=0.0)
    heights: dict[Label, range] = {
        "internal": range(3, 45),
        "external": range(int(parting / 0.8) + 4, int((parting + 17) / 0.8)),
    }
    return sections({"internal": internal, "external": external}, heights, _grid())[0]


def test_one_outline_below_the_flow_divider_and_two_that_do_not_overlap_above() -> None:
    found = _fork(10.0)
    lumens = {
        label: {s.z: s.lumen.points * [0.5, 0.6] for s in found if s.label == label and s.lumen}
        for label in ("internal", "external")
    }
    # The middles of tubes of 2.0 and 1.6 mm are 3.6 mm apart 5.2 mm above the fork, or so.
    divider = min(lumens["external"])
    assert divider * 0.8 == pytest.approx(10 + 3.6 / 0.7, abs=2.0)
    below = lumens["internal"][divider - 2]
    assert _area(below) > 1.3 * np.pi * 4
    for z, external in lumens["external"].items():
        one, other = Curve(external, np.ones(64)), Curve(lumens["internal"][z], np.ones(64))
        assert one.depth_in(other) < 0.15
        assert len(lumens["internal"][z]) == 64


def test_sections_are_sorted_as_the_tables_are() -> None:
    keys = [(s.label, s.z) for s in _fork(10.0)]
    assert keys == sorted(keys)


def test_a_slice_that_the_surface_does_not_reach_has_no_section() -> None:
    surface = _tube([0.0, 0, 10.0], [0.0, 0, 20.0], 2.0, extra=0.0)
    found, _ = sections({"internal": surface}, {"internal": range(40)}, _grid())
    heights = [s.z * 0.8 for s in found]
    assert min(heights) >= 10
    assert max(heights) <= 20


def test_joined_circles_have_the_area_of_both_once() -> None:
    one, other = _circle((0, 0), 2.0, 0.1), _circle((2.5, 0), 1.5, 0.4)
    both = joined(one, other)
    d, r, q = 2.5, 2.0, 1.5
    a = r * r * np.arccos((d * d + r * r - q * q) / (2 * d * r))
    b = q * q * np.arccos((d * d + q * q - r * r) / (2 * d * q))
    c = 0.5 * np.sqrt((-d + r + q) * (d + r - q) * (d - r + q) * (d + r + q))
    expected = np.pi * (r * r + q * q) - (a + b - c)
    assert _area(both.points) == pytest.approx(expected, rel=0.02)
    assert both.sigma_mm[both.points[:, 0] > 3].mean() == pytest.approx(0.4)
    assert both.sigma_mm[both.points[:, 0] < 0].mean() == pytest.approx(0.1)


def test_circles_without_each_other_share_their_overlap() -> None:
    one, other = _circle((0, 0), 2.0), _circle((3.0, 0), 2.0)
    left, right = without(one, other), without(other, one)
    assert left.depth_in(right) < 0.1
    assert left.points[:, 0].max() == pytest.approx(1.5, abs=0.15)
    assert right.points[:, 0].min() == pytest.approx(1.5, abs=0.15)


def test_the_middle_is_that_of_the_area() -> None:
    curve = _circle((4.0, -2.0), 1.5)
    crowded = Curve(
        np.concatenate([curve.points, curve.points[:1].repeat(50, axis=0)]), np.ones(114)
    )
    np.testing.assert_allclose(crowded.middle, [4.0, -2.0], atol=1e-6)
    np.testing.assert_allclose(centroids(curve.points[None])[0], [4.0, -2.0], atol=1e-9)


def test_more_rays_keep_the_curve() -> None:
    turn = 2 * np.pi * np.arange(32) / 32
    fine = 2 * np.pi * np.arange(64) / 64
    radii = 3 + 0.5 * np.cos(turn) - 0.2 * np.sin(3 * turn)
    expected = 3 + 0.5 * np.cos(fine) - 0.2 * np.sin(3 * fine)
    np.testing.assert_allclose(finer(radii[None], 64)[0], expected, atol=1e-9)
