"""Centerlines and surfaces for VTK's readers: ParaView, 3D Slicer and VMTK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.artifacts import BOUNDARIES
from carotid.evaluation.measured_cohorts import Measured
from carotid.export.studies import tell_of_others, whole_file
from carotid.export.surfaces import lines, surface, vessels_of
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.measurement.recorded_segments import parameters_as_measured
from carotid.storage.polydata import SUFFIX, polydata_text
from carotid.storage.results.centerlines import load_centerlines
from carotid.storage.results.contours import load_contours
from carotid.storage.results.layout import (
    CENTERLINE_TRANSFORM,
    CONTOUR_TRANSFORM,
    MEASUREMENT_TRANSFORM,
)
from carotid.storage.results.measurements import load_measurements

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.export.studies import Study
    from carotid.storage.polydata import PolyData

WANTED = (CENTERLINE_TRANSFORM, CONTOUR_TRANSFORM, MEASUREMENT_TRANSFORM)


def write_vtk_files(study: Study, folder: Path) -> list[Path]:
    """Write what there is of a participant.

    Args:
        study: The participant.
        folder: Where files go; it is made.

    Returns:
        The files.

    Raises:
        InputError: A result cannot be read.
        OutputError: A file cannot be written.
    """
    made = shapes_of(study)
    paths = [folder / f"{name}{SUFFIX}" for name in made]
    for path, data in zip(paths, made.values(), strict=True):
        with whole_file(path) as file:
            file.write(polydata_text(data).encode())
    tell_of_others(folder, paths)
    return paths


def shapes_of(study: Study) -> dict[str, PolyData]:
    """The lines and surfaces of a participant by name, such as `left_internal_lumen`.

    Raises:
        InputError: A result cannot be read.
    """
    folders = [study.folder(transform) for transform in WANTED]
    centerlines = None if folders[0] is None else load_centerlines(folders[0])
    contours = None if folders[1] is None else load_contours(folders[1])
    measurements = None if folders[2] is None else load_measurements(folders[2])
    canonical = None if contours is None else contours.canonical
    if canonical is None and centerlines is not None and centerlines.grid is not None:
        canonical = centerlines.grid.reoriented(CANONICAL)
    parameters = parameters_as_measured(Measured(study.layout.root, study.participant_id))
    found: dict[str, PolyData] = {}
    for side in SIDE_NAMES:
        own = None if centerlines is None else centerlines.side(side)
        vessels = None if contours is None else vessels_of(contours, own, side, parameters)
        if own is not None and canonical is not None:
            found[f"{side}_centerlines"] = lines(own, canonical, vessels)
        measured = None if measurements is None else measurements.side(side)
        for label, vessel in (vessels or {}).items():
            for boundary in BOUNDARIES:
                found[f"{side}_{label}_{boundary}"] = surface(vessel, boundary, measured)
    return found
