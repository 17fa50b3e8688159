"""The spine: vertebrae with their processes, discs, and the canal with cord and fluid.

A cord in a ring of fluid is round, often dark in something bright, and lies near the midline: of
all that is no carotid it looks most like one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.anatomy import Tube
from carotid.simulation.body.columns import Column, Rim, paint_column, paint_ellipsoid
from carotid.simulation.recipe import chance, draw
from carotid.simulation.surroundings import paint_vessel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.body.layout import Layout
    from carotid.simulation.body.tissue import Tissue
    from carotid.simulation.canvas import Canvas


@dataclass(frozen=True)
class Foramina:
    """Where the holes for the vertebral arteries are.

    Attributes:
        middle_mm: l of the spine's middle.
        aside_mm: Distance from it.
        behind_mm: Distance behind the front of the vertebral bodies.
    """

    middle_mm: float
    aside_mm: float
    behind_mm: float


def draw_foramina(rng: np.random.Generator) -> Foramina:
    """Draw where the vertebral arteries run."""
    return Foramina(float(rng.normal(0, 1.2)), draw(rng, (13.0, 19.5)), draw(rng, (6.5, 14.5)))


@dataclass(frozen=True, eq=False)
class _Spine:
    """Measures of one spine.

    Attributes:
        middle: l of its middle.
        front: (rows,) p of the front of the bodies, per row of the canvas.
        canal: (rows,) p of the canal's middle.
        half_p, half_l: Half axes of the bodies.
        canal_p, canal_l: Half axes of the canal.
        heights: (n,) s of the middles of the bodies.
        period: Distance between them.
        rim: Compact bone, where it shows.
    """

    middle: float
    front: NDArray[np.float64]
    canal: NDArray[np.float64]
    half_p: float
    half_l: float
    canal_p: float
    canal_l: float
    heights: NDArray[np.float64]
    period: float
    rim: Rim | None


def paint_spine(
    canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout, foramina: Foramina
) -> None:
    """Paint vertebrae, discs, arches, and the canal with what is in it."""
    spine = _draw_spine(rng, canvas, tissue, layout, foramina)
    _paint_processes(canvas, rng, tissue, layout, spine, foramina)
    _paint_bodies(canvas, rng, tissue, spine)
    if chance(rng, 0.96):
        _paint_canal(canvas, rng, tissue, spine)
        if chance(rng, 0.5):
            _paint_roots(canvas, rng, tissue, spine)


def _draw_spine(
    rng: np.random.Generator, canvas: Canvas, tissue: Tissue, layout: Layout, foramina: Foramina
) -> _Spine:
    half_p, half_l = draw(rng, (6.5, 10.5)), draw(rng, (11.0, 18.0))
    period, phase = draw(rng, (14.0, 20.0)), rng.uniform(0, 20)
    front = layout.spine_at(canvas.axis_mm(0))
    rim = Rim(draw(rng, (0.4, 1.6)), tissue.cortex) if chance(rng, 0.7) else None
    return _Spine(
        foramina.middle_mm,
        front,
        front + 2 * half_p + draw(rng, (4.5, 9.5)),
        half_p,
        half_l,
        draw(rng, (5.5, 9.5)),
        draw(rng, (8.5, 14.0)),
        np.arange(phase - 20, layout.height_mm + 20, period),
        period,
        rim,
    )


def _at(canvas: Canvas, values: NDArray[np.float64], height: float) -> float:
    """A value per row of the canvas, at a height."""
    return float(np.interp(height, canvas.axis_mm(0), values))


def _paint_processes(
    canvas: Canvas,
    rng: np.random.Generator,
    tissue: Tissue,
    layout: Layout,
    spine: _Spine,
    foramina: Foramina,
) -> None:
    bone = draw(rng, (2.0, 5.0))
    arch = Column(spine.canal, spine.middle, spine.canal_p + bone, spine.canal_l + bone)
    paint_column(canvas, arch, tissue.marrow, spine.rim)
    length = draw(rng, (8.0, 18.0))
    for height in spine.heights:
        canal = _at(canvas, spine.canal, height)
        paint_ellipsoid(
            canvas,
            (height - 3, canal + spine.canal_p + length * 0.7, spine.middle),
            (spine.period * 0.36, length, draw(rng, (1.8, 4.0))),
            tissue.marrow,
            spine.rim,
        )
        for sign in (1, -1):
            joint = (height, canal - rng.uniform(0, 4), spine.middle + sign * (spine.canal_l + 6))
            half = (spine.period * 0.42, draw(rng, (4.0, 7.0)), draw(rng, (4.0, 7.5)))
            paint_ellipsoid(canvas, joint, half, tissue.marrow, spine.rim)
            front = float(layout.spine_at(height))
            aside = spine.middle + sign * foramina.aside_mm
            half = (spine.period * 0.3, draw(rng, (4.0, 7.0)), draw(rng, (4.5, 8.0)))
            paint_ellipsoid(
                canvas, (height, front + foramina.behind_mm, aside), half, tissue.marrow, spine.rim
            )


def _paint_bodies(canvas: Canvas, rng: np.random.Generator, tissue: Tissue, spine: _Spine) -> None:
    power = draw(rng, (2.0, 3.2))
    center = spine.front + spine.half_p
    for height in spine.heights:
        for low, high, size, level in (
            (0.36, 0.64, (1.03, 1.0), tissue.disc),
            (-0.36, 0.36, (1.0, 0.97), tissue.marrow),
        ):
            span = (height + spine.period * low, height + spine.period * high)
            column = Column(
                center,
                spine.middle,
                spine.half_p * size[0],
                spine.half_l * size[1],
                power=power,
                span_mm=span,
            )
            paint_column(canvas, column, level, spine.rim)


def _paint_canal(canvas: Canvas, rng: np.random.Generator, tissue: Tissue, spine: _Spine) -> None:
    around = None
    if chance(rng, 0.6):
        around = Rim(draw(rng, (0.5, 2.0)), tissue.fat if chance(rng, 0.5) else tissue.cortex)
    sac = Column(spine.canal, spine.middle, spine.canal_p, spine.canal_l)
    paint_column(canvas, sac, tissue.fluid, around)
    half_p = min(draw(rng, (2.8, 5.0)), spine.canal_p * 0.8)
    half_l = min(draw(rng, (4.2, 8.0)), spine.canal_l * 0.8)
    s = canvas.axis_mm(0).astype(np.float64)
    swell = np.sin(s / draw(rng, (10.0, 40.0)) + rng.uniform(0, 6))
    grow = 1 + draw(rng, (0.0, 0.15)) * swell
    center = spine.canal + draw(rng, (-0.6, 0.6)) * max(spine.canal_p - half_p, 0)
    cord = Column(center, spine.middle, half_p * grow, half_l * grow)
    paint_column(canvas, cord, tissue.cord)
    if chance(rng, 0.4):
        grey = Column(center, spine.middle, half_p * grow * 0.4, half_l * grow * 0.6)
        paint_column(canvas, grey, tissue.cord * draw(rng, (0.8, 1.25)))


def _paint_roots(canvas: Canvas, rng: np.random.Generator, tissue: Tissue, spine: _Spine) -> None:
    along = np.linspace(0, 18, 10)
    for height in spine.heights + spine.period / 2:
        for sign in (1, -1):
            points = np.column_stack(
                [
                    height - 0.3 * along,
                    _at(canvas, spine.canal, height) - 0.35 * along,
                    spine.middle + sign * (spine.canal_l * 0.7 + along),
                ]
            )
            sheath = tissue.fat if chance(rng, 0.5) else tissue.fluid
            tube = Tube.plain(points, draw(rng, (0.8, 2.0)), draw(rng, (0.4, 1.5)))
            paint_vessel(canvas, tube, sheath, tissue.cord)
