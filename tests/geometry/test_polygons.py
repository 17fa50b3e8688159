"""Areas against rasters and formulas, hulls and fillings against plain definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from carotid.geometry.polygons import (
    area,
    areas,
    convex_hull,
    crosses_itself,
    filled,
    has_area,
    pieces,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

SQUARE = np.array([(0, 0), (4, 0), (4, 4), (0, 4)], np.float64)
EIGHT = np.array([(0, 0), (4, 4), (4, 0), (0, 4)], np.float64)
GENERATOR = np.random.default_rng(0)


def lobed(
    lobes: int, depth: float, radius: float, center: tuple[float, float], points: int = 40
) -> NDArray[np.float64]:
    """A ring whose radius swings; concave where the depth is large."""
    t = 2 * np.pi * np.arange(points) / points
    r = radius * (1 + depth * np.cos(lobes * t + 0.3))
    return np.stack([center[0] + r * np.cos(t), center[1] + r * np.sin(t)], axis=1)


def odd(outline: NDArray[np.float64], x: float, y: float) -> bool:
    """Whether a point is inside, by the definition, edge by edge."""
    inside = False
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if min(y1, y2) <= y < max(y1, y2) and x1 + (y - y1) * (x2 - x1) / (y2 - y1) < x:
            inside = not inside
    return inside


def test_area_of_simple_outlines_is_the_shoelace() -> None:
    for _ in range(20):
        outline = lobed(5, 0.4, 3, (700.3, -20.1)) + GENERATOR.normal(0, 0.1, (40, 2))
        x, y = outline.T - outline[0][:, None]
        shoelace = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
        assert area(outline) == pytest.approx(shoelace, rel=1e-12)


def test_area_of_an_outline_that_crosses_itself_is_that_of_its_parts() -> None:
    assert area(EIGHT) == pytest.approx(8)


def test_combinations_are_those_of_a_fine_raster() -> None:
    outlines = [
        lobed(3, 0.5, 3.0, (0, 0)),
        lobed(4, 0.3, 3.5, (0.7, 0.4)),
        lobed(2, 0.2, 1.5, (0.5, 0)),
    ]
    found = areas(
        outlines,
        lambda a, b, c: a & b & ~c,
        lambda a, b, c: a ^ b ^ c,
        lambda a, b, c: (a & ~c) | (b & c),
    )
    step = 0.02
    ticks = np.arange(-5, 5, step) + step / 3
    a, b, c = (
        np.array([[odd(one, x, y) for x in ticks[::4]] for y in ticks[::4]]) for one in outlines
    )
    rasters = [a & b & ~c, a ^ b ^ c, (a & ~c) | (b & c)]
    for exact, raster in zip(found, rasters, strict=True):
        assert exact == pytest.approx(raster.sum() * (4 * step) ** 2, rel=0.02)


def test_combinations_of_rectangles_are_exact() -> None:
    other = SQUARE * [1, 0.5] + [2, 1]
    common, first, either = areas(
        [SQUARE, other], lambda a, b: a & b, lambda a, b: a & ~b, lambda a, b: a | b
    )
    assert (common, first, either) == (4, 12, 20)
    assert areas([], lambda: np.zeros(0, np.bool_)) == [0]


def test_an_outline_over_itself_leaves_nothing() -> None:
    outline = lobed(5, 0.4, 3, (10, 10))
    both, rest = areas([outline, outline], lambda a, b: a & b, lambda a, b: a & ~b)
    assert both == pytest.approx(area(outline), rel=1e-12)
    assert abs(rest) < 1e-12


def test_hulls_are_scipys() -> None:
    for _ in range(20):
        points = GENERATOR.normal(0, 3, (30, 2))
        hull = convex_hull(points)
        wanted = ConvexHull(points)
        assert {tuple(p) for p in hull} == {tuple(p) for p in points[wanted.vertices]}
        assert area(hull) == pytest.approx(wanted.volume)


def test_what_has_no_area() -> None:
    line = np.array([(0, 0), (1, 0.3), (2, 0.6), (3, 0.9)])
    assert not any(has_area(one) for one in (line[:1], line[:2], line, SQUARE[[0, 0, 0]]))
    assert has_area(SQUARE)
    assert has_area(EIGHT)
    assert has_area(np.array([(0, 0), (1, 0.3), (0.5, 0.151)]))


def test_which_outlines_cross_themselves() -> None:
    assert crosses_itself(EIGHT)
    assert not crosses_itself(SQUARE)
    assert not crosses_itself(lobed(5, 0.6, 3, (0, 0)))
    u_shape = np.array([(0, 0), (5, 0), (5, 5), (4, 5), (4, 1), (1, 1), (1, 5), (0, 5)], np.float64)
    assert not crosses_itself(u_shape)
    u_shape[4] = (-1, 1)
    assert crosses_itself(u_shape)


@pytest.mark.parametrize("kind", ["anywhere", "on centers", "on halves"])
def test_filling_is_the_definition(kind: str) -> None:
    for seed in range(30):
        generator = np.random.default_rng(seed)
        outline = lobed(3, 0.5, 6, tuple(generator.uniform(-3, 15, 2)), 12)
        if kind != "anywhere":
            outline = np.round(outline * 2) / 2 if kind == "on halves" else np.round(outline)
        (x, y), inside = filled(outline, (13, 11))
        found = np.zeros((13, 11), np.bool_)
        found[x : x + inside.shape[0], y : y + inside.shape[1]] = inside
        wanted = [[odd(outline, i, j) for j in range(11)] for i in range(13)]
        np.testing.assert_array_equal(found, wanted)


def test_outlines_that_share_a_border_share_no_voxel() -> None:
    left = np.array([(1, 1), (4, 2), (4, 6), (1, 6)], np.float64)
    right = np.array([(4, 2), (8, 1), (8, 6), (4, 6)], np.float64)
    found = np.zeros((10, 10), np.int64)
    for one in (left, right):
        (x, y), inside = filled(one, (10, 10))
        found[x : x + inside.shape[0], y : y + inside.shape[1]] += inside
    assert found.max() == 1
    assert found.sum() > 20


def test_an_outline_beyond_the_grid_fills_nothing() -> None:
    for shift in ((-20, 0), (20, 0), (0, -20), (0, 20)):
        _, inside = filled(SQUARE + shift, (9, 9))
        assert not inside.any()


def test_pieces_are_short_and_add_up() -> None:
    middles, lengths = pieces(SQUARE, 0.3)
    assert lengths.max() <= 0.3
    assert lengths.sum() == pytest.approx(16)
    assert (middles[:14, 1] == 0).all()
    np.testing.assert_allclose(np.diff(middles[:14, 0]), lengths[:13])
    assert len(pieces(np.array([(1.0, 1.0), (1.0, 1.0)]), 0.1)[0]) == 2
