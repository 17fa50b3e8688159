"""Scans read and prepared for the networks.

Importing PyTorch keeps one core busy for two seconds. Nothing here needs it, so the first scan can
be made ready meanwhile.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.cohort.memory import check_memory, foresee
from carotid.errors import CarotidError
from carotid.geometry.intensity import intensity_range
from carotid.stages.heatmap.prepare import prepare
from carotid.storage.raw import RawScan, open_scan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from carotid.config import HeatmapParameters
    from carotid.geometry.volume import Volume
    from carotid.stages.heatmap.prepare import PreparedScan
    from carotid.storage.rescaling import Rescaling


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A scan that is ready for the networks.

    Attributes:
        prepared: The scan as they see it.
        sha256: SHA-256 of the scan's file or files.
    """

    prepared: PreparedScan
    sha256: str


class ScanReader:
    """Reads and prepares scans, if memory is enough for what will be done with them.

    Args:
        parameters: Window, overlap and resampling.
        rescaling: What `RAW_DIR/parameters.json` says.
        members: Size of the ensemble.
        workers: How many windows are predicted at a time.
        beside_gpu: Whether a GPU computes.
    """

    def __init__(
        self,
        parameters: HeatmapParameters,
        rescaling: Rescaling,
        members: int,
        workers: int,
        *,
        beside_gpu: bool = False,
    ) -> None:
        self._parameters = parameters
        self._rescaling = rescaling
        self._members = members
        self._workers = workers
        self._beside_gpu = beside_gpu
        self._begun: tuple[RawScan, Future[LoadedScan]] | None = None

    def begin(self, scan: RawScan) -> None:
        """Read a scan in a thread of its own, until `read` asks for it."""
        future = Future[LoadedScan]()

        def read() -> None:
            try:
                future.set_result(self._read(scan))
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the scan
                future.set_exception(error)

        self._begun = (scan, future)
        threading.Thread(target=read, name="carotid-reading", daemon=True).start()

    def read(self, scan: RawScan) -> LoadedScan:
        """A scan, ready for the networks; one that was begun but is not asked for first is let go.

        Raises:
            ResourceError: Where memory is not enough.
            InputError: Where the scan cannot be used.
        """
        begun, self._begun = self._begun, None
        if begun is not None:
            wanted, future = begun
            if wanted == scan:
                return future.result()
            if (error := future.exception()) is not None:  # waited for: memory has room for one
                error.__traceback__ = None  # it holds what was read so far
            del begun, future, error
        return self._read(scan)

    def _read(self, scan: RawScan) -> LoadedScan:
        opened = open_scan(scan)
        forecast = foresee(
            opened.grid,
            opened.dtype,
            self._members,
            self._parameters,
            self._workers,
            beside_gpu=self._beside_gpu,
        )
        check_memory(scan.path, forecast)
        content = opened.read()
        rescaling = self._rescaling
        wanted = (rescaling.lower_percentile, rescaling.upper_percentile)
        try:
            prepared = prepare_scan(
                content.volume,
                self._parameters,
                percentiles=wanted if rescaling.rescale else None,
                padding=content.padding,
            )
        except CarotidError as error:
            raise error.at(scan.path) from error
        return LoadedScan(prepared, content.sha256)


def prepare_scan(
    volume: Volume,
    parameters: HeatmapParameters,
    *,
    percentiles: tuple[float, float] | None,
    padding: NDArray[np.bool_] | None = None,
) -> PreparedScan:
    """Rescale, reorient and resample a scan as the networks expect it.

    Args:
        volume: The scan.
        parameters: Whether it is resampled.
        percentiles: Those that become 0 and 1; None leaves intensities as they are.
        padding: Which voxels are padding and count in no percentile.

    Raises:
        InputError: Where the scan is constant or holds voxels that are no numbers.
    """
    intensities = (
        None
        if percentiles is None
        else intensity_range(volume.array, *percentiles, leave_out=padding)
    )
    return prepare(volume, intensities, resample=parameters.spacing)
