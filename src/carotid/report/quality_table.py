"""`quality.tsv`: the figures of everyone on a page as text, a line per participant and side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from carotid.artifacts import LABELS
from carotid.geometry.sides import SIDE_NAMES
from carotid.report.quality_columns import COLUMNS

if TYPE_CHECKING:
    from carotid.geometry.sides import SideName
    from carotid.report.rows import Row

_CHANNEL_FIELDS = {
    "peak_share": 4,
    "disagreement_median_mm": 2,
    "disagreement_p95_mm": 2,
    "apart_share": 4,
    "gap_mm": 2,
    "jump_mm": 2,
    "jumps_per_dm": 1,
    "rival_share": 4,
}
_CENTERLINE_FIELDS = {
    "score": 2,
    "internal_points": 0,
    "external_points": 0,
    "uncertainty_median_mm": 2,
    "uncertainty_p90_mm": 2,
    "unsure_share": 4,
    "bifurcation_uncertainty_mm": 2,
    "faint_mm": 2,
    "short_mm": 2,
    "missing_mm": 2,
}
_CONTOUR_FIELDS = {
    "score": 2,
    "slices": 0,
    "spread_median_mm": 3,
    "spread_p90_mm": 3,
    "touch_share": 4,
    "no_edge_share": 4,
    "jump_mm": 2,
    "hole_mm": 2,
    "no_lumen_mm": 2,
    "bright_mm": 2,
}


def quality_table(rows: list[Row]) -> str:
    """The table, in the order of the rows; one line without a side where nothing was counted."""
    header = [column.name for column in COLUMNS]
    lines = ["\t".join(header)]
    for order, row in enumerate(rows, start=1):
        counted = {*row.sides, *row.centerlines, *row.contours}
        sides: list[SideName | None] = [name for name in SIDE_NAMES if name in counted]
        for side in sides or [None]:
            cells = _cells(order, row, side)
            lines.append("\t".join(cells.get(name, "") for name in header))
    return "\n".join(lines) + "\n"


def _cells(order: int, row: Row, side: SideName | None) -> dict[str, str]:
    cells = {
        "order": str(order),
        "participant_id": _plain(row.participant_id),
        "result": row.result,
        "reason": _plain("; ".join(words for words in (row.reason, *row.why) if words)),
        "score": _digits(row.score, 2),
        "unlike_training": _plain("; ".join(row.unlike)),
    }
    if side is None:
        return cells
    cells["side"] = side
    if side in row.sides:
        figures = row.sides[side]
        cells |= {
            "side_score": _digits(figures.score, 2),
            "separate_mm": _digits(figures.separate_mm, 2),
            "left_right_mm": _digits(row.between_mm, 2),
            "members": str(row.members),
        }
        cells |= {
            f"{channel}_{field}": _digits(getattr(getattr(figures, channel), field), digits)
            for channel in LABELS
            for field, digits in _CHANNEL_FIELDS.items()
        }
    if side in row.truth:
        cells["truth_median_mm"] = _digits(row.truth[side].median_mm, 2)
        cells["truth_within_2mm"] = _digits(row.truth[side].right_share, 4)
    if side in row.centerlines:
        cells |= {
            f"centerline_{field}": _digits(getattr(row.centerlines[side], field), digits)
            for field, digits in _CENTERLINE_FIELDS.items()
        }
    if side in row.contours:
        cells |= {
            f"contour_{field}": _digits(getattr(row.contours[side], field), digits)
            for field, digits in _CONTOUR_FIELDS.items()
        }
    return cells


def _digits(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _plain(text: str) -> str:
    """Text that cannot break a line of a table: control characters are spelled out."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
