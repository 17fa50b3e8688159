"""Writes a small made-up cohort, so that the notebook beside it has something to show.

    python made_up_cohort.py COHORT [--participants 16] [--seed 0]
    carotid transform measurement COHORT

COHORT receives contours and centerlines of drawn arteries, as `carotid transform contour` leaves
them, and groups.tsv: half of the participants are cases, whose internal carotid has more plaque.
The arteries are circles in circles; nobody ever had them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from carotid.artifacts import (
    Bifurcation,
    Centerline,
    Centerlines,
    Contours,
    CrossSection,
    Outline,
    SideCenterlines,
)
from carotid.geometry.grid import Grid
from carotid.storage.results.centerlines import save_centerlines
from carotid.storage.results.contours import save_contours

SPACING_MM = (0.6, 0.6, 1.0)
SHAPE = (200, 80, 60)
FORK_SLICE = 25
POINTS = 31
PLAQUE_MM = {"case": 1.6, "control": 0.6}
"""Mean thickness of the plaque beside the wall's own, by group."""


def draw_side(
    rng: np.random.Generator, middle: tuple[float, float], outward: int, plaque_mm: float
) -> tuple[list[CrossSection], SideCenterlines]:
    """One side's common and internal carotid with a plaque on the lateral side.

    Args:
        rng: Source of chance.
        middle: Where it runs, voxels.
        outward: 1 where lateral is towards higher indices, else -1.
        plaque_mm: Thickness of the plaque.
    """
    turn = 2 * np.pi * np.arange(POINTS) / POINTS
    circle = np.column_stack([np.cos(turn), np.sin(turn)])
    wall = rng.normal(0.95, 0.08)
    radius = rng.normal(3.0, 0.25)
    place, length = rng.normal(6, 2), rng.uniform(3, 5)
    sections, centers = [], []
    for z in range(SHAPE[2]):
        s = (z - FORK_SLICE) * SPACING_MM[2]
        bulb = 0.8 * np.exp(-(((s - 2) / 6) ** 2))
        narrow = 0.6 / (1 + np.exp(-(s - 12) / 2))
        lumen = radius + bulb - narrow
        plaque = plaque_mm * np.exp(-0.5 * ((s - place) / length) ** 2)
        center = np.array([middle[0] + 3 * np.sin(z / 30), middle[1]])
        outer = center + np.array([outward * plaque / 2 / SPACING_MM[0], 0])
        outlines = [
            Outline.of_points(center + circle * lumen / SPACING_MM[0]),
            Outline.of_points(outer + circle * (lumen + wall + plaque / 2) / SPACING_MM[0]),
        ]
        sections.append(CrossSection("internal", z, *outlines))
        centers.append([*center, z])
    line = Centerline.of_points(np.array(centers, np.float64))
    nothing = Centerline.of_points(np.empty((0, 3)))
    fork = Bifurcation(np.array(centers[FORK_SLICE], np.float64), float("nan"))
    return sections, SideCenterlines(line, nothing, fork)


def write_cohort(cohort: Path, participants: int, seed: int) -> None:
    """Write contours, centerlines and groups."""
    grid = Grid(SHAPE, np.diag([*SPACING_MM, 1.0]))
    rows = ["participant_id\tgroup\tage"]
    for k in range(participants):
        rng = np.random.default_rng([seed, k])
        group = "case" if k % 2 else "control"
        name = f"sub-{k + 1:02d}"
        sides = [
            draw_side(rng, middle, outward, max(rng.normal(PLAQUE_MM[group], 0.5), 0))
            for middle, outward in (((60, 40), -1), ((140, 40), 1))
        ]
        folder = cohort / name
        for part in ("contour_transform", "centerline_transform"):
            (folder / part).mkdir(parents=True)
        contours = Contours(tuple(sides[0][0]), tuple(sides[1][0]), grid, grid)
        save_contours(contours, folder / "contour_transform")
        lines = Centerlines(sides[0][1], sides[1][1], grid)
        save_centerlines(lines, folder / "centerline_transform")
        rows.append(f"{name}\t{group}\t{round(rng.normal(66, 7))}")
    (cohort / "groups.tsv").write_text("\n".join(rows) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--participants", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write_cohort(given.cohort, given.participants, given.seed)


if __name__ == "__main__":
    main()
