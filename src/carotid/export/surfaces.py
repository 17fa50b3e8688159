"""Vessels as lines and surfaces in millimetres: radii along centerlines, thickness on walls.

A surface goes through the axial outlines, a point every 5 degrees around the center of the lumen,
and is open at its ends. Slices that are further apart than measurements bridge are not joined.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.geometry.tube import ANGLES, Tube, ray_angles, tube_through
from carotid.stages.measurement.across import frames_across
from carotid.stages.measurement.artery import arteries_of
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.storage.polydata import PolyData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, Contours, Label, SideCenterlines
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.measurements import SideMeasurements
    from carotid.stages.measurement.artery import Artery

_DENSER = 4
"""How many times denser than its slices a surface is asked for the nearest point."""


@dataclass(frozen=True, eq=False)
class Vessel:
    """One artery's borders.

    Attributes:
        artery: Its outlines and course.
        side: The patient's side.
        canonical: The grid that they refer to.
        joined_mm: Up to which distance slices are joined.
    """

    artery: Artery
    side: SideName
    canonical: Grid
    joined_mm: float

    def tube(self, boundary: Boundary) -> Tube:
        """One of its borders."""
        border = getattr(self.artery, boundary)
        return tube_through(
            self.artery.heights_mm[border.rows],
            self.artery.centers_mm[border.rows],
            border.outlines_mm,
            border.spread_mm,
        )


def vessels_of(
    contours: Contours,
    centerlines: SideCenterlines | None,
    side: SideName,
    parameters: MeasurementParameters | None = None,
) -> dict[Label, Vessel]:
    """The arteries of one side that have outlines.

    Args:
        contours: The outlines.
        centerlines: The courses; None takes the centers of the outlines.
        side: Which side.
        parameters: With which the arteries were measured; None takes the defaults.
    """
    chosen, canonical = parameters or MeasurementParameters(), contours.canonical
    joined_mm = chosen.joined_mm(canonical.spacing_mm[2])
    found = arteries_of(contours.side(side), centerlines, canonical, chosen.smoothing_mm, side)
    return {one.label: Vessel(one, side, canonical, joined_mm) for one in found}


def surface(vessel: Vessel, boundary: Boundary, measured: SideMeasurements | None) -> PolyData:
    """One border as triangles, whose front is outside.

    Args:
        vessel: The artery.
        boundary: Which border.
        measured: Gives the array `WallThickness`, mm by direction; None leaves it away.
    """
    tube = vessel.tube(boundary)
    points = _points(tube)
    data = {}
    if measured is not None:
        data["WallThickness"] = _thickness(vessel, tube, points, measured).reshape(-1)
    return PolyData(
        _world(points.reshape(-1, 3), vessel.canonical),
        polygons=_triangles(tube, vessel.joined_mm),
        point_data=data,
    )


def lines(
    centerlines: SideCenterlines, canonical: Grid, vessels: dict[Label, Vessel] | None
) -> PolyData:
    """The centerlines of one side, with the arrays that VMTK and its users expect.

    Args:
        centerlines: They.
        canonical: The grid that they refer to.
        vessels: Give the radii; None leaves them away.
    """
    spacing = np.array(canonical.spacing_mm)
    there = [label for label in LABELS if len(centerlines.artery(label))]
    places = [centerlines.artery(label).points * spacing for label in there]
    sizes = [len(place) for place in places]
    starts = np.cumsum([0, *sizes])
    data = {
        "Abscissas": [_along(place) for place in places],
        "Uncertainty": [centerlines.artery(label).uncertainty_mm for label in there],
    }
    if vessels is not None:
        radius = [_radii(place, vessels.get(k)) for k, place in zip(there, places, strict=True)]
        data["Radius"] = data["MaximumInscribedSphereRadius"] = radius
        data["DistanceFromBifurcation"] = [
            vessels[label].artery.s_mm(place[:, 2])
            if label in vessels
            else np.full(len(place), np.nan)
            for label, place in zip(there, places, strict=True)
        ]
    number = np.arange(len(there))
    nothing = np.empty(0)
    return PolyData(
        _world(np.concatenate([np.empty((0, 3)), *places]), canonical),
        lines=tuple(np.arange(a, b) for a, b in itertools.pairwise(starts)),
        point_data={name: np.concatenate([nothing, *parts]) for name, parts in data.items()},
        cell_data={
            "CenterlineIds": number,
            "TractIds": 0 * number,
            "GroupIds": number,
            "Blanking": 0 * number,
        },
    )


def _world(points_mm: NDArray[np.float64], canonical: Grid) -> NDArray[np.float64]:
    return canonical.world_from_index(points_mm / canonical.spacing_mm)


def _along(points: NDArray[np.float64]) -> NDArray[np.float64]:
    pieces = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.asarray(np.concatenate([[0.0], np.cumsum(pieces)]), np.float64)


def _points(tube: Tube) -> NDArray[np.float64]:
    """(k, `ANGLES`, 3) scan millimetres."""
    turns = ray_angles()
    toward = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    flat = tube.centers_mm[:, None] + tube.radii_mm[..., None] * toward
    height = np.broadcast_to(tube.heights_mm[:, None, None], (*flat.shape[:2], 1))
    return np.concatenate([flat, height], axis=2)


def _triangles(tube: Tube, joined_mm: float) -> NDArray[np.int64]:
    """(m, 3) two triangles for each pair of neighbouring rays of neighbouring slices."""
    lower = np.flatnonzero(np.diff(tube.heights_mm) <= joined_mm)[:, None] * ANGLES
    ray, beside = np.arange(ANGLES), (np.arange(ANGLES) + 1) % ANGLES
    a, b, c, d = lower + ray, lower + beside, lower + ANGLES + beside, lower + ANGLES + ray
    both = np.stack([np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1)], axis=2)
    return np.asarray(both.reshape(-1, 3), np.int64)


def _thickness(
    vessel: Vessel, tube: Tube, points: NDArray[np.float64], measured: SideMeasurements
) -> NDArray[np.float64]:
    """(k, `ANGLES`) thickness in the plane across the vessel, in the direction of each point."""
    artery = vessel.artery
    frames = frames_across(artery.axis.tangents(tube.heights_mm), vessel.canonical, vessel.side)
    offset = points - np.column_stack([tube.centers_mm, tube.heights_mm])[:, None]
    forward = (offset * frames.anterior[:, None]).sum(axis=2)
    sideways = (offset * frames.lateral[:, None]).sum(axis=2)
    turns = np.arctan2(sideways, forward)
    steps = measured.thickness_mm.shape[1]
    asked = 2 * np.pi * np.arange(steps) / steps
    slices = measured.slices
    rows = {
        int(z): row
        for row, (label, z) in enumerate(
            zip(slices.words("label"), slices.numbers("z"), strict=True)
        )
        if label == artery.label
    }
    found = np.full(turns.shape, np.nan)
    for k, height in enumerate(tube.heights_mm):
        row = rows.get(round(height / vessel.canonical.spacing_mm[2]))
        if row is not None:
            found[k] = np.interp(turns[k], asked, measured.thickness_mm[row], period=2 * np.pi)
    return found


def _radii(places: NDArray[np.float64], vessel: Vessel | None) -> NDArray[np.float64]:
    """Radius of the largest sphere around each place that fits in the lumen.

    It is 0 outside of the lumen, and NaN where the slice has no outline of it.
    """
    from scipy.spatial import cKDTree

    found = np.full(len(places), np.nan)
    if vessel is None:
        return found
    tube = vessel.tube("lumen")
    if not len(tube):
        return found
    surface_points = _denser(tube, vessel.joined_mm)
    distance, _ = cKDTree(surface_points.reshape(-1, 3)).query(places)
    rows = np.searchsorted(tube.heights_mm, places[:, 2] - 1e-6)
    rows = np.minimum(rows, len(tube) - 1)
    known = np.abs(tube.heights_mm[rows] - places[:, 2]) < vessel.canonical.spacing_mm[2] / 2
    offset = places[:, :2] - tube.centers_mm[rows]
    turn = np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) % 1 * ANGLES
    low = np.floor(turn).astype(np.int64) % ANGLES
    share = turn - np.floor(turn)
    border = (1 - share) * tube.radii_mm[rows, low] + share * tube.radii_mm[
        rows, (low + 1) % ANGLES
    ]
    within = np.linalg.norm(offset, axis=1) < border
    found[known] = np.where(within, distance, 0)[known]
    return found


def _denser(tube: Tube, joined_mm: float) -> NDArray[np.float64]:
    """(n, `ANGLES`, 3) points of a tube between its slices, too."""
    points = _points(tube)
    joined = np.diff(tube.heights_mm) <= joined_mm
    between = [
        (points[:-1] + share * np.diff(points, axis=0))[joined]
        for share in np.arange(1, _DENSER) / _DENSER
    ]
    return np.concatenate([points, *between])
