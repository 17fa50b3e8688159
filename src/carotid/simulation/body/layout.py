"""Where a neck's parts lie: curves along the height that spine, muscles and organs follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.recipe import draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.anatomy import CarotidTree
    from carotid.simulation.canvas import Canvas
    from carotid.simulation.surroundings import Field

_POINTS = 61


@dataclass(frozen=True, eq=False)
class Layout:
    """Curves along the height, in the neck's millimetres.

    Attributes:
        height_mm: Extent of the field of view along s.
        heights_mm: (n,) heights s from 0 to `height_mm`.
        carotid_mm: (n,) p of the carotids, left and right together, smoothed.
        spine_mm: (n,) p of the front of the vertebral bodies.
        aside_mm: Mean distance of the carotids from the midline.
        widest_mm: Largest distance of a carotid from the midline.
    """

    height_mm: float
    heights_mm: NDArray[np.float64]
    carotid_mm: NDArray[np.float64]
    spine_mm: NDArray[np.float64]
    aside_mm: float
    widest_mm: float

    def carotid_at(self, s_mm: NDArray[np.floating] | float) -> NDArray[np.float64]:
        """P of the carotids at some heights."""
        return np.asarray(np.interp(s_mm, self.heights_mm, self.carotid_mm), np.float64)

    def spine_at(self, s_mm: NDArray[np.floating] | float) -> NDArray[np.float64]:
        """P of the front of the spine at some heights."""
        return np.asarray(np.interp(s_mm, self.heights_mm, self.spine_mm), np.float64)

    def tilt(self, canvas: Canvas) -> NDArray[np.float64]:
        """(rows,) from -1/2 at the field's lower end to 1/2 at its upper one."""
        s = canvas.axis_mm(0).astype(np.float64)
        return np.asarray((s - self.height_mm / 2) / self.height_mm, np.float64)


def draw_layout(
    rng: np.random.Generator, field: Field, trees: tuple[CarotidTree, ...], spine_mm: float
) -> Layout:
    """Lay a neck out about its carotids.

    Args:
        rng: Source of chance.
        field: The field of view.
        trees: The carotids.
        spine_mm: How far behind the carotids the front of the spine lies, on the whole.
    """
    s = np.linspace(0, field.height_mm, _POINTS)
    courses = [tree.internal.points for tree in trees]
    behind = np.mean([np.interp(s, c[:, 0], c[:, 1]) for c in courses], axis=0)
    carotid = np.polynomial.Polynomial.fit(s, behind, 2)(s)
    bend = draw(rng, (-4.0, 4.0)) * ((s - field.height_mm / 2) / 50) ** 2
    spine = draw(rng, (0.3, 1.0)) * (carotid - carotid.mean()) + bend
    spine += carotid.mean() - spine.mean() + spine_mm
    inside = [c[(c[:, 0] > 0) & (c[:, 0] < field.height_mm)] for c in courses]
    away = [np.abs(c[:, 2]) for c in inside if len(c)]
    return Layout(
        field.height_mm,
        s,
        carotid,
        spine,
        float(np.mean([a.mean() for a in away])) if away else 25.0,
        float(np.max([a.max() for a in away])) if away else 25.0,
    )
