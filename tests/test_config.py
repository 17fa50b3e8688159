"""Configuration files: every mistake at once, with the nearest valid name."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carotid.config import Parameters, parse_sections, read_toml
from carotid.errors import ConfigurationError
from carotid.stages.catalog import STAGES, read_sections, read_settings, section_names, stage_named
from carotid.stages.heatmap.parameters import HeatmapParameters

if TYPE_CHECKING:
    from carotid.stages.stage import Stage


def settings(path: Path | None) -> HeatmapParameters:
    return HeatmapParameters.model_validate(
        read_settings([stage_named("heatmap")], path)["heatmap"]
    )


def read(text: str) -> HeatmapParameters:
    path = Path("config.toml")
    path.write_text(text, "utf-8")
    return settings(path)


def test_defaults() -> None:
    expected = HeatmapParameters(roi_size=(368, 64, 320), spacing=True, overlap=0.6)
    assert settings(None) == read("") == read("[heatmap_transform]") == expected


def test_values_are_taken() -> None:
    found = read("[heatmap_transform]\nroi_size = [64, 32, 48]\nspacing = false\noverlap = 0")
    assert found == HeatmapParameters(roi_size=(64, 32, 48), spacing=False, overlap=0.0)


def test_one_file_may_serve_all_commands(caplog: pytest.LogCaptureFixture) -> None:
    text = "".join(f"[{name}]\n" for name in section_names())
    with caplog.at_level(logging.INFO, "carotid"):
        assert read(text) == HeatmapParameters()
    assert caplog.text.count("belongs to another command") == len(section_names()) - 1


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_stage_has_a_section_with_defaults_and_help(stage: Stage) -> None:
    assert stage.transform in section_names()
    kind = stage.parameters_class()
    assert read_settings([stage], None) == {stage.name: kind()}
    for name, field in kind.model_fields.items():
        assert field.description, f"{stage.name}: {name} has no description"


def test_a_mark_at_the_beginning_is_passed_over() -> None:
    Path("marked.toml").write_bytes(b"\xef\xbb\xbf[heatmap_transform]\noverlap = 0.5\n")
    assert settings(Path("marked.toml")).overlap == 0.5


class Crop(Parameters):
    share: float = 1.0


class Phase(Parameters):
    crops: tuple[Crop, ...] = ()
    last: Crop | None = None


class Training(Parameters):
    member: Phase = Phase()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"membr": 1}, "training: unknown key 'membr' (did you mean 'member'?)"),
        ({"member": {"crop": 1}}, "training.member: unknown key 'crop' (did you mean 'crops'?)"),
        (
            {"member": {"crops": [{}, {"shar": 1}]}},
            "training.member.crops (item 2): unknown key 'shar' (did you mean 'share'?)",
        ),
        ({"member": {"last": {"x": 1}}}, "training.member.last: unknown key 'x' (valid: share)"),
        ({"member": {"crops": [{"share": "y"}]}}, "training.member.crops (item 1).share: input"),
    ],
)
def test_nested_mistakes_are_named_where_they_are(content: object, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_sections({"training": content}, {"training": Training}, Path("x.toml"))
    assert words in str(caught.value)


def test_without_a_file_all_keep_their_defaults() -> None:
    assert read_sections(None, {"heatmap_transform": HeatmapParameters}) == {
        "heatmap_transform": HeatmapParameters()
    }


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
        ("roi_size = [64, 64, 64.0]", "item 3"),
        ("roi_size = [64, 64, true]", "item 3"),
        ("roi_size = 64", "roi_size"),
        ("roi_size = '64, 64, 64'", "roi_size"),
        ("roi_size = [0, 64, 64]", "positive"),
        ("roi_size = [-16, 64, 64]", "positive"),
        ("roi_size = [60, 64, 64]", r"multiples of 16; nearest is \[64, 64, 64\]"),
        ("roi_size = [16, 16, 16]", "larger than 16"),
        ("roi_size = [65536, 65536, 65536]", "at most"),
        ("max_roi_depth = 100", "multiple of 16"),
        ("max_roi_depth = 48", "not below the depth of roi_size"),
        ("max_roi_depth = 65536", "at most"),
        ("spacing = 1", "spacing"),
        ("spacing = 'true'", "spacing"),
        ("overlap = true", "should be a valid number"),
        ("overlap = '0.5'", "should be a valid number"),
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
        ("spacing = true", r"unknown section or key 'spacing' .it belongs below .heatmap_transf"),
        ("[heatmap_transform]\noverlap = 0,6", "not a valid TOML.* with a point, such as 0.6"),
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
            settings(path)
    Path("latin").write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigurationError, match="not a valid TOML"):
        settings(Path("latin"))
    with pytest.raises(ConfigurationError):
        settings(Path("a\0b"))


def test_a_number_of_too_many_digits_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[neck]\nseed = " + "9" * 5000)
    with pytest.raises(ConfigurationError, match="not a valid TOML file"):
        read_toml(tmp_path / "a.toml")
