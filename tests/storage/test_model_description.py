from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from carotid.errors import ModelError
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
    spread={"lumen": TABLE, "wall": replace(TABLE, bias_mm=(0.0, -0.1))},
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
        ("spread", {"lumen": {**vars(TABLE), "bias_mm": [0.4]}}),
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
