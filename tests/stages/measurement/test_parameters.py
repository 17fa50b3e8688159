from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from carotid.config import parse_sections
from carotid.errors import ConfigurationError
from carotid.stages.measurement.parameters import MeasurementParameters

SECTION = "measurement_transform"


def parsed(**keys: Any) -> MeasurementParameters:
    found = parse_sections({SECTION: keys}, {SECTION: MeasurementParameters}, Path("c.toml"))
    return found[SECTION]


def test_defaults_are_those_of_an_empty_section() -> None:
    assert parsed() == MeasurementParameters()
    assert parsed(thickness="radial", bulb_to_mm=12).bulb_to_mm == 12


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"thickness": "chord"}, "thickness"),
        ({"bulb_from_mm": 10}, "bulb_from_mm"),
        ({"plaque_thickness_mm": True}, "should be a valid number"),
        ({"plaque_thickness_mm": "1.5"}, "should be a valid number"),
        ({"max_gap_mm": 0}, "max_gap_mm"),
        ({"oblique_deg": 91}, "oblique_deg"),
        ({"spread_scale": float("nan")}, "spread_scale"),
        ({"plaque_thicknes_mm": 1}, "did you mean 'plaque_thickness_mm'"),
        ({"bulb_to_mm": 25}, "reference_from_mm must not lie in the bulb"),
    ],
)
def test_mistakes_are_named(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parsed(**keys)


def test_every_setting_says_what_it_is() -> None:
    for name, field in MeasurementParameters.model_fields.items():
        assert field.description, name
