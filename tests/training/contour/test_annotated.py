from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.stages.planes.phantom import oblique_grid

from carotid.geometry.grid import CANONICAL
from carotid.geometry.planes import Planes
from carotid.simulation.surfaces import exit_radii
from carotid.training.contour.annotated import annotated_artery, load_annotated
from carotid.training.contour.annotations import find_contour_sources
from carotid.training.contour.plane_samples import draw_plane_samples, true_radii

from .scans import section, write_participant

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.artifacts import CrossSection


def _tube(every: int = 1) -> list[CrossSection]:
    grid = oblique_grid("RAS").reoriented(CANONICAL)
    return [section("internal", z, 20.0, 2.0, grid) for z in range(3, 40, every)]


@pytest.mark.parametrize("every", [1, 4])
def test_a_stack_of_circles_is_a_tube(every: int) -> None:
    grid = oblique_grid("RAS").reoriented(CANONICAL)
    artery = annotated_artery(grid, _tube(every))
    assert artery is not None
    np.testing.assert_allclose(artery.radius_mm, 2.0, rtol=1e-2)
    planes = Planes.across(artery.points_mm, 1.0)
    for k in range(4, len(planes) - 4):
        radii = exit_radii(artery.lumen, planes.centers[k], planes.directions(16)[k], 9.0)
        np.testing.assert_allclose(radii, 2.0, atol=0.02)


def test_between_two_slices_distances_lie_between_theirs() -> None:
    grid = oblique_grid("RAS").reoriented(CANONICAL)
    cone = [section("internal", z, 20.0, radius, grid) for z, radius in ((4, 2.0), (8, 4.0))]
    artery = annotated_artery(grid, cone)
    assert artery is not None
    z = np.array([8.0, 4.0, 5.0, 6.0, 7.0, 4.0])
    at = grid.world_from_index(np.column_stack([np.full(6, 20.0), np.full(6, 20.0), z]))
    np.testing.assert_allclose(-artery.lumen(at), [4, 2, 2.5, 3, 3.5, 2], atol=0.02)


def test_nothing_is_known_beyond_the_ends_and_across_gaps() -> None:
    grid = oblique_grid("RAS").reoriented(CANONICAL)
    sections = [one for one in _tube() if not 15 <= one.z < 25]
    artery = annotated_artery(grid, sections)
    assert artery is not None
    z = np.array([2.9, 3.0, 14.0, 14.5, 23.0, 25.0, 39.0, 39.1])
    at = grid.world_from_index(np.column_stack([np.full(8, 20.0), np.full(8, 20.0), z]))
    known = np.isfinite(artery.lumen(at))
    assert known.tolist() == [False, True, True, False, False, True, True, False]


def test_one_slice_is_no_artery() -> None:
    grid = oblique_grid("RAS").reoriented(CANONICAL)
    assert annotated_artery(grid, _tube()[:1]) is None
    assert annotated_artery(grid, []) is None


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR"])
def test_samples_of_an_annotated_scan(tmp_path: Path, orientation: str) -> None:
    write_participant(tmp_path, "sub-1", 2.2, orientation)
    source = find_contour_sources(tmp_path / "raw", tmp_path / "annotations")[0]
    side = load_annotated(source)
    assert side is not None
    assert side.external is None
    planes = Planes.across(side.internal.points_mm, 1.0)
    lumen, outer = true_radii(side, "internal", planes.part(slice(5, 12)), np.inf)
    np.testing.assert_allclose(lumen, 2.2, atol=0.03)
    np.testing.assert_allclose(outer, 3.3, atol=0.03)
    samples = draw_plane_samples(side, np.random.default_rng(0), 6)
    assert samples
    dark = []
    for one in samples:
        known = np.isfinite(one.lumen).all(axis=1)
        # The first cells of rays lie in the dark lumen, wherever the center was moved.
        dark.append(float(one.image[0, known, :, :2].mean() / one.image[0, known].mean()))
    assert max(dark) < 0.6


def test_below_the_external_contours_the_internal_ones_hold_both(tmp_path: Path) -> None:
    grid = oblique_grid("RAS").reoriented(CANONICAL)
    low = [section("internal", z, 20.0, 4.0, grid) for z in range(3, 20)]
    high = [section("internal", z, 15.0, 2.0, grid) for z in range(20, 40)]
    other = [section("external", z, 25.0, 1.8, grid) for z in range(20, 40)]
    internal, external = annotated_artery(grid, low + high), annotated_artery(grid, other)
    assert internal is not None
    assert external is not None
    below = grid.world_from_index(np.array([[25.0, 20.0, 10.0], [20.0, 20.0, 10.0]]))
    assert np.isnan(external.lumen(below)).all()
    assert (internal.lumen(below) < 0).all()
