from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from carotid.config import parse_sections
from carotid.errors import ConfigurationError
from carotid.simulation.recipe import DEFAULT_RECIPE, NeckRecipe, draw, draw_count, draw_log


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("height_mm", [100, 90]),
        ("height_mm", [100, 100_000]),
        ("acquired_mm", [0.0, 1.0]),
        ("noise", [0.0, 0.1]),
        ("p_plaque", 1.5),
        ("wall_mm", [1.0]),
        ("blobs", [3, 100_000]),
        ("bias_log_sd", [0.0, float("inf")]),
        ("oblique_deg", 60),
        ("hight_mm", [60, 90]),
        ("p_plaque", True),
        ("p_plaque", "0.5"),
        ("height_mm", ["60", 90]),
        ("blobs", [3.0, "8"]),
        ("oblique_deg", "20"),
    ],
)
def test_mistakes_in_a_configuration_name_the_key(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        parse_sections({"neck": {key: value}}, {"neck": NeckRecipe}, Path("neck.toml"))


def test_a_configuration_replaces_what_it_names_alone() -> None:
    content = {"neck": {"height_mm": [61, 62]}}
    recipe = parse_sections(content, {"neck": NeckRecipe}, Path("neck.toml"))["neck"]
    assert recipe.height_mm == (61, 62)
    assert recipe.width_mm == DEFAULT_RECIPE.width_mm


def test_recipes_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        DEFAULT_RECIPE.p_plaque = 0.0


def test_every_field_is_explained() -> None:
    text = NeckRecipe.__doc__ or ""
    assert [name for name in NeckRecipe.model_fields if f"{name}:" not in text] == []


def test_draws_reach_the_whole_of_a_range_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    flat = [draw(rng, (2.0, 4.0)) for _ in range(500)]
    assert 2.0 <= min(flat) < 2.1
    assert 3.9 < max(flat) <= 4.0
    low = [draw_log(rng, (0.01, 1.0)) for _ in range(500)]
    assert min(low) >= 0.01
    assert max(low) <= 1.0
    assert np.median(low) == pytest.approx(0.1, rel=0.4)
    assert {draw_count(rng, (1, 3)) for _ in range(100)} == {1, 2, 3}
