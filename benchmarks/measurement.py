"""How long everything after contours takes, and how exact thickness between circles is.

    python -m benchmarks.measurement [--sections 2400]

draws both sides of a neck with as many cross-sections as a large scan has, takes them through
masks, measurements, figures and the page in 3D, and prints CPU time; then thickness by field lines
against its exact value, for walls of every kind.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import Contours, CrossSection, Label, Outline
from carotid.figures.draw_curve import draw_curve
from carotid.figures.draw_cuts import draw_cuts
from carotid.figures.draw_map import draw_map
from carotid.figures.style import encoded
from carotid.geometry.grid import Grid
from carotid.geometry.thickness import walls
from carotid.geometry.volume import Volume
from carotid.stages.measurement.measure import measure
from carotid.stages.segmentation.fill import fill_contours
from carotid.stages.segmentation.parameters import SegmentationParameters
from carotid.storage.results.measurements import save_measurements
from carotid.storage.results.segmentations import save_segmentation
from carotid.viewer.page import page_of
from carotid.viewer.scene import Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACING_MM = 0.35
POINTS = 31
OUTER_MM = 4.0
CASES = ((3.0, 0.0), (2.0, 1.6), (1.2, 2.2), (2.0, 1.9))
"""Lumen radius and shift in an outer circle of 4 mm."""


def drawn(sections: int) -> Contours:
    """Contours of two arteries on both sides, curved and tapered, with plaque."""
    slices = sections // 4
    turn = 2 * np.pi * np.arange(POINTS) / POINTS
    circle = np.column_stack([np.cos(turn), np.sin(turn)])
    grid = Grid((720, 100, slices), np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0]))
    sides = []
    for middle in (180.0, 540.0):
        found = []
        labels: tuple[Label, Label] = ("external", "internal")
        for k, label in enumerate(labels):
            for z in range(slices):
                center = np.array([middle + 40 * k + 15 * np.sin(z / 60), 50 + 8 * np.cos(z / 45)])
                radius = (3.2 - 1.2 * z / slices) / SPACING_MM
                plaque = 3 * np.exp(-(((z - slices / 2) / 30) ** 2)) / SPACING_MM
                lumen = center + radius * circle
                wall = center + [plaque / 2, 0] + (radius + 1 / SPACING_MM + plaque / 2) * circle
                spread = np.full(POINTS, 0.1)
                outlines = [Outline(p, spread, spread, spread) for p in (lumen, wall)]
                found.append(CrossSection(label, z, *outlines))
        sides.append(tuple(found))
    return Contours(sides[0], sides[1], grid, grid)


def after_contours(contours: Contours) -> dict[str, float]:
    """Seconds of CPU by what is made of contours, each written to a file."""
    spent: dict[str, float] = {}

    def timed(name: str, begin: float) -> None:
        spent[name] = time.process_time() - begin

    with tempfile.TemporaryDirectory() as place:
        begin = time.process_time()
        save_segmentation(fill_contours(contours, SegmentationParameters()), Path(place))
        timed("masks", begin)
        begin = time.process_time()
        found = measure(contours)
        timed("measurements", begin)
        begin = time.process_time()
        save_measurements(found, Path(place))
        timed("their tables", begin)
        scan = Volume(np.ones(contours.canonical.shape, np.float32), contours.canonical)
        begin = time.process_time()
        figures = [draw_map(found), draw_curve(found), draw_cuts(found, contours, scan)]
        for one in figures:
            if one is not None:
                encoded(one, "svg")
        timed("figures", begin)
        begin = time.process_time()
        page_of(Seen("neck", found, contours, None, scan))
        timed("page in 3D", begin)
    return spent


def field_line(start: complex, radius: float, shift: float) -> float:
    """Exact length of the field line between two circles: an arc through both limit points."""
    if shift == 0:
        return OUTER_MM - radius
    half = (OUTER_MM**2 - radius**2 - shift**2) / (2 * shift) + shift
    limit = half - np.sqrt(half**2 - OUTER_MM**2)
    other = OUTER_MM**2 / limit
    image = (start - limit) / (start - other)
    last = abs((OUTER_MM - limit) / (OUTER_MM - other))
    images = np.geomspace(abs(image), last, 4001) * np.exp(1j * np.angle(image))
    path = (limit - other * images) / (1 - images)
    return float(np.abs(np.diff(path)).sum())


def circle(radius: float, shift: float, points: int) -> NDArray[np.float64]:
    turn = 2 * np.pi * np.arange(points) / points
    return np.column_stack([shift + radius * np.cos(turn), radius * np.sin(turn)])[None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sections", type=int, default=2400)
    sections = parser.parse_args().sections
    after_contours(drawn(40))  # what is computed or imported once
    print(f"{sections} cross-sections, CPU time:")
    spent = after_contours(drawn(sections))
    for name, seconds in spent.items():
        print(f"  {name:14} {seconds:6.2f} s")
    print(f"  {'together':14} {sum(spent.values()):6.2f} s")
    print("thickness by field lines, error in mm (mean, largest of any point):")
    for radius, shift in CASES:
        for points in (POINTS, 360):
            found = walls(circle(radius, shift, points), circle(OUTER_MM, 0, points))
            at = found.nodes[0, :, 0] + 1j * found.nodes[0, :, 1]
            # Nodes on a polygon lie inside the circle: the exact line begins on the circle.
            at = shift + radius * (at - shift) / np.abs(at - shift)
            exact = np.array([field_line(complex(one), radius, shift) for one in at])
            error = found.thickness_mm[0] - exact
            print(
                f"  lumen {radius} mm, shifted by {shift} mm, {points:3d} points: "
                f"{error.mean():+.4f}, {np.abs(error).max():.4f} (thickest {exact.max():.2f})"
            )


if __name__ == "__main__":
    main()
