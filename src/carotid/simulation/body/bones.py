"""Jaw and teeth at the top of a neck; collar bones, ribs and the tips of the lungs at its foot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.anatomy import Tube
from carotid.simulation.body.columns import Rim, paint_ellipsoid
from carotid.simulation.recipe import chance, draw
from carotid.simulation.surroundings import paint_vessel

if TYPE_CHECKING:
    from carotid.simulation.body.layout import Layout
    from carotid.simulation.body.tissue import Tissue
    from carotid.simulation.canvas import Canvas


def paint_jaw(canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout) -> None:
    """Paint the jaw's arch, its branches that rise behind, and a row of teeth on it."""
    s = layout.height_mm * draw(rng, (0.6, 1.2))
    front = float(layout.carotid_at(s)) - draw(rng, (50.0, 70.0))
    depth, width = draw(rng, (45.0, 62.0)), draw(rng, (34.0, 48.0))
    rise, size = draw(rng, (4.0, 14.0)), draw(rng, (2.0, 5.0))
    along = np.linspace(0, 1, 24)
    teeth = chance(rng, 0.6)
    for sign in (1.0, -1.0):
        arch = np.column_stack(
            [s + rise * along, front + depth * along, sign * (6 + width * np.sqrt(along))]
        )
        bone = Tube.plain(arch, size, draw(rng, (1.0, 2.5)))
        paint_vessel(canvas, bone, tissue.cortex, tissue.marrow)
        top = arch[-1]
        branch = top + np.column_stack(
            [np.linspace(0, 35, 12), np.linspace(0, 6, 12), np.zeros(12)]
        )
        ramus = Tube.plain(branch, size * 0.8, draw(rng, (1.0, 2.0)))
        paint_vessel(canvas, ramus, tissue.cortex, tissue.marrow)
        if teeth:
            for k in range(1, 14, 2):
                tooth = arch[k] + np.array([size + draw(rng, (3.0, 8.0)), rng.normal(0, 0.8), 0.0])
                half = (draw(rng, (4.0, 8.0)), draw(rng, (2.0, 4.0)), draw(rng, (2.0, 4.0)))
                center = (float(tooth[0]), float(tooth[1]), float(tooth[2]))
                rim = Rim(draw(rng, (0.4, 1.2)), tissue.mucosa)
                paint_ellipsoid(canvas, center, half, tissue.cortex * draw(rng, (0.1, 1.0)), rim)


def paint_chest(canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout) -> None:
    """Paint collar bones, first ribs and lung tips near the lower end of the field."""
    spine = float(layout.spine_at(0))
    along = np.linspace(0, 1, 24)
    bones, lungs = chance(rng, 0.6), chance(rng, 0.6)
    level, low = draw(rng, (-25.0, 12.0)), draw(rng, (-28.0, 0.0))
    for sign in (1.0, -1.0):
        if lungs:
            center = (low, spine + draw(rng, (-5.0, 25.0)), sign * draw(rng, (28.0, 52.0)))
            half = (draw(rng, (15.0, 30.0)), draw(rng, (12.0, 25.0)), draw(rng, (14.0, 28.0)))
            paint_ellipsoid(canvas, center, half, tissue.air)
        if bones:
            s = level + draw(rng, (0.0, 16.0)) * along
            collar = np.column_stack(
                [
                    s,
                    spine - draw(rng, (28.0, 45.0)) + draw(rng, (-5.0, 30.0)) * along,
                    sign * (10 + 80 * along),
                ]
            )
            tube = Tube.plain(collar, draw(rng, (3.0, 5.5)), draw(rng, (0.8, 2.0)))
            paint_vessel(canvas, tube, tissue.cortex, tissue.marrow)
            reach = draw(rng, (28.0, 50.0))
            turn = np.pi * along * 0.8
            rib = np.column_stack(
                [
                    level - draw(rng, (-8.0, 10.0)) - 10 * along,
                    spine + 20 - 26 * (1 - np.cos(turn)),
                    sign * (16 + reach * np.sin(turn)),
                ]
            )
            tube = Tube.plain(rib, draw(rng, (2.0, 4.0)), draw(rng, (0.6, 1.5)))
            paint_vessel(canvas, tube, tissue.cortex, tissue.marrow)
