from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.simulation.recipe import DEFAULT_RECIPE
from carotid.simulation.recipes import TRAINING_RECIPE
from carotid.simulation.sample import NETWORK_MM, SideSample, simulate_side
from carotid.simulation.scene import draw_scene

from .recipes import CLEAN, SMALL, THICK, WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.recipe import NeckRecipe


def test_the_same_seed_gives_the_same_side_and_another_another() -> None:
    one, two, other = simulate_side(5, SMALL), simulate_side(5, SMALL), simulate_side(6, SMALL)
    assert one.image.tobytes() == two.image.tobytes()
    assert one.centers.tobytes() == two.centers.tobytes()
    assert other.image.shape != one.image.shape or (other.image != one.image).any()


def test_chance_is_not_taken_from_numpys_global_state() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index] # noqa: NPY002
    simulate_side(1, SMALL)
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index] # noqa: NPY002


@pytest.mark.parametrize("seed", range(12))
def test_sides_keep_to_their_bounds(seed: int) -> None:
    limit = (96, 48, 144)
    side = simulate_side(seed, TRAINING_RECIPE, limit)
    slices = side.image.shape[0]
    assert all(a <= b for a, b in zip(side.image.shape, limit, strict=True))
    assert side.image.dtype == np.float32
    assert np.isfinite(side.image).all()
    assert side.image.min() >= 0
    assert side.image.max() <= 1
    assert side.centers.shape == (slices, 2, 2)
    assert side.annotated.shape == (slices,)
    known = side.centers[np.isfinite(side.centers).all(axis=2)]
    field = np.array([260, 260]) / NETWORK_MM
    assert (known > -field).all()
    assert (known < np.array(side.image.shape[1:]) + field).all()


def test_a_side_is_two_thirds_of_the_width() -> None:
    recipe = CLEAN.model_copy(
        update={"width_mm": (120, 120), "height_mm": (50, 50), "depth_mm": (36, 36)}
    )
    shape = simulate_side(0, recipe).image.shape
    wanted = np.array([50, 36, 80]) / NETWORK_MM
    assert (np.abs(np.array(shape) - wanted) <= 4).all()


def _disc(
    side: SideSample, slice_index: int | np.integer, channel: int, radius: float | np.integer
) -> NDArray[np.float32]:
    """Intensities on a ring of that radius (voxels) about a center."""
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    p, lateral = side.centers[slice_index, channel]
    rows = np.rint(p + radius * np.sin(angle)).astype(int).clip(0, side.image.shape[1] - 1)
    columns = np.rint(lateral + radius * np.cos(angle)).astype(int)
    ring: NDArray[np.float32] = side.image[
        slice_index, rows, columns.clip(0, side.image.shape[2] - 1)
    ]
    return ring


def test_windows_of_whole_sections_lie_anywhere() -> None:
    """Some hold the carotid, some do not, and then its center lies outside of the window."""
    inside = []
    for seed in range(16):
        side = simulate_side(seed, WHOLE, (64, 96, 144))
        assert side.image.shape[0] <= 64
        assert 80 <= side.image.shape[1] <= 96
        p = side.centers[:, 0, 0]
        inside.append(bool(((p >= 0) & (p < side.image.shape[1])).mean() > 0.5))
    assert 4 <= sum(inside) <= 14


def test_training_knows_both_polarities_of_blood() -> None:
    scenes = [draw_scene(np.random.default_rng(k), TRAINING_RECIPE, both=False) for k in range(150)]
    bright = [scene.contrast.lumen > scene.contrast.wall for scene in scenes]
    assert 0.01 < np.mean(bright) < 0.2
    assert 0.01 < np.mean([scene.inverted for scene in scenes]) < 0.2
    whole = [scene.body is not None and scene.body.whole for scene in scenes]
    assert 0.45 < np.mean(whole) < 0.75


@pytest.mark.parametrize("recipe", [CLEAN, WHOLE, THICK])
@pytest.mark.parametrize("seed", range(4))
def test_centers_lie_in_dark_lumens_with_bright_walls(seed: int, recipe: NeckRecipe) -> None:
    side = simulate_side(seed, recipe)
    for channel in (0, 1):
        known = np.flatnonzero(np.isfinite(side.centers[:, channel]).all(axis=1))
        assert known.size > 40
        inner = np.array([_disc(side, k, channel, 1.0).mean() for k in known])
        brightest = np.array(
            [max(np.median(_disc(side, k, channel, r)) for r in np.arange(3, 14)) for k in known]
        )
        assert (inner < 0.35).mean() > 0.9
        contrast = 0.3 if recipe is CLEAN else 0.15
        assert (brightest > inner + contrast).mean() > 0.9


def test_below_the_bifurcation_both_channels_are_the_common_carotid() -> None:
    for seed in range(4):
        side = simulate_side(seed, CLEAN)
        index = np.arange(side.image.shape[0])
        below = index < side.bifurcation - 1
        np.testing.assert_array_equal(side.centers[below, 0], side.centers[below, 1])
        above = (index > side.bifurcation + 20) & np.isfinite(side.centers).all(axis=(1, 2))
        gap = np.linalg.norm(side.centers[above, 0] - side.centers[above, 1], axis=1)
        assert (gap * NETWORK_MM > 1.5).all()


def test_an_external_carotid_that_ends_leaves_its_channel_empty() -> None:
    recipe = CLEAN.model_copy(
        update={
            "p_external_ends": 1.0,
            "external_end_mm": (14.0, 14.0),
            "bifurcation_share": (0.3, 0.3),
        }
    )
    side = simulate_side(2, recipe)
    last = np.flatnonzero(np.isfinite(side.centers[:, 1, 0]))[-1]
    assert (last - side.bifurcation) * NETWORK_MM == pytest.approx(14, abs=2.5)
    assert np.isfinite(side.centers[last + 1 :, 0, 0]).mean() > 0.9
    assert side.annotated.all()


def test_slices_of_pure_noise_count_and_hold_nothing() -> None:
    recipe = CLEAN.model_copy(update={"p_noise_band": 1.0, "noise": (0.05, 0.05)})
    side = simulate_side(3, recipe)
    assert np.isnan(side.centers[0]).all()
    assert side.annotated[0]
    assert np.isnan(side.centers[-1]).all()
    assert np.isfinite(side.centers[side.image.shape[0] // 2, 0]).all()


def test_internal_and_external_can_be_told_apart_by_where_they_lie() -> None:
    """The internal carotid is lateral or posterior in about nine of ten, as in patients."""
    usual, medial = [], []
    for seed in range(150):
        scene = draw_scene(np.random.default_rng(seed), DEFAULT_RECIPE, both=True)
        assert scene.right is not None
        for tree, sign in ((scene.left, 1), (scene.right, -1)):
            if tree.external is None:
                continue
            s = tree.external.points[:, 0]
            s = s[s > tree.bifurcation_mm + 10]
            if s.size == 0:
                continue
            gap = tree.internal.at_height(s) - tree.external.at_height(s)
            posterolateral = gap[:, 0] + sign * gap[:, 1] > 0
            usual.append(posterolateral.mean() > 0.5)
            medial.append(tree.medial)
    assert np.mean(usual) > 0.85
    assert 0.03 < np.mean(medial) < 0.15


def test_both_sides_have_bifurcations_of_their_own() -> None:
    gaps = []
    for seed in range(60):
        scene = draw_scene(np.random.default_rng(seed), DEFAULT_RECIPE, both=True)
        assert scene.right is not None
        gaps.append(abs(scene.left.bifurcation_mm - scene.right.bifurcation_mm))
    assert np.median(gaps) > 2
