"""The airway from the trachea to the pharynx, its cartilages, the gullet and the tongue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.body.columns import Column, Rim, paint_column, paint_ellipsoid
from carotid.simulation.recipe import chance, draw

if TYPE_CHECKING:
    from carotid.simulation.body.layout import Layout
    from carotid.simulation.body.tissue import Tissue
    from carotid.simulation.canvas import Canvas

_ABOVE_LARYNX = (-25.0, -8.0, 0.0, 12.0, 28.0, 60.0)
"""Heights above the larynx at which the section of the airway is drawn, mm."""

_HALF_P = ((5, 10), (5, 10), (4, 10), (2.5, 8), (2.5, 8), (2.5, 9))
_HALF_L = ((6, 11), (4, 9), (1.5, 7), (6, 16), (7, 18), (5, 16))
_BEFORE_SPINE = ((4, 12), (4, 12), (4, 10), (2, 7), (2, 7), (2, 8))


def paint_airway(canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout) -> None:
    """Paint trachea, larynx and pharynx one above the other, and the gullet behind them."""
    s = canvas.axis_mm(0).astype(np.float64)
    larynx = layout.height_mm * draw(rng, (-0.2, 0.8))
    half_p, half_l, gap = (
        np.interp(s - larynx, _ABOVE_LARYNX, [draw(rng, span) for span in spans])
        for spans in (_HALF_P, _HALF_L, _BEFORE_SPINE)
    )
    middle = rng.normal(0, 2.0)
    front = layout.spine_at(s)
    center = front - gap - half_p
    if chance(rng, 0.4):
        _paint_tongue(canvas, rng, tissue, layout, larynx)
    if chance(rng, 0.5):
        shield = Column(
            center,
            middle,
            half_p + 5,
            half_l + draw(rng, (4.0, 8.0)),
            span_mm=(larynx - 15, larynx + 10),
        )
        paint_column(canvas, shield, tissue.cortex if chance(rng, 0.5) else tissue.marrow)
    lining = Rim(draw(rng, (0.6, 4.0)), tissue.mucosa)
    hollow = Column(center, middle, half_p, half_l, power=draw(rng, (1.6, 3.0)))
    paint_column(canvas, hollow, tissue.air, lining)
    if chance(rng, 0.6):
        span = (-50.0, larynx - 5)
        aside = middle + draw(rng, (-2.0, 6.0))
        gullet = Column(front - gap / 2, aside, 3.0, draw(rng, (4.0, 8.0)), span_mm=span)
        paint_column(canvas, gullet, tissue.muscle)
        if chance(rng, 0.5):
            inside = Column(front - gap / 2, aside, 1.0, 2.0, span_mm=span)
            paint_column(canvas, inside, tissue.air if chance(rng, 0.5) else tissue.mucosa)


def _paint_tongue(
    canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout, larynx_mm: float
) -> None:
    height = larynx_mm + draw(rng, (25.0, 60.0))
    center = (height, float(layout.carotid_at(height)) - draw(rng, (30.0, 50.0)), 0.0)
    half = (draw(rng, (15.0, 30.0)), draw(rng, (14.0, 26.0)), draw(rng, (14.0, 24.0)))
    rim = Rim(draw(rng, (0.5, 3.0)), tissue.fat) if chance(rng, 0.5) else None
    paint_ellipsoid(canvas, center, half, tissue.muscle * rng.normal(1.1, 0.15), rim)
