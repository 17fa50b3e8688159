"""Thickness against exact circles, against a plain solution on a grid, and on hard outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.geometry.thickness import MAX_CROSSED, Walls, walls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.thickness import ThicknessMethod

OUTER = 4.0


def circle(radius: float, shift: float = 0, n: int = 360) -> NDArray[np.float64]:
    return ellipse(radius, radius, shift, n)


def ellipse(a: float, b: float, shift: float = 0, n: int = 360) -> NDArray[np.float64]:
    t = 2 * np.pi * np.arange(n) / n
    return np.column_stack([shift + a * np.cos(t), b * np.sin(t)])


def of_one(
    lumen: NDArray[np.float64],
    outer: NDArray[np.float64],
    method: ThicknessMethod = "laplace",
) -> Walls:
    return walls(lumen[None], outer[None], method)


# Lumen radius and shift in an outer circle of 4 mm, then the mean by each definition.
TABLE = [
    (3.0, 0.0, {"nearest_outer": 1.0, "nearest_lumen": 1.0, "radial": 1.0, "laplace": 1.0}),
    (2.0, 1.6, {"nearest_outer": 1.66, "nearest_lumen": 2.16, "radial": 1.83, "laplace": 1.76}),
    (1.2, 2.2, {"nearest_outer": 1.63, "nearest_lumen": 3.11, "radial": 2.48, "laplace": 2.23}),
]


@pytest.mark.parametrize(("radius", "shift", "means"), TABLE)
def test_means_of_eccentric_circles(
    radius: float, shift: float, means: dict[ThicknessMethod, float]
) -> None:
    for method, mean in means.items():
        found = of_one(circle(radius, shift), circle(OUTER), method).thickness_mm
        assert found.mean() == pytest.approx(mean, rel=0.005), method


@pytest.mark.parametrize(("radius", "shift"), [(3.0, 0.0), (2.0, 1.6), (1.2, 2.2)])
def test_extremes_of_eccentric_circles(radius: float, shift: float) -> None:
    for method in ("laplace", "radial", "nearest_lumen"):
        found = of_one(circle(radius, shift), circle(OUTER), method).thickness_mm
        assert found.max() == pytest.approx(OUTER - radius + shift, rel=0.002)
        assert found.min() == pytest.approx(OUTER - radius - shift, rel=0.002)


def test_the_nearest_outer_point_loses_the_maximum_of_a_tight_eccentric_lumen() -> None:
    assert of_one(circle(1.2, 2.2), circle(OUTER), "nearest_outer").thickness_mm.max() == (
        pytest.approx(3.0, rel=0.005)
    )


def test_field_lines_between_circles_have_their_exact_length() -> None:
    # Both circles belong to the pencil with limit points a and b: a field line is the arc of a
    # circle through both, and its length follows from the angle at which it leaves.
    radius, shift = 2.0, 1.6
    half = (OUTER**2 - radius**2 - shift**2) / (2 * shift)
    limit = half + shift - np.sqrt((half + shift) ** 2 - OUTER**2)
    other = OUTER**2 / limit
    found = of_one(circle(radius, shift), circle(OUTER))
    lumen = found.nodes[0, :, 0] + 1j * found.nodes[0, :, 1]
    exact = np.array([_arc_mm(point, limit, other) for point in lumen])
    np.testing.assert_allclose(found.thickness_mm[0], exact, atol=0.005)


def _arc_mm(start: complex, limit: float, other: float) -> float:
    """Along the circle through both limit points, from a point to the outer circle, in steps."""

    def w(z: complex) -> complex:
        return (z - limit) / (z - other)

    last = np.abs(w(complex(OUTER, 0)))
    first = np.abs(w(start))
    moduli = np.exp(np.linspace(np.log(first), np.log(last), 4001))
    images = moduli * np.exp(1j * np.angle(w(start)))
    path = (limit - other * images) / (1 - images)
    return float(np.abs(np.diff(path)).sum())


def test_a_lumen_like_a_slit_and_one_like_a_bean() -> None:
    slit = of_one(ellipse(3, 1), circle(OUTER)).thickness_mm
    assert slit.min() == pytest.approx(1, abs=0.005)
    assert slit.max() == pytest.approx(3, abs=0.005)
    t = 2 * np.pi * np.arange(200) / 200
    bean = np.column_stack(
        [
            (1.6 + 0.9 * np.cos(t)) * np.cos(t) + 0.3 * np.cos(2 * t),
            1.5 * np.sin(t) + 0.5 * np.cos(2 * t),
        ]
    )
    found = of_one(bean, circle(OUTER)).thickness_mm
    # By following the gradient of a solution on a grid of 0.05 mm.
    assert found.mean() == pytest.approx(2.419, abs=0.015)
    assert found.max() == pytest.approx(3.55, abs=0.02)


def test_on_axes_of_symmetry_the_field_line_is_the_straight_way() -> None:
    square = np.array([[-3.0, -3], [3, -3], [3, 3], [-3, 3]])
    found = of_one(circle(1.5, 0.5), square)
    for point, expected in (((2, 0), 1.0), ((-1, 0), 2.0)):
        nearest = np.argmin(np.linalg.norm(found.nodes[0] - point, axis=1))
        assert found.thickness_mm[0, nearest] == pytest.approx(expected, abs=0.02)


def test_the_order_of_points_their_start_and_the_place_do_not_matter() -> None:
    lumen, outer = ellipse(2.4, 1.6, 0.7, 32), circle(OUTER, n=31)
    plain = of_one(lumen, outer).thickness_mm
    away = np.array([310.0, -95.0])
    moved = of_one(np.roll(lumen, 11, axis=0) + away, np.roll(outer, 5, axis=0) + away)
    assert moved.thickness_mm.mean() == pytest.approx(plain.mean(), abs=0.005)
    assert moved.thickness_mm.max() == pytest.approx(plain.max(), abs=0.02)


def test_thickness_grows_with_the_outlines() -> None:
    lumen, outer = ellipse(2.4, 1.6, 0.7), circle(OUTER)
    one, three = of_one(lumen, outer).thickness_mm, of_one(3 * lumen, 3 * outer).thickness_mm
    np.testing.assert_allclose(three, 3 * one, rtol=1e-6)


@pytest.mark.parametrize("gap", [0.2, 0.1, 0.05, 0.02, 0.005])
def test_a_wall_that_is_almost_nothing_on_one_side(gap: float) -> None:
    found = of_one(circle(2, 2 - gap), circle(OUTER)).thickness_mm
    assert found.max() == pytest.approx(4 - gap, abs=0.05)
    assert found.min() == pytest.approx(gap, abs=0.05)
    assert found.mean() == pytest.approx(1.63 + 0.32 * gap, abs=0.02)


def test_where_the_lumen_reaches_through_the_wall_thickness_is_zero() -> None:
    for method in ("laplace", "radial", "nearest_outer", "nearest_lumen"):
        found = of_one(circle(3, 1.3), circle(OUTER), method)
        assert 0.2 < found.crossed[0] < MAX_CROSSED
        assert found.thickness_mm.min() == 0
        assert found.thickness_mm.max() == pytest.approx(2.3, abs=0.02)
        assert np.isfinite(found.thickness_mm).all()


def test_a_lumen_that_lies_mostly_outside_has_no_thickness() -> None:
    found = of_one(circle(2, 4), circle(OUTER))
    assert found.crossed[0] > MAX_CROSSED
    assert np.isnan(found.thickness_mm).all()


def test_many_walls_at_once_are_each_as_alone() -> None:
    lumens = np.stack([ellipse(2.5, 1 + 0.05 * k, 0.02 * k) for k in range(20)])
    outers = np.stack([circle(OUTER + 0.02 * k) for k in range(20)])
    together = walls(lumens, outers).thickness_mm
    alone = np.concatenate([of_one(a, b).thickness_mm for a, b in zip(lumens, outers, strict=True)])
    np.testing.assert_allclose(together, alone, atol=1e-9)
