"""`RAW_DIR/parameters.json`: whether a scan's intensities are rescaled before use, and how."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import CarotidError, ConfigurationError, InputError
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

FILE_NAME = "parameters.json"
MAX_FILE_BYTES = 1 << 20

_LOWER = "lower_percentile_rescaler"
_UPPER = "upper_percentile_rescaler"
_EXAMPLE = json.dumps({"rescale": True, _LOWER: 0, _UPPER: 99.9})
_REMEDY = f"write it like {_EXAMPLE}, or remove the file to use intensities as they are"


@dataclass(frozen=True)
class Rescaling:
    """How intensities are brought to the range 0 to 1.

    Attributes:
        rescale: Whether they are at all.
        lower_percentile: Percentile of the whole volume that becomes 0 (what is below: 0 too).
        upper_percentile: Percentile of the whole volume that becomes 1 (what is above: 1 too).
    """

    rescale: bool
    lower_percentile: float
    upper_percentile: float


NO_RESCALING = Rescaling(rescale=False, lower_percentile=0.0, upper_percentile=100.0)
"""What holds where there is no `parameters.json`."""


def read_rescaling(raw_dir: Path) -> Rescaling:
    """Read `parameters.json` in a RAW_DIR; without that file nothing is rescaled.

    Raises:
        ConfigurationError: The file is not the JSON object that it should be.
    """
    path = raw_dir / FILE_NAME
    if not path.exists() and not path.is_symlink():
        return NO_RESCALING
    try:
        values = _json_object(path)
        return _rescaling(values)
    except CarotidError as error:
        raise ConfigurationError(
            error.what,
            where=path,
            found=error.found,
            expected=error.expected,
            remedy=error.remedy or _REMEDY,
        ) from error


def _json_object(path: Path) -> dict[str, object]:
    with open_regular(path) as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(
            "the file is too big", found=f"over {MAX_FILE_BYTES} bytes", expected="three settings"
        )
    try:
        values = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError("the file is not valid JSON", found=str(error)[:200]) from error
    if not isinstance(values, dict):
        raise ConfigurationError(
            "the file holds no settings", found=type(values).__name__, expected="a JSON object"
        )
    return values


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"the key '{twice[:60]}' is there twice")
    return values


def _rescaling(values: dict[str, object]) -> Rescaling:
    rescale = values.get("rescale")
    if not isinstance(rescale, bool):
        raise _wrong(values, "rescale", "true or false")
    lower, upper = _percentile(values, _LOWER), _percentile(values, _UPPER)
    if lower >= upper:
        raise ConfigurationError(
            f"{_LOWER} is not below {_UPPER}", found=f"{lower:g} and {upper:g}"
        )
    others = sorted(set(values) - {"rescale", _LOWER, _UPPER})
    if others:
        logger.debug("%s: not used: %s", FILE_NAME, ", ".join(others)[:500])
    return Rescaling(rescale=rescale, lower_percentile=lower, upper_percentile=upper)


def _percentile(values: dict[str, object], key: str) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(values, key, "a number from 0 to 100")
    if not 0 <= value <= 100 or math.isnan(value):
        raise _wrong(values, key, "a number from 0 to 100")
    return float(value)


def _wrong(values: dict[str, object], key: str, expected: str) -> ConfigurationError:
    if key not in values:
        return ConfigurationError(f"the key '{key}' is missing", expected=expected)
    return ConfigurationError(
        f"'{key}' is not usable", found=json.dumps(values[key])[:80], expected=expected
    )
