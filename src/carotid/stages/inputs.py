"""What participants bring to a stage: where it lies, whether it is still the same, how it is read.

A stage needs scans, results of earlier stages, or both. Results may have been made by another
program or by hand; they are read all the same, with a warning.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from carotid.errors import InputError
from carotid.provenance import Input
from carotid.stages.catalog import stage_named
from carotid.stages.stage import SCAN
from carotid.storage.raw import RawScan, hash_scan, open_scan
from carotid.storage.rescaling import NO_RESCALING, Rescaling
from carotid.storage.results.record import input_of
from carotid.storage.scan_state import scan_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from carotid.geometry.volume import Volume
    from carotid.storage.results.layout import OutputLayout

logger = logging.getLogger(__name__)


class Inputs:
    """What the participants of a run bring.

    Args:
        needs: What each of them has to bring; see `Stage.needs`.
        layouts: The directory of each earlier stage's results.
        scans: The scans by id, where there are any.
        rescaling: What `RAW_DIR/parameters.json` says.
    """

    def __init__(
        self,
        needs: tuple[str, ...],
        layouts: Mapping[str, OutputLayout],
        scans: Mapping[str, RawScan],
        rescaling: Rescaling = NO_RESCALING,
    ) -> None:
        self.needs = needs
        self.rescaling = rescaling
        self._layouts = layouts
        self._scans = scans

    def participants(self) -> list[str]:
        """Who brings the last need, sorted."""
        last = self.needs[-1]
        if last == SCAN:
            return sorted(self._scans)
        return self._layouts[last].participants(stage_named(last).transform)

    def scan(self, participant_id: str) -> RawScan:
        """Where a participant's scan is.

        Raises:
            InputError: There is none.
        """
        if participant_id not in self._scans:
            raise InputError("there is no scan of this participant", where=participant_id)
        return self._scans[participant_id]

    def folder(self, need: str, participant_id: str) -> Path:
        """Where a participant's result of an earlier stage is.

        Raises:
            InputError: There is none.
        """
        folder = self._layouts[need].transform(participant_id, stage_named(need).transform)
        if not folder.is_dir():
            raise InputError(
                f"there is no result of the {need} step for this participant",
                where=folder,
                remedy=f"run `carotid transform {need}` first",
            )
        return folder

    def glance(self, participant_id: str, *, trusted_ns: int | None = None) -> dict[str, Input]:
        """What a participant brings, as far as sizes, times and records tell.

        Args:
            participant_id: Whose.
            trusted_ns: A scan that was not changed after this time is not read for its checksum;
                None reads each.

        Raises:
            InputError: Something is missing or cannot be looked at.
        """
        found: dict[str, Input] = {}
        for need in self.needs:
            if need != SCAN:
                found[need] = input_of(self.folder(need, participant_id))
                continue
            scan = self.scan(participant_id)
            state = scan_state(scan)
            trusted = trusted_ns is not None and state.changed_ns <= trusted_ns
            found[need] = Input(None if trusted else hash_scan(scan), state.size_bytes)
        return found

    def read(self, participant_id: str) -> tuple[list[Any], dict[str, Input]]:
        """What a participant brings, in the order of the needs, and what it is by need.

        Raises:
            InputError: Something is missing, cannot be read, or does not belong together.
        """
        values, found = {}, {}
        for need in sorted(self.needs, key=lambda one: one == SCAN):  # scans last: they are large
            read = self._read_scan if need == SCAN else partial(self._read_result, need)
            values[need], found[need] = read(participant_id)
        _check_same_scan(participant_id, found)
        return [values[need] for need in self.needs], found

    def _read_scan(self, participant_id: str) -> tuple[Volume, Input]:
        scan = self.scan(participant_id)
        size_bytes = scan_state(scan).size_bytes
        content = open_scan(scan).read()
        return content.volume, Input(content.sha256, size_bytes)

    def _read_result(self, need: str, participant_id: str) -> tuple[Any, Input]:
        folder = self.folder(need, participant_id)
        found = input_of(folder)
        if found.record is None:
            logger.warning(
                "%s: was not written by carotid, or was changed since; it is read as it is", folder
            )
        return stage_named(need).load_result(folder), found


def _check_same_scan(participant_id: str, found: Mapping[str, Input]) -> None:
    """Refuse a scan that is not the one from which the earlier results were made."""
    if SCAN not in found:
        return
    for need, one in found.items():
        scan = None if one.record is None else one.record.scan()
        if scan is not None and not scan.agrees_with(found[SCAN]):
            raise InputError(
                f"the scan is not the one that the {need} step began with",
                where=participant_id,
                remedy="give the folder of that scan with --raw_dir, or do the earlier steps again",
            )
