"""A whole neck before it is scanned: the field of view, both carotid trees, how it is to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.acquisition import Sensitivity, acquire, draw_sensitivity
from carotid.simulation.body.paint import Body, draw_body, paint_surroundings
from carotid.simulation.canvas import Canvas
from carotid.simulation.courses import draw_carotid_tree
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_log
from carotid.simulation.rendering import (
    Contrast,
    draw_bright_contrast,
    draw_contrast,
    paint_carotids,
)
from carotid.simulation.slices import Slices, draw_slices, in_slices
from carotid.simulation.surroundings import (
    Field,
    carotid_reach,
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
        recipe: The ranges that it was drawn from.
        field: The field of view.
        left: The left carotids.
        right: The right carotids; None where they are left out.
        contrast: How bright walls, blood and fat are.
        sensitivity: The coil's gain along the height.
        acquired_mm: Voxel size along s, p and l at which it is painted and acquired.
        noise: Standard deviation of the noise over the wall's signal.
        plain: Whether the tissue is even.
        middle_mm: Where the neck's middle lies along l.
        body: The organs about the carotids; None in a slab without them.
        slices: How thick slices are made; None without them.
        inverted: Whether the picture is inverted.
    """

    recipe: NeckRecipe
    field: Field
    left: CarotidTree
    right: CarotidTree | None
    contrast: Contrast
    sensitivity: Sensitivity
    acquired_mm: Triple
    noise: float
    plain: bool
    middle_mm: float
    body: Body | None
    slices: Slices | None
    inverted: bool

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
    whole = chance(rng, recipe.p_whole)
    organs = whole or chance(rng, recipe.p_organs)
    recipe = recipe.whole() if whole else recipe
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
    voxel_mm = (float(voxel[0]), float(voxel[1]), float(voxel[2]))
    contrast = draw_contrast(rng, recipe)
    noise = draw_log(rng, recipe.noise)
    if contrast.lumen > 0.4 * contrast.wall:
        noise *= 0.5  # grey blood and much noise together show nothing at all
    plain = chance(rng, recipe.p_plain)
    body, slices, inverted = None, None, False
    if organs:
        trees = (left,) if right is None else (left, right)
        body = draw_body(rng, recipe, field, trees, whole=whole)
        plain = plain and chance(rng, 0.15 if whole else 1.0)
        if chance(rng, recipe.p_thick if whole else recipe.p_thick_slab):
            slices, voxel_mm = draw_slices(rng, recipe, voxel_mm)
        bright = chance(rng, recipe.p_bright_blood)
        inverted = not bright and chance(rng, recipe.p_inverted)
        contrast = draw_bright_contrast(rng, contrast) if bright else contrast
    return Scene(
        recipe,
        field,
        left,
        right,
        contrast,
        draw_sensitivity(rng, recipe, field.height_mm),
        voxel_mm,
        noise,
        plain,
        float(middle),
        body,
        slices,
        inverted,
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


def render(scene: Scene, rng: np.random.Generator, start_mm: Triple, size_mm: Triple) -> Canvas:
    """Paint and scan a box of the neck at the acquired voxel size.

    Args:
        scene: The neck.
        rng: Source of chance for everything that is no artery.
        start_mm: The first voxel's center, s, p, l in the neck's millimetres.
        size_mm: Extent of the box.
    """
    spacing = scene.acquired_mm
    shape = tuple(
        max(2, int(size / voxel) + 1) for size, voxel in zip(size_mm, spacing, strict=True)
    )
    plane = spacing if scene.slices is None else spacing[1:]
    softness = float(np.mean(plane)) * draw(rng, (0.9, 1.8))
    # The neck is moved, not the field of view, when it is off the middle.
    origin = (start_mm[0], start_mm[1], start_mm[2] - scene.middle_mm)
    image = np.zeros((shape[0], shape[1], shape[2]), dtype=np.float32)
    canvas = Canvas(image, origin, spacing, softness)
    if scene.body is None:
        _paint_slab(canvas, rng, scene)
        outside = None
    else:
        outside = paint_surroundings(
            canvas,
            rng,
            scene.recipe,
            (scene.field, scene.body, scene.trees, scene.contrast),
            plain=scene.plain,
        )
    for tree in scene.trees:
        paint_carotids(canvas, rng, tree, scene.contrast)
    if scene.inverted:
        _invert(canvas, rng)
        if outside is not None and chance(rng, 0.7):
            canvas.paint(_ALL, outside.share, draw(rng, (0.0, 0.06)))
    if outside is not None and outside.gain is not None:
        canvas.image[...] *= outside.gain
    if scene.slices is not None:
        canvas = in_slices(canvas, scene.slices)
    brightest = max(scene.contrast.wall, 0.6 * scene.contrast.lumen)
    acquire(canvas, rng, scene.recipe, scene.sensitivity, scene.noise * brightest)
    return canvas


_ALL = (slice(None), slice(None), slice(None))


def _paint_slab(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Everything but the carotids in a slab without organs."""
    recipe, field, trees = scene.recipe, scene.field, scene.trees
    center_p = float(np.mean([t.internal.points[:, 1].mean() for t in trees]))
    paint_body(canvas, rng, recipe, scene.plain)
    rich = not scene.plain
    if rich or chance(rng, 0.3):
        paint_airway_and_spine(canvas, rng, recipe, field, center_p)
    if rich or chance(rng, 0.1):
        paint_muscles_and_glands(canvas, rng, recipe, field)
    if rich or chance(rng, 0.6):
        paint_other_vessels(canvas, rng, recipe, field, trees, scene.contrast.wall)
    paint_outline(canvas, rng, field, carotid_reach(trees, field))


def _invert(canvas: Canvas, rng: np.random.Generator) -> None:
    """Turn dark to bright, up to some high percentile."""
    top = np.float32(np.percentile(canvas.image[::2, ::2, ::2], draw(rng, (94.0, 99.7))))
    np.subtract(top, canvas.image, out=canvas.image)
    np.maximum(canvas.image, 0, out=canvas.image)
