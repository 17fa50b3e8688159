"""What the page says of smoothing by the scanner that was undone before contours were drawn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carotid.provenance import Record

_AXIS = re.compile(r"([RLAPSI]) (\d+\.\d+) -> (\d+\.\d+) mm")
_WAYS = {
    **dict.fromkeys("RL", "right to left"),
    **dict.fromkeys("AP", "front to back"),
    **dict.fromkeys("SI", "along the neck"),
}


def smoothing_told(record: Record | None) -> str:
    """What was undone before contours were drawn, in sentences; empty where nothing was.

    Args:
        record: What made the contours; None where it is not on record.
    """
    undone = None if record is None else record.context.get("smoothing_undone")
    if not isinstance(undone, str):
        return ""
    axes = _AXIS.findall(undone)
    told = "Smoothing by the scanner was undone before the arteries were outlined"
    if axes:
        sizes = [
            f"about {float(true):.1f} mm {_WAYS[letter]} (stored {stored} mm)"
            for letter, stored, true in axes
        ]
        told += f": in truth voxels were {_listed(sizes)}"
    return f"{told}. Pictures show the scan as it is stored."


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
