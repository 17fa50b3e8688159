"""What a page of one participant holds: arteries as rings, numbers and pictures, as plain data.

Places are scan millimetres: canonical voxel indices times the voxel sizes, so x grows to the
patient's right, y to anterior and z to the head, and an axial slice lies flat.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.artifacts import LABELS
from carotid.figures.courses import drawn_courses
from carotid.figures.cuts import extreme_rows
from carotid.figures.segments import TITLES
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.measurement.bifurcations import bifurcations_of
from carotid.viewer.standing import Standing
from carotid.viewer.tiles import COLUMNS, HALF_MM, PIXELS, tiles_around
from carotid.viewer.tubes import RING, rings_of, thickness_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines, Contours
    from carotid.figures.courses import DrawnCourse
    from carotid.geometry.volume import Volume
    from carotid.measurements import Measurements

STEP_MM = 0.7
"""Slices of thin scans are left out, so that those on the page are about as far apart."""

_ARTERIES = {"internal": "common and internal", "external": "external"}
"""As `data.js` calls them."""

NUMBERS = {
    "la": "la_mm2",
    "laSd": "la_sd_mm2",
    "tva": "tva_mm2",
    "tvaSd": "tva_sd_mm2",
    "nwi": "nwi",
    "nwiSd": "nwi_sd",
    "mean": "wt_mean_mm",
    "meanSd": "wt_mean_sd_mm",
    "max": "wt_max_mm",
    "maxSd": "wt_max_sd_mm",
    "maxDegrees": "wt_max_deg",
}
"""Columns of the table of slices, by what the page calls them."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Everything that is shown of a participant.

    Attributes:
        participant_id: Whose.
        measurements: What was measured.
        contours: Its outlines.
        centerlines: None shows none.
        scan: In any order of axes; None shows outlines alone.
        standing: How far it is to be trusted, and what made it.
    """

    participant_id: str
    measurements: Measurements
    contours: Contours
    centerlines: Centerlines | None
    scan: Volume | None
    standing: Standing = field(default_factory=Standing)


def scene_of(seen: Seen) -> dict[str, Any]:
    """The page's data, which can be written as JSON; arrays of float32 as base64, NaN in them."""
    return {
        "id": seen.participant_id,
        "ring": RING,
        "tile": {"pixels": PIXELS, "half": HALF_MM, "columns": COLUMNS},
        "arteries": [_artery(course, seen) for course in drawn_courses(seen.measurements)],
        "centerlines": _centerlines(seen),
    }


def notes_of(seen: Seen) -> list[str]:
    """What the page lacks, in sentences: nobody shall take it for what the scan shows."""
    there = {(one.side, one.label) for one in drawn_courses(seen.measurements)}
    lacking = [
        f"{side} {_ARTERIES[label]}"
        for side in ("right", "left")
        for label in LABELS
        if (side, label) not in there
    ]
    notes = []
    if lacking:
        notes.append(f"Not shown, as nothing was measured there: {', '.join(lacking)}.")
    if seen.scan is None:
        notes.append("The scan is not there: slices show the outlines alone, on black.")
    return notes


def _artery(course: DrawnCourse, seen: Seen) -> dict[str, Any]:
    spacing = seen.contours.canonical.spacing_mm
    step = max(round(STEP_MM / spacing[2]), 1)
    slices = np.rint(course.values("z")).astype(np.int64)
    extremes = extreme_rows(course)
    kept = (slices - slices[0]) % step == 0
    kept[[*extremes.values(), -1]] = True
    rows = np.flatnonzero(kept)
    z = slices[rows]
    sections = {one.z: one for one in seen.contours.side(course.side) if one.label == course.label}
    outlines = [sections.get(int(one)) for one in z]
    lumen = rings_of([None if one is None else one.lumen for one in outlines], spacing)
    wall = rings_of([None if one is None else one.wall for one in outlines], spacing)
    thickness = np.where(course.wall_read[rows, None], course.thickness_mm[rows], np.nan)
    middles = np.where(np.isfinite(lumen.middles_mm), lumen.middles_mm, wall.middles_mm)
    middles = np.nan_to_num(middles)
    segments = np.array(course.table.words("segment"))[course.rows][rows]
    readable = np.where(course.wall_read, "yes", np.where(course.lumen_read, "lumen", "no"))[rows]
    found: dict[str, Any] = {
        "side": course.side,
        "label": course.label,
        "fromBifurcation": course.from_bifurcation,
        "s": np.round(course.s_mm[rows], 2).tolist(),
        "slice": z.tolist(),
        "height": np.round(z * spacing[2], 3).tolist(),
        "joined": _joined(course, rows).tolist(),
        "middle": _packed(middles),
        "lumen": _packed(lumen.points_mm),
        "wall": _packed(wall.points_mm),
        "thickness": _packed(thickness_at(wall, thickness, course.side)),
        "segment": [TITLES.get(one, "") for one in segments.tolist()],
        "flags": [course.table.words("flags")[course.rows[row]] for row in rows],
        "readable": readable.tolist(),
        "jump": {name: int(np.searchsorted(rows, row)) for name, row in extremes.items()},
    }
    for name, column in NUMBERS.items():
        values = course.values(column)[rows]
        found[name] = [None if np.isnan(one) else round(float(one), 3) for one in values]
    if seen.scan is not None:
        found["tiles"] = tiles_around(seen.scan, middles, z).address
    return found


def _joined(course: DrawnCourse, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a kept slice and the next kept one belong together."""
    broken = np.concatenate([[0], np.cumsum(~course.joined())])
    return np.asarray(np.diff(broken[rows]) == 0)


def _centerlines(seen: Seen) -> list[Mapping[str, Any]]:
    if seen.centerlines is None:
        return []
    spacing = np.array(seen.contours.canonical.spacing_mm)
    forks = bifurcations_of(seen.contours, seen.centerlines)
    found: list[Mapping[str, Any]] = []
    for side in SIDE_NAMES:
        both = seen.centerlines.side(side)
        for label in LABELS:
            points = both.artery(label).points * spacing
            if len(points):
                found.append({"side": side, "label": label, "points": _packed(points)})
        if side in forks:
            point = forks[side] * spacing
            found.append({"side": side, "label": "bifurcation", "points": _packed(point)})
    return found


def _packed(values: NDArray[np.float64]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
