"""A scan read and prepared for the networks.

Importing PyTorch keeps one core busy for two seconds. Nothing here needs it, so the first scan can
be made ready meanwhile.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import CarotidError
from carotid.evaluation.likeness import cut_off
from carotid.evaluation.stack import stack_faults
from carotid.geometry.intensity import check_intensities, intensity_range
from carotid.provenance import Input
from carotid.stages.heatmap.prepare import prepare
from carotid.storage.rescaling import FILE_NAME
from carotid.storage.scan_state import scan_state

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from carotid.geometry.crop import Crop
    from carotid.geometry.intensity import IntensityRange
    from carotid.geometry.sides import Sides
    from carotid.geometry.volume import Volume
    from carotid.stages.heatmap.parameters import HeatmapParameters
    from carotid.stages.heatmap.prepare import PreparedScan
    from carotid.storage.opened import OpenedScan
    from carotid.storage.raw import RawScan
    from carotid.storage.rescaling import Rescaling


logger = logging.getLogger(__name__)

_LIKELY_INTENSITY = 5.0
"""Most, in size, that a scan has whose intensities were brought to 0 to 1 by somebody else."""


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A scan that is ready for the networks.

    Attributes:
        prepared: The scan as they see it.
        source: Checksum and size of the scan's file or files.
        faults: What is wrong with its slices and its brightness, in words.
    """

    prepared: PreparedScan
    source: Input
    faults: tuple[str, ...] = ()


def read_prepared(
    scan: RawScan, opened: OpenedScan, parameters: HeatmapParameters, rescaling: Rescaling
) -> LoadedScan:
    """Read a scan and prepare it for the networks.

    Args:
        scan: Where it is.
        opened: What opening it gave.
        parameters: Whether it is resampled, and what networks look at.
        rescaling: What `RAW_DIR/parameters.json` says.

    Raises:
        InputError: Where the scan cannot be used.
    """
    size_bytes = scan_state(scan).size_bytes
    content = opened.read()
    _check_meant(scan, content.volume, rescaling)
    try:
        prepared = prepare_scan(
            content.volume,
            percentiles=rescaling.percentiles,
            resample=parameters.spacing,
            padding=content.padding,
            crop=parameters.crop,
            sides=parameters.sides,
        )
    except CarotidError as error:
        raise error.at(scan.path) from error
    faults = (
        *stack_faults(content.volume, prepared.frame.kept[0]),
        *cut_off(content.volume.array, content.padding),
    )
    return LoadedScan(prepared, Input(content.sha256, size_bytes), faults)


def _check_meant(scan: RawScan, volume: Volume, rescaling: Rescaling) -> None:
    """Say that nobody asked for rescaling, where intensities look as if it was meant."""
    if rescaling.stated:
        return
    lowest, highest = float(volume.array.min()), float(volume.array.max())
    if max(-lowest, highest) > _LIKELY_INTENSITY:
        logger.warning(
            "%s: intensities from %.4g to %.4g are used as they are, because there is no %s in "
            "RAW_DIR. The models in the package expect them rescaled to 0 to 1: see the "
            "documentation on data",
            scan.path,
            lowest,
            highest,
            FILE_NAME,
        )


def prepare_scan(
    volume: Volume,
    *,
    percentiles: tuple[float, float] | None,
    resample: bool,
    padding: NDArray[np.bool_] | None = None,
    crop: Crop | None = None,
    sides: Sides = "both",
) -> PreparedScan:
    """Check, rescale, reorient and resample a scan as the networks expect it.

    Args:
        volume: The scan.
        percentiles: Those of the whole scan that become 0 and 1; None leaves intensities as they
            are.
        resample: Whether axes are brought to 0.5 mm.
        padding: Which voxels are padding and count in no percentile.
        crop: The part that networks look at; None: all of it.
        sides: Which sides the scan shows.

    Raises:
        InputError: Where the scan is constant or holds voxels that are no numbers or too large, or
            where the crop leaves nothing of it.
    """
    intensities = usable_intensities(volume, percentiles, padding)
    return prepare(volume, intensities, resample=resample, crop=crop, sides=sides)


def usable_intensities(
    volume: Volume,
    percentiles: tuple[float, float] | None,
    padding: NDArray[np.bool_] | None = None,
) -> IntensityRange | None:
    """What becomes 0 and 1 of a scan's intensities; None where they stay as they are.

    Raises:
        InputError: Nothing can be made of them; see `prepare_scan`.
    """
    check_intensities(volume.array)
    if percentiles is None:
        return None
    return intensity_range(volume.array, *percentiles, leave_out=padding)
