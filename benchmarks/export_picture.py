"""Draw the picture of the page on exports: surfaces with thickness, and lines with radii.

Run from the repository's root: `python -m benchmarks.export_picture [SEED]`. It shows what `carotid
export vtk` writes of a simulated neck whose outlines are known, seen from in front.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from carotid.artifacts import Bifurcation, Centerline, Centerlines, SideCenterlines
from carotid.export.surfaces import lines, surface, vessels_of
from carotid.figures.draw_map import COLORS, TOP_MM
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.simulation.contours import true_contours
from carotid.simulation.neck import simulate_neck
from carotid.simulation.truth import slice_centers
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.parameters import MeasurementParameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.truth import SimulatedNeck
    from carotid.storage.polydata import PolyData

IMAGE = Path(__file__).parents[1] / "docs" / "images" / "export.png"
SEED = 31
THICKNESS_MM, RADIUS_MM = (0.0, TOP_MM), (1.0, 4.5)


def main() -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    neck = simulate_neck(int(sys.argv[1]) if len(sys.argv) > 1 else SEED)
    contours = true_contours(neck)
    courses = true_centerlines(neck)
    measured = measure(contours, courses, MeasurementParameters())
    figure = plt.figure(figsize=(7, 5.4), layout="constrained")
    walls: Any = figure.add_subplot(1, 2, 1, projection="3d")
    inside: Any = figure.add_subplot(1, 2, 2, projection="3d")
    for side in SIDE_NAMES:
        own = courses.side(side)
        vessels = vessels_of(contours, own, side)
        for vessel in vessels.values():
            outer = surface(vessel, "wall", measured.side(side))
            thickness = outer.point_data["WallThickness"]
            shown = draw(walls, outer, thickness, THICKNESS_MM, COLORS)
        course = lines(own, contours.canonical, vessels)
        radii = inside.scatter(
            *course.points_mm.T,
            c=course.point_data["Radius"],
            s=9,
            cmap="viridis",
            vmin=RADIUS_MM[0],
            vmax=RADIUS_MM[1],
            depthshade=False,
        )
    figure.colorbar(shown, ax=walls, shrink=0.6, label="WallThickness, mm", extend="max")
    figure.colorbar(radii, ax=inside, shrink=0.6, label="Radius, mm")
    for axes in (walls, inside):
        axes.set_proj_type("ortho")
        axes.view_init(elev=8, azim=90 - 12)  # from in front: the patient's right is on the left
        axes.set_aspect("equal")
        size = [high - low for low, high in (axes.get_xlim(), axes.get_ylim(), axes.get_zlim())]
        axes.set_box_aspect(size, zoom=1.4)
        axes.set_axis_off()
        for words, at in (("R", (0.2, 0.5)), ("L", (0.8, 0.5)), ("head", (0.5, 1.03))):
            axes.text2D(*at, words, transform=axes.transAxes, ha="center", va="center")
    figure.savefig(IMAGE, dpi=110, bbox_inches="tight")
    print(IMAGE)


def true_centerlines(neck: SimulatedNeck) -> Centerlines:
    """The arteries' centers in their slices, and the bifurcations."""
    grid = neck.volume.grid
    canonical = grid.reoriented(CANONICAL)
    sides = []
    for name in SIDE_NAMES:
        centers = slice_centers(neck, name)
        arteries = []
        for k in range(2):
            z = np.flatnonzero(np.isfinite(centers[:, k, 0]))
            arteries.append(Centerline.of_points(np.column_stack([centers[z, k], z])))
        fork = canonical.index_from_world(neck.sides[name].bifurcation_mm)
        sides.append(SideCenterlines(arteries[0], arteries[1], Bifurcation(fork, 1.0)))
    return Centerlines(sides[0], sides[1], grid)


def draw(
    axes: Any,
    data: PolyData,
    values: NDArray[np.float64],
    limits: tuple[float, float],
    colors: str,
) -> Any:
    """A surface, colored by the mean of its triangles' corners; grey where that is unknown."""
    cmap = mpl.colormaps[colors].copy()
    cmap.set_bad("#b0b0b0")
    shown = axes.plot_trisurf(
        *data.points_mm.T,
        triangles=data.polygons,
        cmap=cmap,
        vmin=limits[0],
        vmax=limits[1],
        linewidth=0,
        antialiased=False,
        shade=False,
    )
    shown.set_array(np.ma.masked_invalid(values[data.polygons].mean(axis=1)))
    return shown


if __name__ == "__main__":
    main()
