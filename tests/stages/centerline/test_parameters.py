from __future__ import annotations

import logging

import pytest
from pydantic import ValidationError

from carotid.stages.centerline.parameters import CenterlineParameters


@pytest.mark.parametrize("key", ["step_size", "threshold", "spatial_threshold"])
def test_section_of_the_known_tool_gets_its_method(
    key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        found = CenterlineParameters.model_validate({key: 7})
    assert found.method == "sections"
    assert getattr(found, key) == 7
    assert f"names {key} and no method" in caplog.text


@pytest.mark.parametrize(
    "section",
    [
        {"method": "best"},
        {"step_size": 0},
        {"step_size": 2.5},
        {"threshold": True},
        {"threshold": "100"},
        {"threshold": float("nan")},
        {"spatial_threshold": -1},
        {"step": 5},
    ],
)
def test_bad_settings_are_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CenterlineParameters.model_validate(section)
