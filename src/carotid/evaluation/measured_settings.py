"""Whether measurements that are set side by side were made by the same definitions.

Thickness has four definitions that differ by half a millimetre and more in plaque, so numbers of
two of them say nothing about a change. What a measurement was made with is in its record; of
tables that another program wrote, some columns tell a part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carotid.counted import listed
from carotid.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from carotid.evaluation.measured_cohorts import Measured

_SHOWN = 3
_NOT_SET = "not set"

ValuesByKey = dict[str, dict[str, list["Measured"]]]
"""Whose measurements have a value, as words, of what is called by a key."""


def differing(told: Iterable[tuple[Measured, Mapping[str, object]]]) -> ValuesByKey:
    """What is not the same in all measurements, and what it is of whom.

    What a measurement does not tell is no difference.
    """
    found: ValuesByKey = {}
    for one, facts in told:
        for key, value in facts.items():
            found.setdefault(key, {}).setdefault(word(value), []).append(one)
    return {key: values for key, values in found.items() if len(values) > 1}


def differing_settings(measured: Iterable[Measured], defaults: Mapping[str, object]) -> ValuesByKey:
    """Which settings are not the same everywhere, see `differing`.

    One that a record of an earlier version lacks differs from all but the default.

    Args:
        measured: The measurements.
        defaults: Of the settings that this version knows.
    """
    told = {one: one.settings() for one in dict.fromkeys(measured)}
    changed = {
        key: _NOT_SET
        for settings in told.values()
        for key, value in settings.items()
        if key in defaults and value != defaults[key]
    }
    return differing(
        (one, settings if one.record() is None else changed | settings)
        for one, settings in told.items()
    )


def check_same_settings(measured: Iterable[Measured], defaults: Mapping[str, object]) -> None:
    """Refuse measurements of which one cannot be set against another.

    Args:
        measured: The measurements.
        defaults: See `differing_settings`.

    Raises:
        UsageError: Names the settings that differ, and whose they are.
    """
    found = differing_settings(measured, defaults)
    if found:
        raise UsageError(
            f"the measurements were made with different settings: {in_words(found)}",
            remedy="measure all of them with the same [measurement_transform]: "
            "`carotid transform measurement --force -c FILE`",
        )


def recorded_settings(measured: Iterable[Measured]) -> dict[str, Any]:
    """The settings in the records of measurements that have the same; none without a record."""
    found: dict[str, Any] = {}
    for one in dict.fromkeys(measured):
        record = one.record()
        found |= {} if record is None else record.parameters
    return found


def in_words(found: ValuesByKey) -> str:
    """What `differing` found, on one line.

    `thickness: laplace (A: x, y, z and 2 more; B: x), radial (B: y)`.
    """
    return "; ".join(
        f"{key}: "
        + ", ".join(f"{value} ({_whose(measured)})" for value, measured in values.items())
        for key, values in found.items()
    )


def word(value: object) -> str:
    """A setting as messages tell it."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if is_number else str(value)


def _whose(measured: Iterable[Measured]) -> str:
    places: dict[Path, list[str]] = {}
    for one in dict.fromkeys(measured):
        places.setdefault(one.root, []).append(one.participant_id)
    return "; ".join(f"{root}: {listed(ids, _SHOWN)}" for root, ids in places.items())
