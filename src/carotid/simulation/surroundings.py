"""What is around the carotids: the neck's outline, tissue, veins, airways, spine, distractors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.anatomy import STEP_MM, CarotidTree, Tube
from carotid.simulation.canvas import Canvas, ellipsoid_distance, smooth_noise, tube_distance
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_count, draw_log

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Field:
    """The field of view: s from 0, p and l centered.

    Attributes:
        height_mm: Extent along s.
        depth_mm: Extent along p.
        width_mm: Extent along l.
    """

    height_mm: float
    depth_mm: float
    width_mm: float


def carotid_reach(trees: tuple[CarotidTree, ...], field: Field) -> tuple[float, float]:
    """Most anterior and most lateral position of the carotids in the field of view."""
    front, aside = [], []
    for tree in trees:
        for tube in (tree.internal, tree.external):
            if tube is None:
                continue
            s = tube.points[:, 0]
            inside = tube.points[(s > 0) & (s < field.height_mm)]
            if len(inside):
                front.append(inside[:, 1].min())
                aside.append(np.abs(inside[:, 2]).max())
    return (min(front), max(aside)) if front else (0.0, 25.0)


def paint_body(canvas: Canvas, rng: np.random.Generator, recipe: NeckRecipe, plain: bool) -> None:  # noqa: FBT001
    """Fill the canvas with tissue of signal about 1."""
    if plain:
        canvas.image[...] = 1.0
        if chance(rng, 0.6):
            scale = draw(rng, (2.5, 20.0))
            canvas.image[...] += np.float32(draw(rng, (0.02, 0.2))) * _noise(canvas, rng, scale)
        return
    field = _noise(canvas, rng, draw(rng, (8.0, 30.0)), draw(rng, (1.0, 3.5)))
    bins = _tissue_bins(rng, max(1, draw_count(rng, recipe.regions)))
    np.clip(field * np.float32(40) + np.float32(128), 0, 255, out=field)
    np.take(bins, field.astype(np.uint8), out=canvas.image)
    for _ in range(int(rng.integers(1, 4))):
        scale = draw_log(rng, (1.5, 25.0))
        amount = draw(rng, (0.02, 0.25))
        canvas.image[...] += np.float32(amount) * _noise(canvas, rng, scale, draw(rng, (1.0, 3.0)))
    np.maximum(canvas.image, 0, out=canvas.image)


def _noise(
    canvas: Canvas, rng: np.random.Generator, scale_mm: float, stretch: float = 1.0
) -> NDArray[np.float32]:
    axes = (canvas.axis_mm(0), canvas.axis_mm(1), canvas.axis_mm(2))
    aspect = rng.uniform(0.6, 1.6, 2)
    least = 1.5 * max(canvas.spacing_mm)
    scale = np.maximum([scale_mm * stretch, scale_mm * aspect[0], scale_mm * aspect[1]], least)
    return smooth_noise(rng, axes, (float(scale[0]), float(scale[1]), float(scale[2])))


def _tissue_bins(rng: np.random.Generator, regions: int) -> NDArray[np.float32]:
    """(256,) signal as a function of a smooth field: regions with soft borders and fat planes."""
    edges = np.sort(rng.normal(128, 40, regions - 1))
    spread = draw(rng, (0.05, 0.45))
    levels = np.clip(rng.normal(1, spread, regions), 0.25, 2.2)
    x = np.arange(256.0)
    out = np.full(256, levels[0])
    for edge, below, above in zip(edges, levels[:-1], levels[1:], strict=True):
        out += (above - below) / (1 + np.exp(-(x - edge) / draw(rng, (0.5, 5.0))))
    if chance(rng, 0.6):
        fat = draw(rng, (0.3, 0.7)) if chance(rng, 0.5) else draw(rng, (1.3, 2.4))
        for edge in edges[: int(rng.integers(1, regions + 1))]:
            share = np.exp(-(((x - edge) / draw(rng, (1.5, 8.0))) ** 2))
            out += share * (fat - out)
    return out.astype(np.float32)


def paint_muscles_and_glands(
    canvas: Canvas, rng: np.random.Generator, recipe: NeckRecipe, field: Field
) -> None:
    """Paint ellipsoids of all sizes: muscles, glands, nodes."""
    for _ in range(draw_count(rng, recipe.blobs)):
        small = draw_log(rng, (1.5, 14.0))
        half = (small * draw(rng, (0.8, 6.0)), small, small * draw(rng, (0.8, 3.0)))
        center = (
            rng.uniform(-10, field.height_mm + 10),
            rng.uniform(-0.6, 0.6) * field.depth_mm,
            rng.uniform(-0.5, 0.5) * field.width_mm,
        )
        lean = (0.0, rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4))
        found = ellipsoid_distance(canvas, center, half, rng.uniform(0, np.pi), lean)
        if found is None:
            continue
        box, distance = found
        level = float(np.clip(rng.normal(1, 0.35), 0.05, 2.5))
        if chance(rng, 0.3):
            rind = float(np.clip(rng.normal(1, 0.5), 0.1, 2.5))
            canvas.paint(box, canvas.edge(distance - np.float32(draw(rng, (0.5, 1.5)))), rind)
        canvas.paint(box, canvas.edge(distance), level)


def paint_outline(
    canvas: Canvas, rng: np.random.Generator, field: Field, carotid_reach_mm: tuple[float, float]
) -> None:
    """Paint the air around the neck, and the fat under its skin.

    Args:
        canvas: What is painted on.
        rng: Source of chance.
        field: The field of view.
        carotid_reach_mm: Most anterior and most lateral position of a carotid, which stays inside.
    """
    if chance(rng, 0.12):
        return
    front, aside = carotid_reach_mm
    half_l = max(rng.uniform(0.3, 0.6) * field.width_mm, aside + rng.uniform(7, 25))
    half_l = min(half_l, aside + 60)
    half_p = half_l * rng.uniform(0.7, 1.2)
    center_p = max(half_p * rng.uniform(0.2, 0.7), 0.0) + front * 0.3
    # The front of the neck lies before the carotids.
    reach = np.sqrt(max(1 - (aside / half_l) ** 2, 0.05)) * half_p
    center_p = min(center_p, front - 6 + reach)
    s, p, lateral = canvas.grid_mm((slice(None), slice(None), slice(None)))
    up = (s - field.height_mm / 2) / field.height_mm
    grow = 1 + rng.uniform(-0.25, 0.35) * up + rng.uniform(-0.3, 0.6) * np.abs(up) ** 3
    grow = np.maximum(grow, 0.85)
    q = ((p - center_p) / (half_p * grow)) ** 2 + (
        (lateral - rng.normal(0, 2)) / (half_l * grow)
    ) ** 2
    q = np.sqrt(q, dtype=np.float32)
    q -= 1
    q *= np.float32(min(half_l, half_p))
    if chance(rng, 0.6):
        q += np.float32(draw(rng, (0.3, 2.0))) * _noise(canvas, rng, draw(rng, (8.0, 25.0)))
    if chance(rng, 0.6):
        fat = draw(rng, (0.2, 0.8)) if chance(rng, 0.4) else draw(rng, (1.2, 2.6))
        room = max(2.0, half_l - aside - 5)
        thick = np.float32(draw(rng, (1.0, min(12.0, room))))
        canvas.paint(_ALL, canvas.edge(-q - thick), fat)
    canvas.paint(_ALL, canvas.edge(-q), draw(rng, (0.0, 0.06)))


_ALL = (slice(None), slice(None), slice(None))


def paint_airway_and_spine(
    canvas: Canvas, rng: np.random.Generator, recipe: NeckRecipe, field: Field, anchor_p: float
) -> None:
    """Paint the trachea before, and the spine behind and between the carotids."""
    middle = rng.normal(0, 2)
    heights = np.arange(-10, field.height_mm + 10, 3.0)
    if chance(rng, recipe.p_spine):
        radius = draw(rng, (8.0, 13.0))
        p = anchor_p + radius + rng.uniform(-2, 10)
        level, disc = draw(rng, (0.2, 1.5)), draw(rng, (0.2, 1.5))
        period, phase = draw(rng, (14.0, 20.0)), rng.uniform(0, 20)
        half = (period * 0.4, radius, radius * draw(rng, (1.0, 1.5)))
        for s in np.arange(phase - 20, field.height_mm + 20, period):
            found = ellipsoid_distance(canvas, (float(s), p, middle), half)
            if found is not None:
                canvas.paint(found[0], canvas.edge(found[1]), level)
            found = ellipsoid_distance(
                canvas, (float(s + period / 2), p, middle), (period * 0.14, half[1], half[2])
            )
            if found is not None:
                canvas.paint(found[0], canvas.edge(found[1]), disc)
    if chance(rng, recipe.p_trachea):
        radius = draw(rng, (5.0, 10.0))
        p = anchor_p - rng.uniform(2, 22)
        top = rng.uniform(0.2, 1.3) * field.height_mm
        keep = heights <= top
        if keep.sum() >= 2:
            wander = rng.uniform(-0.15, 0.15) * (heights - field.height_mm / 2)
            points = np.column_stack([heights, p + wander, np.full(len(heights), middle)])[keep]
            tube = Tube.plain(points, radius, draw(rng, (0.5, 3.0)))
            paint_vessel(canvas, tube, draw(rng, (0.4, 1.8)), draw(rng, (0.0, 0.08)))


def paint_vessel(canvas: Canvas, tube: Tube, wall: float, lumen: float) -> None:
    """Paint a tube that is no carotid."""
    reach = canvas.softness_mm
    outer = tube_distance(canvas, tube.points, tube.radius + tube.wall, reach)
    if outer is None:
        return
    box, distance = outer
    canvas.paint(box, canvas.edge(distance), wall)
    width = np.float32(tube.wall.mean())
    canvas.paint(box, canvas.edge(distance + width), lumen)


def paint_other_vessels(
    canvas: Canvas,
    rng: np.random.Generator,
    recipe: NeckRecipe,
    field: Field,
    trees: tuple[CarotidTree, ...],
    wall_level: float,
) -> None:
    """Paint jugular and vertebral vessels beside each carotid, and tubes that lead nowhere."""
    for tree in trees:
        sign = 1.0 if tree.internal.points[:, 2].mean() > 0 else -1.0
        if chance(rng, recipe.p_jugular):
            for _ in range(1 + chance(rng, 0.25)):
                _paint_jugular(canvas, rng, tree, sign, wall_level)
        if chance(rng, recipe.p_vertebral):
            _paint_vertebral(canvas, rng, tree, sign, wall_level)
    for _ in range(draw_count(rng, recipe.stray_tubes)):
        start = np.array(
            [
                rng.uniform(-5, field.height_mm),
                rng.uniform(-0.5, 0.5) * field.depth_mm,
                rng.uniform(-0.5, 0.5) * field.width_mm,
            ]
        )
        length = draw(rng, (10.0, 90.0))
        heading = rng.normal(size=3) * np.array([rng.uniform(0.3, 3.0), 1, 1])
        t = np.arange(0, length, STEP_MM)
        turns = np.cumsum(rng.normal(0, 0.12, (len(t), 3)), axis=0) + heading / np.linalg.norm(
            heading
        )
        turns /= np.linalg.norm(turns, axis=1, keepdims=True)
        points = start + np.cumsum(turns, axis=0) * STEP_MM
        tube = Tube.plain(points, draw_log(rng, (0.5, 3.0)), draw(rng, (0.2, 1.2)))
        lumen = rng.uniform(0, 0.6) if chance(rng, 0.8) else rng.uniform(0.8, 2.0)
        paint_vessel(canvas, tube, wall_level * draw(rng, (0.4, 1.1)), lumen * wall_level)


def _paint_jugular(
    canvas: Canvas, rng: np.random.Generator, tree: CarotidTree, sign: float, wall_level: float
) -> None:
    s = tree.internal.points[:, 0]
    turn = np.deg2rad(rng.normal(-10, 45) + rng.uniform(-30, 60) * (s - s.mean()) / 60)
    radius = draw(rng, (1.0, 8.0))
    calibre = radius * np.exp(0.25 * np.sin(s / draw(rng, (8, 25)) + rng.uniform(0, 6)))
    gap = tree.internal.radius + tree.internal.wall + np.linalg.norm(tree.internal.plaque, axis=1)
    away = gap + calibre + draw(rng, (0.5, 4.0))
    flat = draw(rng, (0.0, 0.8))
    points = tree.internal.points.copy()
    points[:, 1] += np.sin(turn) * away
    points[:, 2] += np.cos(turn) * away * sign
    lumen = rng.uniform(0, 0.5) if chance(rng, 0.8) else rng.uniform(0.5, 1.4)
    level = wall_level * draw(rng, (0.4, 1.0))
    wall = draw(rng, (0.2, 0.8))
    # A flattened vein is two or three round tubes side by side.
    parts = 1 if flat < 0.3 else 3
    for k in range(parts):
        shifted = points.copy()
        shift = (k - (parts - 1) / 2) * calibre * flat
        shifted[:, 1] += np.cos(turn) * shift
        shifted[:, 2] -= np.sin(turn) * shift * sign
        tube = Tube.plain(shifted, calibre * (1 - 0.4 * flat), wall)
        paint_vessel(canvas, tube, level, lumen * wall_level)
    if parts > 1:
        tube = Tube.plain(points, calibre * (1 - 0.4 * flat), 0.0)
        paint_vessel(canvas, tube, lumen * wall_level, lumen * wall_level)


def _paint_vertebral(
    canvas: Canvas, rng: np.random.Generator, tree: CarotidTree, sign: float, wall_level: float
) -> None:
    points = tree.internal.points.copy()
    smooth = np.polynomial.Polynomial.fit(points[:, 0], points[:, 1:].mean(axis=1), 2)
    drift = smooth(points[:, 0]) - smooth(points[:, 0].mean())
    points[:, 1] = points[:, 1].mean() + draw(rng, (8.0, 22.0)) + 0.5 * drift
    points[:, 2] = points[:, 2].mean() - sign * rng.uniform(-6, 16) + 0.5 * drift * sign
    wall = draw(rng, (0.3, 1.0))
    tube = Tube.plain(points, draw(rng, (1.0, 2.4)), wall)
    paint_vessel(canvas, tube, wall_level * draw(rng, (0.5, 1.1)), rng.uniform(0, 0.6) * wall_level)
