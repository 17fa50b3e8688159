"""The verb of the measurement transform: contours and centerlines to tables."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from carotid.errors import InputError
from carotid.geometry.sides import SIDE_NAMES, where_searched
from carotid.measurements import Measurements, SideMeasurements
from carotid.stages.doubtful_outlines import tell_doubtful_outlines
from carotid.stages.measurement.artery import arteries_of
from carotid.stages.measurement.measured import MeasuredArtery, measure_arteries
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.plaque_table import plaque_table
from carotid.stages.measurement.same_neck import check_same_neck
from carotid.stages.measurement.segment_table import segment_table
from carotid.stages.measurement.segments import segments_of
from carotid.stages.measurement.slice_table import slice_table
from carotid.stages.measurement.stenosis import DOUBTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.artifacts import Centerlines, Contours
    from carotid.geometry.sides import SideName

logger = logging.getLogger(__name__)


def measure(
    contours: Contours,
    centerlines: Centerlines | None = None,
    parameters: MeasurementParameters | None = None,
    searched: Sequence[SideName] = SIDE_NAMES,
) -> Measurements:
    """Measure the arteries of both sides of a neck.

    Args:
        contours: The outlines.
        centerlines: The courses of the arteries and the bifurcations; where there are none, the
            outlines' own centers tell the course.
        parameters: The settings; None takes the defaults.
        searched: The sides on which arteries were looked for.

    Raises:
        InputError: No side has an outline with an area, or contours and centerlines belong to
            different scans or necks.
    """
    chosen = MeasurementParameters() if parameters is None else parameters
    canonical = contours.canonical
    if centerlines is not None:
        check_same_neck(contours, centerlines)
    slice_mm = canonical.spacing_mm[2]
    measured: dict[SideName, tuple[MeasuredArtery, ...]] = {}
    for side in SIDE_NAMES:
        sections = contours.side(side)
        tell_doubtful_outlines(sections, side, canonical, "not measured")
        arteries = arteries_of(
            sections,
            None if centerlines is None else centerlines.side(side),
            canonical,
            chosen.smoothing_mm,
            side,
        )
        for artery in arteries:
            if artery.zero_mm != artery.zero_mm:
                logger.warning(
                    "the %s bifurcation is unknown: the %s artery has no positions and segments",
                    side,
                    artery.label,
                )
        measured[side] = measure_arteries(arteries, canonical, side, chosen)
    if not any(measured.values()):
        raise InputError(
            f"there is no outline with an area {where_searched(searched)}",
            remedy="look at the participant on the page: no artery was found in the scan, or a "
            "step before found none",
        )
    sides = {side: SideMeasurements(*slice_table(measured[side], canonical, chosen))
             for side in SIDE_NAMES}  # fmt: skip
    segments = [
        segment
        for side in SIDE_NAMES
        for segment in segments_of(
            measured[side],
            side,
            chosen,
            slice_mm,
            removed=sorted((label, z) for whose, label, z in contours.removed if whose == side),
            searched=side in searched,
        )
    ]
    for segment in segments:
        for doubt in segment.doubts if segment.name in ("common", "internal") else ():
            logger.warning("%s %s: %s", segment.side, segment.name, DOUBTS[doubt])
    return Measurements(
        sides["left"],
        sides["right"],
        segment_table(segments),
        plaque_table([one for side in SIDE_NAMES for one in measured[side]], chosen, slice_mm),
    )
