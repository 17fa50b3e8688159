"""Cross-sections in planes: the axial ones of the scan, and those across the vessel.

In each plane the first coordinate points to the patient's anterior and the second to lateral, away
from the midline, on both sides: so left and right can be laid over each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.outlines import stacked
from carotid.geometry.tube import Cut, cut, ray_angles, tube_through

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.stages.measurement.artery import Artery, Border

MAX_TILT_DEG = 70.0
"""A vessel that runs flatter than this through the slices is not cut across."""


@dataclass(frozen=True, eq=False)
class Frames:
    """The two directions in s planes.

    Attributes:
        anterior, lateral: (s, 3) unit vectors in scan millimetres, at right angles to each other.
    """

    anterior: NDArray[np.float64]
    lateral: NDArray[np.float64]


def frames_across(normals: NDArray[np.float64], canonical: Grid, side: SideName) -> Frames:
    """Directions in the planes with (s, 3) unit normals, which point upwards.

    Anterior is the patient's, as near as the plane allows.
    """
    patient = canonical.direction.T @ np.array([0.0, 1.0, 0.0])
    anterior = patient - (normals @ patient)[:, None] * normals
    anterior /= np.linalg.norm(anterior, axis=1, keepdims=True)
    leftward = np.cross(normals, anterior)
    return Frames(anterior, leftward if side == "left" else -leftward)


@dataclass(frozen=True, eq=False)
class PlanesAcross:
    """Outlines of an artery in k planes across it, through its center in each of its slices.

    Attributes:
        lumen, outer: (k, `ANGLES`, 2) mm to anterior and lateral; NaN where there is none.
        lumen_cut, outer_cut: Their radii and spreads by direction.
    """

    lumen: NDArray[np.float64]
    outer: NDArray[np.float64]
    lumen_cut: Cut
    outer_cut: Cut


def axial_outlines(
    artery: Artery, canonical: Grid, side: SideName
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(k, n, 2) outlines of the lumen and of the wall in the k axial slices, NaN where missing."""
    frames = frames_across(np.array([[0.0, 0.0, 1.0]]), canonical, side)
    turn = np.stack([frames.anterior[0, :2], frames.lateral[0, :2]], axis=1)

    def turned(border: Border) -> NDArray[np.float64]:
        points = border.outlines_mm - artery.centers_mm[border.rows][:, None]
        out = np.full((len(artery.z), max(points.shape[1], 3), 2), np.nan)
        if len(points):
            out[border.rows] = stacked(list(points @ turn))
        return out

    return turned(artery.lumen), turned(artery.wall)


def planes_across(
    artery: Artery, canonical: Grid, side: SideName, max_gap_mm: float
) -> PlanesAcross:
    """Cut an artery by planes across it."""
    tangents = artery.axis.tangents(artery.heights_mm)
    frames = frames_across(tangents, canonical, side)
    origins = np.column_stack([artery.centers_mm, artery.heights_mm])
    flat = tangents[:, 2] < np.cos(np.deg2rad(MAX_TILT_DEG))
    cuts = []
    for border in (artery.lumen, artery.wall):
        tube = tube_through(
            artery.heights_mm[border.rows],
            artery.centers_mm[border.rows],
            border.outlines_mm,
            border.spread_mm,
        )
        found = cut(tube, origins, frames.anterior, frames.lateral, max_gap_mm)
        without = flat | ~np.isin(np.arange(len(artery.z)), border.rows)
        radii = np.where(without[:, None], np.nan, found.radii_mm)
        cuts.append(Cut(radii, np.where(np.isnan(radii), np.nan, found.spread_mm)))
    lumen, outer = (_points(one.radii_mm) for one in cuts)
    return PlanesAcross(lumen, outer, cuts[0], cuts[1])


def _points(radii: NDArray[np.float64]) -> NDArray[np.float64]:
    turns = ray_angles()
    toward = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    return np.asarray(radii[..., None] * toward, np.float64)
