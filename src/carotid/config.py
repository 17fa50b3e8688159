"""Configuration files: TOML into checked, frozen parameters.

All mistakes of a file are told at once, each with its place and the nearest valid name, before
anything is computed. One file may hold the sections of all commands: each reads its own and passes
over those of the others.
"""

from __future__ import annotations

import difflib
import logging
import re
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from carotid.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.geometry.grid import Grid

logger = logging.getLogger(__name__)

MAX_CONFIG_BYTES = 1 << 20


class Parameters(BaseModel):
    """Settings of one command: frozen, and nothing unknown is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def check_grid(self, grid: Grid) -> None:
        """Refuse a scan of which these settings leave nothing, by its grid; most leave all.

        Raises:
            InputError: What they leave nothing of.
        """


_DECIMAL_COMMA = re.compile(rb"=\s*[+-]?\d+,\d")

P = TypeVar("P", bound=Parameters)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, with or without a byte-order mark.

    Raises:
        ConfigurationError: Where it is missing, too large, or not TOML.
    """
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise ConfigurationError(f"the configuration file {what}", where=path)
        with path.open("rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=repr(str(path))) from error
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigurationError(
            "the configuration file is too large", where=path, expected="at most 1 MB"
        )
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or a number without end
        raise ConfigurationError(
            f"not a valid TOML file: {error}",
            where=path,
            remedy=_how_to_write(content, error),
        ) from error


def _how_to_write(content: bytes, error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "save it as UTF-8"
    if _DECIMAL_COMMA.search(content):
        return "write decimal numbers with a point, such as 0.6"
    return "see the documentation's page on configuration for an example"


def parse_sections(
    content: dict[str, Any], known: dict[str, type[P]], where: Path, others: Sequence[str] = ()
) -> dict[str, P]:
    """Check all sections of a configuration that are used.

    Args:
        content: What the file holds.
        known: The sections that are used, with their parameters.
        where: The file, for messages.
        others: Sections that belong to other commands, and are passed over.

    Raises:
        ConfigurationError: Names every mistake.
    """
    mistakes: list[str] = []
    names = list(dict.fromkeys([*known, *others]))
    for name in content:
        if name not in names:
            home = next((one for one, kind in known.items() if name in kind.model_fields), None)
            hint = f" (it belongs below [{home}])" if home else _nearest(name, names)
            mistakes.append(f"unknown section or key '{name[:80]}'{hint}")
        elif name not in known:
            logger.info("%s: section [%s] belongs to another command", where, name)
    parsed: dict[str, P] = {}
    for name, kind in known.items():
        section = content.get(name, {})
        if not isinstance(section, dict):
            mistakes.append(f"{name} must be a section, [{name}]")
            continue
        try:
            parsed[name] = kind.model_validate(section)
        except ValidationError as error:
            mistakes.extend(_describe(name, kind, error))
    if mistakes:
        count = "one mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise ConfigurationError(
            f"{count} in the configuration: {'; '.join(mistakes)}", where=where
        )
    return parsed


def _describe(section: str, kind: type[Parameters], error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        loc = problem["loc"]
        if problem["type"] == "extra_forbidden":
            parent, name = loc[:-1], str(loc[-1])
            valid = list(_model_at(kind, parent).model_fields)
            lines.append(
                f"{_place(section, parent)}: unknown key '{name[:80]}'{_nearest(name, valid)}"
            )
            continue
        text = problem["msg"].removeprefix("Value error, ")
        text = text[0].lower() + text[1:]
        found = "" if problem["type"] == "missing" or not loc else f", found {_short(problem)}"
        lines.append(f"{_place(section, loc)}: {text}{found}")
    return lines


def _short(problem: Any) -> str:
    return repr(problem["input"])[:80]


def _place(section: str, loc: tuple[int | str, ...]) -> str:
    """Where a problem is: `section.key.key`, and which item of a list."""
    text = section
    for part in loc:
        text += f" (item {part + 1})" if isinstance(part, int) else f".{part[:80]}"
    return text


def _model_at(kind: type[Parameters], loc: tuple[int | str, ...]) -> type[Parameters]:
    """The parameters that a place inside of others is checked with."""
    for part in loc:
        if isinstance(part, str) and part in kind.model_fields:
            kind = _model_in(kind.model_fields[part].annotation) or kind
    return kind


def _model_in(annotation: Any) -> type[Parameters] | None:
    """The parameters in a type such as `tuple[CropKind, ...]`; None where there are none."""
    if isinstance(annotation, type) and issubclass(annotation, Parameters):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((one for one in found if one is not None), None)


def _nearest(name: str, valid: list[str]) -> str:
    begun = [known for known in valid if name and known.startswith(name)]
    close = begun or difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else f" (valid: {', '.join(valid)})"
