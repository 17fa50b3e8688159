"""The measurement stage at work: centerlines and contours in, tables out; then the cohort's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from carotid.errors import InputError
from carotid.evaluation.measured_cohorts import Measured
from carotid.evaluation.measured_settings import differing_settings, in_words
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.measurement.cohort_tables import arteries_table, participants_table
from carotid.stages.measurement.measure import measure
from carotid.stages.one_piece import one_piece
from carotid.storage.results.layout import MEASUREMENT_TRANSFORM, MeasurementLayout
from carotid.storage.results.measurement_tables import load_table, save_table
from carotid.storage.results.measurements import save_measurements
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from carotid.artifacts import Centerlines, Contours
    from carotid.measurements import Measurements, MeasurementTable
    from carotid.stages.measurement.parameters import MeasurementParameters
    from carotid.storage.results.layout import OutputLayout

logger = logging.getLogger(__name__)


def _measure(
    centerlines: Centerlines, contours: Contours, parameters: MeasurementParameters
) -> Measurements:
    return measure(contours, centerlines, parameters)


def _corrected(measurements: Measurements) -> dict[str, Any]:
    """What was corrected by hand: slices, and sides whose bifurcation was set."""
    slices = sum(int(measurements.side(s).slices.flagged("corrected").sum()) for s in SIDE_NAMES)
    segments = measurements.segments
    forks = sorted(
        {
            side
            for side, source in zip(
                segments.words("side"), segments.words("bifurcation"), strict=True
            )
            if source == "corrected"
        }
    )
    if not slices and not forks:
        return {}
    return {"corrected_by_hand": {"slices": slices, "bifurcations": forks}}


measurement_task = one_piece(
    _measure, save_measurements, grid_of=lambda _: None, facts_of=_corrected
)


def write_cohort_tables(layout: OutputLayout) -> None:
    """Write `arteries.tsv` and `participants.tsv` of all participants with complete measurements.

    A warning says where they were made with different settings.

    Raises:
        OutputError: A table cannot be written.
    """
    found: dict[str, MeasurementTable] = {}
    for participant_id in layout.participants(MEASUREMENT_TRANSFORM):
        folder = layout.transform(participant_id, MEASUREMENT_TRANSFORM)
        if read_record(folder) is None:
            continue
        try:
            found[participant_id] = load_table(MeasurementLayout(folder).arteries)
        except InputError as error:
            logger.warning("%s is not in the tables of the cohort: %s", participant_id, error)
    differing = differing_settings(Measured(layout.root, name) for name in found)
    if differing:
        logger.warning(
            "participants.tsv and arteries.tsv hold measurements of different settings: %s",
            in_words(differing),
        )
    if found:
        save_table(layout.arteries, arteries_table(found))
        save_table(layout.participants_table, participants_table(found))
