"""One participant's centerlines on the page: where they run, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.report import centerline_pictures
from carotid.report.heatmap_pictures import on_screen
from carotid.report.rendering import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName


def centerline_section(
    centerlines: Centerlines,
    grid: Grid,
    scan: NDArray[np.generic] | None,
    shown: Sequence[SideName],
) -> Markup:
    """Pictures of the centerlines.

    Args:
        centerlines: Of both sides.
        grid: The scan's canonical one.
        scan: (x, y, z) canonical voxels on it, or None.
        shown: The sides that the scan shows.
    """
    sides = on_screen(shown)
    charts = [centerline_pictures.uncertainty_chart(centerlines, side, grid) for side in sides]
    return render(
        "centerlines.html",
        coronal=centerline_pictures.coronal(centerlines, grid, scan),
        sagittal=[centerline_pictures.sagittal(centerlines, side, grid, scan) for side in sides],
        charts=[one for one in charts if one is not None],
        facts=[_told(centerlines, side, grid) for side in sides],
    )


def _told(centerlines: Centerlines, side: SideName, grid: Grid) -> str:
    one = centerlines.side(side)
    lengths = [
        f"{label} over {np.ptp(points[:, 2]) * grid.spacing_mm[2]:.0f} mm"
        if len(points := one.artery(label).points)
        else f"no {label}"
        for label in ("internal", "external")
    ]
    fork = one.bifurcation
    if fork is None:
        place = "bifurcation not found"
    else:
        place = (
            f"bifurcation {(fork.point[2] + 0.5) * grid.spacing_mm[2]:.0f} mm from the lower end"
        )
        if not np.isnan(fork.uncertainty_mm):
            place += f" ± {fork.uncertainty_mm:.1f} mm"
        if fork.corrected:
            place += ", set by hand"
    return f"{side}: {lengths[0]}, {lengths[1]}, {place}"
