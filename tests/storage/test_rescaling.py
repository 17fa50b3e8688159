"""`parameters.json`: how intensities are rescaled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from carotid.errors import ConfigurationError
from carotid.storage.rescaling import NO_RESCALING, Rescaling, read_rescaling

if TYPE_CHECKING:
    from pathlib import Path

RIGHT: dict[str, Any] = {
    "rescale": True,
    "lower_percentile_rescaler": 5,
    "upper_percentile_rescaler": 99.5,
}


def test_without_the_file_nothing_is_rescaled(tmp_path: Path) -> None:
    assert read_rescaling(tmp_path) == NO_RESCALING
    assert not NO_RESCALING.rescale


@pytest.mark.parametrize("changes", [{}, {"rescale": False}, {"more": [1, {"a": None}]}])
def test_settings_are_read(tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "parameters.json").write_text(json.dumps(RIGHT | changes), "utf-8-sig")
    assert read_rescaling(tmp_path) == Rescaling(
        rescale=changes.get("rescale", True), lower_percentile=5, upper_percentile=99.5
    )


@pytest.mark.parametrize(
    "name",
    [
        *("parameters.json.txt", "Parameters.json", "PARAMETERS.JSON", "parameters.txt"),
        *("parameters", "parameter.json", "paramters.json", "parameters (1).json"),
        *("parameters.json.json", "._parameters.json", "parameters.jsn", " parameters.json"),
    ],
)
@pytest.mark.parametrize("content", [json.dumps(RIGHT), '{"lower_percentile_rescaler": 5,}'])
def test_settings_under_another_name_are_not_overlooked(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        read_rescaling(tmp_path)
    assert name.strip() in str(caught.value)
    assert "rename the file to parameters.json" in str(caught.value).lower()


def test_settings_in_utf_16_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "parameters.json.txt").write_text(json.dumps(RIGHT), "utf-16")
    with pytest.raises(ConfigurationError, match="not called as they have to be"):
        read_rescaling(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("parameters_readme.md", "see the protocol"),
        ("parameters.pdf", "%PDF"),
        ("parameters.tsv", "TR\tTE"),
        ("parameters.json.txt", json.dumps(RIGHT | {"rescale": False})),
        ("settings.json", json.dumps({"a": 1})),
        ("parameters.mha", json.dumps(RIGHT)),
    ],
)
def test_other_files_are_no_settings(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    (tmp_path / "parameters").mkdir(exist_ok=True)
    assert read_rescaling(tmp_path) == NO_RESCALING


@pytest.mark.parametrize("name", ["parameters.json.bak", "parameters.json.old", "parameters.json~"])
def test_settings_put_out_of_use_are_named(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / name).write_text(json.dumps(RIGHT))
    assert read_rescaling(tmp_path) == NO_RESCALING
    assert f"{name} is not used: it is not called parameters.json" in caplog.text


def test_other_names_do_not_matter_beside_the_right_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("parameters.json", "parameters.json.txt", "Parameters.json"):
        (tmp_path / name).write_text(json.dumps(RIGHT))
    assert read_rescaling(tmp_path).stated
    assert not caplog.records


@pytest.mark.parametrize(
    ("lower", "upper", "meant"), [(0.05, 0.95, "5 and 95"), (0, 0.999, "0 and 99.9"), (0, 1, "100")]
)
def test_fractions_are_no_percentiles(
    tmp_path: Path, lower: float, upper: float, meant: str
) -> None:
    values = {"lower_percentile_rescaler": lower, "upper_percentile_rescaler": upper}
    (tmp_path / "parameters.json").write_text(json.dumps(RIGHT | values))
    with pytest.raises(ConfigurationError) as caught:
        read_rescaling(tmp_path)
    assert "the percentiles are fractions" in str(caught.value)
    assert meant in str(caught.value)
    (tmp_path / "parameters.json").write_text(json.dumps(RIGHT | values | {"rescale": False}))
    assert read_rescaling(tmp_path).percentiles is None


@pytest.mark.parametrize(("lower", "upper"), [(0.05, 95), (0.5, 99.5), (0, 1.5)])
def test_small_percentiles_may_be_meant(tmp_path: Path, lower: float, upper: float) -> None:
    values = {"lower_percentile_rescaler": lower, "upper_percentile_rescaler": upper}
    (tmp_path / "parameters.json").write_text(json.dumps(RIGHT | values))
    assert read_rescaling(tmp_path).percentiles == (lower, upper)


def test_what_is_recorded_does_not_depend_on_who_said_it(tmp_path: Path) -> None:
    values = {"rescale": False, "lower_percentile_rescaler": 0, "upper_percentile_rescaler": 100}
    (tmp_path / "parameters.json").write_text(json.dumps(values))
    stated = read_rescaling(tmp_path)
    assert (stated.stated, NO_RESCALING.stated) == (True, False)
    assert stated.as_record() == NO_RESCALING.as_record()


def test_the_example_in_messages_fits_the_package(tmp_path: Path) -> None:
    (tmp_path / "parameters.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r'"lower_percentile_rescaler": 5, "upper.*: 95'):
        read_rescaling(tmp_path)


LOWER, UPPER = "lower_percentile_rescaler", "upper_percentile_rescaler"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (json.dumps(RIGHT | {"rescale": 1}), "'rescale' is not usable (found 1"),
        (json.dumps(RIGHT | {"rescale": "true"}), "'rescale' is not usable"),
        (json.dumps(RIGHT | {"rescale": None}), "found null, expected true or false"),
        (json.dumps(RIGHT | {LOWER: True}), f"'{LOWER}' is not usable"),
        (json.dumps(RIGHT | {LOWER: "5"}), f"'{LOWER}' is not usable"),
        (json.dumps(RIGHT | {LOWER: -1}), "a number from 0 to 100"),
        (json.dumps(RIGHT | {LOWER: float("nan")}), "a number from 0 to 100"),
        (json.dumps(RIGHT | {UPPER: 100.1}), f"'{UPPER}' is not usable"),
        (json.dumps(RIGHT | {UPPER: 10**400}), f"'{UPPER}' is not usable"),
        (json.dumps(RIGHT | {UPPER: float("inf")}), f"'{UPPER}' is not usable"),
        (json.dumps(RIGHT | {UPPER: [99]}), f"'{UPPER}' is not usable"),
        (json.dumps(RIGHT | {UPPER: 5}), "is not below"),
        (json.dumps(RIGHT | {UPPER: 4}), "found 5 and 4"),
        ("{}", "the key 'rescale' is missing"),
        (json.dumps({k: v for k, v in RIGHT.items() if k != UPPER}), f"'{UPPER}' is missing"),
        ("[]", "found list"),
        ("null", "a JSON object"),
        ("", "not valid JSON"),
        ("{'rescale': True}", "not valid JSON"),
        ('{"rescale": true, "rescale": false}', "'rescale' is there twice"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON"),
        (" " * 2**20 + json.dumps(RIGHT), "too big"),
    ],
)
def test_wrong_settings_are_one_clear_line(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "parameters.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        read_rescaling(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert "\n" not in message
    assert len(message) < 1000


def test_what_is_no_text_file(tmp_path: Path) -> None:
    path = tmp_path / "parameters.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not valid JSON"):
        read_rescaling(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError, match="a folder"):
        read_rescaling(tmp_path)
    path.rmdir()
    path.symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match="does not exist"):
        read_rescaling(tmp_path)


def test_settings_in_utf_16_are_read(tmp_path: Path) -> None:
    """As PowerShell writes what is redirected."""
    (tmp_path / "parameters.json").write_text(json.dumps(RIGHT), "utf-16")
    assert read_rescaling(tmp_path).stated


@pytest.mark.parametrize(
    ("content", "words"),
    [("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"), ("<html>", "a web page")],
)
def test_settings_that_are_something_else(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "parameters.json").write_text(content)
    with pytest.raises(ConfigurationError, match=words):
        read_rescaling(tmp_path)
