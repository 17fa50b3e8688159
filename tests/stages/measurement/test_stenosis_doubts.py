"""Stenoses that are not to be taken as they stand: unsure lumens, references that are none."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.stages.measurement.phantoms import Vessel, centerlines_of, contours_of, grid_of, straight
from tests.stages.measurement.segments import FORK_MM, NARROWED, SPACING, measured, profile, value

from carotid.figures.courses import drawn_courses
from carotid.figures.cuts import extreme_rows
from carotid.report.measured import all_figures
from carotid.report.measurement_case import measurement_section
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.stenosis import DOUBTS, may_be_narrower

if TYPE_CHECKING:
    from carotid.artifacts import CrossSection
    from carotid.measurements import Measurements, MeasurementTable

WIDE = Vessel.around(straight(), 2.4, 3.4)
NAMES = ("stenosis_nascet_percent", "stenosis_ecst_percent", "stenosis_area_percent")


def doubts(table: MeasurementTable, segment: str = "internal") -> str:
    rows = list(zip(table.words("side"), table.words("segment"), strict=True))
    return table.words("stenosis_doubts")[rows.index(("left", segment))]


def unsure(
    vessel: Vessel,
    from_mm: float,
    to_mm: float,
    sd_mm: float,
    parameters: MeasurementParameters | None = None,
    elsewhere_mm: float = 0.1,
) -> Measurements:
    """A neck in which the lumen's spread is large between two places along the artery."""
    grid = grid_of(SPACING)

    def known(one: CrossSection) -> CrossSection:
        s = one.z * SPACING[2] + grid.affine[2, 3] - FORK_MM[2]
        outlines = {"lumen": one.lumen, "wall": one.wall}
        sds = {"lumen": sd_mm if from_mm <= s <= to_mm else elsewhere_mm, "wall": 0.1}
        with_spread = {
            name: outline and replace(outline, deviation_mm=np.full(len(outline.points), sds[name]))
            for name, outline in outlines.items()
        }
        return replace(one, lumen=with_spread["lumen"], wall=with_spread["wall"])

    drawn = contours_of({"internal": vessel}, grid)
    drawn = replace(drawn, left=tuple(known(one) for one in drawn.left))
    lines = centerlines_of({"internal": vessel}, grid, FORK_MM)
    return measure(drawn, lines, parameters)


def test_no_stenosis_is_told_where_an_unsure_lumen_may_be_narrower(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        found = unsure(WIDE, 5, 8, 1.6)
    for name in NAMES:
        assert np.isnan(value(found.segments, name, "internal")), name
    for segment in ("internal", "common_internal"):
        assert np.isnan(value(found.segments, "mld_mm", segment))
        assert np.isnan(value(found.segments, "mla_mm2", segment))
    assert value(found.segments, "mld_mm", "common") == pytest.approx(4.8, rel=0.02)
    assert doubts(found.segments) == "unsure_lumen"
    assert doubts(found.segments, "common") == ""
    assert [one.message for one in caplog.records] == [f"left internal: {DOUBTS['unsure_lumen']}"]
    flagged = ["unsure_lumen" in flags for flags in found.left.slices.words("flags")]
    assert sum(flagged) >= 3
    assert {found.left.slices.words("readable")[k] for k in np.flatnonzero(flagged)} == {"no"}
    assert list(extreme_rows(drawn_courses(found)[0])) == ["thickest"]


def test_a_setting_says_how_unsure_a_lumen_may_be() -> None:
    found = unsure(WIDE, 5, 8, 1.6, MeasurementParameters(unsure_lumen_mm=5))
    assert value(found.segments, "stenosis_nascet_percent", "internal") == pytest.approx(0, abs=1)
    assert doubts(found.segments) == ""
    assert list(extreme_rows(drawn_courses(found)[0])) == ["narrowest", "thickest"]


def test_a_stenosis_is_told_where_the_unsure_lumen_cannot_be_narrower() -> None:
    """The wide bulb of this neck is unsure, and far wider than the narrowest place."""
    wide = profile((0, 4.2), (3, 4.2), (9, 4.2), (12, 2.0), (14, 1.4), (16, 2.4), (40, 2.4))
    found = unsure(Vessel.around(straight(), wide, wide + 1.0), 4, 7, 1.6)
    assert value(found.segments, "stenosis_nascet_percent", "internal") > 30
    assert doubts(found.segments) == ""
    assert any("unsure_lumen" in flags for flags in found.left.slices.words("flags"))


def test_unsure_ends_of_a_stenosis_leave_it_told() -> None:
    """Where a lumen narrows quickly networks are unsure of it, and sure of the narrowest place."""
    narrow = profile((0, 2.4), (4, 2.4), (7, 1.2), (10, 1.2), (12, 2.4))
    found = unsure(Vessel.around(straight(), narrow, 3.4), 4.5, 5.5, 0.7)
    assert any("unsure_lumen" in flags for flags in found.left.slices.words("flags"))
    assert value(found.segments, "stenosis_nascet_percent", "internal") == pytest.approx(50, abs=3)


def test_a_lumen_that_is_drawn_narrow_is_told_however_unsure() -> None:
    narrow = profile((0, 2.4), (4, 2.4), (5, 0.6), (8, 0.6), (9, 2.4))
    found = unsure(Vessel.around(straight(), narrow, 3.4), 4, 9, 1.6)
    assert value(found.segments, "stenosis_nascet_percent", "internal") == pytest.approx(75, abs=3)
    assert value(found.segments, "mld_mm", "common_internal") == pytest.approx(1.2, abs=0.1)


@pytest.mark.parametrize(
    ("beyond", "outer", "told"),
    [
        (2.2, 3.2, ""),
        (2.2, 3.9, "thick_reference"),
        (1.4, 2.4, "narrow_reference"),
        (3.6, 4.6, "wide_reference"),
        (1.4, 3.1, "thick_reference,narrow_reference"),
    ],
)
def test_references_that_are_none_are_told(beyond: float, outer: float, told: str) -> None:
    lumen = profile((0, 2.4), (3, 2.0), (5, 1.0), (6, 1.0), (8, 2.2), (15, 2.2), (17, beyond))
    wall = profile((0, 3.4), (15, 3.4), (17, outer))
    table = measured(Vessel.around(straight(), lumen, wall)).segments
    assert doubts(table) == told
    assert np.isfinite(value(table, "stenosis_nascet_percent", "internal"))


def test_a_sound_reference_and_one_that_is_not_there_have_no_doubts() -> None:
    assert doubts(measured(NARROWED).segments) == ""
    assert doubts(measured(NARROWED, fork_mm=(0, 0, 5)).segments) == ""


def test_an_internal_that_is_unsure_throughout_is_doubted_too() -> None:
    found = unsure(WIDE, 0, 100, 1.6)
    assert np.isnan(value(found.segments, "stenosis_nascet_percent", "internal"))
    assert doubts(found.segments) == "unsure_lumen"


def test_a_severe_stenosis_is_shown_though_another_place_is_unsure() -> None:
    narrow = profile((0, 2.4), (4, 2.4), (5, 0.6), (8, 0.6), (9, 2.4))
    found = unsure(Vessel.around(straight(), narrow, 3.4), 11, 13, 1.6)
    assert value(found.segments, "stenosis_nascet_percent", "internal") == pytest.approx(75, abs=3)
    assert list(extreme_rows(drawn_courses(found)[0])) == ["narrowest", "thickest"]


def test_a_least_lumen_of_the_common_carotid_that_is_not_told_is_doubted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        found = unsure(WIDE, -8, -3, 1.6)
    assert np.isnan(value(found.segments, "mla_mm2", "common"))
    assert doubts(found.segments, "common") == "unsure_lumen"
    assert doubts(found.segments) == ""
    assert [one.message for one in caplog.records] == [f"left common: {DOUBTS['unsure_lumen']}"]
    figures = all_figures(found)["left"]
    assert figures.untold
    assert np.isfinite(figures.stenosis.value)


@pytest.mark.parametrize("at_edge", [True, False])
def test_slices_that_the_scans_edge_cuts_off_have_no_say(*, at_edge: bool) -> None:
    rows, unsure = np.ones(5, np.bool_), np.array([False, False, False, False, True])
    one: Any = SimpleNamespace(
        flags={"unsure_lumen": unsure, "edge": unsure & at_edge},
        spreads=SimpleNamespace(lumen_diameter=np.full(5, 1.6)),
    )
    assert may_be_narrower(one, rows, np.full(5, 4.8), 4.7) != at_edge


def test_slices_among_which_the_thickest_wall_may_lie_are_counted_and_shown() -> None:
    found = unsure(WIDE, 5, 100, 1.6)
    flags = found.left.slices
    count = int((flags.flagged("unsure_lumen") & ~flags.flagged("edge")).sum())
    assert 0 < count < flags.flagged("unsure_lumen").sum()
    for segment, told in {"internal": count, "common_internal": count, "common": 0}.items():
        assert value(found.segments, "unsure_slices", segment) == told
    page = measurement_section(found, None, [])
    assert f"{count} slices unsure: the thickest wall may lie there" in page
    assert "thickest wall may lie there" not in measurement_section(unsure(WIDE, 0, 0, 0), None, [])


def test_a_stenosis_has_the_spread_of_its_narrowest_place_and_of_what_it_is_set_against() -> None:
    def numbers(from_mm: float, to_mm: float) -> dict[str, float]:
        table = unsure(NARROWED, from_mm, to_mm, 0.2, elsewhere_mm=1e-4).segments
        names = {"mla_sd": "mla_sd_mm2", "mld_sd": "mld_sd_mm"}
        names |= {
            part: f"stenosis_{part}_percent"
            for part in ("nascet_sd", "ecst_sd", "area_sd", "nascet", "area")
        }
        return {name: value(table, column, "internal") for name, column in names.items()}

    narrow = numbers(3, 8)
    assert narrow["mld_sd"] > 0.05
    assert narrow["mla_sd"] == pytest.approx(np.pi / 2 * 2.0 * narrow["mld_sd"], rel=0.02)
    assert narrow["nascet_sd"] == pytest.approx(100 * narrow["mld_sd"] / 4.4, rel=0.02)
    assert narrow["area_sd"] == pytest.approx(100 * narrow["mla_sd"] / (np.pi * 2.2**2), rel=0.02)
    assert narrow["ecst_sd"] == pytest.approx(100 * narrow["mld_sd"] / (2 * 3.9), rel=0.05)
    beyond = numbers(18, 32)
    assert beyond["mld_sd"] < 0.001
    assert 0.2 < beyond["ecst_sd"] < narrow["ecst_sd"], "the outer outline is unsure as well"
    # Of a mean over 10 mm, whose errors belong together over a part of it.
    whole = (100 - beyond["nascet"]) * narrow["mld_sd"] / 4.4
    assert 0.3 * whole < beyond["nascet_sd"] < whole
    assert beyond["area_sd"] == pytest.approx(
        2 * beyond["nascet_sd"] * (100 - beyond["area"]) / (100 - beyond["nascet"]), rel=0.05
    )


def test_nothing_that_is_withheld_has_a_spread() -> None:
    found = unsure(WIDE, 5, 8, 1.6).segments
    for name in ("mla_sd_mm2", "mld_sd_mm", "stenosis_nascet_sd_percent"):
        assert np.isnan(value(found, name, "internal")), name


def test_a_corrected_slice_of_the_reference_does_not_take_the_spread_away() -> None:
    """It has no spread, and counts as the others; the narrowest slice and all of them do not."""

    def spreads(from_mm: float, to_mm: float) -> list[float]:
        table = unsure(NARROWED, from_mm, to_mm, np.nan).segments
        names = ("stenosis_nascet_sd_percent", "stenosis_area_sd_percent")
        return [value(table, name, "internal") for name in names]

    every = spreads(100, 100)
    assert min(every) > 0.5
    assert spreads(24, 25) == pytest.approx(every, rel=0.05)
    assert np.isnan(spreads(18, 32)).all()
    assert np.isnan(spreads(3, 8)).all()
