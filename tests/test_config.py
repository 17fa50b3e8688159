"""Configuration files: every mistake at once, with the nearest valid name."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from carotid.config import HeatmapParameters, read_heatmap_parameters
from carotid.errors import ConfigurationError


def read(text: str) -> HeatmapParameters:
    path = Path("config.toml")
    path.write_text(text, "utf-8")
    return read_heatmap_parameters(path)


def test_defaults() -> None:
    expected = HeatmapParameters(roi_size=(368, 64, 320), spacing=True, overlap=0.6)
    assert read_heatmap_parameters(None) == read("") == read("[heatmap_transform]") == expected


def test_values_are_taken() -> None:
    found = read("[heatmap_transform]\nroi_size = [64, 32, 48]\nspacing = false\noverlap = 0")
    assert found == HeatmapParameters(roi_size=(64, 32, 48), spacing=False, overlap=0.0)


def test_sections_of_later_transforms_are_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "carotid"):
        read(
            "[centerline_transform]\nx = 1\n[polar_transform]\n"
            "[contour_transform]\n[segmentation_transform]\n"
        )
    assert caplog.text.count("is not used by this version") == 4


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(
            "[heatmap_transfrom]\nroi_size = [1]\n[heatmap_transform]\nroi_sizes = [64, 64, 64]\n"
            'spacing = "yes"\noverlap = 1.0\nroi_size = [64, 64]\n[polar]\n'
        )
    text = str(caught.value)
    assert text.startswith("config.toml: ")
    assert "mistakes in the configuration" in text
    for words in (
        "unknown section or key 'heatmap_transfrom' (did you mean 'heatmap_transform'?)",
        "'polar' (did you mean 'polar_transform'?)",
        "unknown key 'roi_sizes' (did you mean 'roi_size'?)",
        "heatmap_transform.spacing",
        "heatmap_transform.overlap",
        "heatmap_transform.roi_size",
    ):
        assert words in text
    assert "\n" not in text
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("roi_size = [64, 64]", "roi_size"),
        ("roi_size = [64, 64, 64, 64]", "roi_size"),
        ("roi_size = [64, 64, 64.0]", "item 2"),
        ("roi_size = [64, 64, true]", "item 2"),
        ("roi_size = 64", "roi_size"),
        ("roi_size = '64, 64, 64'", "roi_size"),
        ("roi_size = [0, 64, 64]", "positive"),
        ("roi_size = [-16, 64, 64]", "positive"),
        ("roi_size = [60, 64, 64]", r"multiples of 16; nearest is \[64, 64, 64\]"),
        ("roi_size = [16, 16, 16]", "larger than 16"),
        ("roi_size = [65536, 65536, 65536]", "at most"),
        ("spacing = 1", "spacing"),
        ("spacing = 'true'", "spacing"),
        ("overlap = true", "must be a number"),
        ("overlap = '0.5'", "must be a number"),
        ("overlap = 1", "less than 1"),
        ("overlap = -0.1", "greater than or equal to 0"),
        ("overlap = nan", "overlap"),
        ("overlap = inf", "overlap"),
        ("roi = 3", "valid: roi_size, spacing, overlap|did you mean 'roi_size'"),
        ("spacing = true\nspacing = true", "not a valid TOML"),
    ],
)
def test_mistakes(line: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read(f"[heatmap_transform]\n{line}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("heatmap_transform = 3", "must be a section"),
        ("spacing = true", "unknown section or key 'spacing'"),
        ("[heatmap_transform", "not a valid TOML"),
        ("{" * 5000, "not a valid TOML"),
        ("x = " + "[" * 5000, "not a valid TOML"),
        ("# " + "x" * (1 << 20), "too large"),
    ],
)
def test_what_is_no_configuration(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read(text)


def test_messages_stay_short() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(f"[heatmap_transform]\noverlap = '{'x' * 9000}'\n{'y' * 9000} = 1\n")
    assert len(str(caught.value)) < 700


def test_files_that_are_none() -> None:
    for path, words in ((Path("absent"), "does not exist"), (Path(), "is not a file")):
        with pytest.raises(ConfigurationError, match=words):
            read_heatmap_parameters(path)
    Path("latin").write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigurationError, match="not a valid TOML"):
        read_heatmap_parameters(Path("latin"))
    with pytest.raises(ConfigurationError):
        read_heatmap_parameters(Path("a\0b"))
