"""Muscles in pairs, in layers with planes of fat or dark clefts between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.body.columns import Column, Rim, paint_column
from carotid.simulation.recipe import chance, draw

if TYPE_CHECKING:
    from carotid.simulation.body.layout import Layout
    from carotid.simulation.body.tissue import Tissue
    from carotid.simulation.canvas import Canvas


@dataclass(frozen=True)
class _Pair:
    """Ranges of a pair of muscles, mm: behind the spine's front, aside, half axes; radians."""

    behind: tuple[float, float]
    aside: tuple[float, float]
    half_p: tuple[float, float]
    half_l: tuple[float, float]
    turn: float


_PAIRS = (
    _Pair((-5, -1), (6, 12), (2.5, 5), (4, 8), 0.0),  # longus
    _Pair((4, 15), (22, 32), (5, 9), (4, 9), 0.3),  # scalene
    _Pair((18, 30), (28, 42), (5, 9), (5, 10), 0.5),  # levator
    _Pair((30, 42), (7, 15), (5, 9), (5, 9), 0.0),  # multifidus
    _Pair((34, 46), (18, 30), (4, 8), (6, 12), 0.5),  # longissimus
    _Pair((42, 56), (6, 14), (4, 8), (6, 12), 0.2),  # semispinalis
    _Pair((48, 62), (14, 28), (3, 6), (8, 16), 0.5),  # splenius
    _Pair((58, 76), (12, 40), (2.5, 5), (12, 28), 0.5),  # trapezius
    _Pair((-26, -10), (5, 16), (2, 4), (5, 11), -0.2),  # strap muscles
)


def paint_muscles(canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout) -> None:
    """Paint the muscles of the neck that lie about the spine, and those at its sides."""
    plane = None
    if chance(rng, 0.8):
        cleft = chance(rng, 0.2)
        thickness = draw(rng, (0.3, 1.0)) if cleft else draw(rng, (0.4, 2.4))
        plane = Rim(thickness, tissue.cortex if cleft else tissue.fat)
    tilt = layout.tilt(canvas)
    front = layout.spine_at(canvas.axis_mm(0))
    # Large ones press against each other with a thin plane between them, as in an athlete.
    size = draw(rng, (0.85, 1.6))
    for pair in _PAIRS:
        if chance(rng, 0.15):
            continue
        level = tissue.muscle * rng.normal(1, 0.1)
        behind, aside = draw(rng, pair.behind), draw(rng, pair.aside)
        half_p, half_l = size * draw(rng, pair.half_p), size * draw(rng, pair.half_l)
        power = draw(rng, (1.7, 2.8)) if chance(rng, 0.3) else 2.0
        for sign in (1, -1):
            shift, lean = rng.normal(0, 1.2, 2), rng.uniform(-8, 8, 2)
            muscle = Column(
                front + behind + shift[0] + lean[0] * tilt,
                sign * (aside + shift[1] + lean[1] * tilt),
                half_p * np.exp(rng.normal(0, 0.1)) * (1 + 0.2 * tilt),
                half_l,
                turn=pair.turn * sign,
                power=power,
            )
            paint_column(canvas, muscle, level * rng.normal(1, 0.03), plane)
    _paint_sternocleidomastoid(canvas, rng, tissue, layout, plane)


def _paint_sternocleidomastoid(
    canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout, plane: Rim | None
) -> None:
    """Before the carotids below, behind and beside them above."""
    tilt = layout.tilt(canvas)
    carotid = layout.carotid_at(canvas.axis_mm(0))
    gap, run = draw(rng, (9.0, 20.0)), draw(rng, (10.0, 40.0))
    behind, short, long = draw(rng, (-10.0, 12.0)), draw(rng, (3.5, 8.0)), draw(rng, (7.0, 15.0))
    for sign in (1, -1):
        muscle = Column(
            carotid + behind + run * tilt + rng.normal(0, 1.5),
            sign * (layout.aside_mm + gap * (1 + 0.3 * tilt) + rng.normal(0, 1.5)),
            long,
            short,
            turn=-sign * draw(rng, (0.1, 0.9)),
        )
        paint_column(canvas, muscle, tissue.muscle * rng.normal(1, 0.06), plane)
