from __future__ import annotations

import numpy as np
import pytest

from carotid.evaluation.likeness import (
    KNOWN,
    cut_off,
    differences,
    geometry_facts,
    intensity_facts,
    uneven_sides,
)

SEEN = {"depth_mm": (30.0, 200.0), "median": (0.1, 0.5), "slice_mm": (0.5, 8.0)}


def test_size_and_voxels_are_told_by_axis() -> None:
    found = geometry_facts((100, 40, 20), (0.5, 0.75, 5.0))
    assert found == {
        "width_mm": 50.0,
        "depth_mm": 30.0,
        "height_mm": 100.0,
        "slice_mm": 5.0,
        "plane_mm": 0.75,
    }


def test_intensities() -> None:
    image = np.concatenate([np.zeros(25), np.full(50, 0.4), np.ones(25)]).reshape(10, 10)
    assert intensity_facts(image) == pytest.approx(
        {"median": 0.4, "upper_quartile": 0.55, "share_dark": 0.25}
    )


@pytest.mark.parametrize(
    ("facts", "count"),
    [
        ({"depth_mm": 100.0, "median": 0.3, "slice_mm": 3.0}, 0),
        ({"depth_mm": 219.0}, 0),  # a length may be a tenth beyond
        ({"depth_mm": 221.0}, 1),
        ({"depth_mm": 26.0}, 1),
        ({"median": 0.51}, 1),
        ({"depth_mm": 300.0, "median": 0.9, "slice_mm": 12.0}, 3),
        ({"median": float("nan")}, 0),
        ({"width_mm": 1e6}, 0),  # training's range is not known
    ],
)
def test_what_lies_beyond_training_is_told(facts: dict[str, float], count: int) -> None:
    assert len(differences(facts, SEEN)) == count


def test_every_fact_has_words() -> None:
    facts = {**geometry_facts((1, 1, 1), (1, 1, 1)), **intensity_facts(np.zeros(3))}
    assert set(facts) | {"blood_contrast"} == set(KNOWN)


@pytest.mark.parametrize(("percent", "told"), [(99.9, False), (98, False), (95, True), (80, True)])
def test_brightness_that_was_cut_off_is_told(percent: float, *, told: bool) -> None:
    image = np.random.default_rng(2).normal(500, 100, (20, 20, 20)).astype(np.int16)
    image = np.minimum(image, int(np.percentile(image, percent)))
    found = cut_off(image)
    assert [one.partition("%")[2] for one in found] == [
        " of its voxels have the largest value: what is brighter was cut off, export it again"
    ] * told
    padding = np.arange(20) < 10
    image[padding] = 4000
    assert len(cut_off(image, np.broadcast_to(padding[:, None, None], image.shape))) == told


def test_what_is_the_same_everywhere_was_not_cut_off() -> None:
    assert cut_off(np.full((3, 3), 7)) == ()


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        (0.4, 0.15, None),
        (0.4, 0.1, "4 times less dark on the right than on the left"),
        (-0.3, 0.4, "many times less dark on the left than on the right"),
        (0.06, 0.01, None),
        (float("nan"), 0.4, None),
    ],
)
def test_sides_that_are_much_unlike_are_told(left: float, right: float, told: str | None) -> None:
    found = uneven_sides({"left": left, "right": right})
    assert len(found) == (told is not None)
    assert all(told in one for one in found if told)
    assert uneven_sides({"left": left}) == ()
