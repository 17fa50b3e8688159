"""Files of settings for training heatmap networks: what they may say, and how mistakes are told."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pytest

from carotid.errors import ConfigurationError
from carotid.training.heatmap.parameters import read_training_parameters

if TYPE_CHECKING:
    from pathlib import Path

CROPS = "crops = [{shape = [64, 48, 64]}]"


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "train.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('clip_norm = "1.0"', "clip_norm: input should be a valid number, found '1.0'"),
        ("clip_norm = true", "clip_norm: input should be a valid number, found True"),
        ("clip_norm = 0", "clip_norm: input should be greater than 0, found 0"),
        ('weight_decay = "0"', "weight_decay: input should be a valid number, found '0'"),
        ("average_decay = false", "average_decay: input should be a valid number, found False"),
        ("average_decay = 1", "average_decay must be below 1"),
        ("augment = 1", "augment: input should be a valid boolean, found 1"),
        ("workers = 2.0", "workers: input should be a valid integer, found 2.0"),
        ('member.peak_rate = "fast"', "member.peak_rate: input should be a valid number"),
        ("member.height_weight = true", "member.height_weight: input should be a valid number"),
        ("member.crops = [{shape = [64, 48, 64], share = '1'}]", "(item 1).share: input should"),
        ("clip_norms = 1", "unknown key 'clip_norms' (did you mean 'clip_norm'?)"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, line: str, place: str) -> None:
    path = _file(tmp_path, f"[heatmap_training]\n{line}\n")
    with pytest.raises(ConfigurationError) as raised:
        read_training_parameters(path)
    assert place in str(raised.value)
    assert str(path) in str(raised.value)


def test_whole_numbers_serve_as_numbers(tmp_path: Path) -> None:
    text = (
        f"[heatmap_training]\nclip_norm = 2\nweight_decay = 0\n[heatmap_training.member]\n{CROPS}"
    )
    found = read_training_parameters(_file(tmp_path, text))
    assert (found.clip_norm, found.weight_decay) == (2.0, 0.0)
    assert found.member.crops[0].shape == (64, 48, 64)


def test_the_packages_own_recipe_makes_as_many_members_as_it_ships() -> None:
    with resources.as_file(resources.files("carotid") / "training" / "shipped.toml") as path:
        recipe = read_training_parameters(path)
    models = resources.files("carotid") / "models" / "heatmap"
    shipped = [one.name for one in models.iterdir() if one.name.endswith(".pt")]
    assert recipe.members == len(shipped)
    assert max(kind.shape[1] for kind in recipe.member.crops) == 128


def test_a_file_of_another_training_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "[contour_training]\nn_splits = 2\n")
    with pytest.raises(ConfigurationError, match=r"no section \[heatmap_training\] in the file"):
        read_training_parameters(path)
    read_training_parameters(_file(tmp_path, ""))
