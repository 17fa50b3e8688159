"""A look at the headers of all scans before the first one is computed.

What cannot be used is said within seconds, and not after the hours that the others take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.cohort.interrupts import stop_if_asked
from carotid.cohort.outcome import Outcome
from carotid.errors import CarotidError
from carotid.storage.raw import open_scan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from carotid.storage.raw import RawScan


def done_after_a_look(
    asked: Sequence[str],
    unread: Mapping[str, RawScan],
    finished: Callable[[Outcome], None],
    run: Callable[[Sequence[str]], list[Outcome]],
) -> list[Outcome]:
    """Do participants, but for those whose scan cannot be used, which are told first.

    Args:
        asked: Whom to do.
        unread: The scans to look at.
        finished: Told of each whose scan cannot be used.
        run: Does the others.

    Returns:
        One outcome per participant, sorted by id.
    """
    unusable = look_at_headers(unread)
    for outcome in unusable:
        finished(outcome)
    rest = sorted({*asked} - {outcome.participant_id for outcome in unusable})
    return sorted([*unusable, *run(rest)], key=lambda one: one.participant_id)


def look_at_headers(scans: Mapping[str, RawScan]) -> list[Outcome]:
    """Those whose scan cannot be used, with the reason; `scans` are by id."""
    failed = []
    for participant_id, scan in scans.items():
        stop_if_asked()
        try:
            open_scan(scan)
        except CarotidError as error:
            failed.append(Outcome(participant_id, "failed", str(error)))
    return failed
