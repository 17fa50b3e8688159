"""Least detectable changes as repeated scans tell them, and whether they hold for a follow-up.

They hold for measurements that are made as the repeated ones were: the same segments, definitions
and networks. `repeatability_settings.json` beside the table says how these were made.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid import __version__
from carotid.counted import counted
from carotid.errors import InputError, UsageError
from carotid.evaluation.agreement import FEW_FREEDOM, sd_factors
from carotid.evaluation.measured_origins import origins
from carotid.evaluation.measured_settings import word
from carotid.storage.regular_file import open_regular
from carotid.storage.results.atomic import write_json
from carotid.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carotid.evaluation.common_range import Segments
    from carotid.evaluation.measured_cohorts import Subject
    from carotid.evaluation.scan_pair import LeastChange

logger = logging.getLogger(__name__)

_COLUMNS = ("segment", "measure", "least_change")
_REMEDY = "give the repeatability.tsv that `carotid repeatability` wrote"
_MAX_BYTES = 1 << 24


def settings_path(table: Path) -> Path:
    """Where it stands how the measurements of a table were made: beside it, under its name."""
    return table.with_name(f"{table.stem}_settings.json")


def write_settings(table: Path, subjects: Sequence[Subject], segments: Segments | None) -> None:
    """Write how the measurements of a table were made.

    Args:
        table: The table of repeatability.
        subjects: Whose measurements it tells of.
        segments: Where the segments are; None where tables of arteries were taken as they are.

    Raises:
        OutputError: The file cannot be written.
    """
    content = {
        "carotid": __version__,
        "as_stored": segments is None,
        "settings": _settings(subjects, segments),
        "origins": _origins(subjects),
    }
    write_json(settings_path(table), content)


def read_least_changes(table: Path, subjects: Sequence[Subject], segments: Segments) -> LeastChange:
    """The least detectable changes of a table, for measurements that are made as its own were.

    Warnings tell where that is not known, and where the networks or versions are others.

    Args:
        table: `repeatability.tsv`.
        subjects: Whose measurements are set against it.
        segments: Where their segments are.

    Raises:
        InputError: It cannot be read, or tells a change twice.
        UsageError: It is another table, or its measurements were made with other settings.
    """
    found = _read(table)
    told = _read_settings(table)
    if told is None:
        logger.warning(
            "%s: no %s beside it says how its measurements were made; make sure that it was with "
            "the same settings, segments and models as these",
            table,
            settings_path(table).name,
        )
        return found
    here = _settings(subjects, segments)
    other = [
        f"{key}: {word(value)} there, {word(here[key])} here"
        for key, value in told["settings"].items()
        if key in here and word(here[key]) != word(value)
    ]
    if other:
        raise UsageError(
            "the table of repeatability tells of measurements with other settings: "
            + "; ".join(other),
            where=table,
            remedy="make the table again from measurements with these settings, with the same -c",
        )
    if told["as_stored"]:
        logger.warning(
            "%s: made with --as_stored, so its least detectable changes hold, beside errors, that "
            "repeated scans show different stretches; here only what both scans show is compared",
            table,
        )
    now = _origins(subjects)
    changed = [
        f"{key}: {', '.join(values)} there, {', '.join(now[key])} here"
        for key, values in told["origins"].items()
        if key in now and now[key] != values
    ]
    if changed:
        logger.warning(
            "%s: its least detectable changes are those of other models or another version of "
            "this package: %s",
            table,
            "; ".join(changed),
        )
    return found


def warn_of_stated_spreads(table: Path, segments: Sequence[str]) -> None:
    """Name segments whose change is set against the stated spread, as the table lacks them."""
    if segments:
        logger.warning(
            "%s: lacks least detectable changes of %s; there changes are set against the spread "
            "that the contours state, see least_change_source",
            table,
            ", ".join(dict.fromkeys(segments)),
        )


def warn_of_few(table: Path, freedom: Sequence[float]) -> None:
    """Say how little is known of least detectable changes that few arteries tell.

    Args:
        table: The table of repeatability.
        freedom: Degrees of freedom of its rows.
    """
    few = [int(one) for one in freedom if 0 < one < FEW_FREEDOM]
    if few:
        low, high = sd_factors(min(few))
        logger.warning(
            "%s: %d of %s rest on fewer than %d repeated measurements and are hardly known: with "
            "%d, the fewest, the true one may be %.2g to %.2g times as large (95 %%); see "
            "least_change_low and least_change_high",
            table,
            len(few),
            counted(len(freedom), "least detectable change"),
            FEW_FREEDOM,
            min(few),
            low,
            high,
        )


def _read(path: Path) -> LeastChange:
    table = read_table(path, (), "table of repeatability", _REMEDY)
    if not set(_COLUMNS) <= set(table.cells):
        raise UsageError(
            "is no table of repeatability",
            where=path,
            expected=f"the columns {', '.join(_COLUMNS[:2])} and {_COLUMNS[2]}",
            remedy=_REMEDY,
        )
    found: LeastChange = {}
    least = table.numbers("least_change", may_be_empty=True)
    keys = zip(table.cells["segment"], table.cells["measure"], strict=True)
    for k, (key, value) in enumerate(zip(keys, least.tolist(), strict=True)):
        if key in found:
            raise table.mistake(k, "measure", f"'{key[1]}' of {key[0]} again", "each once")
        if value < 0:
            raise table.mistake(k, "least_change", f"{value:g}", "a number that is not negative")
        found[key] = value
    if "freedom" in table.cells:
        freedom = table.numbers("freedom", may_be_empty=True)
        warn_of_few(path, freedom[np.isfinite(freedom) & np.isfinite(least)].tolist())
    return found


def _read_settings(table: Path) -> dict[str, Any] | None:
    path = settings_path(table)
    if not path.exists():
        return None
    with open_regular(path) as file:
        content = file.read(_MAX_BYTES)
    try:
        found = json.loads(content)
        return {
            "as_stored": bool(found["as_stored"]),
            **{key: dict(found[key]) for key in ("settings", "origins")},
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "does not say how the measurements of a table of repeatability were made",
            where=path,
            remedy="make the table again, or take the file away if the table is right without it",
        ) from error


def _settings(subjects: Sequence[Subject], segments: Segments | None) -> dict[str, Any]:
    """What measurements that have the same settings were made with, as far as it is known."""
    found: dict[str, Any] = {}
    for subject in subjects:
        for one in subject.times:
            found |= one.settings()
    return found | dict({} if segments is None else segments.settings)


def _origins(subjects: Sequence[Subject]) -> Mapping[str, list[str]]:
    """The models and versions that measurements come from, each once."""
    found: dict[str, set[str]] = {}
    for subject in subjects:
        for one in subject.times:
            for key, value in origins(one).items():
                found.setdefault(key, set()).add(value)
    return {key: sorted(values) for key, values in found.items()}
