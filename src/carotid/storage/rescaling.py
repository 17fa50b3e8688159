"""`RAW_DIR/parameters.json`: whether a scan's intensities are rescaled before use, and how."""

from __future__ import annotations

import difflib
import json
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import CarotidError, ConfigurationError, InputError
from carotid.foreign import HEAD_BYTES, JSON, recognised
from carotid.storage.readers import kind_of
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

FILE_NAME = "parameters.json"
MAX_FILE_BYTES = 1 << 20

_RESCALE = "rescale"
_LOWER = "lower_percentile_rescaler"
_UPPER = "upper_percentile_rescaler"
_EXAMPLE = json.dumps({_RESCALE: True, _LOWER: 5, _UPPER: 95})
_REMEDY = (
    f"write it like {_EXAMPLE}, which fits the models in the package, or remove the file to use "
    "intensities as they are"
)
_MAX_STRAYS = 50
_ALIKE = 0.7
OUT_OF_USE = (".bak", ".old", ".orig", ".off", ".unused", ".disabled", ".example", "~")
"""How names end of files that somebody has put out of use."""


@dataclass(frozen=True)
class Rescaling:
    """How intensities are brought to the range 0 to 1.

    Attributes:
        rescale: Whether they are at all.
        lower_percentile: Percentile of the whole volume that becomes 0 (what is below: 0 too).
        upper_percentile: Percentile of the whole volume that becomes 1 (what is above: 1 too).
        stated: Whether somebody has said so, in a `parameters.json`.
    """

    rescale: bool
    lower_percentile: float
    upper_percentile: float
    stated: bool = True

    @property
    def percentiles(self) -> tuple[float, float] | None:
        """Those that become 0 and 1; None where intensities are used as they are."""
        return (self.lower_percentile, self.upper_percentile) if self.rescale else None

    def in_words(self) -> str:
        """What is done, for messages."""
        if not self.rescale:
            return "intensities as they are"
        low, high = self.lower_percentile, self.upper_percentile
        return f"intensities rescaled between the {low:g}th and {high:g}th percentile"

    def as_record(self) -> dict[str, bool | float]:
        """What decides about results, as it is recorded beside them."""
        return {
            "rescale": self.rescale,
            "lower_percentile": self.lower_percentile,
            "upper_percentile": self.upper_percentile,
        }


NO_RESCALING = Rescaling(rescale=False, lower_percentile=0.0, upper_percentile=100.0, stated=False)
"""What holds where there is no `parameters.json`."""


def read_rescaling(raw_dir: Path) -> Rescaling:
    """Read `parameters.json` in a RAW_DIR; without that file nothing is rescaled.

    Args:
        raw_dir: The folder; of a RAW_DIR that is one file, the folder in which it lies.

    Raises:
        ConfigurationError: The file is not the JSON object that it should be, its percentiles
            cannot be meant, or it is there under another name.
    """
    path = raw_dir / FILE_NAME
    if not path.exists() and not path.is_symlink():
        _refuse_other_names(raw_dir)
        return NO_RESCALING
    try:
        values = _json_object(path)
        return _rescaling(values)
    except CarotidError as error:
        remedy = error.remedy or _REMEDY
        raise error.told_as(ConfigurationError, where=path, remedy=remedy) from error


def _refuse_other_names(raw_dir: Path) -> None:
    """Refuse settings that lie under a name under which they would not be read.

    `parameters.json.txt` is what an editor makes of it that hides extensions; other disks do not
    care for case. A file that is merely called alike and holds something else is left alone, and so
    is one that somebody has put out of use.
    """
    try:
        names = [path.name for path in raw_dir.iterdir() if kind_of(path.name) is None]
    except OSError:
        return
    for name in _alike(names):
        path = raw_dir / name
        if not _asks_for_rescaling(path):
            continue
        if name.lower().endswith(OUT_OF_USE):
            logger.warning("%s is not used: it is not called %s", path, FILE_NAME)
            continue
        raise ConfigurationError(
            "the settings for rescaling are not called as they have to be",
            where=path,
            expected=FILE_NAME,
            remedy=f"rename the file to {FILE_NAME}, or move it away to use intensities as they "
            "are",
        )


def _alike(names: list[str]) -> list[str]:
    """Those names that a reader could take for the right one, sorted."""
    folded = {name: name.casefold().lstrip(" .") for name in names}
    close = set(difflib.get_close_matches(FILE_NAME, folded.values(), _MAX_STRAYS, _ALIKE))
    found = [n for n, plain in folded.items() if plain in close or plain.startswith("parameter")]
    return sorted(found)[:_MAX_STRAYS]


def _asks_for_rescaling(path: Path) -> bool:
    """Whether a file holds such settings, be they right or wrong, and they would have an effect."""
    try:
        with open_regular(path) as file:
            content = file.read(MAX_FILE_BYTES).replace(b"\0", b"")  # some editors write UTF-16
    except (InputError, OSError):
        return False
    if not any(f'"{key}"'.encode() in content for key in (_RESCALE, _LOWER, _UPPER)):
        return False
    try:
        return _json_object(path).get(_RESCALE) is not False
    except CarotidError:
        return True


def _json_object(path: Path) -> dict[str, object]:
    with open_regular(path) as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(
            "the file is too big", found=f"over {MAX_FILE_BYTES} bytes", expected="three settings"
        )
    try:
        values = json.loads(content, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        foreign = recognised(content[:HEAD_BYTES])
        if foreign is not None and foreign.what != JSON:
            raise foreign.error("settings") from error
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
    rescale = values.get(_RESCALE)
    if not isinstance(rescale, bool):
        raise _wrong(values, _RESCALE, "true or false")
    lower, upper = _percentile(values, _LOWER), _percentile(values, _UPPER)
    if lower >= upper:
        raise ConfigurationError(
            f"{_LOWER} is not below {_UPPER}", found=f"{lower:g} and {upper:g}"
        )
    if rescale and are_fractions(lower, upper):
        raise ConfigurationError(
            "the percentiles are fractions",
            found=f"{lower:g} and {upper:g}",
            expected="numbers from 0 to 100, such as 5 and 95",
            remedy=f"write {100 * lower:g} and {100 * upper:g} if that is what was meant",
        )
    others = sorted(set(values) - {_RESCALE, _LOWER, _UPPER})
    if others:
        logger.debug("%s: not used: %s", FILE_NAME, ", ".join(others)[:500])
    return Rescaling(rescale=rescale, lower_percentile=lower, upper_percentile=upper)


def are_fractions(lower: float, upper: float) -> bool:
    """Whether somebody wrote 0.05 and 0.95 for percentiles of 5 and 95."""
    return lower < upper <= 1


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
