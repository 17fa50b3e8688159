"""How a carotid tree looks in a black-blood scan: grey walls, dark lumens, plaque, slow flow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.canvas import Box, Canvas, ellipsoid_distance, tube_distance
from carotid.simulation.recipe import NeckRecipe, chance, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.anatomy import CarotidTree, SlowFlow, Tube


@dataclass(frozen=True)
class Contrast:
    """Signal of the carotids where tissue is about 1.

    Attributes:
        wall: Signal of the healthy wall.
        lumen: Signal of blood.
        halo: Signal of the fat around the arteries; None without.
        halo_mm: Its thickness.
    """

    wall: float
    lumen: float
    halo: float | None
    halo_mm: float


def draw_contrast(rng: np.random.Generator, recipe: NeckRecipe) -> Contrast:
    """Draw how bright walls, blood and fat are."""
    wall = draw(rng, recipe.wall_over_tissue)
    poor = chance(rng, recipe.p_poor_lumen)
    share = draw(rng, recipe.lumen_over_wall_poor if poor else recipe.lumen_over_wall)
    lumen = wall * share
    if chance(rng, 0.85):
        lumen = min(lumen, draw(rng, (0.5, 0.95)))  # seldom brighter than the tissue around
    halo = None
    if chance(rng, recipe.p_halo):
        dark = chance(rng, 1 - recipe.p_bright_halo)
        halo = wall * draw(rng, (0.3, 0.8) if dark else (1.1, 1.8))
    return Contrast(wall, lumen, halo, draw(rng, (0.8, 4.0)))


def draw_bright_contrast(rng: np.random.Generator, dark: Contrast) -> Contrast:
    """The contrast of a scan in which blood is brighter than the walls."""
    return replace(dark, wall=draw(rng, (0.5, 1.3)), lumen=draw(rng, (1.6, 3.5)))


def paint_carotids(
    canvas: Canvas, rng: np.random.Generator, tree: CarotidTree, contrast: Contrast
) -> None:
    """Paint one side's carotids over what is there."""
    halo = contrast.halo_mm if contrast.halo is not None else 0.0
    reach = canvas.softness_mm + halo
    tubes = tree.tubes
    box = _common_box(canvas, tubes, reach)
    if box is None:
        return
    outer = _nearest(canvas, [(t.outer_points, t.outer_radius) for t in tubes], reach, box)
    wall_share = canvas.edge(outer)
    if contrast.halo is not None:
        canvas.paint(box, canvas.edge(outer - np.float32(halo)), contrast.halo)
    along = _wall_along(canvas, rng, box)
    canvas.paint(box, wall_share, np.float32(contrast.wall) * along)
    _paint_cores(canvas, rng, tree, contrast, (box, wall_share))
    open_tubes = tubes[1:] if tree.occluded else tubes
    if not open_tubes:
        return
    inner = _nearest(canvas, [(t.points, t.radius) for t in open_tubes], canvas.softness_mm, box)
    share = canvas.edge(inner)
    value = np.full(share.shape, contrast.lumen, dtype=np.float32)
    for flow in tree.slow_flow:
        _add_slow_flow(canvas, box, inner, flow, contrast.wall, value)
    canvas.paint(box, share, value)


def _common_box(canvas: Canvas, tubes: tuple[Tube, ...], reach: float) -> Box | None:
    low = np.min([(t.outer_points - t.outer_radius[:, None]).min(axis=0) for t in tubes], axis=0)
    high = np.max([(t.outer_points + t.outer_radius[:, None]).max(axis=0) for t in tubes], axis=0)
    return canvas.box(low - reach, high + reach)


def _nearest(
    canvas: Canvas,
    chains: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    reach: float,
    box: Box,
) -> NDArray[np.float32]:
    """Signed distance from the nearest of several chains of spheres, in `box`."""
    out = np.full(tuple(b.stop - b.start for b in box), reach, dtype=np.float32)
    for points, radius in chains:
        found = tube_distance(canvas, points, radius, reach)
        if found is None:
            continue
        inside = tuple(
            slice(max(f.start, b.start) - b.start, min(f.stop, b.stop) - b.start)
            for f, b in zip(found[0], box, strict=True)
        )
        cut = tuple(
            slice(max(f.start, b.start) - f.start, min(f.stop, b.stop) - f.start)
            for f, b in zip(found[0], box, strict=True)
        )
        part = out[inside]
        np.minimum(part, found[1][cut], out=part)
    return out


def _wall_along(canvas: Canvas, rng: np.random.Generator, box: Box) -> NDArray[np.float32]:
    """(s, 1, 1) slow variation of the wall's signal along the height."""
    s = canvas.axis_mm(0, box[0])
    wave = np.sin(s / draw(rng, (4.0, 20.0)) + rng.uniform(0, 2 * np.pi))
    out: NDArray[np.float32] = (1 + draw(rng, (0.0, 0.2)) * wave).astype(np.float32)[:, None, None]
    return out


_CORE_SIGNAL = {"lipid": (0.45, 0.9), "calcium": (0.0, 0.3), "haemorrhage": (1.2, 2.0)}


def _paint_cores(
    canvas: Canvas,
    rng: np.random.Generator,
    tree: CarotidTree,
    contrast: Contrast,
    wall: tuple[Box, NDArray[np.float32]],
) -> None:
    box, wall_share = wall
    for core in tree.cores:
        level = contrast.wall * draw(rng, _CORE_SIGNAL[core.kind])
        half = (core.half_mm[0], core.half_mm[1], core.half_mm[1])
        found = ellipsoid_distance(canvas, core.center, half)
        if found is None:
            continue
        start = [max(f.start, b.start) for f, b in zip(found[0], box, strict=True)]
        stop = [min(f.stop, b.stop) for f, b in zip(found[0], box, strict=True)]
        if any(a >= b for a, b in zip(start, stop, strict=True)):
            continue
        both = (slice(start[0], stop[0]), slice(start[1], stop[1]), slice(start[2], stop[2]))
        cut = tuple(
            slice(b.start - f.start, b.stop - f.start) for b, f in zip(both, found[0], strict=True)
        )
        cut_wall = tuple(
            slice(b.start - f.start, b.stop - f.start) for b, f in zip(both, box, strict=True)
        )
        canvas.paint(both, canvas.edge(found[1][cut]) * wall_share[cut_wall], level)


def _add_slow_flow(
    canvas: Canvas,
    box: Box,
    inner: NDArray[np.float32],
    flow: SlowFlow,
    wall_level: float,
    value: NDArray[np.float32],
) -> None:
    """Brighten `value`, the lumen's signal in `box`, where blood is slow."""
    reach = 3 * flow.half_length_mm
    s = canvas.axis_mm(0, box[0])
    first, last = np.searchsorted(s, [flow.center[0] - reach, flow.center[0] + reach])
    if first >= last:
        return
    rows = slice(int(first), int(last))
    fade = np.exp(-0.5 * ((s[rows] - flow.center[0]) / flow.half_length_mm) ** 2)
    p = canvas.axis_mm(1, box[1]) - np.float32(flow.center[1])
    lateral = canvas.axis_mm(2, box[2]) - np.float32(flow.center[2])
    near = np.clip(1 + inner[rows] * np.float32(1 / flow.depth_mm), 0, 1)
    near *= fade[:, None, None].astype(np.float32)
    if flow.one_sided:
        across = np.sin(flow.direction) * p[:, None] + np.cos(flow.direction) * lateral[None, :]
        near *= (1 / (1 + np.exp(np.clip(-across / 0.7, -30, 30)))).astype(np.float32)
    # Only the artery that the flow belongs to: the others are farther away than this.
    near *= ((p[:, None] ** 2 + lateral[None, :] ** 2) < 144).astype(np.float32)
    part = value[rows]
    part += near * np.maximum(np.float32(flow.strength * wall_level) - part, 0)
