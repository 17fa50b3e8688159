"""The score of the carotid vessel wall segmentation challenge of 2021, for one slice.

Half of it is the wall's Dice, a tenth each the areas of lumen and vessel, a fifth the normalised
wall index (wall area over vessel area), and a twentieth each the Hausdorff distances of the outer
outline and of the lumen over the radii that the prediction's areas have as circles. Differences are
relative to the reference. Points are rounded to whole voxels first, as the organisers do; a slice
that is missing scores 0, and slices of all arteries are pooled. Source: the organisers' evaluation
notebook.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.contour_agreement import outline_agreement, wall_dice
from carotid.geometry.polygons import areas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import CrossSection


@dataclass(frozen=True)
class ChallengeScore:
    """What one slice scores, and its parts, each from 0 to 1.

    Attributes:
        wall_dice: Weight 0.5.
        lumen_area: Weight 0.1.
        vessel_area: Weight 0.1.
        wall_index: Weight 0.2.
        outer_distance: Weight 0.05.
        lumen_distance: Weight 0.05.
    """

    wall_dice: float
    lumen_area: float
    vessel_area: float
    wall_index: float
    outer_distance: float
    lumen_distance: float

    @property
    def score(self) -> float:
        """The weighted sum."""
        return (
            0.5 * self.wall_dice
            + 0.1 * self.lumen_area
            + 0.1 * self.vessel_area
            + 0.2 * self.wall_index
            + 0.05 * self.outer_distance
            + 0.05 * self.lumen_distance
        )


NOTHING = ChallengeScore(0, 0, 0, 0, 0, 0)
"""A slice that the prediction lacks."""


def challenge_score(
    prediction: CrossSection | None, reference: CrossSection, spacing_mm: NDArray[np.float64]
) -> ChallengeScore | None:
    """Score one slice.

    Args:
        prediction: None where there is none.
        reference: What it should be.
        spacing_mm: (2,) voxel size in x and y.

    Returns:
        None where the reference lacks an outline, so that the slice does not count.
    """
    if reference.lumen is None or reference.wall is None:
        return None
    if prediction is None or prediction.lumen is None or prediction.wall is None:
        return NOTHING
    lumen, wall, true_lumen, true_wall = (
        np.rint(outline.points) * spacing_mm
        for outline in (prediction.lumen, prediction.wall, reference.lumen, reference.wall)
    )
    lumens, walls = outline_agreement(lumen, true_lumen), outline_agreement(wall, true_wall)
    area, true_area = _wall_area(lumen, wall), _wall_area(true_lumen, true_wall)
    dice = wall_dice(lumen, wall, true_lumen, true_wall)
    return ChallengeScore(
        wall_dice=0.0 if np.isnan(dice) else dice,
        lumen_area=_closeness(lumens.area_1_mm2, lumens.area_2_mm2),
        vessel_area=_closeness(walls.area_1_mm2, walls.area_2_mm2),
        wall_index=_closeness(_ratio(area, walls.area_1_mm2), _ratio(true_area, walls.area_2_mm2)),
        outer_distance=_nearness(walls.hausdorff_mm, walls.area_1_mm2),
        lumen_distance=_nearness(lumens.hausdorff_mm, lumens.area_1_mm2),
    )


def _wall_area(lumen: NDArray[np.float64], wall: NDArray[np.float64]) -> float:
    return areas([lumen, wall], lambda inner, outer: outer & ~inner)[0]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _closeness(value: float, true_value: float) -> float:
    """One less the relative difference, at least 0."""
    return max(0.0, 1 - abs(value - true_value) / true_value) if true_value > 0 else 0.0


def _nearness(distance: float, area: float) -> float:
    """One less a distance over the radius of a circle of that area, at least 0."""
    radius = sqrt(area / pi)
    return max(0.0, 1 - distance / radius) if radius > 0 else 0.0
