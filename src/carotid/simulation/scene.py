"""A whole neck before it is scanned: the field of view, both carotid trees, how it is to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.acquisition import Sensitivity, acquire, draw_sensitivity
from carotid.simulation.canvas import Canvas
from carotid.simulation.courses import draw_carotid_tree
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_log
from carotid.simulation.rendering import Contrast, draw_contrast, paint_carotids
from carotid.simulation.surroundings import (
    Field,
    paint_airway_and_spine,
    paint_body,
    paint_muscles_and_glands,
    paint_other_vessels,
    paint_outline,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.anatomy import CarotidTree
    from carotid.simulation.canvas import Triple


@dataclass(frozen=True, eq=False)
class Scene:
    """A neck in its own millimetres: s from 0, p and l from the middle of the field of view.

    Attributes:
        field: The field of view.
        left: The left carotids.
        right: The right carotids; None where they are left out.
        contrast: How bright walls, blood and fat are.
        sensitivity: The coil's gain along the height.
        acquired_mm: Acquired voxel size along s, p and l.
        noise: Standard deviation of the noise over the wall's signal.
        plain: Whether the tissue is even.
        middle_mm: Where the neck's middle lies along l.
    """

    field: Field
    left: CarotidTree
    right: CarotidTree | None
    contrast: Contrast
    sensitivity: Sensitivity
    acquired_mm: Triple
    noise: float
    plain: bool
    middle_mm: float

    def visibility(self, s_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """The wall's signal over the noise at some heights; below about 1 nothing is seen."""
        return self.sensitivity.at(s_mm) / max(self.noise, 0.02)

    @property
    def trees(self) -> tuple[CarotidTree, ...]:
        """The sides that are there."""
        return (self.left,) if self.right is None else (self.left, self.right)


_SLABS = ((120.0, 36.0, 144.0), (224.0, 35.0, 252.0))


def draw_scene(rng: np.random.Generator, recipe: NeckRecipe, *, both: bool) -> Scene:
    """Draw a neck.

    Args:
        rng: Source of chance.
        recipe: Ranges.
        both: Whether both sides have to be there.
    """
    if chance(rng, recipe.p_slab):
        h, d, w = _SLABS[int(rng.integers(len(_SLABS)))]
        size = h * rng.uniform(0.85, 1.1), d * rng.uniform(0.9, 1.3), w * rng.uniform(0.9, 1.1)
    else:
        size = draw(rng, recipe.height_mm), draw(rng, recipe.depth_mm), draw(rng, recipe.width_mm)
    field = Field(*size)
    middle = rng.normal(0, 0.025) * field.width_mm
    anchor_p = rng.uniform(-0.22, 0.22) * field.depth_mm
    lateral = min(draw(rng, recipe.lateral_mm), 0.42 * field.width_mm)
    share = _bifurcation_share(rng, recipe)
    left = _draw_side(rng, recipe, field, (anchor_p, lateral), share)
    right = None
    if both or chance(rng, recipe.p_opposite):
        other_share = (
            share + rng.normal(0, 0.07) if chance(rng, 0.7) else _bifurcation_share(rng, recipe)
        )
        anchor = (anchor_p + rng.normal(0, 2.5), lateral + rng.normal(0, 2.5))
        right = _draw_side(rng, recipe, field, anchor, other_share).mirrored()
    acquired = draw(rng, recipe.acquired_mm)
    shape = np.array([draw(rng, recipe.anisotropy) if chance(rng, 0.4) else 1.0 for _ in range(3)])
    voxel = np.clip(acquired * shape, 0.45, 1.25)
    contrast = draw_contrast(rng, recipe)
    noise = draw_log(rng, recipe.noise)
    if contrast.lumen > 0.4 * contrast.wall:
        noise *= 0.5  # grey blood and much noise together show nothing at all
    return Scene(
        field,
        left,
        right,
        contrast,
        draw_sensitivity(rng, recipe, field.height_mm),
        (float(voxel[0]), float(voxel[1]), float(voxel[2])),
        noise,
        chance(rng, recipe.p_plain),
        float(middle),
    )


def _bifurcation_share(rng: np.random.Generator, recipe: NeckRecipe) -> float:
    wide = chance(rng, recipe.p_bifurcation_wide)
    return draw(rng, recipe.bifurcation_wide_share if wide else recipe.bifurcation_share)


def _draw_side(
    rng: np.random.Generator,
    recipe: NeckRecipe,
    field: Field,
    anchor_pl: tuple[float, float],
    bifurcation_share: float,
) -> CarotidTree:
    """A left tree that stays inside of the slab for nearly all of its course."""
    height = bifurcation_share * field.height_mm
    tree = draw_carotid_tree(rng, recipe, field.height_mm, height, anchor_pl)
    for _ in range(3):
        if _share_outside(tree, field) < 0.1:
            break
        tree = draw_carotid_tree(rng, recipe, field.height_mm, height, anchor_pl)
    return tree


def _share_outside(tree: CarotidTree, field: Field) -> float:
    """Share of the course, within the field of view's height, that leaves it or the midline."""
    points = tree.internal.points
    points = points[(points[:, 0] > 0) & (points[:, 0] < field.height_mm)]
    away = np.maximum(np.abs(points[:, 1]) - field.depth_mm / 2 + 2, 8 - points[:, 2])
    away = np.maximum(away, points[:, 2] - field.width_mm / 2 + 4)
    return float((away > 0).mean())


def render(
    scene: Scene,
    rng: np.random.Generator,
    recipe: NeckRecipe,
    start_mm: Triple,
    size_mm: Triple,
) -> Canvas:
    """Paint and scan a box of the neck at the acquired voxel size.

    Args:
        scene: The neck.
        rng: Source of chance for everything that is no artery.
        recipe: Ranges.
        start_mm: The first voxel's centre, s, p, l in the neck's millimetres.
        size_mm: Extent of the box.
    """
    spacing = scene.acquired_mm
    shape = tuple(
        max(2, int(size / voxel) + 1) for size, voxel in zip(size_mm, spacing, strict=True)
    )
    softness = float(np.mean(spacing)) * draw(rng, (0.9, 1.8))
    # The neck is moved, not the field of view, when it is off the middle.
    origin = (start_mm[0], start_mm[1], start_mm[2] - scene.middle_mm)
    image = np.zeros((shape[0], shape[1], shape[2]), dtype=np.float32)
    canvas = Canvas(image, origin, spacing, softness)
    field, trees = scene.field, scene.trees
    front, aside = _reach(trees, field)
    center_p = float(np.mean([t.internal.points[:, 1].mean() for t in trees]))
    paint_body(canvas, rng, recipe, scene.plain)
    rich = not scene.plain
    if rich or chance(rng, 0.3):
        paint_airway_and_spine(canvas, rng, recipe, field, center_p)
    if rich or chance(rng, 0.1):
        paint_muscles_and_glands(canvas, rng, recipe, field)
    if rich or chance(rng, 0.6):
        paint_other_vessels(canvas, rng, recipe, field, trees, scene.contrast.wall)
    paint_outline(canvas, rng, field, (front, aside))
    for tree in trees:
        paint_carotids(canvas, rng, tree, scene.contrast)
    acquire(canvas, rng, recipe, scene.sensitivity, scene.noise * scene.contrast.wall)
    return canvas


def _reach(trees: tuple[CarotidTree, ...], field: Field) -> tuple[float, float]:
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
