"""How arteries were measured before, and where their segments are, as their records say.

What compares measurements takes the same segments as their own tables, so nobody has to give the
file again that they were measured with.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from carotid.config import parse_sections
from carotid.evaluation.measured_settings import check_same_settings, recorded_settings
from carotid.stages.measurement.parameters import MeasurementParameters, default_settings
from carotid.stages.measurement.stretches import COUNTING, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.evaluation.common_range import Segments
    from carotid.evaluation.measured_cohorts import Measured

logger = logging.getLogger(__name__)

_SECTION = "measurement_transform"


def segments_as_measured(measured: Sequence[Measured], given: MeasurementParameters) -> Segments:
    """Where all segments are: as given, else as recorded, else as by default.

    A warning names what is given and recorded otherwise.

    Args:
        measured: The measurements that are compared, at least one.
        given: Settings of the user's file; those that it sets count.

    Raises:
        UsageError: The measurements were made with different settings.
        ConfigurationError: A record holds settings that cannot be.
    """
    check_same_settings(measured, default_settings())
    recorded = parameters_as_measured(*measured)
    told = recorded.model_dump(exclude_unset=True)
    here = {key: getattr(given, key) for key in COUNTING if key in given.model_fields_set}
    other = [
        f"{key} = {value:g}, was {told[key]:g}"
        for key, value in here.items()
        if key in told and told[key] != value
    ]
    if other:
        logger.warning(
            "segments are not those of the measurements' own tables: %s when it was measured",
            "; ".join(other),
        )
    unknown = [key for key in COUNTING if key not in told and key not in here]
    if unknown:
        logger.info("%s: no record tells it, the default counts", ", ".join(unknown))
    return segments(recorded.model_copy(update=here))


def parameters_as_measured(*measured: Measured) -> MeasurementParameters:
    """The settings on record of measurements that have the same; defaults where nothing tells.

    Raises:
        ConfigurationError: A record holds settings that cannot be.
    """
    known = MeasurementParameters.model_fields
    told = {key: value for key, value in recorded_settings(measured).items() if key in known}
    kinds = {_SECTION: MeasurementParameters}
    return parse_sections({_SECTION: told}, kinds, measured[0].root)[_SECTION]
