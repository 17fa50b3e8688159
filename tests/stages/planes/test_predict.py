from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.geometry.grid import CANONICAL
from carotid.simulation.surfaces import Chain
from carotid.stages.planes.images import RADII_MM, SAMPLE_MM, SAMPLES, plane_images
from carotid.stages.planes.predict import artery_radii, lengthened, median_radii, smoothed

from .phantom import oblique_grid, see, tube_scan

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


def _course(orientation: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    canonical = oblique_grid(orientation).reoriented(CANONICAL)
    ends = np.array([[20.0, 18.0, 4.0], [34.0, 30.0, 46.0]])
    low, high = canonical.world_from_index(ends)
    return np.asarray(low + np.linspace(0, 1, 60)[:, None] * (high - low))


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LSA", "PIR", "SPL"])
def test_a_tube_is_measured_across_whatever_the_grid(orientation: str) -> None:
    course = _course(orientation)
    scan = tube_scan(oblique_grid(orientation), (Chain(course, np.full(60, 2.4)), 1.3))
    radii = artery_radii(scan, course, None, [see])
    assert radii is not None
    inner = slice(6, -6)
    assert np.abs(radii.lumen_mm[inner] - 2.4).mean() < 0.15
    assert np.abs(radii.outer_mm[inner] - 3.7).mean() < 0.15
    assert len(radii.planes) == pytest.approx(np.linalg.norm(course[-1] - course[0]) + 8, abs=1.1)


def test_the_second_look_follows_the_lumen() -> None:
    course = _course("LPS")
    scan = tube_scan(oblique_grid("LPS"), (Chain(course, np.full(60, 2.4)), 1.2))
    off = course + np.array([1.0, -0.6, 0.0])
    inner = slice(8, -8)
    errors = []
    for looks in (1, 2):
        radii = artery_radii(scan, off, None, [see], looks)
        assert radii is not None
        centers = radii.planes.centers[inner]
        gap = np.linalg.norm(centers[:, None] - course, axis=2).min(axis=1)
        errors.append(float(gap.mean()))
    assert errors[0] > 0.8
    assert errors[1] < 0.3


def test_members_that_differ_raise_the_spread() -> None:
    course = _course("RAS")
    scan = tube_scan(oblique_grid("RAS"), (Chain(course, np.full(60, 2.4)), 1.2))
    alone = artery_radii(scan, course, None, [see])
    wider = artery_radii(scan, course, None, [see, lambda image: see(image.roll(3, dims=4))])
    assert alone is not None
    assert wider is not None
    assert wider.lumen_raw_mm.mean() > alone.lumen_raw_mm.mean() + 0.2


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LSA", "PIR", "SPL"])
def test_networks_look_at_brightness_averaged_along_a_noisy_artery(orientation: str) -> None:
    course = _course(orientation)
    scan = tube_scan(oblique_grid(orientation), (Chain(course, np.full(60, 2.4)), 1.2))
    rng = np.random.default_rng(3)
    clean = np.asarray(scan.array, np.float64)
    noisy = scan.with_array(clean + rng.normal(0, 0.3 * clean.mean(), clean.shape))
    looked: list[torch.Tensor] = []

    def network(image: torch.Tensor) -> torch.Tensor:
        looked.append(image)
        return see(image)

    other = course + np.array([8.0, 0.0, 0.0])
    radii = artery_radii(noisy, course, other, [network], looks=1)
    assert radii is not None
    as_it_is = plane_images(noisy, radii.planes, other)
    seen = looked[0][0].numpy()

    def unrest(image: NDArray[np.float32]) -> float:
        return float(np.diff(image, n=2, axis=0).std())

    assert unrest(seen[0]) < 0.4 * unrest(as_it_is[0])
    assert np.array_equal(seen[1], as_it_is[1]), "how near the other artery is stays"


def test_a_course_without_length_has_no_planes() -> None:
    course = np.array([[1.0, 2.0, 3.0]])
    assert lengthened(course, 4.0) is None
    assert lengthened(np.repeat(course, 2, axis=0), 4.0) is None


def test_smoothing_keeps_a_line_and_its_ends() -> None:
    line = np.linspace([0, 0, 0], [3.0, 4.0, 30.0], 40)
    soft = smoothed(line)
    np.testing.assert_allclose(soft[[0, -1]], line[[0, -1]])
    t = (soft[:, 2] / 30)[:, None]
    np.testing.assert_allclose(soft, t * line[-1], atol=1e-9)


def test_smoothing_takes_single_points_back() -> None:
    line = np.linspace([0, 0, 0], [0, 0, 30.0], 61)
    line[30, 0] = 2.0
    assert np.abs(smoothed(line)[:, 0]).max() < 1.1


@pytest.mark.parametrize("radius_mm", [0.1, 3.0, 3.07, 3.2, 11.9])
def test_the_median_of_a_sharp_edge_lies_on_it(radius_mm: float) -> None:
    inside = np.clip((radius_mm - np.arange(SAMPLES) * SAMPLE_MM) / SAMPLE_MM, 0, 1)
    assert median_radii(inside) == pytest.approx(radius_mm, abs=0.07)


def test_the_median_of_a_wall_that_ends_early_or_late_is_one_of_both() -> None:
    for share, expected in ((0.4, 3.0), (0.6, 6.0)):
        inside = np.where(RADII_MM < 3, 1.0, np.where(RADII_MM < 6, share, 0.0))
        assert median_radii(inside) == pytest.approx(expected, abs=SAMPLE_MM / 2)


def test_a_ray_without_an_end_ends_where_it_was_sampled_last() -> None:
    assert median_radii(np.ones((2, SAMPLES))).tolist() == [RADII_MM[-1]] * 2
    assert median_radii(np.zeros((2, SAMPLES))).max() < SAMPLE_MM
