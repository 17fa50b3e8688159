from __future__ import annotations

import numpy as np
import pytest

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.simulation.surfaces import Chain
from carotid.simulation.truth import SimulatedNeck, TrueArtery, TrueSide, slice_centers
from carotid.storage.annotations import annotation_text


def _artery(low: list[float], high: list[float]) -> TrueArtery:
    points = np.linspace(low, high, 30)
    lumen, wall = Chain(points, np.full(30, 2.0)), Chain(points, np.full(30, 3.0))
    return TrueArtery(points, np.full(30, 2.0), np.ones(30), np.zeros(30), lumen, wall)


def _grid(orientation: str) -> Grid:
    """Oblique and anisotropic, canonical size 20 × 24 × 28, then reordered."""
    turn = np.deg2rad(12)
    affine = np.eye(4)
    affine[:3, :3] = [
        [np.cos(turn), 0, np.sin(turn)],
        [0, 1, 0],
        [-np.sin(turn), 0, np.cos(turn)],
    ] @ np.diag([0.7, 0.9, 1.3])
    affine[:3, 3] = 5.0, -7.0, 11.0
    return Grid((20, 24, 28), affine).reoriented(orientation)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LSA", "PIR", "SPL"])
def test_centers_are_canonical_indices_whatever_the_stored_order(orientation: str) -> None:
    grid = _grid(orientation)
    canonical = _grid("RAS")
    low, high = canonical.world_from_index(np.array([[4.0, 6.0, 2.0], [14.0, 18.0, 27.0]]))
    fork = canonical.world_from_index(np.array([8.0, 10.8, 12.0]))
    internal = _artery(list(low), list(high))
    external = _artery(list(fork), [high[0], high[1], high[2] + 5.0])
    side = TrueSide(internal, external, fork, {})
    volume = Volume(np.zeros(grid.shape, np.int16), grid)
    visible = np.ones(28, dtype=bool)
    visible[20] = False
    centers = slice_centers(SimulatedNeck(volume, {"left": side}, visible, {}), "left")
    z = np.arange(28)
    assert np.isnan(centers[:2]).all()
    assert np.isnan(centers[20]).all()
    np.testing.assert_allclose(centers[5, 0], [4 + 10 * 3 / 25, 6 + 12 * 3 / 25], atol=1e-6)
    np.testing.assert_array_equal(np.isfinite(centers[:, 1, 0]), (z >= 12) & (z != 20))


def test_arteries_that_leave_the_volume_are_absent_there() -> None:
    grid = _grid("RAS")
    low, high = grid.world_from_index(np.array([[10.0, 10.0, 0.0], [30.0, 10.0, 27.0]]))
    side = TrueSide(_artery(list(low), list(high)), None, low, {})
    volume = Volume(np.zeros(grid.shape, np.int16), grid)
    neck = SimulatedNeck(volume, {"right": side}, np.ones(28, dtype=bool), {})
    centers = slice_centers(neck, "right")
    assert np.isfinite(centers[:12, 0]).all()
    assert np.isnan(centers[14:, 0]).all()
    assert np.isnan(centers[:, 1]).all()


def test_an_annotation_has_a_row_per_slice_and_label() -> None:
    centers = np.full((4, 2, 2), np.nan)
    centers[:, 0] = [[1.25, 2], [1.5, 2], [1.75, 2], [2, 2]]
    centers[2:, 1] = [[3, 4], [3.123456, 4]]
    lines = annotation_text(centers).splitlines()
    assert lines[0] == "label\tx\ty\tz"
    assert lines[1] == "internal\t1.2500\t2.0000\t0"
    assert lines[-1] == "external\t3.1235\t4.0000\t3"
    assert len(lines) == 7
