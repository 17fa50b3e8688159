from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.stages.planes.phantom import oblique_grid

from carotid.geometry.planes import Planes
from carotid.geometry.volume import Volume
from carotid.simulation.surfaces import Chain
from carotid.stages.planes.images import RAYS, SAMPLES
from carotid.training.contour.plane_samples import PLANES, Artery, draw_plane_samples, true_radii

if TYPE_CHECKING:
    from carotid.artifacts import Label


@dataclass(frozen=True, eq=False)
class _Tube:
    points_mm: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    radius_mm: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    lumen: Chain | None
    wall: Chain


@dataclass(frozen=True, eq=False)
class _Side:
    volume: Volume
    internal: Artery
    external: Artery | None
    joined_below: bool = False


def _tube(low: list[float], high: list[float], *, occluded: bool = False) -> _Tube:
    points = np.linspace(low, high, 40)
    lumen, wall = Chain(points, np.full(40, 2.0)), Chain(points, np.full(40, 3.2))
    return _Tube(points, np.full(40, 2.0), None if occluded else lumen, wall)


def _side(*, occluded: bool = False) -> _Side:
    grid = oblique_grid("RAS", (40, 40, 60))
    rng = np.random.default_rng(0)
    volume = Volume(rng.uniform(0, 9, grid.shape).astype(np.float32), grid)
    x, y, z = grid.world_from_index(np.array([20.0, 20.0, 30.0]))
    internal = _tube([x, y, z - 25], [x, y, z + 25], occluded=occluded)
    return _Side(volume, internal, _tube([x, y, z - 8], [x + 12, y, z + 22]))


def test_a_sample_has_images_and_radii_of_every_plane() -> None:
    samples = draw_plane_samples(_side(), np.random.default_rng(1), 12)
    assert len(samples) >= 4
    for one in samples:
        assert one.image.shape == (2, PLANES, RAYS, SAMPLES)
        assert one.image.dtype == np.float16
        assert one.lumen.shape == one.outer.shape == (PLANES, RAYS)
        known = np.isfinite(one.lumen)
        assert (known == np.isfinite(one.outer)).all()
        assert (one.outer[known] >= one.lumen[known]).all()
        # Centers are off by up to 1.3 mm, so rays are of many lengths.
        assert 0.4 < np.nanmean(one.lumen) < 4


def test_the_same_randomness_gives_the_same_samples() -> None:
    one, two = (draw_plane_samples(_side(), np.random.default_rng(4), 5) for _ in range(2))
    assert [s.image.tobytes() for s in one] == [s.image.tobytes() for s in two]


def test_an_occluded_artery_has_a_wall_and_no_lumen() -> None:
    side = _side(occluded=True)
    planes = Planes.across(side.internal.points_mm, 1.0).part(slice(2, 6))
    lumen, outer = true_radii(side, "internal", planes, np.inf)
    assert (lumen == 0).all()
    np.testing.assert_allclose(outer, 3.2, atol=1e-2)


@pytest.mark.parametrize("label", ["internal", "external"])
def test_radii_are_the_artery_s_own_where_both_are_known(label: Label) -> None:
    side = _side()
    own = side.internal if label == "internal" else side.external
    assert own is not None
    planes = Planes.across(own.points_mm, 1.0)
    planes = planes.part(slice(12, 20))
    lumen, _ = true_radii(side, label, planes, -np.inf)
    np.testing.assert_allclose(lumen, 2.0, atol=1e-2)


def test_what_nobody_has_parted_belongs_to_the_internal_carotid() -> None:
    side = _side()
    assert side.external is not None
    planes = Planes.across(side.internal.points_mm, 1.0)
    just_above = np.abs(planes.centers[:, 2] - side.external.points_mm[0, 2] - 4).argmin()
    part = planes.part(slice(int(just_above), int(just_above) + 1))
    own, _ = true_radii(side, "internal", part, -np.inf)
    joint, _ = true_radii(side, "internal", part, np.inf)
    assert joint.max() > own.max() + 0.8
    assert joint.min() == pytest.approx(own.min(), abs=1e-3)


def test_a_vessel_that_does_not_open_into_the_internal_carotid_is_none_of_its_wall() -> None:
    side = _side()
    assert side.external is not None
    planes = Planes.across(side.internal.points_mm, 1.0)
    # The lumens are 1.4 mm apart there, and the walls lie in each other.
    apart = side.external.points_mm[0, 2] + 30 * 5.5 / 12
    beside = np.abs(planes.centers[:, 2] - apart).argmin()
    part = planes.part(slice(int(beside), int(beside) + 1))
    lumen, outer = true_radii(side, "internal", part, np.inf)
    np.testing.assert_allclose(lumen, 2.0, atol=1e-2)
    np.testing.assert_allclose(outer, 3.2, atol=1e-2)


def test_the_other_artery_is_shown_near_the_bifurcation_alone() -> None:
    samples = draw_plane_samples(_side(), np.random.default_rng(3), 20)
    shown = [one.image[1].max() for one in samples]
    assert max(shown) > 0.8
    assert all(0 <= value <= 1 for value in shown)
