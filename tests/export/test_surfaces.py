"""Radii along centerlines and thickness on walls, against what was drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.export.marked import neck, write_results
from tests.export.reading import read_polydata
from tests.stages.measurement.phantoms import (
    Vessel,
    centerlines_of,
    contours_of,
    grid_of,
    straight,
)

from carotid.export.studies import studies
from carotid.export.surfaces import lines, surface, vessels_of
from carotid.export.vtk import WANTED, shapes_of, write_vtk_files
from carotid.geometry.sides import SIDE_NAMES
from carotid.provenance import Record
from carotid.storage.polydata import PolyData, polydata_text
from carotid.storage.results.contours import load_contours, save_contours
from carotid.storage.results.record import write_record

if TYPE_CHECKING:
    from pathlib import Path

GRID = grid_of((0.6, 0.6, 1.0), "LPS")


def test_radii_of_an_oblique_tube_are_those_of_spheres_and_not_of_slices() -> None:
    vessels: Any = {"internal": Vessel.around(straight(35, 20), 3.0, 4.0)}
    contours = contours_of(vessels, GRID, points=60)
    found = lines(
        centerlines_of(vessels, GRID, None).left,
        contours.canonical,
        vessels_of(contours, None, "left"),
    )
    radius = found.point_data["Radius"]
    middle = np.abs(found.points_mm[:, 2]) < 15
    np.testing.assert_allclose(radius[middle], 3.0, atol=0.02)
    assert found.point_data["MaximumInscribedSphereRadius"] is radius or np.array_equal(
        found.point_data["MaximumInscribedSphereRadius"], radius, equal_nan=True
    )
    steps = np.diff(found.point_data["Abscissas"])
    np.testing.assert_allclose(steps, 1 / np.cos(np.deg2rad(35)), rtol=1e-6)


def test_a_center_beside_its_lumen_has_the_radius_zero() -> None:
    vessels: Any = {"internal": Vessel.around(straight(), 3.0, 4.0)}
    beside: Any = {"internal": Vessel.around(straight() + np.array([3.5, 0, 0]), 3.0, 4.0)}
    near: Any = {"internal": Vessel.around(straight() + np.array([2.0, 0, 0]), 3.0, 4.0)}
    contours = contours_of(vessels, GRID, points=60)
    for moved, expected in ((beside, 0.0), (near, 1.0)):
        line = centerlines_of(moved, GRID, None).left
        found = lines(line, contours.canonical, vessels_of(contours, None, "left"))
        np.testing.assert_allclose(found.point_data["Radius"][5:-5], expected, atol=0.02)


def test_surfaces_face_outwards_and_are_not_joined_over_gaps() -> None:
    vessels: Any = {"internal": Vessel.around(straight(10, 0), 3.0, 4.0)}
    contours = contours_of(vessels, GRID)
    whole = surface(vessels_of(contours, None, "left")["internal"], "wall", None)
    corners = whole.points_mm[whole.polygons]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    axis = np.array([np.sin(np.deg2rad(10)), 0, np.cos(np.deg2rad(10))])
    middle = corners.mean(axis=1)
    outward = middle - (middle @ axis)[:, None] * axis
    assert ((normals * outward).sum(axis=1) > 0).all()
    every_fifth = contours_of(vessels, GRID, every=5)
    parted = surface(vessels_of(every_fifth, None, "left")["internal"], "wall", None)
    assert len(parted.polygons) == 0
    assert len(parted.points_mm) > 0


def test_thickness_on_the_wall_is_that_of_the_measurements() -> None:
    drawn = neck()
    vessels = vessels_of(drawn.contours, drawn.centerlines.left, "left")
    found = surface(vessels["internal"], "lumen", drawn.measurements.left)
    thickness = found.point_data["WallThickness"]
    assert np.isfinite(thickness).mean() > 0.6  # not where the walls of both arteries meet
    internal = drawn.vessels["left"]["internal"]
    plaque = np.linalg.norm(internal.course[:, None] - found.points_mm, axis=2).argmin(axis=0)
    height = internal.course[plaque, 2]
    lateral = found.points_mm[:, 0] < internal.course[plaque, 0] - 1.5
    thick = thickness[(np.abs(height - 10) < 1) & lateral]
    thin = thickness[(height < -10) & np.isfinite(thickness)]
    assert np.nanmax(thick) == pytest.approx(2.2, abs=0.15)
    assert np.median(thin) == pytest.approx(1.0, abs=0.05)


def test_slices_are_joined_as_far_as_on_record(tmp_path: Path) -> None:
    """Slices of 1.5 mm, each third outlined: joined where gaps of 5 mm count as read."""
    layout = write_results(tmp_path / "out", "LPS", steps=("contour", "measurement"))
    (study,) = studies(layout, tmp_path / "to", [], WANTED)
    folder = layout.transform(study.participant_id, "contour_transform")
    drawn = load_contours(folder)
    sides = {side: [x for x in drawn.side(side) if x.z % 3 == 0] for side in SIDE_NAMES}
    save_contours(replace(drawn, left=tuple(sides["left"]), right=tuple(sides["right"])), folder)
    measured = layout.transform(study.participant_id, "measurement_transform")
    for gap_mm in (None, 2.0, 5.0):
        if gap_mm is not None:
            write_record(measured, Record("measurement", {"max_gap_mm": gap_mm}))
        joined = len(shapes_of(study)["left_internal_wall"].polygons) > 0
        assert joined == (gap_mm == 5.0), gap_mm


@pytest.mark.parametrize("order", ["LPS", "RAS", "LSA", "PSR"])
def test_vtk_reads_the_files(order: str, tmp_path: Path) -> None:
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    layout = write_results(tmp_path / "out", order, steps=("centerline", "contour", "measurement"))
    (study,) = studies(layout, tmp_path / "to", [], WANTED)
    paths = write_vtk_files(study, tmp_path / "to")
    assert {path.name for path in paths} == {
        f"{side}_{what}.vtp"
        for side in ("left", "right")
        for what in (
            "centerlines",
            "internal_lumen",
            "internal_wall",
            "external_lumen",
            "external_wall",
        )
    }
    for path in paths:
        errors: list[str] = []
        reader = vtk.vtkXMLPolyDataReader()
        reader.AddObserver("ErrorEvent", lambda _o, event, seen=errors: seen.append(event))
        reader.SetFileName(str(path))
        reader.Update()
        assert not errors
        data, own = reader.GetOutput(), read_polydata(path)
        assert data.GetFieldData().GetAbstractArray("SPACE").GetValue(0) == "LPS"
        points = vtk_to_numpy(data.GetPoints().GetData()) * [-1, -1, 1]
        np.testing.assert_array_equal(points, own.points_mm)
        for name, values in own.point_data.items():
            theirs = vtk_to_numpy(data.GetPointData().GetArray(name))
            np.testing.assert_array_equal(theirs, values)
        assert data.GetNumberOfLines() == len(own.lines)
        assert data.GetNumberOfPolys() == len(own.polygons)
        if own.lines:
            cells = vtk_to_numpy(data.GetLines().GetConnectivityArray())
            np.testing.assert_array_equal(cells, np.concatenate(own.lines))
            assert data.GetCellData().GetNumberOfArrays() == 4
        else:
            mass = vtk.vtkMassProperties()
            fill = vtk.vtkFillHolesFilter()
            fill.SetHoleSize(1e3)
            fill.SetInputData(data)
            mass.SetInputConnection(fill.GetOutputPort())
            assert mass.GetVolume() > 100  # closed at its ends, it holds something


def test_names_are_escaped_and_nothing_is_a_file_too() -> None:
    empty = PolyData(np.empty((0, 3)), point_data={'a"<&': np.empty(0)})
    text = polydata_text(empty)
    assert "Name='a\"&lt;&amp;'" in text
    assert 'NumberOfPoints="0"' in text
