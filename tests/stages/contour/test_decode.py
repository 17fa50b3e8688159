"""Outlines from outputs, against a plain implementation and curves that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.stages.contour import decode
from carotid.stages.contour.decode import Decoding, averaged, clouds, fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION_1 = Decoding(1.27, far_end=63.5)
VERSION_2 = Decoding(1.27, far_end=None, missing=0.5)
ISOTROPIC = (1.0, 1.0)


def features(angle: float) -> list[float]:
    c, s = np.cos(angle), np.sin(angle)
    return [c, s, c * c, c * s, s * s]


def naive(
    points: NDArray[np.float64], n: int, delta_theta: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """One cloud, point by point: outline, deviation and the residuals' standard deviation."""
    middle = points.mean(axis=0)
    radius = [np.hypot(*(p - middle)) for p in points]
    angle = [np.arctan2(p[0] - middle[0], p[1] - middle[1]) for p in points]
    table = np.array([features(a) for a in angle])
    a, b = table - table.mean(axis=0), np.array(radius) - np.mean(radius)
    weights = np.linalg.inv(a.T @ a + 1e-3 * np.eye(5)) @ a.T @ b

    def fit(at: float) -> float:
        return float(np.mean(radius) + (np.array(features(at)) - table.mean(axis=0)) @ weights)

    outline, deviation, spread = np.zeros((n, 2)), np.zeros(n), np.zeros(n)
    around = (-2 * np.pi, 0, 2 * np.pi)
    for k in range(n):
        at = -np.pi + 2 * np.pi * k / n
        near = [
            r - fit(phi)
            for r, phi in zip(radius, angle, strict=True)
            if min(abs(phi - at + turn) for turn in around) < np.pi * delta_theta
        ]
        outline[k] = middle + fit(at) * np.array([np.sin(at), np.cos(at)])
        deviation[k] = np.mean(np.square(near)) if near else np.nan
        spread[k] = np.std(near, ddof=1) if len(near) > 1 else np.nan
    return outline, deviation, spread


def ring(seed: int, count: int = 155) -> NDArray[np.float64]:
    """A rough ring."""
    generator = np.random.default_rng(seed)
    t = generator.uniform(-np.pi, np.pi, count)
    r = 8 + np.cos(2 * t) + generator.normal(0, 0.4, count)
    return np.stack([680.3 + r * np.cos(t), 41.7 + r * np.sin(t)], axis=1)


def test_radii_of_both_versions() -> None:
    outputs = np.array([[[50.8, 60], [5.08, 2.54]]])
    np.testing.assert_allclose(VERSION_1.radii(outputs)[0], [[10, 2.7559055], [14, 4.7559055]])
    np.testing.assert_allclose(
        VERSION_2.radii(outputs)[0], [[51.3 / 1.27, 60.5 / 1.27], [56.38 / 1.27, 63.04 / 1.27]]
    )


def test_points_lie_on_the_far_half_of_their_ray() -> None:
    radii = np.tile([[3.0] * 4, [5.0] * 4], (1, 1, 1, 1, 1))
    lumen, wall = clouds(radii, np.array([[[20.0, 30.0, 7.0]]]))
    np.testing.assert_allclose(lumen[0], [[17, 30], [20, 27], [23, 30], [20, 33]], atol=1e-12)
    np.testing.assert_allclose(wall[0], [[15, 30], [20, 25], [25, 30], [20, 35]], atol=1e-12)


def test_every_center_has_its_own_points() -> None:
    radii = np.full((2, 3, 4, 2, 5), 2.0)
    centers = np.random.default_rng(0).uniform(0, 90, (2, 3, 3))
    lumen, _ = clouds(radii, centers)
    assert lumen.shape == (2, 60, 2)
    for k in range(2):
        own = lumen[k].reshape(3, 20, 2)
        np.testing.assert_allclose(own.mean(axis=1), centers[k, :, :2], atol=1e-12)


@pytest.mark.parametrize("delta_theta", [0.0625, 0.02, 0.4])
def test_fitted_outlines_are_those_of_a_plain_implementation(delta_theta: float) -> None:
    points = np.stack([ring(seed) for seed in range(3)])
    found = fitted(points, 31, delta_theta, ISOTROPIC)
    for k in range(3):
        outline, deviation, spread = naive(points[k], 31, delta_theta)
        np.testing.assert_allclose(found.points[k], outline, atol=1e-9)
        np.testing.assert_allclose(found.deviation[k], deviation, rtol=1e-9)
        np.testing.assert_allclose(found.deviation_mm[k], spread, rtol=1e-7)
        radius = np.hypot(*(outline - points[k].mean(axis=0)).T)
        np.testing.assert_allclose(found.norm_deviation[k], deviation / radius, rtol=1e-9)


def test_many_outlines_are_worked_on_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.stack([ring(seed) for seed in range(7)])
    together = fitted(points, 31, 0.0625, ISOTROPIC)
    monkeypatch.setattr(decode, "_MASK_ELEMENTS", 1)
    apart = fitted(points, 31, 0.0625, ISOTROPIC)
    np.testing.assert_array_equal(apart.deviation, together.deviation)


def test_a_circle_comes_out_as_it_went_in() -> None:
    radii = np.full((1, 1, 5, 2, 31), 6.25)
    lumen, _ = clouds(radii, np.array([[[100.0, 50.0, 3.0]]]))
    found = fitted(lumen, 31, 0.0625, ISOTROPIC)
    np.testing.assert_allclose(np.hypot(*(found.points[0] - [100, 50]).T), 6.25, atol=1e-9)
    np.testing.assert_allclose(found.points[0, 0], [100, 43.75], atol=1e-9)  # from −y on
    assert (found.points[0, 5] < [100, 50]).all()  # towards −x
    np.testing.assert_allclose(found.deviation, 0, atol=1e-20)


def test_windows_go_around_the_circle() -> None:
    """Spread on both sides of ±π alone shows at the first angle and at its two neighbours."""
    t = -np.pi + 2 * np.pi * np.arange(720) / 720
    rough = np.abs(np.abs(t) - np.pi) < 0.2
    r = np.where(rough, np.where(np.arange(720) % 2, 8.5, 7.5), 8.0)
    points = np.stack([r * np.sin(t), r * np.cos(t)], axis=1)[None]
    deviation = fitted(points, 31, 0.125, ISOTROPIC).deviation[0]
    np.testing.assert_allclose(deviation[1], deviation[30], rtol=0.05)
    assert deviation[[0, 1, 30]].min() > 20 * deviation[5:27].max()


def test_a_window_without_points_is_unknown() -> None:
    t = np.linspace(-1, 1, 40)
    points = np.stack([10 + 5 * np.sin(t), 10 + 5 * np.cos(t)], axis=1)[None]
    found = fitted(points, 31, 0.0625, ISOTROPIC)
    unknown = np.isnan(found.deviation[0])
    assert 0 < unknown.sum() < 31
    assert np.isfinite(found.points).all()
    assert np.isnan(found.deviation_mm[0][unknown]).all()


def test_one_point_in_a_window_has_no_spread() -> None:
    radii = np.full((1, 1, 1, 2, 31), 5.0)
    lumen, _ = clouds(radii, np.zeros((1, 1, 3)))
    found = fitted(lumen, 31, 0.03, ISOTROPIC)
    assert np.isfinite(found.deviation).all()
    assert np.isnan(found.deviation_mm).all()


def test_spreads_are_in_mm_along_the_direction_of_each_point() -> None:
    points = ring(3, 3000)[None]
    equal = fitted(points, 4, 0.2, ISOTROPIC).deviation_mm[0]
    found = fitted(points, 4, 0.2, (0.5, 2.0)).deviation_mm[0]
    np.testing.assert_allclose(found / equal, [2, 0.5, 2, 0.5])  # from −y: y, x, y, x


def test_the_mean_of_predictions() -> None:
    generator = np.random.default_rng(0)
    outputs = generator.normal(20, 2, (2, 6, 2, 31))
    centers = np.array([[30.0, 40.0, 2.0], [31.0, 41.0, 3.0]])
    lumen, wall = averaged(outputs, centers, VERSION_1, (0.5, 0.5))
    mean = outputs.mean(axis=1)
    angles = -np.pi + 2 * np.pi * np.arange(31) / 31
    radius = (63.5 - mean[:, 0]) / 1.27
    np.testing.assert_allclose(lumen.points[..., 0], centers[:, :1] + radius * np.cos(angles))
    np.testing.assert_allclose(lumen.points[..., 1], centers[:, 1:2] + radius * np.sin(angles))
    sd = outputs.std(axis=1, ddof=1)
    np.testing.assert_allclose(lumen.deviation, sd[:, 0])
    np.testing.assert_allclose(wall.deviation, sd[:, 1])
    np.testing.assert_allclose(wall.norm_deviation, sd[:, 1] / mean[:, 1])
    outer = (63.5 - outputs[:, :, 0] + outputs[:, :, 1]) / 1.27
    np.testing.assert_allclose(lumen.deviation_mm, sd[:, 0] / 1.27 * 0.5)
    np.testing.assert_allclose(wall.deviation_mm, outer.std(axis=1, ddof=1) * 0.5)


def test_one_prediction_has_no_spread() -> None:
    lumen, wall = averaged(np.full((1, 1, 2, 31), 9.0), np.zeros((1, 3)), VERSION_2, ISOTROPIC)
    for one in (lumen, wall):
        assert np.isfinite(one.points).all()
        for values in (one.deviation, one.norm_deviation, one.deviation_mm):
            assert np.isnan(values).all()


def test_outlines_have_the_digits_of_tables() -> None:
    (outline,) = fitted(ring(0)[None], 31, 0.0625, ISOTROPIC).each()
    for values in (outline.points, outline.deviation, outline.deviation_mm):
        flat = values.reshape(-1)
        np.testing.assert_array_equal(flat, [float(f"{v:.9g}") for v in flat])
