from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.second_simulator import simulate_second

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.simulation.contours import flow_divider, true_contours
from carotid.simulation.neck import simulate_neck
from carotid.simulation.recipe import NeckRecipe
from carotid.simulation.surfaces import Chain
from carotid.simulation.truth import SimulatedNeck, TrueArtery, TrueSide

if TYPE_CHECKING:
    from collections.abc import Callable

    from carotid.artifacts import CrossSection, Outline

CLEAN = NeckRecipe(
    p_slab=0,
    height_mm=(60, 62),
    depth_mm=(44, 46),
    width_mm=(110, 112),
    bifurcation_share=(0.35, 0.45),
    p_bifurcation_wide=0,
    external_over_internal=(0.8, 1.0),
    p_external_absent=0,
    p_external_ends=0,
    p_occlusion=0,
    p_plaque=0,
    p_slow_flow=0,
    p_plain=1,
    p_branches=0,
    p_poor_lumen=0,
    p_jugular=0,
    lumen_over_wall=(0, 0.05),
    wall_over_tissue=(1.8, 2.2),
    wall_mm=(1.3, 1.5),
    acquired_mm=(0.5, 0.5),
    anisotropy=(1, 1),
    stored_mm=(0.5, 0.5),
    blur_mm=(0, 0),
    noise=(0.001, 0.001),
    bias_log_sd=(0, 0),
    p_coil=0,
    p_noise_band=0,
    p_ghost=0,
    p_ringing=0,
    p_halo=0,
)


def _area(outline: Outline) -> float:
    x, y = outline.points.T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def _outlines(section: CrossSection) -> tuple[Outline, Outline]:
    assert section.lumen is not None
    assert section.wall is not None
    return section.lumen, section.wall


def _straight_neck(orientation: str) -> SimulatedNeck:
    """Two straight tubes that meet, on an anisotropic grid whose axes are those of the world."""
    affine = np.diag([0.5, 0.8, 1.2, 1.0])
    affine[:3, 3] = -20.0, 3.0, 40.0
    canonical = Grid((90, 50, 30), affine)
    low = canonical.world_from_index(np.array([[30.0, 25.0, -2.0], [30.0, 25.0, 32.0]]))
    z = np.linspace(0, 1, 40)[:, None]
    internal = low[0] + z * (low[1] - low[0])
    fork = canonical.world_from_index(np.array([30.0, 25.0, 10.0]))
    external = fork + np.linspace(0, 1, 40)[:, None] * np.array([18.0, 0.0, 26.0])

    def artery(points: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> TrueArtery:
        n = len(points)
        return TrueArtery(
            points,
            np.full(n, 2.0),
            np.ones(n),
            np.zeros(n),
            Chain(points, np.full(n, 2.0)),
            Chain(points + np.array([0.4, 0, 0]), np.full(n, 3.0)),
        )

    side = TrueSide(artery(internal), artery(external), fork, {})
    grid = canonical.reoriented(orientation)
    volume = Volume(np.zeros(grid.shape, np.int16), grid)
    return SimulatedNeck(volume, {"left": side}, np.ones(30, np.bool_), {})


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LSA", "PIR"])
def test_outlines_are_circles_in_millimetres_whatever_the_stored_order(orientation: str) -> None:
    contours = true_contours(_straight_neck(orientation))
    assert contours.right == ()
    section = next(s for s in contours.left if s.label == "internal" and s.z == 3)
    lumen, wall = _outlines(section)
    millimetres = (lumen.points - [30, 25]) * [0.5, 0.8]
    np.testing.assert_allclose(np.hypot(*millimetres.T), 2.0, atol=1e-4)
    millimetres = (wall.points - [30.8, 25]) * [0.5, 0.8]
    np.testing.assert_allclose(np.hypot(*millimetres.T), 3.0, atol=1e-4)


def test_one_outline_below_the_flow_divider_and_two_above() -> None:
    neck = _straight_neck("RAS")
    contours = true_contours(neck)
    divider = int(flow_divider(neck.sides["left"], contours.canonical))
    by_label = {
        label: {s.z: s for s in contours.left if s.label == label}
        for label in ("internal", "external")
    }
    assert min(by_label["external"]) == divider
    # Lumens of radius 2 mm that part by 18 mm in 26 are apart from about 4 mm on.
    assert divider == pytest.approx(10 + 4 / (18 / 26) / 1.2, abs=1.5)
    joined = _area(_outlines(by_label["internal"][divider - 1])[0])
    apart = _area(_outlines(by_label["internal"][divider + 1])[0])
    assert joined > 1.6 * apart
    assert sorted(by_label["internal"]) == list(range(30))


def test_sections_are_sorted_and_outlines_counterclockwise() -> None:
    contours = true_contours(simulate_neck(3, CLEAN))
    for side in (contours.left, contours.right):
        keys = [(s.label, s.z) for s in side]
        assert keys == sorted(keys)
        for section in side:
            lumen, wall = _outlines(section)
            assert 0 < _area(lumen) < _area(wall)


def test_an_occluded_artery_has_no_outline() -> None:
    recipe = CLEAN.model_copy(update={"p_occlusion": 1.0})
    contours = true_contours(simulate_neck(3, recipe))
    assert {s.label for s in contours.left} <= {"external"}


_STEPS = np.arange(-1.2, 1.21, 0.05)
_PLATEAUS = {"lumen": (-1.0, 0.45), "wall": (-0.45, 1.0)}
"""Where the signal on either side of an outline is read, mm along the normal; walls are thin."""


def _edge_offsets(neck: SimulatedNeck) -> dict[str, list[float]]:
    """Where the mean profile across an outline passes half of its step, mm from the outline."""
    from scipy.ndimage import map_coordinates

    contours = true_contours(neck)
    picture = neck.volume.reoriented("RAS").array.astype(np.float64)
    spacing = np.array(contours.canonical.spacing_mm[:2])
    fork = flow_divider(neck.sides["left"], contours.canonical)
    found: dict[str, list[float]] = {"lumen": [], "wall": []}
    for section in contours.left[::5]:
        if abs(section.z - fork) < 20:
            continue
        for name, outline in zip(found, _outlines(section), strict=True):
            xy = outline.points * spacing
            along = np.roll(xy, -1, axis=0) - np.roll(xy, 1, axis=0)
            normal = np.column_stack([along[:, 1], -along[:, 0]])
            normal /= np.linalg.norm(normal, axis=1)[:, None]
            at = (xy[:, None] + normal[:, None] * _STEPS[:, None]) / spacing
            z = np.full(at.shape[:2], float(section.z))
            profile = map_coordinates(picture, [at[..., 0], at[..., 1], z], order=1).mean(axis=0)
            level = np.interp(_PLATEAUS[name], _STEPS, profile).mean()
            above = profile - level
            near = [
                a - va * (b - a) / (vb - va)
                for (a, va), (b, vb) in pairwise(zip(_STEPS, above, strict=True))
                if va * vb <= 0 and va != vb
            ]
            found[name].append(min(near, key=abs, default=9.0))
    return found


@pytest.mark.parametrize(
    ("make", "at_most_mm"),
    [(lambda: simulate_neck(5, CLEAN, orientation="LPS"), 0.1), (lambda: simulate_second(2), 0.3)],
    ids=["first", "second"],
)
def test_the_picture_changes_where_the_outlines_are(
    make: Callable[[], SimulatedNeck], at_most_mm: float
) -> None:
    """The second simulator's soft edges, as wide as its walls, move the half of the step."""
    for name, offsets in _edge_offsets(make()).items():
        assert len(offsets) > 5
        assert np.median(np.abs(offsets)) < at_most_mm, name
