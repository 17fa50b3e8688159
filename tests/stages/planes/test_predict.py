from __future__ import annotations

import numpy as np
import pytest

from carotid.geometry.grid import CANONICAL
from carotid.simulation.surfaces import Chain
from carotid.stages.planes.predict import artery_radii, lengthened, smoothed

from .phantom import oblique_grid, see, tube_scan


def _course(orientation: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    canonical = oblique_grid(orientation).reoriented(CANONICAL)
    ends = np.array([[20.0, 18.0, 4.0], [34.0, 30.0, 46.0]])
    low, high = canonical.world_from_index(ends)
    return np.asarray(low + np.linspace(0, 1, 60)[:, None] * (high - low))


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LSA", "PIR", "SPL"])
def test_a_tube_is_measured_across_whatever_the_grid(orientation: str) -> None:
    course = _course(orientation)
    scan = tube_scan(oblique_grid(orientation), (Chain(course, np.full(60, 2.4)), 1.2))
    radii = artery_radii(scan, course, None, [see])
    assert radii is not None
    inner = slice(6, -6)
    assert np.abs(radii.lumen_mm[inner] - 2.4).mean() < 0.15
    assert np.abs(radii.outer_mm[inner] - 3.6).mean() < 0.15
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
