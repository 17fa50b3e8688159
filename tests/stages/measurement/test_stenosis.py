"""Stenoses: the narrowest place near the bifurcation against a reference beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.stages.measurement.phantoms import Vessel, straight
from tests.stages.measurement.segments import (
    NARROWED,
    along,
    measured,
    profile,
    value,
)

from carotid.stages.measurement.parameters import MeasurementParameters


def test_stenosis_by_all_definitions() -> None:
    table = measured(NARROWED).segments
    expected = {
        "stenosis_nascet_percent": 100 * (1 - 2 / 4.4),
        "stenosis_ecst_percent": 100 * (1 - 1 / 3.9),
        "stenosis_area_percent": 100 * (1 - 1 / 2.2**2),
        "reference_diameter_mm": 4.4,
        "reference_la_mm2": np.pi * 2.2**2,
        "mla_mm2": np.pi,
        "mld_mm": 2.0,
    }
    for name, exact in expected.items():
        assert value(table, name, "internal") == pytest.approx(exact, rel=0.02), name
    assert 4.9 < value(table, "stenosis_s_mm", "internal") < 6.1
    assert 4.9 < value(table, "mla_s_mm", "internal_bulb") < 6.1
    assert value(table, "reference_from_mm", "internal") == 20
    assert value(table, "reference_to_mm", "internal") == 30
    for segment in ("common", "internal_bulb", "common_internal", "external"):
        assert np.isnan(value(table, "stenosis_nascet_percent", segment))


def test_a_healthy_bulb_has_a_negative_stenosis() -> None:
    vessel = Vessel.around(straight(), profile((0, 3.8), (24, 3.8), (26, 2.4), (40, 2.4)), 4.6)
    # In the scan until 36.5 mm: a reference from 24 to 34 mm is 5 mm long at least.
    parameters = MeasurementParameters(reference_from_mm=26.5)
    table = measured(vessel, parameters).segments
    assert value(table, "stenosis_nascet_percent", "internal") == pytest.approx(
        100 * (1 - 3.8 / 2.4), abs=1.5
    )
    assert value(table, "stenosis_area_percent", "internal") == pytest.approx(
        100 * (1 - (3.8 / 2.4) ** 2), abs=3
    )


@pytest.mark.parametrize("beyond", [9.9, 10.0, 10.1])
def test_an_artery_that_narrows_towards_its_end_is_no_stenosis(beyond: float) -> None:
    vessel = Vessel.around(straight(), profile((0, 2.6), (25, 2.4), (36, 1.2)), 3.4)
    settings = MeasurementParameters(reference_beyond_mm=beyond, reference_length_mm=8.6)
    table = measured(vessel, settings).segments
    assert value(table, "stenosis_s_mm", "internal") < 22
    assert value(table, "mld_s_mm", "internal") > 30
    assert value(table, "stenosis_nascet_percent", "internal") < 0


def test_a_narrow_place_near_the_end_of_the_scan_is_told_without_a_reference() -> None:
    vessel = Vessel.around(straight(), profile((0, 2.6), (24, 2.4), (27, 0.8), (30, 2.4)), 3.4)
    table = measured(vessel).segments
    assert value(table, "stenosis_s_mm", "internal") == pytest.approx(27, abs=1.1)
    assert value(table, "stenosis_ecst_percent", "internal") == pytest.approx(76, abs=3)
    for name in ("stenosis_nascet_percent", "stenosis_area_percent", "reference_from_mm"):
        assert np.isnan(value(table, name, "internal")), name


def test_a_single_small_outline_near_the_end_of_the_scan_is_no_stenosis() -> None:
    """It would take the place of the stenosis below that has a reference."""
    wide = ((0, 2.6), (6, 2.4), (10, 1.0), (14, 2.4), (26.4, 2.4), (27, 0.8), (27.6, 2.4))
    table = measured(Vessel.around(straight(), profile(*wide), 3.4)).segments
    assert value(table, "stenosis_s_mm", "internal") == pytest.approx(10, abs=1.1)
    assert value(table, "stenosis_nascet_percent", "internal") == pytest.approx(58, abs=4)


def test_the_narrowest_place_is_looked_for_near_the_bifurcation() -> None:
    """Far above it arteries taper: the least of the whole is told, and is no stenosis."""
    vessel = Vessel.around(straight(), profile((0, 2.6), (6, 2.4), (10, 2.6), (14, 2.0)), 3.4)
    table = measured(vessel, MeasurementParameters(stenosis_to_mm=9)).segments
    assert value(table, "stenosis_s_mm", "internal") == pytest.approx(6, abs=1)
    assert value(table, "stenosis_nascet_percent", "internal") == pytest.approx(
        100 * (1 - 2.4 / 2), abs=2
    )
    assert value(table, "stenosis_area_percent", "internal") == pytest.approx(
        100 * (1 - 1.44), abs=4
    )
    for name, least in (("mld_mm", 4.0), ("mla_mm2", 4 * np.pi)):
        assert value(table, name, "internal") == pytest.approx(least, rel=0.02)
    assert value(table, "mld_s_mm", "internal") > 12
    assert value(measured(vessel).segments, "stenosis_s_mm", "internal") > 12
    high = Vessel.around(straight()[along() > 10], 2, 3)
    table = measured(high, MeasurementParameters(stenosis_to_mm=9)).segments
    assert value(table, "mld_mm", "internal") == pytest.approx(4, rel=0.02)
    for name in ("stenosis_nascet_percent", "stenosis_ecst_percent", "stenosis_s_mm"):
        assert np.isnan(value(table, name, "internal"))


def test_without_a_distal_artery_in_the_scan_there_is_no_reference() -> None:
    table = measured(NARROWED, fork_mm=(0, 0, 5)).segments
    for name in ("stenosis_nascet_percent", "stenosis_area_percent", "reference_from_mm"):
        assert np.isnan(value(table, name, "internal")), name
    assert np.isfinite(value(table, "stenosis_ecst_percent", "internal"))
