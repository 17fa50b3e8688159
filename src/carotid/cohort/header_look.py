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
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from carotid.config import Parameters
    from carotid.storage.raw import RawScan


def done_after_a_look(
    asked: Sequence[str],
    unread: Mapping[str, RawScan],
    settings: Iterable[Parameters],
    finished: Callable[[Outcome], None],
    run: Callable[[Sequence[str]], list[Outcome]],
) -> list[Outcome]:
    """Do participants, but for those whose scan cannot be used, which are told first.

    Args:
        asked: Whom to do.
        unread: The scans to look at.
        settings: Those of the stages that read scans.
        finished: Told of each whose scan cannot be used.
        run: Does the others.

    Returns:
        One outcome per participant, sorted by id.
    """
    unusable = look_at_headers(unread, settings)
    for outcome in unusable:
        finished(outcome)
    rest = sorted({*asked} - {outcome.participant_id for outcome in unusable})
    return sorted([*unusable, *run(rest)], key=lambda one: one.participant_id)


def look_at_headers(scans: Mapping[str, RawScan], settings: Iterable[Parameters]) -> list[Outcome]:
    """Those whose scan cannot be used, or not with these settings; `scans` are by id."""
    failed = []
    readers = tuple(settings)
    for participant_id, scan in scans.items():
        stop_if_asked()
        try:
            grid = open_scan(scan).grid
            for one in readers:
                one.check_grid(grid)
        except CarotidError as error:
            failed.append(Outcome(participant_id, "failed", str(error.at(scan.path))))
    return failed
