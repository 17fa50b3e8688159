"""How bright the tissues of a neck are: drawn together, as a weighting of the scan makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.recipe import chance, draw

if TYPE_CHECKING:
    from carotid.simulation.recipe import NeckRecipe


@dataclass(frozen=True)
class Tissue:
    """Signals where the tissue between the muscles is about 1.

    Attributes:
        muscle: Muscle.
        fat: Fat.
        fluid: Fluid around the cord.
        cord: Spinal cord.
        marrow: Inside of bones.
        disc: Discs between vertebrae.
        cortex: Compact bone, teeth, cartilage.
        gland: Thyroid and salivary glands.
        mucosa: Lining of the airway.
        air: Air, inside and outside.
        skin: Skin.
    """

    muscle: float
    fat: float
    fluid: float
    cord: float
    marrow: float
    disc: float
    cortex: float
    gland: float
    mucosa: float
    air: float
    skin: float


_SIGNALS = {
    # muscle, fat, fluid, cord, marrow, disc, gland
    "T1": ((0.6, 1.1), (1.3, 3.0), (0.03, 0.5), (0.6, 1.3), (0.8, 1.9), (0.3, 1.0), (0.7, 1.4)),
    "T2": ((0.3, 0.9), (1.3, 3.4), (1.5, 3.8), (0.4, 1.2), (0.5, 1.7), (0.3, 1.9), (0.9, 2.2)),
    "proton density": (
        (0.6, 1.2), (1.1, 2.2), (0.6, 1.8), (0.7, 1.4), (0.5, 1.5), (0.5, 1.5), (0.9, 1.9)
    ),
    "fat-suppressed": (
        (0.6, 1.3), (0.12, 0.8), (0.03, 1.0), (0.6, 1.5), (0.2, 0.8), (0.3, 1.5), (0.8, 2.2)
    ),
    "any": ((0.3, 1.6), (0.15, 3.0), (0.03, 3.2), (0.05, 2.2), (0.2, 1.9), (0.2, 1.9), (0.7, 2.2)),
}  # fmt: skip
"""Muscle, fat, fluid, cord, marrow, disc and gland over the tissue around, per weighting."""

_SHARES = {"T1": 0.25, "T2": 0.27, "proton density": 0.1, "fat-suppressed": 0.18, "any": 0.2}


def draw_tissue(rng: np.random.Generator, recipe: NeckRecipe) -> Tissue:
    """Draw the tissues' signals; the weighting is one of `recipe.weightings`."""
    names = [name for name in _SHARES if name in recipe.weightings]
    shares = np.array([_SHARES[name] for name in names])
    weighting = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    muscle, fat, fluid, cord, marrow, disc, gland = (
        draw(rng, span) for span in _SIGNALS[weighting]
    )
    return Tissue(
        muscle,
        fat,
        fluid,
        cord,
        marrow,
        disc,
        cortex=draw(rng, (0.03, 0.5)),
        gland=gland,
        mucosa=draw(rng, (0.6, 2.6)),
        air=draw(rng, (0.0, 0.06)),
        skin=fat if chance(rng, 0.2) else draw(rng, (0.3, 1.8)),
    )
