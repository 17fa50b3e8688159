"""Whether measurements that are set side by side were made by the same definitions.

Thickness has four definitions that differ by half a millimetre and more in plaque, so numbers of
two of them say nothing about a change. What a measurement was made with is in its record; of
tables that another program wrote, some columns tell a part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carotid.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from carotid.evaluation.measured_cohorts import Measured

_SHOWN = 3

Values = dict[str, dict["Path", list[str]]]
"""Ids by directory by the value of a setting, as words."""


def differing_settings(measured: Iterable[Measured]) -> dict[str, str]:
    """Which settings are not the same everywhere: key to what it is of whom, in words.

    A setting that a measurement does not tell is no difference.
    """
    found: dict[str, Values] = {}
    for one in dict.fromkeys(measured):
        for key, value in one.settings().items():
            of_value = found.setdefault(key, {}).setdefault(_word(value), {})
            of_value.setdefault(one.root, []).append(one.participant_id)
    return {key: _told(values) for key, values in found.items() if len(values) > 1}


def check_same_settings(measured: Iterable[Measured]) -> None:
    """Refuse measurements of which one cannot be set against another.

    Raises:
        UsageError: Names the settings that differ, and whose they are.
    """
    differing = differing_settings(measured)
    if differing:
        raise UsageError(
            f"the measurements were made with different settings: {in_words(differing)}",
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


def in_words(differing: Mapping[str, str]) -> str:
    """What `differing_settings` found, on one line."""
    return "; ".join(f"{key}: {told}" for key, told in differing.items())


def _word(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if is_number else str(value)


def _told(values: Values) -> str:
    """`laplace (A: x, y, z and 2 more; B: x), radial (B: y)`."""
    return ", ".join(
        f"{value} ({'; '.join(f'{root}: {_listed(ids)}' for root, ids in places.items())})"
        for value, places in values.items()
    )


def _listed(ids: list[str]) -> str:
    more = len(ids) - _SHOWN
    return ", ".join(ids[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
