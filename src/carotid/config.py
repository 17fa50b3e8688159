"""Configuration files: TOML into checked, frozen parameters.

All mistakes of a file are told at once, each with its place and the nearest valid name, before
anything is computed.
"""

from __future__ import annotations

import difflib
import logging
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    field_validator,
    model_validator,
)

from carotid.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

LATER_SECTIONS = (
    "centerline_transform",
    "polar_transform",
    "contour_transform",
    "segmentation_transform",
)
"""Sections of the whole pipeline whose transforms do not exist here yet."""

MAX_CONFIG_BYTES = 1 << 20
MAX_WINDOW_VOXELS = 1 << 28
"""Largest window: 268 million voxels would need hundreds of gigabytes."""

_ROI_STEP = 16
"""The network halves its grid four times, so window sides must be multiples of this."""


class Parameters(BaseModel):
    """Settings of one stage: frozen, and nothing unknown is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


P = TypeVar("P", bound=Parameters)


class HeatmapParameters(Parameters):
    """Settings of the heatmap transform, section `[heatmap_transform]`.

    Attributes:
        roi_size: Window of the sliding-window inference, network voxels (Z, Y, X) = (S, P, L).
        spacing: Whether the scan is resampled to the network's 0.5 mm.
        overlap: Share of a window that neighbouring windows overlap by, 0 ≤ overlap < 1.
    """

    roi_size: tuple[StrictInt, StrictInt, StrictInt] = (368, 64, 320)
    spacing: StrictBool = True
    overlap: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.6

    @field_validator("overlap", mode="before")
    @classmethod
    def _no_bool(cls, value: object) -> object:
        if isinstance(value, (bool, str)):
            message = "must be a number"
            raise ValueError(message)  # noqa: TRY004 - pydantic turns ValueError into a message
        return value

    @model_validator(mode="after")
    def _window_fits_network(self) -> Self:
        sides = self.roi_size
        if any(side < 1 for side in sides):
            message = "roi_size must be three positive whole numbers"
            raise ValueError(message)
        if any(side % _ROI_STEP for side in sides):
            nearest = [max(round(side / _ROI_STEP), 1) * _ROI_STEP for side in sides]
            message = f"roi_size must be multiples of {_ROI_STEP}; nearest is {nearest}"
            raise ValueError(message)
        if all(side == _ROI_STEP for side in sides):
            message = "roi_size must be larger than 16 along one axis at least"
            raise ValueError(message)
        if sides[0] * sides[1] * sides[2] > MAX_WINDOW_VOXELS:
            message = f"roi_size must hold at most {MAX_WINDOW_VOXELS} voxels"
            raise ValueError(message)
        return self


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

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
        return tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(
            f"not a valid TOML file: {error}",
            where=path,
            remedy="see the documentation's page on configuration for an example",
        ) from error


def read_heatmap_parameters(path: Path | None) -> HeatmapParameters:
    """The settings of the heatmap transform from a configuration file, or the defaults.

    Raises:
        ConfigurationError: Names every mistake in the file.
    """
    if path is None:
        return HeatmapParameters()
    return parse_sections(read_toml(path), {"heatmap_transform": HeatmapParameters}, path)[
        "heatmap_transform"
    ]


def parse_sections(content: dict[str, Any], known: dict[str, type[P]], where: Path) -> dict[str, P]:
    """Check all sections of a configuration.

    Args:
        content: What the file holds.
        known: The sections that are used, with their parameters.
        where: The file, for messages.
    """
    mistakes: list[str] = []
    names = [*known, *LATER_SECTIONS]
    for name in content:
        if name in LATER_SECTIONS:
            logger.info("%s: section [%s] is not used by this version", where, name)
        elif name not in known:
            mistakes.append(f"unknown section or key '{name[:80]}'{_nearest(name, names)}")
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
        place = ".".join(str(part) for part in problem["loc"][:1])
        if problem["type"] == "extra_forbidden":
            lines.append(
                f"{section}: unknown key '{place[:80]}'{_nearest(place, list(kind.model_fields))}"
            )
            continue
        text = problem["msg"].removeprefix("Value error, ")
        text = text[0].lower() + text[1:]
        at = f" (item {problem['loc'][1]})" if len(problem["loc"]) > 1 else ""
        found = "" if problem["type"] == "missing" else f", found {repr(problem['input'])[:80]}"
        lines.append(f"{section}.{place}{at}: {text}{found}" if place else f"{section}: {text}")
    return lines


def _nearest(name: str, valid: list[str]) -> str:
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else f" (valid: {', '.join(valid)})"
