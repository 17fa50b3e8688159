"""What the columns of `carotid compare`'s tables are, for the data dictionaries beside them."""

from __future__ import annotations

from carotid.artifacts import LABELS
from carotid.geometry.sides import SIDE_NAMES
from carotid.measurements import Column

_OBJECTS = {
    "lumen": "what the inner outline encloses",
    "wall": "what lies inside the outer outline and not inside the lumen",
}

_ARTERY = (
    Column("participant_id", "", "Whose scan it is"),
    Column("side", "", "The patient's side", levels={name: name for name in SIDE_NAMES}),
    Column("label", "", "Which artery", levels={name: f"the {name} carotid" for name in LABELS}),
)
_PLACE = (*_ARTERY, Column("z", "", "Canonical axial slice, from 0"))
_OUTLINE = (*_PLACE, Column("object", "", "What of the artery", levels=_OBJECTS))

HEATMAPS = (
    *_ARTERY,
    Column("slice", "", "Canonical axial slice, from 0"),
    Column("above_bifurcation_mm", "mm", "Height above the lowest external row; negative below"),
    Column("distance_mm", "mm", "In the slice, from the maximum to its own vessel's center"),
    Column("other_vessel_mm", "mm", "The same to the other label's vessel"),
    Column("peak", "", "Height of the maximum"),
    Column("disagreement_mm", "mm", "How far the members' own maxima lie apart"),
)
CENTERLINES = (
    *_PLACE,
    Column("euclidean_distance", "voxel", "Between the two centers, in the slice"),
    Column("distance_mm", "mm", "The same, with the voxel's size along x and y"),
    Column("nearest_mm", "mm", "From the first center to the second line, in space"),
)
CENTERLINE_SUMMARY = (
    *_ARTERY,
    Column("slices_1", "", "Slices in which the first has a center"),
    Column("slices_2", "", "Slices in which the second has one"),
    Column("slices_both", "", "Slices in which both have one"),
    Column("median_mm", "mm", "Median of distance_mm"),
    Column("p95_mm", "mm", "Its 95th percentile"),
    Column("max_mm", "mm", "The largest"),
    Column("hausdorff_mm", "mm", "Largest distance of a center of either to the other's line"),
)
CONTOURS = {
    "dice": (*_OUTLINE, Column("dice_score", "", "Overlap of the areas; empty where both are 0")),
    "points": (
        *_OUTLINE,
        Column("x", "voxel", "Of a point of the first directory's outline"),
        Column("y", "voxel", "Of the same point"),
        Column("deviation", "", "As in the table compared"),
        Column("norm_deviation", "", "As in the table compared"),
        Column("min_distance", "voxel", "To the nearest point of the reference"),
        Column("distance_mm", "mm", "To the nearest place on the reference outline"),
    ),
    "slices": (
        *_OUTLINE,
        Column("area_1_mm2", "mm2", "What the first outline encloses"),
        Column("area_2_mm2", "mm2", "What the reference encloses"),
        Column("mean_surface_distance_mm", "mm", "Of both outlines to the other, by length"),
        Column("hausdorff_mm", "mm", "Largest distance of either outline to the other"),
    ),
    "challenge": (
        *_PLACE,
        Column("score", "", "Weighted sum of the other columns; 0 for a slice that is missing"),
        Column("wall_dice", "", "Dice of the wall; weight 0.5"),
        Column("lumen_area", "", "1 - relative difference of the lumen's area; weight 0.1"),
        Column("vessel_area", "", "1 - relative difference of the vessel's area; weight 0.1"),
        Column("wall_index", "", "1 - relative difference of wall over vessel area; weight 0.2"),
        Column("outer_distance", "", "1 - Hausdorff distance / outer radius; weight 0.05"),
        Column("lumen_distance", "", "1 - Hausdorff distance / lumen radius; weight 0.05"),
    ),
}
