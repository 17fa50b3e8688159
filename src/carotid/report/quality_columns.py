"""What the columns of `quality.tsv` are, for the data dictionary beside it."""

from __future__ import annotations

from carotid.artifacts import LABELS
from carotid.geometry.sides import SIDE_NAMES
from carotid.measurements import Column

RESULTS = {
    "done": "there are results",
    "failed": "the last run failed",
    "incomplete": "files are missing or not as they were written",
    "unreadable": "a file is damaged",
    "no result": "the scan has not been run",
}

_FIRST = (
    Column("order", "", "Place on the page, from 1"),
    Column("participant_id", "", "Whose scan it is"),
    Column("result", "", "Whether there are results", levels=RESULTS),
    Column(
        "reason",
        "",
        "Why there is no result, or what makes the score of one that is to be looked at",
    ),
    Column("score", "", "How much stands out, 0 to 100: the participant's, which orders the page"),
    Column("side", "", "The patient's side", levels={name: name for name in SIDE_NAMES}),
    Column("side_score", "", "The score of the side's heatmaps, 0 to 100"),
)

_OF_CHANNELS = {
    "peak_share": ("", "Share of slices with a peak"),
    "disagreement_median_mm": (
        "mm",
        "Median distance of the members' maxima from the point in the middle of them",
    ),
    "disagreement_p95_mm": ("mm", "95th percentile of the members' disagreement"),
    "apart_share": ("", "Share of slices with a peak in which members do not agree"),
    "gap_mm": ("mm", "Longest stretch without a peak between two slices with one"),
    "jump_mm": ("mm", "Largest distance between the maxima of neighbouring slices with a peak"),
    "jumps_per_dm": ("", "Jumps in 100 mm of slices with a peak"),
    "rival_share": ("", "Share of slices with a peak that has a rival at another place"),
}

_BETWEEN = (
    Column(
        "separate_mm", "mm", "Height over which both channels have a peak, more than 3 mm apart"
    ),
    Column("left_right_mm", "mm", "Median distance between the internal maxima of both sides"),
    Column("members", "", "Size of the ensemble of heatmap models"),
    Column("truth_median_mm", "mm", "Median distance from the maxima to the known centers"),
    Column("truth_within_2mm", "", "Share of maxima within 2 mm of the known centers"),
    Column("unlike_training", "", "In what the scan differs from those of training"),
)

_LAST = (
    Column("centerline_score", "", "The score of the side's centerlines, 0 to 100"),
    Column("centerline_internal_points", "", "Slices with a center of the internal carotid"),
    Column("centerline_external_points", "", "Slices with a center of the external carotid"),
    Column("centerline_uncertainty_median_mm", "mm", "Median expected error of internal centers"),
    Column("centerline_uncertainty_p90_mm", "mm", "90th percentile of the same"),
    Column("centerline_unsure_share", "", "Share of internal centers with more than 2 mm of it"),
    Column("centerline_bifurcation_uncertainty_mm", "mm", "Expected error of its height"),
    Column("centerline_faint_mm", "mm", "Longest inner stretch of it that heatmaps hardly show"),
    Column("centerline_short_mm", "mm", "How much lower it ends than the arteries beside it"),
    Column(
        "centerline_missing_mm",
        "mm",
        "How far it goes on above where the other side's external begins, without one there",
    ),
    Column("contour_score", "", "The score of the side's contours, 0 to 100"),
    Column("contour_slices", "", "Cross-sections with both outlines, of both arteries"),
    Column("contour_spread_median_mm", "mm", "Median over slices of the stated spread"),
    Column("contour_spread_p90_mm", "mm", "90th percentile of the same"),
    Column("contour_touch_share", "", "Share of slices with outlines closer than 0.2 mm"),
    Column("contour_no_edge_share", "", "Share of lumens that are not darker than their surround"),
    Column("contour_jump_mm", "mm", "Largest step of an outline from the middle of its neighbours"),
    Column("contour_hole_mm", "mm", "Longest stretch without outlines between two with some"),
    Column("contour_no_lumen_mm", "mm", "Longest stretch of a wall without a lumen"),
    Column(
        "contour_bright_mm",
        "mm",
        "Longest stretch of the internal and common carotid whose lumen holds something as bright "
        "as wall",
    ),
)

COLUMNS = (
    *_FIRST,
    *(
        Column(f"{channel}_{name}", unit, f"{definition}; {channel} channel")
        for channel in LABELS
        for name, (unit, definition) in _OF_CHANNELS.items()
    ),
    *_BETWEEN,
    *_LAST,
)
"""In the order of the table; `docs/report.md` explains them."""
