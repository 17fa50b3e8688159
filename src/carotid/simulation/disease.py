"""Drawing what is wrong with a carotid tree: plaque with its cores, and slow, bright flow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from carotid.simulation.anatomy import CarotidTree, Core, SlowFlow
from carotid.simulation.recipe import NeckRecipe, chance, draw


def with_plaque(rng: np.random.Generator, recipe: NeckRecipe, tree: CarotidTree) -> CarotidTree:
    """Add plaque near the bifurcation, or somewhere along the arteries."""
    on_external = tree.external is not None and chance(rng, 0.15)
    tube = tree.external if on_external and tree.external is not None else tree.internal
    s = tube.points[:, 0]
    center = (
        rng.normal(tree.bifurcation_mm + 4, 9) if chance(rng, 0.75) else rng.uniform(s[0], s[-1])
    )
    length = draw(rng, recipe.plaque_length_mm)
    thickness = (
        recipe.plaque_mm[0] + (recipe.plaque_mm[1] - recipe.plaque_mm[0]) * rng.uniform() ** 2
    )
    direction = rng.uniform(0, 2 * np.pi)
    shape = np.exp(-(((s - center) / (length / 2)) ** 2))
    turn = direction + rng.normal(0, 0.5) * (s - center) / 15
    side = np.column_stack([np.sin(turn), np.cos(turn)])
    plaque = tube.plaque + (thickness * shape)[:, None] * side
    radius = tube.radius
    if chance(rng, recipe.p_stenosis):
        radius = np.maximum(radius * (1 - draw(rng, recipe.stenosis) * shape), 0.5)
    diseased = replace(tube, plaque=plaque, radius=radius, wall=tube.wall * (1 + 0.4 * shape))
    at = tube.at_height(np.array([center]))[0]
    cores: list[Core] = []
    if not np.isnan(at).any():
        r = float(np.interp(center, s, radius))
        for _ in range(int(rng.integers(0, 4))):
            kind = ("lipid", "calcium", "haemorrhage")[int(rng.integers(3))]
            turn0 = direction + rng.normal(0, 0.4)
            deep = r + thickness * draw(rng, (0.3, 0.8))
            p, lateral = at + deep * np.array([np.sin(turn0), np.cos(turn0)])
            along = rng.normal(center, length / 5)
            half = (length * draw(rng, (0.1, 0.4)), max(thickness * draw(rng, (0.2, 0.5)), 0.4))
            cores.append(Core(kind, (float(along), float(p), float(lateral)), half))
    tree = replace(tree, cores=tree.cores + tuple(cores))
    return replace(tree, external=diseased) if on_external else replace(tree, internal=diseased)


def draw_slow_flow(rng: np.random.Generator, tree: CarotidTree, height_mm: float) -> SlowFlow:
    """Slow flow in the bulb, or along a stretch of any artery."""
    bulb = chance(rng, 0.6)
    tube = tree.internal
    if tree.external is not None and not bulb and chance(rng, 0.4):
        tube = tree.external
    center = tree.bifurcation_mm + rng.normal(6, 5) if bulb else rng.uniform(0, height_mm)
    at = tube.at_height(np.array([center]))[0]
    if np.isnan(at).any():
        center = float(tube.points[len(tube.points) // 2, 0])
        at = tube.at_height(np.array([center]))[0]
    r = float(np.interp(center, tube.points[:, 0], tube.radius))
    return SlowFlow(
        (float(center), float(at[0]), float(at[1])),
        draw(rng, (3.0, 12.0)) if bulb else draw(rng, (4.0, 40.0)),
        r * draw(rng, (0.3, 1.6)),
        float(rng.uniform(0, 2 * np.pi)),
        chance(rng, 0.6),
        draw(rng, (0.2, 1.1)),
    )
