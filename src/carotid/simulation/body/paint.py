"""All that surrounds the carotids of a neck, painted in order from the deep to the near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.body.airway import paint_airway
from carotid.simulation.body.arteries import paint_subclavian_vessels, paint_vertebral_arteries
from carotid.simulation.body.bones import paint_chest, paint_jaw
from carotid.simulation.body.layout import Layout, draw_layout
from carotid.simulation.body.muscles import paint_muscles
from carotid.simulation.body.organs import paint_organs
from carotid.simulation.body.skin import Outside, paint_skin
from carotid.simulation.body.spine import draw_foramina, paint_spine
from carotid.simulation.body.tissue import Tissue, draw_tissue
from carotid.simulation.body.veins import paint_veins, paint_voids
from carotid.simulation.canvas import Canvas, smooth_noise
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_log
from carotid.simulation.surroundings import (
    Field,
    carotid_reach,
    paint_body,
    paint_muscles_and_glands,
    paint_other_vessels,
    paint_outline,
)

if TYPE_CHECKING:
    from carotid.simulation.anatomy import CarotidTree
    from carotid.simulation.rendering import Contrast


@dataclass(frozen=True, eq=False)
class Body:
    """A neck with the organs that it has besides carotids.

    Attributes:
        whole: Whether the field of view reaches to the skin, or is a slab within the neck.
        tissue: How bright everything is.
        layout: Where everything lies.
    """

    whole: bool
    tissue: Tissue
    layout: Layout


def draw_body(
    rng: np.random.Generator,
    recipe: NeckRecipe,
    field: Field,
    trees: tuple[CarotidTree, ...],
    *,
    whole: bool,
) -> Body:
    """Draw a body about carotids."""
    layout = draw_layout(rng, field, trees, draw(rng, recipe.spine_behind_mm))
    return Body(whole, draw_tissue(rng, recipe), layout)


def paint_surroundings(
    canvas: Canvas,
    rng: np.random.Generator,
    recipe: NeckRecipe,
    scene: tuple[Field, Body, tuple[CarotidTree, ...], Contrast],
    *,
    plain: bool,
) -> Outside | None:
    """Paint everything but the carotids.

    Args:
        canvas: What is painted on.
        rng: Source of chance.
        recipe: Ranges.
        scene: The field of view, the body, the carotids and their contrast.
        plain: Whether the tissue between the organs is even.

    Returns:
        What lies beyond the skin, already painted; None for a slab.
    """
    field, body, trees, contrast = scene
    tissue, layout = body.tissue, body.layout
    paint_body(canvas, rng, recipe, plain)
    if chance(rng, 0.5):  # fat between all muscles
        share = np.float32(draw(rng, (0.3, 0.95)))
        canvas.image[...] *= 1 - share
        canvas.image[...] += share * np.float32(tissue.fat)
    if chance(rng, 0.9):
        paint_muscles(canvas, rng, tissue, layout)
    if chance(rng, 0.7):
        blobs = recipe if chance(rng, 0.5) else recipe.model_copy(update={"blobs": (1, 8)})
        paint_muscles_and_glands(canvas, rng, blobs, field)
    outside = paint_skin(canvas, rng, tissue, layout) if body.whole else None
    foramina = draw_foramina(rng)
    if chance(rng, recipe.p_vertebrae):
        paint_spine(canvas, rng, tissue, layout, foramina)
    if chance(rng, 0.9):
        paint_airway(canvas, rng, tissue, layout)
    paint_organs(canvas, rng, tissue, layout)
    if body.whole and chance(rng, 0.45):
        paint_jaw(canvas, rng, tissue, layout)
    if body.whole and chance(rng, 0.5):
        paint_chest(canvas, rng, tissue, layout)
        paint_subclavian_vessels(canvas, rng, layout, contrast)
    strays = recipe.model_copy(update={"p_jugular": 0.0, "p_vertebral": 0.0})
    paint_other_vessels(canvas, rng, strays, field, trees, contrast.wall)
    paint_voids(canvas, rng, recipe, tissue, layout, contrast)
    paint_vertebral_arteries(canvas, rng, recipe, tissue, layout, foramina, contrast)
    paint_veins(canvas, rng, recipe, layout, trees, contrast)
    if chance(rng, 0.6):
        _add_grain(canvas, rng)
    if outside is None:
        paint_outline(canvas, rng, field, carotid_reach(trees, field))
    else:
        canvas.paint(_ALL, outside.share, tissue.air)
    return outside


_ALL = (slice(None), slice(None), slice(None))


def _add_grain(canvas: Canvas, rng: np.random.Generator) -> None:
    """Multiply by a fine texture."""
    amount, scale = np.float32(draw(rng, (0.02, 0.15))), draw_log(rng, (1.5, 10.0))
    wanted = np.array([scale * rng.uniform(1, 3), scale, scale])
    knots = np.maximum(wanted, 1.5 * np.array(canvas.spacing_mm))
    axes = (canvas.axis_mm(0), canvas.axis_mm(1), canvas.axis_mm(2))
    grain = smooth_noise(rng, axes, (float(knots[0]), float(knots[1]), float(knots[2])))
    grain *= amount
    grain += 1
    canvas.image[...] *= grain
    np.maximum(canvas.image, 0, out=canvas.image)
