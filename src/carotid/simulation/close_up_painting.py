"""How a close-up looks: tissue, veins and nodes around the arteries, their walls, plaque, blood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.anatomy import Tube
from carotid.simulation.canvas import Canvas, ellipsoid_distance, smooth_noise, tube_distance
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_log
from carotid.simulation.surroundings import (
    Field,
    paint_airway_and_spine,
    paint_body,
    paint_muscles_and_glands,
    paint_vessel,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.anatomy import CarotidTree
    from carotid.simulation.canvas import Box
    from carotid.simulation.relief import ShapedArtery

_REACH_MM = 8.5
"""Distances are computed this far from a chain of spheres; walls are thinner."""


@dataclass(frozen=True)
class Look:
    """How bright things are; tissue is about 1."""

    wall: float
    lumen: float
    halo: float | None
    halo_mm: float
    noise: float


def draw_look(rng: np.random.Generator, recipe: NeckRecipe) -> Look:
    """Draw how bright things are and how much noise there is."""
    wall = draw(rng, (0.9, 2.3)) if chance(rng, 0.75) else draw(rng, (0.45, 1.1))
    share = draw(rng, (0.3, 0.8)) if chance(rng, 0.22) else draw(rng, (0.0, 0.4))
    lumen = wall * share
    halo, halo_mm = None, draw(rng, (0.5, 5.0))
    if chance(rng, 0.45):
        dark = chance(rng, 0.85)
        halo = wall * (draw(rng, (0.15, 0.8)) if dark else draw(rng, (1.1, 2.5)))
        # Bright fat lies around arteries in lumps, not in rings that look like a wall.
        halo_mm = halo_mm if dark else halo_mm + 3
    noise = draw_log(rng, recipe.noise)
    noise *= min(1.0, 1.6 * (1 - share))  # grey blood and much noise together show nothing at all
    return Look(wall, lumen, halo, halo_mm, noise)


def paint_around(
    canvas: Canvas,
    rng: np.random.Generator,
    recipe: NeckRecipe,
    tree: CarotidTree,
    internal: ShapedArtery,
    look: Look,
) -> None:
    """Paint all that is not a carotid, over the whole canvas."""
    size = [n * v for n, v in zip(canvas.image.shape, canvas.spacing_mm, strict=True)]
    field = Field(size[0], size[1], size[2])
    plain = chance(rng, 0.2)
    paint_body(canvas, rng, recipe, plain)
    middle = canvas.origin_mm[1] + size[1] / 2, canvas.origin_mm[2] + size[2] / 2
    if not plain:
        moved = Canvas(
            canvas.image,
            (0.0, -size[1] / 2, -size[2] / 2),
            canvas.spacing_mm,
            canvas.softness_mm,
        )
        paint_muscles_and_glands(moved, rng, recipe, field)
        if chance(rng, 0.3):
            paint_airway_and_spine(canvas, rng, recipe, field, middle[0])
    _paint_neighbours(canvas, rng, internal, look)
    for branch in tree.branches:
        paint_vessel(canvas, branch, look.wall * draw(rng, (0.6, 1.1)), look.lumen)


def _paint_neighbours(
    canvas: Canvas, rng: np.random.Generator, internal: ShapedArtery, look: Look
) -> None:
    """Veins along the artery and nodes beside it, some of which touch its wall."""
    chain, relief = internal.chain, internal.relief
    s = chain.points[:, 0]
    for _ in range(int(rng.integers(0, 3)) + chance(rng, 0.5)):
        turn = rng.uniform(0, 2 * np.pi) + rng.uniform(-1, 1) * (s - s.mean()) / 60
        outer = relief.outer_at(s, turn)
        calibre = draw_log(rng, (0.8, 6.5)) * np.exp(
            0.25 * np.sin(s / draw(rng, (8, 25)) + rng.uniform(0, 6))
        )
        gap = draw(rng, (-0.4, 0.6)) if chance(rng, 0.6) else draw(rng, (0.6, 5.0))
        away = chain.radius + outer + calibre + gap
        points = chain.points.copy()
        points[:, 1] += np.sin(turn) * away
        points[:, 2] += np.cos(turn) * away
        kind = rng.random()
        level = look.lumen if kind < 0.5 else look.wall * draw(rng, (0.0, 0.6))
        if kind > 0.85:
            level = look.wall * draw(rng, (0.6, 2.0))
        coat = draw(rng, (0.0, 0.8))
        paint_vessel(
            canvas, Tube.plain(points, calibre, coat), look.wall * draw(rng, (0.4, 1.1)), level
        )
    for _ in range(int(rng.integers(0, 5))):
        k = int(rng.integers(len(s)))
        half = draw_log(rng, (1.0, 8.0))
        turn = rng.uniform(0, 2 * np.pi)
        edge = float(chain.radius[k] + relief.outer_at(s[k : k + 1], np.array([turn]))[0])
        reach = edge + half + draw(rng, (-0.3, 4.0))
        center = (
            float(s[k]),
            float(chain.points[k, 1] + np.sin(turn) * reach),
            float(chain.points[k, 2] + np.cos(turn) * reach),
        )
        found = ellipsoid_distance(canvas, center, (half * draw(rng, (0.8, 4.0)), half, half))
        if found is not None:
            level = float(np.clip(rng.normal(1, 0.5), 0.0, 2.8))
            canvas.paint(found[0], canvas.edge(found[1]), level)


def paint_arteries(
    canvas: Canvas,
    rng: np.random.Generator,
    tree: CarotidTree,
    arteries: tuple[ShapedArtery, ShapedArtery | None],
    look: Look,
) -> None:
    """Paint both arteries over what is there: halo, walls with plaque, then blood."""
    drawn = [_fields(canvas, one) for one in arteries if one is not None]
    fields = [one for one in drawn if one is not None]
    if not fields:
        return
    if look.halo is not None:
        lumps = np.float32(draw(rng, (0.0, 1.5)))
        for box, _, outer in fields:
            edge = np.float32(look.halo_mm) + lumps * _noise(canvas, rng, box, (3.0, 10.0))
            canvas.paint(box, canvas.edge(outer - np.maximum(edge, 0.3)), look.halo)
    texture = rng.uniform(0, 0.2) if chance(rng, 0.6) else 0.0
    for artery, (box, inner, outer) in zip([a for a in arteries if a], fields, strict=False):
        wall: float | NDArray[np.float32] = look.wall
        if texture:
            wall = wall * np.exp(np.float32(texture) * _noise(canvas, rng, box, (1.0, 8.0)))
        if chance(rng, 0.3):  # layers: the wall is not of one signal from inside to outside
            depth = np.clip(inner / np.maximum(inner - outer, 0.2), 0, 1)
            wall = wall * (1 + np.float32(draw(rng, (-0.4, 0.4))) * (depth - np.float32(0.5)))
        share = canvas.edge(outer)
        canvas.paint(box, share, wall)
        _paint_cores(canvas, rng, artery, look, box, share)
    for k, (box, inner, _) in enumerate(fields):
        if k == 0 and tree.occluded:
            continue
        canvas.paint(box, canvas.edge(inner), _blood(canvas, rng, box, inner, look))


def _fields(
    canvas: Canvas, artery: ShapedArtery
) -> tuple[Box, NDArray[np.float32], NDArray[np.float32]] | None:
    """Signed distances from lumen and outer wall in the box that they reach."""
    found = tube_distance(canvas, artery.chain.points, artery.chain.radius, _REACH_MM)
    if found is None:
        return None
    box, distance = found
    outer = distance.copy()
    near = np.nonzero(distance < _REACH_MM)
    axes = [canvas.axis_mm(k, box[k])[near[k]] for k in range(3)]
    place = artery.place(np.stack(axes, axis=1))
    distance[near] -= artery.relief.lumen_at(*place).astype(np.float32)
    outer[near] -= artery.relief.outer_at(*place).astype(np.float32)
    return box, distance, outer


def _noise(
    canvas: Canvas, rng: np.random.Generator, box: Box, scale: tuple[float, float]
) -> NDArray[np.float32]:
    axes = (canvas.axis_mm(0, box[0]), canvas.axis_mm(1, box[1]), canvas.axis_mm(2, box[2]))
    size = max(draw_log(rng, scale), 1.5 * max(canvas.spacing_mm))
    return smooth_noise(rng, axes, (size * draw(rng, (1.0, 3.0)), size, size))


def _blood(
    canvas: Canvas,
    rng: np.random.Generator,
    box: Box,
    inner: NDArray[np.float32],
    look: Look,
) -> NDArray[np.float32]:
    """The lumen's signal: dark, but for slow flow along walls, streaks and whole slices."""
    value = np.full(inner.shape, look.lumen, np.float32)
    if chance(rng, 0.35):
        value += np.float32(draw(rng, (0.0, 0.3)) * look.wall) * np.abs(
            _noise(canvas, rng, box, (2.0, 10.0))
        )
    s = canvas.axis_mm(0, box[0])
    for _ in range(int(rng.integers(1, 3)) if chance(rng, 0.45) else 0):
        middle, half = draw(rng, (float(s[0]), float(s[-1]))), draw(rng, (2.0, 15.0))
        fade = np.exp(-0.5 * ((s - middle) / half) ** 2).astype(np.float32)
        near = np.clip(1 + inner / np.float32(draw(rng, (0.4, 4.0))), 0, 1)
        near *= fade[:, None, None]
        if chance(rng, 0.6):
            near *= 1 / (1 + np.exp(-3 * _noise(canvas, rng, box, (3.0, 8.0))))
        strength = np.float32(draw(rng, (0.15, 1.0)) * look.wall)
        value += near * np.maximum(strength - value, 0)
    if chance(rng, 0.1):
        period = draw(rng, (1.0, 6.0))
        per_slice = rng.uniform(0, draw(rng, (0.1, 0.5)), 400) * look.wall
        value += per_slice[(s / period).astype(int) % 400].astype(np.float32)[:, None, None]
    return value


_CORE_SIGNAL = {"lipid": (0.4, 0.9), "calcium": (0.0, 0.35), "haemorrhage": (1.2, 2.4)}


def _paint_cores(
    canvas: Canvas,
    rng: np.random.Generator,
    artery: ShapedArtery,
    look: Look,
    box: Box,
    wall_share: NDArray[np.float32],
) -> None:
    """Lipid, calcium and haemorrhage inside of plaques, within the wall alone."""
    points, radius = artery.chain.points, artery.chain.radius
    for plaque in artery.relief.plaques:
        for _ in range(int(rng.integers(0, 4))):
            s = float(
                np.clip(rng.normal(plaque.at_mm, 0.6 * plaque.length_mm), *points[[0, -1], 0])
            )
            turn = plaque.direction + rng.normal(0, 0.5)
            place = np.array([s]), np.array([turn])
            lumen = float(artery.relief.lumen_at(*place)[0])
            wall = float(artery.relief.outer_at(*place)[0]) - lumen
            deep = float(np.interp(s, points[:, 0], radius)) + lumen + wall * draw(rng, (0.3, 0.8))
            center = (
                s,
                float(np.interp(s, points[:, 0], points[:, 1]) + np.sin(turn) * deep),
                float(np.interp(s, points[:, 0], points[:, 2]) + np.cos(turn) * deep),
            )
            across = max(wall * draw(rng, (0.15, 0.5)), 0.3)
            half = (across * draw(rng, (0.8, 5.0)), across, across * draw(rng, (0.8, 2.0)))
            found = ellipsoid_distance(canvas, center, half, turn)
            if found is None:
                continue
            both, cut, cut_wall = _overlap(found[0], box)
            if both is None:
                continue
            kind = ("lipid", "calcium", "haemorrhage")[int(rng.integers(3))]
            level = look.wall * draw(rng, _CORE_SIGNAL[kind])
            share = canvas.edge(found[1][cut]) * wall_share[cut_wall]
            canvas.paint(both, share, level)


def _overlap(one: Box, other: Box) -> tuple[Box | None, Box, Box]:
    """Where two boxes overlap: on the canvas, and within each of them."""
    start = [max(a.start, b.start) for a, b in zip(one, other, strict=True)]
    stop = [min(a.stop, b.stop) for a, b in zip(one, other, strict=True)]

    def within(box: tuple[int, int, int]) -> Box:
        s, p, lateral = (slice(a - o, b - o) for a, b, o in zip(start, stop, box, strict=True))
        return s, p, lateral

    first = within((one[0].start, one[1].start, one[2].start))
    second = within((other[0].start, other[1].start, other[2].start))
    empty = any(a >= b for a, b in zip(start, stop, strict=True))
    return (None if empty else within((0, 0, 0))), first, second
