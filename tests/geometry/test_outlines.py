from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.geometry.outlines import (
    centroids,
    equal_arcs,
    inscribed_diameters,
    inside,
    least_calipers,
    nearest,
    radii,
    signed_areas,
    stacked,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ellipse(
    a: float, b: float, at: tuple[float, float] = (0, 0), n: int = 360
) -> NDArray[np.float64]:
    t = 2 * np.pi * np.arange(n) / n
    return np.column_stack([at[0] + a * np.cos(t), at[1] + b * np.sin(t)])


L_SHAPE = np.array([[0.0, 0], [4, 0], [4, 1], [1, 1], [1, 3], [0, 3]])
"""Concave: four by one along x, and one by two above it."""


def test_areas_and_centroids_are_those_of_the_polygon() -> None:
    many = stacked([L_SHAPE[::-1], ellipse(3, 1, (100, -200)), np.array([[5.0, 6.0], [5.0, 6.0]])])
    np.testing.assert_allclose(signed_areas(many), [6, 3 * np.pi, 0], rtol=1e-4, atol=1e-12)
    expected = np.array([[(2 * 4 + 0.5 * 2) / 6, (0.5 * 4 + 2 * 2) / 6], [100, -200], [5, 6]])
    np.testing.assert_allclose(centroids(many), expected, atol=1e-9)


def test_outlines_of_different_length_and_sense_are_stacked_counter_clockwise() -> None:
    triangle = np.array([[0.0, 0], [0, 2], [2, 0]])
    many = stacked([triangle, L_SHAPE])
    assert many.shape == (2, 6, 2)
    np.testing.assert_allclose(signed_areas(many), [2, 6])


def test_nodes_lie_at_equal_distances_along_the_outline() -> None:
    nodes = equal_arcs(stacked([L_SHAPE, np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])]), 28)
    np.testing.assert_allclose(nodes[0, :7], [[k / 2, 0] for k in range(7)], atol=1e-12)
    np.testing.assert_allclose(nodes[1, 7], [1, 0], atol=1e-12)
    np.testing.assert_allclose(nodes[1, 14], [1, 1], atol=1e-12)


def test_an_outline_without_length_stays_where_it_is() -> None:
    nodes = equal_arcs(np.full((1, 4, 2), 7.0), 8)
    np.testing.assert_array_equal(nodes, np.full((1, 8, 2), 7.0))


def test_diameters_of_an_ellipse_and_of_a_concave_outline() -> None:
    many = stacked([ellipse(3, 1, (50, 60)), L_SHAPE])
    np.testing.assert_allclose(least_calipers(many)[0], 2, atol=1e-3)
    np.testing.assert_allclose(inscribed_diameters(many)[0], 2, atol=1e-2)
    # The largest circle touches both outer sides and the inner corner.
    corner = 2 * (2 - np.sqrt(2)) / 1
    assert inscribed_diameters(many)[1] == pytest.approx(corner, abs=0.02)


def test_the_least_caliper_of_a_turned_rectangle_is_its_short_side() -> None:
    turn = np.deg2rad(23.7)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    rectangle = np.array([[0.0, 0], [5, 0], [5, 1.3], [0, 1.3]]) @ rotation.T
    np.testing.assert_allclose(least_calipers(rectangle[None]), 1.3, atol=1e-12)


def test_inside_is_even_odd_and_knows_concave_corners() -> None:
    points = np.array([[[0.5, 0.5], [2, 2], [0.5, 2.5], [3.5, 0.5], [-1, 0.5], [5, 0.5]]])
    assert inside(points, L_SHAPE[None]).tolist() == [[True, False, True, True, False, False]]


def test_the_nearest_point_lies_on_an_edge_not_on_a_vertex() -> None:
    square = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])
    distance, foot = nearest(np.array([[[4.0, 1], [12, 12]]]), square[None])
    np.testing.assert_allclose(distance, [[1, np.sqrt(8)]])
    np.testing.assert_allclose(foot, [[[4, 0], [10, 10]]])


def test_rays_meet_the_outermost_border_or_nothing() -> None:
    found = radii(
        stacked([L_SHAPE, ellipse(3, 1)]),
        np.array([[0.5, 0.5], [9.0, 0]]),
        np.deg2rad([0, 90, 45, 180]),
    )
    np.testing.assert_allclose(found[0], [3.5, 2.5, np.sqrt(0.5), 0.5], atol=1e-9)
    assert np.isnan(found[1, :3]).all()
    np.testing.assert_allclose(found[1, 3], 12, atol=1e-3)
