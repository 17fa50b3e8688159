"""Radii in planes across the arteries on disk, beside the contours that were cut from them.

`<side>_planes.tsv` has a row for each plane, `<side>_rays.tsv` one for each ray of each plane. All
positions are R-A-S millimetres. Ray k of n points along `ray` turned by k/n of a circle about the
tangent, counterclockwise when the tangent points at the viewer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.artifacts import LABELS, RADIUS_NAMES
from carotid.storage.results.atomic import write_atomically
from carotid.storage.results.layout import ContourLayout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from carotid.artifacts import Label, RayRadii
    from carotid.geometry.sides import SideName

PLANE_COLUMNS = (
    "label",
    "plane",
    "s_mm",
    "from_divider_mm",
    *(f"{what}_{axis}" for what in ("center", "tangent", "ray") for axis in "xyz"),
)
RAY_COLUMNS = ("label", "plane", "ray", "angle_deg", *RADIUS_NAMES)


def save_planes(planes: Mapping[Label, RayRadii], folder: Path, side: SideName) -> None:
    """Write one side's tables.

    Raises:
        OutputError: A file cannot be written.
    """
    layout = ContourLayout(folder)
    first, second = ["\t".join(PLANE_COLUMNS)], ["\t".join(RAY_COLUMNS)]
    for label in LABELS:
        if label in planes:
            first += _plane_rows(label, planes[label])
            second += _ray_rows(label, planes[label])
    write_atomically(layout.planes(side), ("\n".join(first) + "\n").encode())
    write_atomically(layout.rays(side), ("\n".join(second) + "\n").encode())


def _plane_rows(label: Label, radii: RayRadii) -> list[str]:
    planes = radii.planes
    columns = (
        planes.along_mm,
        radii.from_divider_mm,
        *planes.centers.T,
        *planes.tangents.T,
        *planes.first.T,
    )
    rows = zip(*(_cells(column, 7) for column in columns), strict=True)
    return ["\t".join((label, str(k), *row)) for k, row in enumerate(rows)]


def _ray_rows(label: Label, radii: RayRadii) -> list[str]:
    n, rays = radii.lumen_mm.shape
    columns = [_cells(getattr(radii, name).ravel(), 5) for name in RADIUS_NAMES]
    angles = [f"{360 * k / rays:.7g}" for k in range(rays)]
    starts = [f"{label}\t{k // rays}\t{k % rays}\t{angles[k % rays]}" for k in range(n * rays)]
    return ["\t".join((start, *row)) for start, *row in zip(starts, *columns, strict=True)]


def _cells(values: NDArray[np.float64], digits: int) -> list[str]:
    return ["" if value != value else f"{value:.{digits}g}" for value in values.tolist()]
