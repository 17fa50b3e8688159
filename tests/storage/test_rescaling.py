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
