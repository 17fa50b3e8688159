from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from carotid.artifacts import Centerline, Centerlines, SideCenterlines
from carotid.geometry.grid import CANONICAL
from carotid.geometry.outlines import centroids, signed_areas
from carotid.simulation.surfaces import Chain
from carotid.stages.planes.find import PlaneEnsemble, find_plane_contours
from carotid.stages.planes.images import RADII_MM
from carotid.storage.model_description import SpreadTable

from .phantom import oblique_grid, see, tube_scan

if TYPE_CHECKING:
    from collections.abc import Callable

ORIENTATIONS = ("RAS", "LPS", "LSA", "PIR")
LUMEN_MM, WALL_MM = 2.4, 1.2


def _none() -> SideCenterlines:
    empty = _line(np.empty((0, 3)))
    return SideCenterlines(empty, empty)


def _line(points: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Centerline:
    return Centerline(points, *np.zeros((4, len(points))))


def _centerlines(orientation: str) -> Centerlines:
    """A slanting course on the left side, in canonical voxels, whatever the stored order."""
    grid = oblique_grid(orientation)
    z = np.arange(6.0, 44.0)
    t = ((z - 4) / 42)[:, None]
    points = np.column_stack([20 + 14 * t[:, 0], 18 + 12 * t[:, 0], z])
    return Centerlines(SideCenterlines(_line(points), _line(np.empty((0, 3)))), _none(), grid)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_outlines_lie_where_the_tube_is_whatever_the_grid(orientation: str) -> None:
    lines = _centerlines(orientation)
    grid = oblique_grid(orientation)
    canonical = grid.reoriented(CANONICAL)
    ends = np.array([[20.0, 18.0, 4.0], [34.0, 30.0, 46.0]])
    low, high = canonical.world_from_index(ends)
    course = low + np.linspace(0, 1, 80)[:, None] * (high - low)
    scan = tube_scan(grid, (Chain(course, np.full(80, LUMEN_MM)), WALL_MM))
    found = find_plane_contours(scan, lines, PlaneEnsemble([see]))
    assert found.right == ()
    assert [one.z for one in found.left] == list(range(6, 44))
    across = (high - low) / np.linalg.norm(high - low)
    lean = abs(float(across @ canonical.direction[:, 2]))
    for one in found.left[4:-4]:
        for outline, radius in ((one.lumen, LUMEN_MM), (one.wall, LUMEN_MM + WALL_MM)):
            assert outline is not None
            mm = outline.points * canonical.spacing_mm[:2]
            # A slice cuts a leaning tube in an ellipse.
            area = abs(float(signed_areas(mm[None])[0]))
            assert np.sqrt(area * lean / np.pi) == pytest.approx(radius, abs=0.25)
            middle = np.append(centroids(outline.points[None])[0], one.z)
            place = canonical.world_from_index(middle)
            gap = (place - low) - ((place - low) @ across) * across
            assert np.linalg.norm(gap) < 0.4
    assert found.planes is not None
    planes = found.planes["left"]["internal"]
    assert (planes.outer_mm >= planes.lumen_mm).all()
    assert np.isnan(planes.from_divider_mm).all()


def test_spreads_come_from_the_calibration() -> None:
    lines = _centerlines("RAS")
    grid = oblique_grid("RAS")
    ends = grid.reoriented(CANONICAL).world_from_index(
        np.array([[20.0, 18.0, 4.0], [34.0, 30.0, 46.0]])
    )
    course = ends[0] + np.linspace(0, 1, 80)[:, None] * (ends[1] - ends[0])
    scan = tube_scan(grid, (Chain(course, np.full(80, LUMEN_MM)), WALL_MM))
    tables = {
        "lumen": SpreadTable((0.0, 9.0), (0.1, 0.1), (0.2, 0.2), (0.5, 0.5)),
        "wall": SpreadTable((0.0, 9.0), (0.2, 0.2), (0.3, 0.3), (0.9, 0.9)),
    }
    found = find_plane_contours(scan, lines, PlaneEnsemble([see], tables))
    assert found.planes is not None
    planes = found.planes["left"]["internal"]
    for name, value in (
        ("lumen_half_mm", 0.1),
        ("lumen_sigma_mm", 0.2),
        ("lumen_wide_mm", 0.5),
        ("outer_half_mm", 0.2),
        ("outer_sigma_mm", 0.3),
        ("outer_wide_mm", 0.9),
    ):
        np.testing.assert_allclose(getattr(planes, name), value)
    one = found.left[10]
    assert one.lumen is not None
    assert one.wall is not None
    np.testing.assert_allclose(one.lumen.deviation_mm, 0.2)
    np.testing.assert_allclose(one.wall.deviation_mm, 0.3)


def test_centers_without_outlines_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    lines = _centerlines("RAS")
    far = lines.left.internal.points.copy()
    far[:, 0] += np.linspace(0, 400, len(far))  # so slanting that no slice holds a whole ring
    lines = Centerlines(SideCenterlines(_line(far), _line(np.empty((0, 3)))), _none(), lines.grid)
    grid = oblique_grid("RAS")
    scan = tube_scan(grid)
    with caplog.at_level(logging.WARNING):
        found = find_plane_contours(scan, lines, PlaneEnsemble([lambda image: 0 * image + 20]))
    assert len(found.left) < len(far)
    assert f"of {len(far)} slices that have a center" in caplog.text


def _always(lumen_mm: float, outer_mm: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """A stand-in for a network that draws the same lumen and wall whatever it sees."""

    def draw(image: torch.Tensor) -> torch.Tensor:
        at = torch.from_numpy(RADII_MM).float().expand(image[:, 0].shape)
        return torch.stack([(mm - at) * 40 for mm in (lumen_mm, outer_mm)], dim=1)

    return draw


@pytest.mark.parametrize("order", ["RAS", "LPS", "LSA", "PIR"])
@pytest.mark.parametrize("occluded", ["above", "below"])
def test_the_end_of_an_internal_without_a_dark_lumen_has_no_lumen(
    occluded: str, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines = _centerlines(order)
    grid = oblique_grid(order)
    ends = np.array([[20.0, 18.0, 4.0], [34.0, 30.0, 46.0]])
    low, high = grid.reoriented(CANONICAL).world_from_index(ends)
    course = low + np.linspace(0, 1, 80)[:, None] * (high - low)
    open_half = course[:40] if occluded == "above" else course[40:]
    solid = Chain(course, np.full(80, -3.0)), 3.0 + LUMEN_MM + WALL_MM
    scan = tube_scan(grid, (Chain(open_half, np.full(40, LUMEN_MM)), WALL_MM), solid)
    drawn = PlaneEnsemble([_always(LUMEN_MM, LUMEN_MM + WALL_MM)])
    with caplog.at_level(logging.WARNING):
        found = find_plane_contours(scan, lines, drawn).left
    assert all(one.wall is not None for one in found)
    seen = {one.z: one.lumen is not None for one in found}
    first, last = (6, 43) if occluded == "above" else (43, 6)
    assert seen[first]
    assert not seen[last]
    assert sum(seen.values()) == pytest.approx(len(seen) / 2, abs=6)  # the lumen ends as a ball
    assert "left internal: over" in caplog.text
    assert "may be occluded" in caplog.text


def test_in_a_scan_with_bright_blood_lumens_stay(caplog: pytest.LogCaptureFixture) -> None:
    lines = _centerlines("RAS")
    grid = oblique_grid("RAS")
    scan = tube_scan(grid)
    with caplog.at_level(logging.WARNING):
        found = find_plane_contours(scan, lines, PlaneEnsemble([_always(2.0, 3.0)])).left
    assert all(one.lumen is not None for one in found)
    assert "occluded" not in caplog.text


@pytest.mark.parametrize("order", ["RAS", "LPS", "LSA", "PIR"])
@pytest.mark.parametrize("beside", [True, False])
def test_guessed_centers_beside_the_artery_get_no_outlines(
    beside: bool, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines, grid = _centerlines(order), oblique_grid(order)
    ends = np.array([[20.0, 18.0, 4.0], [34.0, 30.0, 46.0]])
    low, high = grid.reoriented(CANONICAL).world_from_index(ends)
    course = low + np.linspace(0, 1, 80)[:, None] * (high - low)
    scan = tube_scan(grid, (Chain(course, np.full(80, LUMEN_MM)), WALL_MM))
    guessed = slice(14, 26)  # slices 20 to 31
    points, shown = lines.left.internal.points.copy(), np.full(38, 300.0)
    shown[guessed] = 40.0
    if beside:
        points[guessed, 0] += 16 * np.sin(np.linspace(0, np.pi, 12))
    internal = replace(_line(points), mean_value=shown)
    lines = replace(lines, left=replace(lines.left, internal=internal))
    drawn = PlaneEnsemble([_always(LUMEN_MM, LUMEN_MM + WALL_MM)])
    with caplog.at_level(logging.WARNING):
        found = find_plane_contours(scan, lines, drawn).left
    outlined = {one.z for one in found}
    assert outlined >= set(range(8, 20)) | set(range(32, 42))
    assert (25 in outlined) != beside
    assert ("beside its guessed centers" in caplog.text) == beside
