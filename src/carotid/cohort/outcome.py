"""What became of a participant, and what went wrong in one line."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Literal

from carotid.errors import CarotidError

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of one participant.

    Attributes:
        participant_id: Whose.
        status: done: computed, written and read back; skipped: was complete already; failed.
        reason: Why it was skipped or failed, in one line.
        remark: What people should know of a result that was made, in one line.
    """

    participant_id: str
    status: Status
    reason: str = ""
    remark: str = ""

    def as_json(self) -> dict[str, str]:
        """A row of `summary.json`."""
        return {
            "participant_id": self.participant_id,
            "result": self.status,
            "reason": self.reason,
        }


def let_go(error: BaseException) -> None:
    """Free what the calls that failed still hold: a scan, heatmaps, files."""
    chain: list[BaseException | None] = [error]
    for one in chain:
        if one is None or one.__traceback__ is None:
            continue  # been there: an error may be its own cause
        traceback.clear_frames(one.__traceback__)
        one.__traceback__ = None
        chain += [one.__cause__, one.__context__]


def describe(error: BaseException) -> str:
    """An error in one line, for the table of what failed."""
    if isinstance(error, CarotidError):
        return str(error)
    if isinstance(error, MemoryError) or _is_allocation(error):
        return "out of memory. Use a smaller roi_size, fewer --threads, or a larger machine."
    detail = " ".join(str(error).split())[:300]
    return f"unexpected {type(error).__name__}: {detail}. Run with -vv for the traceback."


def _is_allocation(error: BaseException) -> bool:
    """Whether PyTorch could not get memory, which it tells by its own kinds of RuntimeError."""
    text = str(error)
    return isinstance(error, RuntimeError) and ("out of memory" in text or "alloc" in text)
