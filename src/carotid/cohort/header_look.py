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
    from collections.abc import Mapping, Sequence

    from carotid.storage.raw import RawScan


def look_at_headers(scans: Mapping[str, RawScan], participants: Sequence[str]) -> list[Outcome]:
    """Those whose scan cannot be used, with the reason.

    Args:
        scans: The scans by id.
        participants: Whose headers are read.
    """
    failed = []
    for participant_id in participants:
        stop_if_asked()
        try:
            open_scan(scans[participant_id])
        except CarotidError as error:
            failed.append(Outcome(participant_id, "failed", str(error)))
    return failed
