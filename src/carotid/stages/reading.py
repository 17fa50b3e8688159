"""Scans read for the networks, up to where PyTorch is needed.

Importing PyTorch keeps one core busy for two seconds. Nothing here needs it, so the first scan can
be read meanwhile.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import CarotidError
from carotid.geometry.intensity import intensity_range
from carotid.stages.memory import check_memory, foresee
from carotid.storage.raw import RawScan, hash_scan, load_scan, scan_header

if TYPE_CHECKING:
    from carotid.config import HeatmapParameters
    from carotid.geometry.intensity import IntensityRange
    from carotid.geometry.volume import Volume
    from carotid.storage.rescaling import Rescaling


@dataclass(frozen=True, eq=False)
class ReadScan:
    """A scan in memory.

    Attributes:
        sha256: SHA-256 of the scan's file or files.
        volume: Its voxels, as stored.
        intensities: What becomes 0 and 1; None leaves intensities as they are.
    """

    sha256: str
    volume: Volume
    intensities: IntensityRange | None


class ScanReader:
    """Reads scans, if memory is enough for what will be done with them.

    Args:
        parameters: Window, overlap and resampling.
        rescaling: What `RAW_DIR/parameters.json` says.
        members: Size of the ensemble.
        workers: How many windows are predicted at a time.
    """

    def __init__(
        self, parameters: HeatmapParameters, rescaling: Rescaling, members: int, workers: int
    ) -> None:
        self._parameters = parameters
        self._rescaling = rescaling
        self._members = members
        self._workers = workers
        self._begun: tuple[RawScan, Future[ReadScan]] | None = None

    def begin(self, scan: RawScan) -> None:
        """Read a scan in a thread of its own, until `read` asks for it."""
        future = Future[ReadScan]()

        def read() -> None:
            try:
                future.set_result(self._read(scan))
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the scan
                future.set_exception(error)

        self._begun = (scan, future)
        threading.Thread(target=read, name="carotid-reading", daemon=True).start()

    def read(self, scan: RawScan) -> ReadScan:
        """A scan, checked and read; one that was begun but is not asked for first is let go.

        Raises:
            ResourceError: Where memory is not enough.
            InputError: Where the scan cannot be used.
        """
        begun, self._begun = self._begun, None
        if begun is not None:
            wanted, future = begun
            if wanted == scan:
                return future.result()
            future.exception()  # memory has room for one
            del begun, future
        return self._read(scan)

    def _read(self, scan: RawScan) -> ReadScan:
        grid, dtype = scan_header(scan)
        check_memory(
            scan.path, foresee(grid, dtype, self._members, self._parameters, self._workers)
        )
        sha256 = hash_scan(scan)
        volume = load_scan(scan)
        if not self._rescaling.rescale:
            return ReadScan(sha256, volume, None)
        try:
            intensities = intensity_range(
                volume.array, self._rescaling.lower_percentile, self._rescaling.upper_percentile
            )
        except CarotidError as error:
            raise error.at(scan.path) from error
        return ReadScan(sha256, volume, intensities)
