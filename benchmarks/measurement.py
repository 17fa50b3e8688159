"""How long measuring takes, and how exact thickness between circles is.

    python -m benchmarks.measurement [--sections 2400]

draws both sides of a neck with as many cross-sections as a large scan has, measures them, and
prints CPU time; then thickness by field lines against its exact value, for walls of every kind.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import Contours, CrossSection, Label, Outline
from carotid.geometry.grid import Grid
from carotid.geometry.thickness import walls
from carotid.stages.measurement.measure import measure

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
    grid = Grid((720, 400, slices), np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0]))
    sides = []
    for middle in (180.0, 540.0):
        found = []
        labels: tuple[Label, Label] = ("external", "internal")
        for k, label in enumerate(labels):
            for z in range(slices):
                center = np.array(
                    [middle + 40 * k + 15 * np.sin(z / 60), 200 + 10 * np.cos(z / 45)]
                )
                radius = (3.2 - 1.2 * z / slices) / SPACING_MM
                plaque = 3 * np.exp(-(((z - slices / 2) / 30) ** 2)) / SPACING_MM
                lumen = center + radius * circle
                wall = center + [plaque / 2, 0] + (radius + 1 / SPACING_MM + plaque / 2) * circle
                spread = np.full(POINTS, 0.1)
                outlines = [Outline(p, spread, spread, spread) for p in (lumen, wall)]
                found.append(CrossSection(label, z, *outlines))
        sides.append(tuple(found))
    return Contours(sides[0], sides[1], grid, grid)


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
    contours = drawn(sections)
    measure(drawn(40))  # what is computed once
    begin = time.process_time()
    measure(contours)
    seconds = time.process_time() - begin
    print(f"{sections} cross-sections: {seconds:.2f} s CPU, {1e3 * seconds / sections:.2f} ms each")
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
