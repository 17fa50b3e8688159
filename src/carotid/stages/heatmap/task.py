"""The heatmap transform of a RAW_DIR: stage and storage put together for the runner."""

from __future__ import annotations

import logging
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from carotid.cohort.allocator import trim_heap
from carotid.errors import InputError, OutputError, UsageError
from carotid.network.device import describe_device
from carotid.network.windows.plan import ONE_AT_A_TIME, WindowWorkers
from carotid.provenance import TransformRecord, differences
from carotid.stages.heatmap.compute import count_windows, predict_sides
from carotid.stages.heatmap.predict import ON_THE_CPU, Predictor
from carotid.storage.raw import RawScan, hash_scan
from carotid.storage.results.heatmaps import SideSlabs, record_of, write_record, write_side
from carotid.storage.results.layout import HEATMAP_TRANSFORM, HeatmapLayout, OutputLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from carotid.config import HeatmapParameters
    from carotid.geometry.grid import Grid
    from carotid.network.members import Member
    from carotid.stages.heatmap.fold import SideResult
    from carotid.stages.heatmap.reading import LoadedScan, ScanReader

logger = logging.getLogger(__name__)

_DECISIVE = ("roi_size", "spacing", "overlap", "rescaling", "models")
"""What must be the same for results to belong together."""


class HeatmapTask:
    """Scans of a RAW_DIR to heatmaps in an output directory.

    Args:
        layout: The output directory.
        build_members: Makes the ensemble; called once, when there is something to compute.
        parameters: Window, overlap and resampling.
        reader: Reads the scans.
        record: What is written about this run.
        force: Whether complete participants are done again.
        workers: How many windows are predicted at a time on a CPU.
        deflate_threads: How many threads deflate what is written; from two on.
    """

    transform = HEATMAP_TRANSFORM

    def __init__(
        self,
        layout: OutputLayout,
        build_members: Callable[[], Sequence[Member]],
        parameters: HeatmapParameters,
        reader: ScanReader,
        record: TransformRecord,
        *,
        force: bool,
        workers: WindowWorkers = ONE_AT_A_TIME,
        deflate_threads: int = 2,
    ) -> None:
        self._layout = layout
        self._build_members = build_members
        self._members: Sequence[Member] = ()
        self._size = len(record.models)
        self._parameters = parameters
        self._reader = reader
        self._record = record.as_json()
        self._force = force
        self._workers = workers
        self._deflate_threads = deflate_threads

    def get_ready(self) -> None:
        """Build the networks, and let the weights go that they were built from."""
        members = self._build_members()
        self._members, self._build_members = members, lambda: members

    def complete(self, participant_id: str) -> str | None:
        """Why nothing has to be done for a participant; None where it has."""
        if self._force:
            return None
        there = record_of(self._layout, participant_id)
        if there is None:
            self._refuse_foreign(participant_id)
            return None
        differing = differences(self._record, there.get(HEATMAP_TRANSFORM, {}), _DECISIVE)
        if differing:
            raise OutputError(
                f"another command has done this participant differently: {'; '.join(differing)}",
                where=participant_id,
                remedy="use another output directory, or --force to do it again",
            )
        return "was complete already"

    def _refuse_foreign(self, participant_id: str) -> None:
        """Refuse to replace what another program, or somebody's hand, has put in the place.

        A result of this program that was damaged since has its record, and is done again.
        """
        place = self._layout.transform(participant_id, HEATMAP_TRANSFORM)
        if place.exists() and not HeatmapLayout(place).provenance.is_file():
            raise OutputError(
                "this folder is no result of this program and is left as it is",
                where=place,
                remedy="move it away, or use --force to replace it",
            )

    def loader(self, scan: RawScan) -> Callable[[], LoadedScan]:
        """What reads, rescales, reorients and resamples a scan."""
        return partial(self._reader.read, scan)

    def steps(self, loaded: LoadedScan) -> int:
        """How many windows both sides take."""
        return count_windows(loaded.prepared.frame, self._size, self._parameters)

    def compute(
        self, loaded: LoadedScan, folder: Path, advance: Callable[[], None]
    ) -> Iterator[Callable[[], None]]:
        """Predict side after side; each is folded and written while the next one is predicted."""
        place = HeatmapLayout(folder)
        scan, grid = loaded.prepared, loaded.prepared.frame.grid
        predictor = Predictor(self._workers)
        here = describe_device(self._members[0].device)
        if self._record.get("device", here) != here:  # which had no room even for the networks
            predictor.step = ON_THE_CPU
        results = predict_sides(
            scan,
            self._members,
            self._parameters,
            advance,
            predictor=predictor,
            scratch_folder=folder,
        )
        with closing(results):
            for result in results:
                record = None
                if result.side == scan.frame.sides[-1]:
                    record = {
                        "input_sha256": loaded.sha256,
                        "shape": list(grid.shape),
                        "affine_ras_mm": grid.affine.tolist(),
                        "forward_pass": predictor.in_words,
                        HEATMAP_TRANSFORM: self._record,
                    }
                yield partial(_write, place, result, grid, record, self._deflate_threads)


def _write(
    place: HeatmapLayout,
    result: SideResult,
    grid: Grid,
    record: Mapping[str, Any] | None,
    threads: int,
) -> None:
    """Write a side, and after the last one the record."""
    trim_heap()  # memory is fullest now: the next windows are predicted meanwhile
    with closing(result.slabs()) as slabs:
        pairs = ((slab.mean, slab.std) for slab in slabs)
        made = SideSlabs(pairs, lambda: result.maxima.indices)
        write_side(place, result.side.name, grid, made, threads)
    if record is not None:
        write_record(place, record)


def refuse_unfit(layout: OutputLayout, scans: Sequence[RawScan], record: TransformRecord) -> None:
    """Check that what is complete in an output directory goes with what shall be added.

    Raises:
        UsageError: Where all participants are complete already, or complete ones were made with
            other parameters, other models, or from another scan.
    """
    complete = {
        scan.participant_id: found
        for scan in scans
        if (found := record_of(layout, scan.participant_id)) is not None
    }
    now = record.as_json()
    for participant_id, found in complete.items():
        then = found.get(HEATMAP_TRANSFORM, {})
        differing = differences(now, then, _DECISIVE)
        if differing:
            raise UsageError(
                f"participant {participant_id} was done differently: {'; '.join(differing)}",
                where=layout.root,
                remedy="use the same parameters and models, another output directory, or --force "
                "to do the participants again",
            )
    changed = [
        scan.participant_id
        for scan in scans
        if scan.participant_id in complete
        and complete[scan.participant_id].get("input_sha256") != _hash_or_none(scan)
    ]
    if changed:
        raise UsageError(
            "scans have changed since their heatmaps were made",
            where=layout.root,
            found=", ".join(changed[:10]) + (" and more" if len(changed) > 10 else ""),
            remedy="do these again with --force and --participant",
        )
    if scans and len(complete) == len(scans):
        raise UsageError(
            "this directory already holds the heatmaps of every participant asked for "
            f"({len(scans)})",
            where=layout.root,
            remedy="use another output directory, or --force to do them again",
        )


def _hash_or_none(scan: RawScan) -> str | None:
    """A scan's checksum; None where it cannot be read any more."""
    try:
        return hash_scan(scan)
    except InputError:
        return None


def others_made_differently(
    layout: OutputLayout, scans: Sequence[RawScan], record: TransformRecord
) -> list[str]:
    """Complete participants beside the ones asked for that other parameters or models made."""
    asked = {scan.participant_id for scan in scans}
    now = record.as_json()
    found = []
    for participant_id in layout.participants(HEATMAP_TRANSFORM):
        if participant_id in asked:
            continue
        there = record_of(layout, participant_id)
        if there is not None and differences(now, there.get(HEATMAP_TRANSFORM, {}), _DECISIVE):
            found.append(participant_id)
    return found
