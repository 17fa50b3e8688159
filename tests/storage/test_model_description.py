from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from carotid.errors import CarotidError, ModelError
from carotid.storage.described_models import check_described, check_kind
from carotid.storage.model_description import (
    ModelDescription,
    SpreadTable,
    expected_rescaling,
    looks_at_scans,
    read_model_description,
    write_model_description,
)
from carotid.storage.rescaling import NO_RESCALING, Rescaling

if TYPE_CHECKING:
    from pathlib import Path

TABLE = SpreadTable((0.1, 0.4), (0.05, 0.2), (0.09, 0.4), (0.2, 1.0))
FULL = ModelDescription(
    "contour",
    "a network",
    rescaling=Rescaling(rescale=True, lower_percentile=5, upper_percentile=95),
    spacing_mm=0.5,
    sampling="linear",
    images="planes",
    training={"seed": 3},
    seen={"voxel_mm": (0.35, 1.0)},
    settings={"heatmap": {"max_roi_depth": 128}},
    spread={"lumen": TABLE, "wall": TABLE},
    files={"member_0.pt": "ab" * 32},
)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    for one in (FULL, ModelDescription("heatmap", "a U-Net")):
        write_model_description(tmp_path, one)
        assert read_model_description(tmp_path) == one


def test_a_folder_without_it_says_nothing(tmp_path: Path) -> None:
    assert read_model_description(tmp_path) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("kind", ""),
        ("architecture", None),
        ("rescaling", {"rescale": True, "lower_percentile": 95, "upper_percentile": 5}),
        ("rescaling", {"rescale": 1, "lower_percentile": 5, "upper_percentile": 95}),
        ("spacing_mm", -1),
        ("seen", {"voxel_mm": [2, 1]}),
        ("seen", [1]),
        ("settings", {"heatmap": 128}),
        ("spread", {"lumen": {"raw_mm": [1, 1], "half_mm": [1, 1], "sigma_mm": [1, 1]}}),
        ("spread", {"lumen": {**vars(TABLE), "raw_mm": [0.4, 0.1]}}),
        ("spread", {"lumen": {**vars(TABLE), "wide_mm": [0.4]}}),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, key: str, value: Any) -> None:
    write_model_description(tmp_path, FULL)
    path = tmp_path / "model.json"
    content = json.loads(path.read_text())
    content[key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=key) as error:
        read_model_description(tmp_path)
    assert "model.json" in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "nan"])
def test_a_file_that_is_no_description(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(ModelError, match=r"model\.json"):
        read_model_description(tmp_path)


def test_the_scans_own_word_wins_over_the_models(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    raw, models = tmp_path / "raw", tmp_path / "models"
    raw.mkdir()
    models.mkdir()
    assert expected_rescaling(raw, models) == NO_RESCALING
    write_model_description(models, FULL)
    with caplog.at_level(logging.INFO):
        assert expected_rescaling(raw, models) == FULL.rescaling
    assert "5th and 95th percentile" in caplog.text
    assert expected_rescaling(raw, None) == NO_RESCALING
    (raw / "parameters.json").write_text(
        '{"rescale": true, "lower_percentile_rescaler": 1, "upper_percentile_rescaler": 99}'
    )
    assert expected_rescaling(raw, models).percentiles == (1, 99)
    (raw / "parameters.json").write_text(
        '{"rescale": false, "lower_percentile_rescaler": 1, "upper_percentile_rescaler": 99}'
    )
    assert expected_rescaling(raw, models).percentiles is None


def test_models_that_expect_nothing_change_nothing(tmp_path: Path) -> None:
    write_model_description(tmp_path, ModelDescription("contour", "a network"))
    (tmp_path / "raw").mkdir()
    assert expected_rescaling(tmp_path / "raw", tmp_path) == NO_RESCALING


def test_networks_that_look_at_scans_say_so(tmp_path: Path) -> None:
    assert not looks_at_scans(tmp_path)
    for images, expected in (("planes", True), ("polar", False), (None, False)):
        write_model_description(tmp_path, replace(FULL, images=images))
        assert looks_at_scans(tmp_path) is expected


@pytest.mark.parametrize(
    "name", ["model.json.txt", "Model.json", "MODEL.JSON", "model (1).json", "models.json"]
)
def test_a_description_under_another_name_is_no_silence(tmp_path: Path, name: str) -> None:
    """Without it, intensities are not rescaled."""
    write_model_description(tmp_path, FULL)
    (tmp_path / "model.json").rename(tmp_path / name)
    with pytest.raises(ModelError, match=r"not called as it has to be.*expected model\.json"):
        read_model_description(tmp_path)
    (tmp_path / name).write_text('{"unet": "https://example.org"}')
    assert read_model_description(tmp_path) is None


@pytest.mark.parametrize("name", ["model.json.bak", "model.json~", "Model.json.old"])
def test_a_description_put_out_of_use_is_named(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_model_description(tmp_path, FULL)
    (tmp_path / "model.json").rename(tmp_path / name)
    assert read_model_description(tmp_path) is None
    assert f"{name} is not used: it is not called model.json" in caplog.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<html>", "a web page"),
        (b"{", "not valid JSON.*Copy model.json"),
    ],
)
def test_a_description_that_is_something_else(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(CarotidError, match=words):
        read_model_description(tmp_path)


def test_percentiles_of_a_description_are_no_fractions(tmp_path: Path) -> None:
    for rescale in (True, False):
        fractions = Rescaling(rescale=rescale, lower_percentile=0.05, upper_percentile=0.95)
        write_model_description(tmp_path, replace(FULL, rescaling=fractions))
        if rescale:
            with pytest.raises(ModelError, match=r"'rescaling' is not usable.*such as 5 and 95"):
                read_model_description(tmp_path)
        else:
            assert read_model_description(tmp_path) is not None


def test_models_are_compared_with_their_description(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check_described(tmp_path, "contour", {"member_0.pt": "cd" * 32})
    two = {"member_0.pt": "AB" * 32, "member_1.pt": "cd" * 32}
    write_model_description(tmp_path, replace(FULL, files=two))
    (tmp_path / "member_0.pt").touch()
    check_described(tmp_path, "contour", {"member_0.pt": "ab" * 32, "another.pt": "00" * 32})
    assert "models that model.json lists are not there: member_1.pt" in caplog.text
    with pytest.raises(ModelError, match=r"member_0\.pt: the file is not the one"):
        check_described(tmp_path, "contour", {"member_0.pt": "00" * 32})
    with pytest.raises(ModelError, match=r"these are contour models .expected heatmap models"):
        check_described(tmp_path, "heatmap", {"member_0.pt": "ab" * 32})


def test_models_of_another_step_are_told_without_weights(tmp_path: Path) -> None:
    check_kind(tmp_path, "heatmap")
    write_model_description(tmp_path, FULL)
    check_kind(tmp_path, "contour")
    with pytest.raises(ModelError, match=r"these are contour models .*models path heatmap"):
        check_kind(tmp_path, "heatmap")


def test_settings_that_are_not_what_the_models_expect_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "models").mkdir()
    write_model_description(tmp_path / "models", FULL)
    for lower, upper, rescale, words in (
        (0, 99.9, True, "the 0th and the 99.9th percentile"),
        (5, 95, False, "intensities as they are"),
        (5, 95, True, ""),
    ):
        caplog.clear()
        stated = {
            "rescale": rescale,
            "lower_percentile_rescaler": lower,
            "upper_percentile_rescaler": upper,
        }
        (tmp_path / "parameters.json").write_text(json.dumps(stated))
        assert expected_rescaling(tmp_path, tmp_path / "models").rescale == rescale
        assert ("expect intensities between the 5th and the 95th" in caplog.text) == bool(words)
        assert words in caplog.text
