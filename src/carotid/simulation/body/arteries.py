"""Arteries that look like carotids and are none: vertebral and subclavian arteries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.anatomy import STEP_MM, Tube
from carotid.simulation.recipe import chance, draw
from carotid.simulation.surroundings import paint_vessel

if TYPE_CHECKING:
    from carotid.simulation.body.layout import Layout
    from carotid.simulation.body.spine import Foramina
    from carotid.simulation.body.tissue import Tissue
    from carotid.simulation.canvas import Canvas
    from carotid.simulation.recipe import NeckRecipe
    from carotid.simulation.rendering import Contrast


def paint_vertebral_arteries(
    canvas: Canvas,
    rng: np.random.Generator,
    recipe: NeckRecipe,
    tissue: Tissue,
    layout: Layout,
    foramina: Foramina,
    contrast: Contrast,
) -> None:
    """Paint them in their foramina, leaving these below, towards the chest, and above.

    Their walls and lumens are as bright as the carotids', their calibre overlaps with that of the
    carotids, and fat or veins lie about them.
    """
    s = np.arange(-10, layout.height_mm + 10, STEP_MM)
    front = layout.spine_at(s)
    entry, leave = draw(rng, (-40.0, 40.0)), layout.height_mm * draw(rng, (0.7, 1.4))
    for sign in (1.0, -1.0):
        if not chance(rng, recipe.p_vertebral_side):
            continue
        radius = draw(rng, recipe.vertebral_radius_mm)
        below, above = np.clip(entry - s, 0, 60), np.clip(s - leave, 0, 30)
        wave = 0.8 * np.sin(s / draw(rng, (5.0, 14.0)) + rng.uniform(0, 6))
        aside = foramina.aside_mm + rng.normal(0, 0.8) + wave
        aside = aside + below * draw(rng, (0.0, 0.45)) + above * draw(rng, (0.0, 0.6))
        behind = foramina.behind_mm + rng.normal(0, 0.8) + 0.5 * wave
        behind = behind - below * draw(rng, (0.1, 0.6)) + above * draw(rng, (-0.2, 0.6))
        points = np.column_stack([s, front + behind, foramina.middle_mm + sign * aside])
        wall = draw(rng, (0.3, 1.1))
        if chance(rng, 0.7):
            around = tissue.fat if chance(rng, 0.6) else draw(rng, (0.05, 2.0))
            sheath = Tube.plain(points, radius + wall + draw(rng, (0.5, 2.0)), 0.2)
            paint_vessel(canvas, sheath, around, around)
        bright = contrast.wall * draw(rng, (0.85, 1.1))
        blood = contrast.lumen * draw(rng, (0.8, 1.25)) + draw(rng, (0.0, 0.05))
        paint_vessel(canvas, Tube.plain(points, radius * (1 + 0.05 * wave), wall), bright, blood)
        if chance(rng, 0.4):
            turn = rng.uniform(0, 2 * np.pi)
            beside = (radius + wall + 1.2) * np.array([0.0, np.sin(turn), np.cos(turn)])
            vein = Tube.plain(points + beside, draw(rng, (0.5, 1.4)), 0.3)
            dark = chance(rng, 0.6)
            paint_vessel(canvas, vein, bright, blood if dark else draw(rng, (0.5, 2.0)))


def paint_subclavian_vessels(
    canvas: Canvas, rng: np.random.Generator, layout: Layout, contrast: Contrast
) -> None:
    """Paint vessels that arch sideways near the lower end of the field."""
    along = np.linspace(0, 1, 40)
    front = float(layout.spine_at(0))
    for sign in (1.0, -1.0):
        for _ in range(int(rng.integers(0, 3))):
            rise = draw(rng, (-18.0, 22.0)) + draw(rng, (0.0, 18.0)) * np.sin(np.pi * along)
            behind = front + draw(rng, (-22.0, 12.0)) + draw(rng, (-15.0, 25.0)) * along
            aside = sign * (10 + draw(rng, (40.0, 90.0)) * along)
            tube = Tube.plain(
                np.column_stack([rise, behind, aside]),
                draw(rng, (2.2, 5.5)),
                draw(rng, (0.3, 1.0)),
            )
            dark = contrast.lumen * draw(rng, (0.7, 1.4)) + 0.02
            lumen = dark if chance(rng, 0.75) else draw(rng, (0.5, 2.2))
            paint_vessel(canvas, tube, contrast.wall * draw(rng, (0.7, 1.1)), lumen)
