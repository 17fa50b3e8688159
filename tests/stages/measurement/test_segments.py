"""What is told about segments: means, volumes, remodelling, plaque, flags."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.stages.measurement.phantoms import (
    Vessel,
    centerlines_of,
    contours_of,
    grid_of,
    straight,
)
from tests.stages.measurement.segments import (
    FORK_MM,
    SPACING,
    along,
    measured,
    profile,
    value,
)

from carotid.artifacts import Contours, CrossSection, Outline
from carotid.errors import InputError
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.parameters import MeasurementParameters

if TYPE_CHECKING:
    from numpy.typing import NDArray


def test_segments_are_cut_at_their_limits_and_not_at_slices() -> None:
    parameters = MeasurementParameters(bulb_from_mm=-4.35, bulb_to_mm=7.25)
    table = measured(Vessel.around(straight(25, 30)), parameters).segments
    assert value(table, "covered_mm", "common_bulb") == pytest.approx(4.35, abs=0.02)
    assert value(table, "covered_mm", "internal_bulb") == pytest.approx(7.25, abs=0.02)
    whole = value(table, "wall_volume_mm3", "common_internal")
    parts = [
        value(table, "wall_volume_mm3", name)
        for name in ("common_low", "common_bulb", "internal_bulb", "internal_high")
    ]
    assert whole == pytest.approx(sum(parts), rel=1e-6)
    assert value(table, "wall_volume_mm3", "internal_bulb") == pytest.approx(
        7.25 * 7 * np.pi, rel=0.01
    )


def test_means_are_weighted_by_length_and_both_ratios_are_told() -> None:
    # Lumen 3 in the lower half, 1.5 in the upper one; outer border 4.
    vessel = Vessel.around(straight(), profile((4.99, 3), (5.01, 1.5)), 4)
    table = measured(vessel).segments
    nwi = [1 - 9 / 16, 1 - 2.25 / 16]
    assert value(table, "nwi_mean", "internal_bulb") == pytest.approx(np.mean(nwi), abs=0.03)
    assert value(table, "percent_wall_volume", "internal_bulb") == pytest.approx(
        100 * np.mean(nwi), abs=3
    )
    assert value(table, "nwi_max", "internal_bulb") == pytest.approx(nwi[1], abs=0.01)
    assert value(table, "wt_max_mm", "internal_bulb") == pytest.approx(2.5, abs=0.05)
    assert 5 <= value(table, "wt_max_s_mm", "internal_bulb") < 10


def test_plaque_runs_bridge_short_gaps_and_leave_out_short_runs() -> None:
    # Thick from 2 to 6 and from 7.5 to 11 (a gap of 1.5 mm), and 1 mm long at 18.
    thick = [(1.9, 4), (2, 5), (6, 5), (6.1, 4), (7.4, 4), (7.5, 5), (11, 5), (11.1, 4)]
    outer = profile((-20, 4), *thick, (17.4, 4), (17.5, 5), (18.4, 5), (18.5, 4), (40, 4))
    found = measured(Vessel.around(straight(), 3, outer))
    plaques = found.plaques
    assert len(plaques) == 1
    assert plaques.numbers("length_mm")[0] == pytest.approx(9, abs=1)
    assert plaques.numbers("from_mm")[0] == pytest.approx(2, abs=0.6)
    assert plaques.numbers("wt_max_mm")[0] == pytest.approx(2, abs=0.05)
    # Nine slices of 1 mm are thick, one between them is not.
    exact = np.pi * (16 * 9 + 7 * 1)
    assert plaques.numbers("wall_volume_mm3")[0] == pytest.approx(exact, rel=0.02)
    table = found.segments
    assert value(table, "plaque_count", "internal") == 1
    assert value(table, "plaque_count", "common") == 0
    bulb, high = (
        value(table, "plaque_length_mm", name) for name in ("internal_bulb", "internal_high")
    )
    assert bulb + high == pytest.approx(plaques.numbers("length_mm")[0], abs=0.01)
    assert high == pytest.approx(1, abs=0.7)
    strict = measured(Vessel.around(straight(), 3, outer), MeasurementParameters(plaque_gap_mm=0.5))
    assert len(strict.plaques) == 2
    none = measured(
        Vessel.around(straight(), 3, outer), MeasurementParameters(plaque_thickness_mm=2.5)
    )
    assert len(none.plaques) == 0
    assert value(none.segments, "plaque_volume_mm3", "internal") == 0


def test_outward_remodelling_is_corrected_for_the_taper() -> None:
    radius = profile((0, 3.0), (30, 2.4))
    lesion = np.exp(-(((along() - 12) / 3) ** 2))
    grown = Vessel.around(straight(), radius, radius + 0.9 + 1.4 * lesion)
    table = measured(grown).segments
    s = value(table, "remodelling_s_mm", "internal")
    reference = value(table, "remodelling_reference_s_mm", "internal")
    assert s == pytest.approx(12, abs=1)
    slope = np.pi * (2.4**2 - 3.0**2) / 30

    def size(at: float) -> float:
        r = np.interp(at, [0, 30], [3.0, 2.4])
        return float(np.pi * (r + 0.9 + 1.4 * np.exp(-(((at - 12) / 3) ** 2))) ** 2)

    exact = size(s) / (size(reference) + slope * (s - reference))
    assert value(table, "remodelling_ratio", "internal") == pytest.approx(exact, rel=0.03)
    assert exact > 1.3
    assert np.isnan(value(table, "remodelling_ratio", "common"))  # no lesion there


def test_what_a_lesion_narrows_is_no_taper() -> None:
    vessel = Vessel.around(straight(), profile((0, 2.5), (1, 1.2), (8, 1.0), (10, 2.5)), 3.5)
    found = value(measured(vessel).segments, "remodelling_ratio", "internal")
    assert found == pytest.approx(1, abs=0.04)


def test_where_the_walls_run_into_each_other_there_are_areas_and_no_thickness() -> None:
    along_mm = along()
    apart = np.interp(along_mm, [0, 12], [2.0, 14.0])
    internal, external = straight().copy(), straight().copy()
    internal[:, 0] -= apart / 2
    external[:, 0] += apart / 2
    above = along_mm >= 0
    other = Vessel.around(external[above], 2, 3)
    vessels: Any = {"internal": Vessel.around(internal, 2, 3), "external": other}
    grid = grid_of(SPACING)
    lines = centerlines_of(vessels, grid, FORK_MM, by_hand=True)
    table = measure(contours_of(vessels, grid), lines).left.slices
    flags = table.words("flags")
    s = table.numbers("s_mm")
    fused = np.array(["fused" in word for word in flags])
    overlap = np.array(["lumens_overlap" in word for word in flags])
    label = np.array(table.words("label"))
    # Lumens part at 4 mm between the courses, outer borders at 6 mm.
    assert overlap[(label == "internal") & (s > 0.7) & (s < 1.5)].all()
    assert not overlap[s > 3].any()
    assert fused[(label == "internal") & (s > 0.7) & (s < 3)].all()
    assert not fused[(s > 5) | ((label == "internal") & (s < -1))].any()
    assert np.isfinite(table.numbers("la_mm2")[fused & (s > 1) & (s < 9)]).all()
    assert np.isnan(table.numbers("wt_mean_mm")[fused]).all()
    assert np.isnan(table.numbers("nwi")[fused]).all()
    readable = np.array(table.words("readable"))
    assert set(readable[overlap]) == {"no"}
    assert set(readable[fused & ~overlap]) == {"lumen"}


def section(z: int, lumen: Any, wall: Any) -> CrossSection:
    outlines = [None if one is None else Outline.of_points(np.array(one)) for one in (lumen, wall)]
    return CrossSection("internal", z, *outlines)


def ring(radius: float, at: tuple[float, float] = (20, 20)) -> NDArray[np.float64]:
    t = 2 * np.pi * np.arange(31) / 31
    return np.column_stack([at[0] + radius * np.cos(t), at[1] + radius * np.sin(t)])


def test_faulty_slices_are_flagged_and_do_not_count() -> None:
    eight = [(15, 15), (25, 25), (25, 15), (15, 25)]
    sections = [section(z, ring(4), ring(6)) for z in range(10, 30)]
    sections[3] = section(13, ring(4), None)
    sections[5] = section(15, None, ring(6))
    sections[7] = section(17, eight, ring(12))
    sections[9] = section(19, ring(4, (25, 20)), ring(6))
    sections[11] = section(21, ring(4), ring(30))
    sections[13] = section(23, [(1, 1), (2, 2)], ring(6))
    sections[19] = section(29, ring(6), ring(4))
    grid = grid_of((1, 1, 1))
    table = measure(Contours(tuple(sections), (), grid, grid)).left.slices
    flags = dict(zip(table.numbers("z").astype(int).tolist(), table.words("flags"), strict=True))
    assert flags[13] == "no_wall"
    assert flags[15] == "no_lumen"
    assert "crosses_itself" in flags[17]
    assert "lumen_outside_wall" in flags[19]
    assert "edge" in flags[21]
    assert flags[23] == "no_lumen"
    readable = dict(
        zip(table.numbers("z").astype(int).tolist(), table.words("readable"), strict=True)
    )
    assert readable[13] == "lumen"
    assert [readable[z] for z in (15, 19, 21, 23, 29)] == ["no", "lumen", "no", "no", "no"]
    for name in ("wa_mm2", "nwi", "axial_wa_mm2", "axial_nwi"):
        cells = table.numbers(name)
        assert np.isnan(cells[table.numbers("z") == 29]).all(), "a lumen larger than the vessel"
        assert (cells[np.isfinite(cells)] >= 0).all()
    assert np.isnan(table.numbers("wt_mean_mm")[table.numbers("z") == 13]).all()
    assert readable[25] == "yes"


def test_a_lone_slice_is_measured_axially_alone() -> None:
    grid = grid_of((1, 1, 1))
    found = measure(Contours((section(10, ring(4), ring(6)),), (), grid, grid))
    table = found.left.slices
    assert table.numbers("axial_la_mm2")[0] == pytest.approx(16 * np.pi, rel=0.01)
    assert value(found.segments, "wall_volume_mm3", "common_internal") == pytest.approx(
        20 * np.pi, rel=0.01
    )


def test_lumens_alone_or_walls_alone_are_measured() -> None:
    grid = grid_of((1, 1, 1))
    lumens = tuple(section(z, ring(4), None) for z in range(10, 20))
    walls = tuple(section(z, None, ring(6)) for z in range(10, 20))
    found = measure(Contours(lumens, walls, grid, grid))
    areas = found.left.slices.numbers("la_mm2"), found.right.slices.numbers("tva_mm2")
    for seen, radius in zip(areas, (4, 6), strict=True):
        np.testing.assert_allclose(seen, radius**2 * np.pi, rtol=0.01)
    assert np.isnan(found.left.slices.numbers("wa_mm2")).all()
    assert value(found.segments, "lumen_volume_mm3", "common_internal") == pytest.approx(
        160 * np.pi, rel=0.01
    )
    assert np.isnan(value(found.segments, "vessel_volume_mm3", "common_internal", "right"))


def test_slices_that_were_taken_away_count_where_they_lay() -> None:
    """Slices of 1 mm; the bifurcation lies 8 above the lowest outline."""
    grid = grid_of(SPACING)
    vessels: Any = {"internal": Vessel.around(straight())}
    drawn = contours_of(vessels, grid)
    low = drawn.left[0].z
    gone = {low + 3, low + 4, low + 20}
    fork_mm = (0, 0, (low + 8) * SPACING[2] + grid.affine[2, 3])
    left = tuple(one for one in drawn.left if one.z not in gone)
    removed: Any = {("left", "internal", z) for z in gone} | {("left", "external", low + 9)}
    found = measure(
        replace(drawn, left=left, removed=removed), centerlines_of(vessels, grid, fork_mm)
    ).segments
    told = {"common_low": 0, "common_bulb": 2, "common": 2, "internal_bulb": 0, "internal": 1,
            "internal_high": 1, "common_internal": 3, "external": 1}  # fmt: skip
    assert {name: value(found, "removed_slices", name) for name in told} == told
    assert {value(found, "removed_slices", name, "right") for name in told} == {0}


def test_nothing_to_measure_is_an_error() -> None:
    grid = grid_of((1, 1, 1))
    with pytest.raises(InputError, match="no outline with an area on either side"):
        measure(Contours((), (), grid, grid))
    with pytest.raises(InputError, match="no outline with an area on the left side"):
        measure(Contours((), (), grid, grid), searched=("left",))


def test_contours_and_centerlines_of_different_scans_are_refused() -> None:
    vessels: Any = {"internal": Vessel.around(straight())}
    contours = contours_of(vessels, grid_of(SPACING))
    with pytest.raises(InputError, match="different scans"):
        measure(contours, centerlines_of(vessels, grid_of((0.6, 0.6, 1.1))))


def test_empty_segments_have_empty_cells_and_not_zero() -> None:
    table = measured(Vessel.around(straight())).segments
    assert len(table) == 16
    for name in ("la_mean_mm2", "wall_volume_mm3", "wt_max_mm", "plaque_volume_mm3", "mla_mm2"):
        assert np.isnan(value(table, name, "external"))
        assert np.isnan(value(table, name, "common", "right"))
    assert value(table, "slices", "external") == 0
