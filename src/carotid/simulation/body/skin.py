"""The outline of a whole neck: skin, the fat under it, shoulders, jaw, and the air outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.canvas import smooth_noise
from carotid.simulation.recipe import chance, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.body.layout import Layout
    from carotid.simulation.body.tissue import Tissue
    from carotid.simulation.canvas import Canvas

_ALL = (slice(None), slice(None), slice(None))


@dataclass(frozen=True, eq=False)
class Outside:
    """What lies beyond the skin.

    Attributes:
        share: (s, p, l) share of each voxel that is outside.
        gain: (s, p, l) factor on the signal by surface coils near the skin; None without them.
    """

    share: NDArray[np.float32]
    gain: NDArray[np.float32] | None


def paint_skin(canvas: Canvas, rng: np.random.Generator, tissue: Tissue, layout: Layout) -> Outside:
    """Paint skin and the fat under it; what is outside is painted later, over everything.

    Carotids are painted later, so that fat never covers them.
    """
    depth = _depth_outside(canvas, rng, layout)
    room = max(3.0, layout.aside_mm - 6)
    fat = np.float32(draw(rng, (1.0, min(16.0, room))))
    canvas.paint(_ALL, canvas.edge(-depth - fat), tissue.fat)
    canvas.paint(_ALL, canvas.edge(-depth - np.float32(draw(rng, (0.7, 2.6)))), tissue.skin)
    share = canvas.edge(-depth)
    gain = None
    if chance(rng, 0.45):
        reach = np.float32(draw(rng, (8.0, 35.0)))
        gain = 1 + np.float32(draw(rng, (0.2, 2.5))) * np.exp(np.clip(depth, -200, 0) / reach)
    if chance(rng, 0.2):  # one coil, behind the neck or before it
        p = canvas.axis_mm(1)
        far = (p - p.mean()) * np.float32(rng.choice((-1.0, 1.0)) / draw(rng, (30.0, 120.0)))
        one = np.exp(np.clip(far, -2, 2))[None, :, None]
        gain = one * np.ones_like(depth) if gain is None else gain * one
    return Outside(share, gain)


def _depth_outside(canvas: Canvas, rng: np.random.Generator, layout: Layout) -> NDArray[np.float32]:
    """(s, p, l) approximate distance from the skin, mm, negative inside the neck."""
    _, p, lateral = canvas.grid_mm(_ALL)
    s = canvas.axis_mm(0).astype(np.float64)
    half_l = max(draw(rng, (48.0, 82.0)), layout.widest_mm + draw(rng, (8.0, 20.0)))
    half_p, before = draw(rng, (45.0, 78.0)), draw(rng, (18.0, 50.0))
    low = draw(rng, (-40.0, 35.0))
    high = layout.height_mm * draw(rng, (0.5, 1.3))
    shoulder, jaw = np.clip(low - s, 0, None), np.clip(s - high, 0, 50)
    wide = half_l + shoulder ** draw(rng, (1.0, 1.45)) * draw(rng, (0.5, 2.5))
    wide = wide + jaw * draw(rng, (-0.1, 0.4))
    deep = half_p + shoulder * draw(rng, (0.0, 0.4)) + jaw * draw(rng, (0.2, 0.9))
    center = layout.carotid_at(s) - before - jaw * draw(rng, (0.3, 1.2)) + deep
    power = np.float32(draw(rng, (1.9, 2.8)))
    u = np.abs((p - _per_row(center)) / _per_row(deep)) ** power
    v = np.abs((lateral - np.float32(rng.normal(0, 2))) / _per_row(wide)) ** power
    out = (u + v) ** np.float32(1 / power)
    out -= 1
    out *= _per_row(np.minimum(wide, deep))
    axes = (canvas.axis_mm(0), canvas.axis_mm(1), canvas.axis_mm(2))
    knots = draw(rng, (10.0, 30.0))
    out += np.float32(draw(rng, (0.2, 1.5))) * smooth_noise(rng, axes, (2 * knots, knots, knots))
    return np.asarray(out, np.float32)


def _per_row(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)[:, None, None]
