"""The measurement stage at work: centerlines and contours in, tables out; then the cohort's."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.errors import InputError
from carotid.evaluation.measured_cohorts import Measured
from carotid.evaluation.measured_settings import differing_settings, in_words
from carotid.geometry.sides import SIDE_NAMES, shown_sides
from carotid.stages.measurement.cohort_tables import arteries_table, participants_table
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.parameters import default_settings
from carotid.stages.measurement.stretches import WHOLE
from carotid.stages.one_piece import OnePiece
from carotid.storage.results.layout import MEASUREMENT_TRANSFORM, MeasurementLayout
from carotid.storage.results.measurement_tables import load_table, save_table
from carotid.storage.results.measurements import save_measurements
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.artifacts import Centerlines, Contours
    from carotid.geometry.sides import SideName
    from carotid.measurements import Measurements, MeasurementTable
    from carotid.stages.measurement.parameters import MeasurementParameters
    from carotid.stages.stage import Brought
    from carotid.storage.results.layout import OutputLayout

logger = logging.getLogger(__name__)


class MeasurementTask(OnePiece):
    """The stage at work; whether a side was searched is known from the records of its inputs."""

    def make(self, brought: Brought) -> Measurements:
        """The measurements, told on which sides arteries were looked for."""
        records = (brought.sources[need].record for need in ("contour", "centerline"))
        told = (record.setting("heatmap", "sides") for record in records if record is not None)
        searched = shown_sides(next((one for one in told if one is not None), None))
        made: Measurements = super().make(replace(brought, values=[*brought.values, searched]))
        return made


def _measure(
    centerlines: Centerlines,
    contours: Contours,
    searched: Sequence[SideName],
    parameters: MeasurementParameters,
) -> Measurements:
    return measure(contours, centerlines, parameters, searched)


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
    whole = np.isin(segments.words("segment"), WHOLE)
    removed = int(np.nansum(segments.numbers("removed_slices")[whole]))
    if not slices and not forks and not removed:
        return {}
    facts: dict[str, Any] = {"slices": slices, "bifurcations": forks}
    return {"corrected_by_hand": facts | ({"removed_slices": removed} if removed else {})}


measurement_task = partial(
    MeasurementTask, _measure, save_measurements, (lambda _: None, _corrected), None
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
    measured = [Measured(layout.root, name) for name in found]
    differing = differing_settings(measured, default_settings())
    if differing:
        logger.warning(
            "participants.tsv and arteries.tsv hold measurements of different settings: %s",
            in_words(differing),
        )
    tables = {
        layout.arteries: arteries_table(found),
        layout.participants_table: participants_table(found),
    }
    for path, table in tables.items():
        if found or path.exists():  # nobody may be left of those whom it holds
            save_table(path, table)
