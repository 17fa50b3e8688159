"""Veins, dark as the carotids in half of the necks, and dark voids that are no vessel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.anatomy import STEP_MM, Tube
from carotid.simulation.body.columns import paint_ellipsoid
from carotid.simulation.recipe import chance, draw, draw_count
from carotid.simulation.surroundings import paint_vessel

if TYPE_CHECKING:
    from carotid.simulation.anatomy import CarotidTree
    from carotid.simulation.body.layout import Layout
    from carotid.simulation.body.tissue import Tissue
    from carotid.simulation.canvas import Canvas
    from carotid.simulation.recipe import NeckRecipe
    from carotid.simulation.rendering import Contrast


def paint_veins(
    canvas: Canvas,
    rng: np.random.Generator,
    recipe: NeckRecipe,
    layout: Layout,
    trees: tuple[CarotidTree, ...],
    contrast: Contrast,
) -> None:
    """Paint an internal jugular vein beside each carotid, and veins under the skin."""
    for tree in trees:
        sign = 1.0 if tree.internal.points[:, 2].mean() > 0 else -1.0
        if chance(rng, recipe.p_jugular_side):
            kind = rng.uniform()
            if kind < recipe.p_jugular_dark:
                lumen = contrast.lumen * draw(rng, (0.7, 1.3)) + draw(rng, (0.0, 0.05))
            elif kind < (1 + recipe.p_jugular_dark) / 2:
                lumen = contrast.wall * draw(rng, (0.0, 0.6))
            else:
                lumen = contrast.wall * draw(rng, (0.6, 2.2))
            _paint_jugular(canvas, rng, tree, sign, (contrast.wall * draw(rng, (0.5, 1.0)), lumen))
        s = np.arange(-8, layout.height_mm + 8, STEP_MM)
        line = np.interp(s, layout.heights_mm[[0, -1]], layout.carotid_mm[[0, -1]])
        for share in (0.6, 0.35, 0.3):
            if not chance(rng, share):
                continue
            aside = layout.aside_mm + draw(rng, (8.0, 32.0)) + draw(rng, (-0.15, 0.15)) * s
            behind = line + draw(rng, (-18.0, 30.0)) + draw(rng, (-0.3, 0.3)) * s
            tube = Tube.plain(
                np.column_stack([s, behind, sign * aside]), draw(rng, (0.7, 2.6)), 0.3
            )
            dark = contrast.lumen * draw(rng, (0.6, 1.4))
            lumen = dark if chance(rng, 0.6) else contrast.wall * draw(rng, (0.3, 2.0))
            paint_vessel(canvas, tube, contrast.wall * draw(rng, (0.5, 1.0)), lumen)


def _paint_jugular(
    canvas: Canvas,
    rng: np.random.Generator,
    tree: CarotidTree,
    sign: float,
    wall_and_lumen: tuple[float, float],
) -> None:
    """Beside and before the carotid; a flat vein is three round tubes side by side."""
    s = tree.internal.points[:, 0]
    turn = np.deg2rad(rng.normal(-10, 45) + rng.uniform(-30, 60) * (s - s.mean()) / 60)
    calibre = draw(rng, (1.2, 7.5)) * np.exp(
        0.25 * np.sin(s / draw(rng, (8.0, 25.0)) + rng.uniform(0, 6))
    )
    plaque = np.linalg.norm(tree.internal.plaque, axis=1)
    away = tree.internal.radius + tree.internal.wall + plaque + calibre + draw(rng, (0.5, 5.0))
    flat = draw(rng, (0.0, 0.8))
    points = tree.internal.points.copy()
    points[:, 1] += np.sin(turn) * away
    points[:, 2] += np.cos(turn) * away * sign
    wall = draw(rng, (0.2, 0.9))
    parts = 1 if flat < 0.3 else 3
    level, lumen = wall_and_lumen
    for thickness, outer in ((wall, level), (0.0, lumen)):
        for k in range(parts):
            shift = (k - (parts - 1) / 2) * calibre * flat
            beside = np.column_stack(
                [np.zeros_like(s), np.cos(turn) * shift, -np.sin(turn) * shift * sign]
            )
            tube = Tube.plain(points + beside, calibre * (1 - 0.4 * flat), thickness)
            paint_vessel(canvas, tube, outer, lumen)


def paint_voids(
    canvas: Canvas,
    rng: np.random.Generator,
    recipe: NeckRecipe,
    tissue: Tissue,
    layout: Layout,
    contrast: Contrast,
) -> None:
    """Paint dark tubes and clefts without a wall in the muscles and the fat of back and sides."""
    for _ in range(draw_count(rng, recipe.voids)):
        s = rng.uniform(0, layout.height_mm)
        start = np.array([s, float(layout.spine_at(s)) + rng.uniform(-5, 70), rng.uniform(-60, 60)])
        heading = rng.normal(size=3) * np.array([rng.uniform(0.3, 2.5), 1.0, 1.0])
        heading /= np.linalg.norm(heading)
        along = np.arange(0, draw(rng, (4.0, 40.0)), STEP_MM)
        bend = rng.normal(0, 0.01, 3) * along[:, None] ** 2
        points = start + along[:, None] * heading + bend
        if len(points) < 2:
            continue
        level = contrast.lumen if chance(rng, 0.6) else tissue.cortex
        paint_vessel(canvas, Tube.plain(points, draw(rng, (0.4, 2.0)), 0.0), level, level)
    for _ in range(draw_count(rng, recipe.voids) // 2):
        s = rng.uniform(0, layout.height_mm)
        behind, aside = rng.uniform(-20, 70), rng.uniform(-60, 60)
        center = (float(s), float(layout.spine_at(s)) + behind, aside)
        half = (draw(rng, (3.0, 25.0)), draw(rng, (0.3, 1.2)), draw(rng, (2.0, 12.0)))
        level = tissue.cortex * draw(rng, (0.2, 1.2))
        paint_ellipsoid(canvas, center, half, level, turn=rng.uniform(0, np.pi))
