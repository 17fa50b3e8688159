from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from carotid.errors import ConfigurationError
from carotid.training.contour.parameters import LossWeights, read_contour_training, tell_of_idle

if TYPE_CHECKING:
    from pathlib import Path


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "train.toml"
    path.write_text(text)
    return path


def test_defaults_are_those_of_plane_networks() -> None:
    found = read_contour_training(None)
    assert found.network == "planes"
    assert found.curve.peak_rate == found.learning_rate


def test_a_polar_network_is_trained_as_the_known_tool_does(tmp_path: Path) -> None:
    found = read_contour_training(_file(tmp_path, '[contour_training]\nnetwork = "polar"\n'))
    assert (found.n_epochs, found.batch_size, found.n_splits, found.seed) == (200, 32, 5, 42)
    assert (found.learning_rate, found.final_rate, found.weight_decay) == (1e-3, 1e-3, 0)
    assert found.average_decay == 0
    assert found.dropout
    assert found.dimension == 3


def test_files_of_the_known_tool_are_understood(tmp_path: Path) -> None:
    text = "[contour_transform]\ndimension = 2\nrandom_seed = 7\nn_epochs = 3\n"
    found = read_contour_training(_file(tmp_path, text))
    assert (found.network, found.dimension, found.seed, found.n_epochs) == ("polar", 2, 7, 3)


def test_both_names_at_once_are_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "[contour_transform]\nn_epochs = 3\n[contour_training]\nseed = 1\n")
    with pytest.raises(ConfigurationError, match="both"):
        read_contour_training(path)


@pytest.mark.parametrize(
    "line",
    [
        "dimension = 4",
        "n_splits = 1",
        "planes = 2",
        "speed = 1",
        'learning_rate = "0.004"',
        "final_rate = false",
        "simulated_share = true",
        'loss.radius = "1"',
    ],
)
def test_mistakes_are_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line.split(" ")[0]):
        read_contour_training(_file(tmp_path, f"[contour_training]\n{line}\n"))


def test_training_from_models_is_short_and_gentle(tmp_path: Path) -> None:
    usual, gentle = (read_contour_training(None, from_models=on) for on in (False, True))
    assert gentle.learning_rate < usual.learning_rate
    assert gentle.n_epochs < usual.n_epochs
    own = _file(tmp_path, "[contour_training]\nn_epochs = 77\n")
    assert read_contour_training(own, from_models=True).n_epochs == 77


def test_members_may_differ_in_their_loss(tmp_path: Path) -> None:
    text = (
        "[[contour_training.variants]]\nthick = 3.0\n[[contour_training.variants]]\nradius = 1.0\n"
    )
    found = read_contour_training(_file(tmp_path, text))
    assert found.loss_of(0) == LossWeights(thick=3.0)
    assert found.loss_of(1) == found.loss_of(9) == LossWeights(radius=1.0)


@pytest.mark.parametrize(
    ("step", "members", "losses"),
    [("1", 1, 1), ("2", 3, 3), ("3", 3, 3), ("4", 3, 3), ("5", 3, 3), ("short", 1, 1)],
)
def test_the_packages_own_recipes_are_read(step: str, members: int, losses: int) -> None:
    name = f"contour_shipped_{step}.toml"
    with resources.as_file(resources.files("carotid") / "training" / name) as path:
        recipe = read_contour_training(path)
    assert recipe.members == members
    assert len({recipe.loss_of(k) for k in range(members)}) == losses


def test_a_file_of_another_training_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "[heatmap_training]\nn_splits = 2\n")
    with pytest.raises(ConfigurationError, match=r"found \[heatmap_training\]"):
        read_contour_training(path)
    read_contour_training(_file(tmp_path, "[contour_transform]\nseed = 2\n"))


@pytest.mark.parametrize(
    ("text", "from_simulator", "told"),
    [
        ("", False, ""),
        ("", True, ""),
        ('network = "polar"\nn_epochs = 3\ncompatible = true', False, ""),
        ("planes = 8\nsteps_per_epoch = 7\nn_splits = 2", False, ""),
        ("n_splits = 5\nmembers = 3", True, ""),  # as by default
        ("compatible = true\ndimension = 2", False, 'dimension, compatible: .*"planes"'),
        (
            'network = "polar"\nplanes = 8\nsteps_per_epoch = 7\nloss = { thick = 9.0 }',
            False,
            'planes, loss, steps_per_epoch: .*"polar" .* annotated scans',
        ),
        ('network = "polar"\nsteps_per_epoch = 7', True, ""),
        ("n_splits = 2", True, "n_splits: .* simulated necks alone"),
        ("members = 1", False, "members: .* annotated scans"),
    ],
)
def test_settings_that_do_not_count_are_named(
    text: str, told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, from_simulator: bool
) -> None:
    found = read_contour_training(_file(tmp_path, f"[contour_training]\n{text}\n"))
    tell_of_idle(found, from_simulator=from_simulator)
    assert len(caplog.records) == bool(told)
    assert re.search(told, caplog.text)


def test_how_polar_images_are_drawn_does_not_count_for_planes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    polar = read_contour_training(_file(tmp_path, '[contour_training]\nnetwork = "polar"\n'))
    tell_of_idle(polar, {"length"}, from_simulator=False)
    assert not caplog.records
    tell_of_idle(read_contour_training(None), {"length"}, from_simulator=False)
    assert "polar_transform.length: not used by" in caplog.text


def test_the_gentle_defaults_of_plane_networks_are_no_mistake(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = read_contour_training(None, from_models=True)
    tell_of_idle(found, from_simulator=True, from_models=True)
    assert not caplog.records


def test_the_package_s_own_files_hold_nothing_that_does_not_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for step in ("1", "2", "3", "4", "5", "short"):
        name = f"contour_shipped_{step}.toml"
        with resources.as_file(resources.files("carotid") / "training" / name) as path:
            tell_of_idle(read_contour_training(path), from_simulator=True)
    assert not caplog.records
