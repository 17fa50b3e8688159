"""A simulated neck with what is known about it: arteries in the patient, centers per slice.

World coordinates are R-A-S millimetres. A center is where an artery crosses an axial slice of
the volume, as a fractional canonical voxel index (index 0 grows to R, 1 to A, 2 to S).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.grid import CANONICAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName
    from carotid.geometry.volume import Volume
    from carotid.simulation.surfaces import Distance

Feature = bool | int | float | str | None


@dataclass(frozen=True, eq=False)
class TrueArtery:
    """The course of an artery, from low to high.

    Attributes:
        points_mm: (n, 3) centers of the lumen, R-A-S mm.
        radius_mm: (n,) lumen radius.
        wall_mm: (n,) thickness of the wall, plaque not counted.
        plaque_mm: (n,) thickness of plaque at its thickest side.
        lumen: Signed distance from the lumen's surface at R-A-S mm; None where it is occluded.
        wall: The same of the wall's outer boundary, plaque included.
    """

    points_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]
    wall_mm: NDArray[np.float64]
    plaque_mm: NDArray[np.float64]
    lumen: Distance | None
    wall: Distance


@dataclass(frozen=True, eq=False)
class TrueSide:
    """One side's arteries.

    Attributes:
        internal: The common carotid and, above the bifurcation, the internal one.
        external: The external carotid, from the bifurcation up; None where there is none.
        bifurcation_mm: (3,) R-A-S mm; may lie outside of the volume.
        made: What else was made: plaque, slow flow, where the external ends, and so on.
    """

    internal: TrueArtery
    external: TrueArtery | None
    bifurcation_mm: NDArray[np.float64]
    made: Mapping[str, Feature]


@dataclass(frozen=True, eq=False)
class SimulatedNeck:
    """A scan and the truth about it.

    Attributes:
        volume: The scan, as stored.
        sides: Truth of the left and of the right side.
        visible: (axial slices,) for each canonical slice, whether arteries can be seen in it;
            where they cannot there is nothing but noise, or nearly so.
        made: What the scan is like: noise, contrast, field of view.
    """

    volume: Volume
    sides: Mapping[SideName, TrueSide]
    visible: NDArray[np.bool_]
    made: Mapping[str, Feature]


def slice_centers(neck: SimulatedNeck, side: SideName) -> NDArray[np.float64]:
    """Centers of one side's arteries in every axial slice that shows them.

    Args:
        neck: The neck.
        side: Which side.

    Returns:
        (axial slices, 2, 2): slice, label (`internal`, `external`), canonical x and y; NaN where
        the slice shows no such artery. The common carotid is in `internal` alone.
    """
    grid = neck.volume.grid.reoriented(CANONICAL)
    truth = neck.sides[side]
    heights = np.arange(grid.shape[2], dtype=np.float64)
    out = np.full((grid.shape[2], 2, 2), np.nan)
    for k, artery in enumerate((truth.internal, truth.external)):
        if artery is None:
            continue
        index = grid.index_from_world(artery.points_mm)
        z = index[:, 2]
        inside = (heights >= z[0]) & (heights <= z[-1])
        for axis in (0, 1):
            out[inside, k, axis] = np.interp(heights[inside], z, index[:, axis])
    last = np.array(grid.shape[:2]) - 1
    out[((out < 0) | (out > last)).any(axis=2)] = np.nan
    out[~neck.visible] = np.nan
    return out
