"""What participants bring to a stage: where it lies, whether it is still the same, how it is read.

A stage needs scans, results of earlier stages, or both. Results may have been made by another
program or by hand; they are read all the same, with a warning. Those of a transient stage may be
made on the way.
"""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from carotid.artifacts import Scan
from carotid.errors import CarotidError, InputError
from carotid.geometry.intensity import check_intensities, intensity_range
from carotid.provenance import Input, Record
from carotid.stages.catalog import stage_named
from carotid.stages.stage import SCAN, Brought, Prepared, Setting
from carotid.storage.raw import RawScan, hash_scan, open_scan
from carotid.storage.rescaling import NO_RESCALING, Rescaling
from carotid.storage.results.record import input_of, read_record
from carotid.storage.scan_state import scan_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from carotid.config import Parameters
    from carotid.stages.stage import Forecast, Stage
    from carotid.storage.results.layout import OutputLayout

logger = logging.getLogger(__name__)

_LIBRARIES_BYTES = 320 << 20
"""PyTorch, NumPy and SciPy, as measured, with some room to work in."""


@dataclass(frozen=True)
class ScanForecast:
    """What a scan takes that is kept as it is stored; see `Forecast`.

    Attributes:
        voxel_bytes: Its voxels.
        remedy: What to do where it is too much.
    """

    voxel_bytes: int
    remedy: str = "crop the scan"

    @property
    def total_bytes(self) -> int:
        """With the libraries, and a part of the voxels that is worked on."""
        return _LIBRARIES_BYTES + self.voxel_bytes

    @property
    def largest(self) -> tuple[str, int]:
        """The scan."""
        return "the scan", self.voxel_bytes


@dataclass(frozen=True, eq=False)
class OnTheWay:
    """A transient stage whose results are made as they are asked for.

    Attributes:
        stage: Which stage.
        parameters: Its settings.
        inputs: What participants bring to it.
        prepared: What is known of its networks; None where it has none.
    """

    stage: Stage
    parameters: Parameters
    inputs: Inputs
    prepared: Prepared | None = None

    def record(self) -> Record:
        """What holds for the whole run."""
        return record_of_run(self.stage, self.parameters, self.inputs, self.prepared or Prepared())

    def read(self, participant_id: str) -> tuple[Any, Input]:
        """Make a participant's result, and the record that it would have been written with."""
        task: Any = self.stage.make_task(Setting(self.parameters, self.inputs))
        brought = self.inputs.read(participant_id)
        result = task.make(brought)
        made = task.made(result, brought.sources)
        record = replace(self.record(), inputs=made.inputs, context=made.context)
        return result, Input.of_result(record)

    def glance(self, participant_id: str, *, trusted_ns: int | None) -> Input:
        """What a participant's result would be made from."""
        sources = self.inputs.glance(participant_id, trusted_ns=trusted_ns)
        return Input(None, record=replace(self.record(), inputs=sources))


class Inputs:
    """What the participants of a run bring.

    Args:
        needs: What each of them has to bring; see `Stage.needs`.
        layouts: The directory of each earlier stage's results.
        scans: The scans by id, where there are any.
        rescaling: What `RAW_DIR/parameters.json` says.
        on_the_way: Needs that are made as they are asked for.
        check_memory: See `Setting`; asked before a scan is read.
    """

    def __init__(
        self,
        needs: tuple[str, ...],
        layouts: Mapping[str, OutputLayout],
        scans: Mapping[str, RawScan],
        rescaling: Rescaling = NO_RESCALING,
        on_the_way: Mapping[str, OnTheWay] | None = None,
        check_memory: Callable[[str | Path, Forecast], None] = lambda *_: None,
    ) -> None:
        self._check_memory = check_memory
        self.needs = needs
        self.rescaling = rescaling
        self.on_the_way = on_the_way or {}
        self._layouts = layouts
        self._scans = scans
        self._composed = {unicodedata.normalize("NFC", one): one for one in scans}

    def participants(self) -> list[str]:
        """Who brings the last need, sorted."""
        last = self.needs[-1]
        if last == SCAN:
            return sorted(self._scans)
        if last in self.on_the_way:
            return self.on_the_way[last].inputs.participants()
        return self._layouts[last].participants(stage_named(last).transform)

    def scan(self, participant_id: str) -> RawScan:
        """Where a participant's scan is; accents may be in either of their two Unicode forms.

        Raises:
            InputError: There is none.
        """
        name = participant_id
        if name not in self._scans:
            name = self._composed.get(unicodedata.normalize("NFC", name), name)
        if name not in self._scans:
            raise InputError("there is no scan of this participant", where=participant_id)
        return self._scans[name]

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
            trusted_ns: A scan that was not changed after this time is not read for its checksum,
                unless it is doubted; None reads each.

        Raises:
            InputError: Something is missing or cannot be looked at.
        """
        found: dict[str, Input] = {}
        for need in self.needs:
            if need in self.on_the_way:
                found[need] = self._glance_on_the_way(need, participant_id, trusted_ns)
            elif need != SCAN:
                found[need] = input_of(self.folder(need, participant_id))
            else:
                scan = self.scan(participant_id)
                state = scan_state(scan)
                old = trusted_ns is not None and state.changed_ns <= trusted_ns
                sha256 = None if old and not scan.doubted else hash_scan(scan)
                found[need] = Input(sha256, state.size_bytes)
        return found

    def _glance_on_the_way(self, need: str, participant_id: str, trusted_ns: int | None) -> Input:
        """A result that lies in its place and is what would be made, else what would be made."""
        made = self.on_the_way[need].glance(participant_id, trusted_ns=trusted_ns)
        if need in self._layouts:
            folder = self._layouts[need].transform(participant_id, stage_named(need).transform)
            there = read_record(folder)
            if there is not None and made.agrees_with(Input(None, record=there)):
                return Input.of_result(there)
        return made

    def read(self, participant_id: str) -> Brought:
        """Read what a participant brings.

        Raises:
            InputError: Something is missing, cannot be read, or does not belong together.
        """
        values, found = {}, {}
        for need in sorted(self.needs, key=lambda one: one == SCAN):  # scans last: they are large
            if need in self.on_the_way:
                read = self.on_the_way[need].read
            else:
                read = self.read_scan if need == SCAN else partial(self._read_result, need)
            values[need], found[need] = read(participant_id)
        check_same_scan(participant_id, found)
        sources = {need: found[need] for need in self.needs}
        return Brought([values[need] for need in self.needs], sources)

    def read_scan(self, participant_id: str) -> tuple[Scan, Input]:
        """Read a participant's scan, and what it is.

        Raises:
            InputError: There is none, or it cannot be used.
            ResourceError: Memory is not enough for it.
        """
        place, rescaling = self.scan(participant_id), self.rescaling
        size_bytes = scan_state(place).size_bytes
        opened = open_scan(place)
        self._check_memory(
            place.path, ScanForecast(prod(opened.grid.shape) * opened.dtype.itemsize)
        )
        content = opened.read()
        array, intensities = content.volume.array, None
        try:
            check_intensities(array)
            if rescaling.rescale:
                percentiles = (rescaling.lower_percentile, rescaling.upper_percentile)
                intensities = intensity_range(array, *percentiles, leave_out=content.padding)
        except CarotidError as error:
            raise error.at(place.path) from error
        return Scan(content.volume, intensities), Input(content.sha256, size_bytes)

    def _read_result(self, need: str, participant_id: str) -> tuple[Any, Input]:
        folder = self.folder(need, participant_id)
        found = input_of(folder)
        if found.record is None:
            logger.warning(
                "%s: was not written by carotid, or was changed since; it is read as it is", folder
            )
        return stage_named(need).load_result(folder), found


def record_of_run(
    stage: Stage, parameters: Parameters, inputs: Inputs, prepared: Prepared
) -> Record:
    """What the records of all participants of a run say alike."""
    settings = parameters.model_dump(mode="json")
    if SCAN in stage.needs:
        settings["rescaling"] = inputs.rescaling.as_record()
    context = {} if prepared.device is None else {"device": prepared.device}
    return Record(stage.name, settings, models=prepared.models, context=context)


def check_same_scan(participant_id: str, found: Mapping[str, Input]) -> None:
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
