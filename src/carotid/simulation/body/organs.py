"""Glands and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.simulation.body.columns import Rim, paint_ellipsoid
from carotid.simulation.recipe import chance, draw, draw_count, draw_log

if TYPE_CHECKING:
    import numpy as np

    from carotid.simulation.body.layout import Layout
    from carotid.simulation.body.tissue import Tissue
    from carotid.simulation.canvas import Canvas


@dataclass(frozen=True)
class _Gland:
    """Ranges of a gland, mm but for the height, which is a share of the field's.

    Attributes:
        share: Chance of it on a side.
        height: Where it lies.
        behind: p from the carotids.
        aside: l from the carotids, or from the midline where `from_midline`.
        half: Half axes along s, p and l.
        from_midline: See `aside`.
    """

    share: float
    height: tuple[float, float]
    behind: tuple[float, float]
    aside: tuple[float, float]
    half: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    from_midline: bool = False


_THYROID = _Gland(
    0.6, (-0.1, 0.35), (-10, 0), (10, 17), ((12, 26), (5, 11), (4, 9)), from_midline=True
)
_SUBMANDIBULAR = _Gland(0.6, (0.5, 1.0), (-28, -10), (-4, 10), ((8, 18), (6, 14), (5, 10)))
_PAROTID = _Gland(0.5, (0.75, 1.2), (-12, 8), (10, 22), ((12, 25), (8, 16), (6, 12)))


def paint_organs(canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout) -> None:
    """Paint the thyroid, the salivary glands and lymph nodes on both sides."""
    for sign in (1.0, -1.0):
        for gland in (_THYROID, _SUBMANDIBULAR, _PAROTID):
            if chance(rng, gland.share):
                _paint_gland(canvas, rng, tissue, layout, gland, sign)
        for _ in range(draw_count(rng, (0, 8))):
            _paint_node(canvas, rng, tissue, layout, sign)


def _rim(rng: np.random.Generator, tissue: Tissue) -> Rim | None:
    return Rim(draw(rng, (0.4, 1.5)), tissue.fat) if chance(rng, 0.6) else None


def _paint_gland(
    canvas: Canvas,
    rng: np.random.Generator,
    tissue: Tissue,
    layout: Layout,
    gland: _Gland,
    sign: float,
) -> None:
    s = layout.height_mm * draw(rng, gland.height)
    p = float(layout.carotid_at(s)) + draw(rng, gland.behind)
    aside = draw(rng, gland.aside) + (0.0 if gland.from_midline else layout.aside_mm)
    half = (draw(rng, gland.half[0]), draw(rng, gland.half[1]), draw(rng, gland.half[2]))
    level = tissue.gland * rng.normal(1, 0.12)
    paint_ellipsoid(canvas, (s, p, sign * aside), half, level, _rim(rng, tissue))


def _paint_node(
    canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout, sign: float
) -> None:
    size = draw_log(rng, (1.5, 6.0))
    s = rng.uniform(0, layout.height_mm)
    p = float(layout.carotid_at(s)) + rng.normal(3, 12)
    center = (s, p, sign * (layout.aside_mm + rng.normal(8, 9)))
    half = (size * draw(rng, (0.8, 2.5)), size, size * draw(rng, (0.7, 1.5)))
    level = draw(rng, (0.5, 2.2))
    paint_ellipsoid(canvas, center, half, level, _rim(rng, tissue), rng.uniform(0, 3))
