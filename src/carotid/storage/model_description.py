"""`model.json` beside weights: what they are, what they expect of a scan, what they have seen.

Weights alone do not say how intensities have to be rescaled, nor how far a predicted spread can be
trusted. Training writes this file, and whoever ships weights ships it with them. What RAW_DIR's own
`parameters.json` says about rescaling wins over it.
"""

from __future__ import annotations

import json
import logging
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from carotid.errors import InputError, ModelError
from carotid.foreign import HEAD_BYTES, JSON, recognised
from carotid.storage.regular_file import open_regular
from carotid.storage.rescaling import (
    FILE_NAME,
    OUT_OF_USE,
    Rescaling,
    are_fractions,
    read_rescaling,
)
from carotid.storage.results.atomic import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

MODEL_JSON = "model.json"
FORMAT = 1
PLANE_IMAGES = "planes"
_MAX_BYTES = 1 << 20
_STRAY = re.compile(r"models?[ ._-]*(\(\d+\))?\.json([ .~].*)?", re.IGNORECASE)
_COPY_AGAIN = "copy model.json from where the weights come from, or remove it"


@dataclass(frozen=True)
class SpreadTable:
    """How far true radii lie from predicted ones, by what the networks give as spread.

    Attributes:
        raw_mm: (n,) rising spreads as networks give them.
        half_mm: (n,) half width of the interval that holds 50 % of the errors.
        sigma_mm: (n,) that holds 68 %.
        wide_mm: (n,) that holds 95 %.
    """

    raw_mm: tuple[float, ...]
    half_mm: tuple[float, ...]
    sigma_mm: tuple[float, ...]
    wide_mm: tuple[float, ...]


@dataclass(frozen=True)
class ModelDescription:
    """What a model directory says about itself.

    Attributes:
        kind: The step that the models are for, such as heatmap or contour.
        architecture: What network they are.
        rescaling: How intensities have to be rescaled; None where the networks take any.
        spacing_mm: Voxel size that scans are resampled to before the networks see them; None where
            they are not.
        sampling: How values are taken between voxels; None where that does not matter.
        images: What contour networks look at: "planes" across the artery, which they cut from the
            scan by themselves, or "polar" images; None for other networks.
        training: What they were trained on and how, for readers.
        seen: Lowest and highest value of what training had, by name, such as `voxel_mm`.
        settings: Settings of stages that the networks are to be used with, by stage.
        spread: Calibration of spreads by boundary, `lumen` and `wall`; empty where there is none.
        files: SHA-256 of every weight file by its name in the directory.
    """

    kind: str
    architecture: str
    rescaling: Rescaling | None = None
    spacing_mm: float | None = None
    sampling: str | None = None
    images: str | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    spread: Mapping[str, SpreadTable] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def write_model_description(folder: Path, description: ModelDescription) -> None:
    """Write `model.json` into a model directory.

    Raises:
        OutputError: It cannot be written.
    """
    rescaling = description.rescaling
    content: dict[str, Any] = {
        "format": FORMAT,
        "kind": description.kind,
        "architecture": description.architecture,
        "rescaling": None if rescaling is None else rescaling.as_record(),
        "spacing_mm": description.spacing_mm,
        "sampling": description.sampling,
        "images": description.images,
        "training": dict(description.training),
        "seen": {name: list(span) for name, span in description.seen.items()},
        "settings": {name: dict(one) for name, one in description.settings.items()},
        "spread": {
            name: {key: [round(v, 5) for v in values] for key, values in vars(table).items()}
            for name, table in description.spread.items()
        },
        "files": dict(description.files),
    }
    write_json(folder / MODEL_JSON, content)


def read_model_description(folder: Path) -> ModelDescription | None:
    """Read `model.json` of a model directory; None where there is no such file.

    Raises:
        ModelError: The file is not what it should be; the key is named.
    """
    path = folder / MODEL_JSON
    if not path.exists() and not path.is_symlink():
        _refuse_other_names(folder)
        return None
    with open_regular(path) as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ModelError("the file is too large", where=path, expected="at most 1 MB")
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        foreign = recognised(content[:HEAD_BYTES])
        if foreign is not None and foreign.what != JSON:
            raise foreign.error("a description of models").at(path) from error
        raise ModelError(
            "the file is not valid JSON", where=path, found=str(error)[:200], remedy=_COPY_AGAIN
        ) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ModelError(
            "the file does not describe models in a form that is known here",
            where=path,
            found=values.get("format") if isinstance(values, dict) else type(values).__name__,
            expected=f'a JSON object with "format": {FORMAT}',
            remedy="use a newer version of this program, or remove the file",
        )
    return _Reader(path, values).description()


def _refuse_other_names(folder: Path) -> None:
    """Refuse a description that lies under a name under which it would not be read.

    Editors that hide extensions, browsers and other disks' case make `model.json.txt`,
    `model (1).json` and `Model.JSON` of it; without it, intensities would not be rescaled.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError:
        return  # whoever looks for weights will say so
    alike = [name for name in names if _STRAY.fullmatch(name) and _is_description(folder / name)]
    strays = [name for name in alike if not name.lower().endswith(OUT_OF_USE)]
    for name in sorted(set(alike) - set(strays)):
        logger.warning("%s is not used: it is not called %s", folder / name, MODEL_JSON)
    if strays:
        raise ModelError(
            "the description of the models is not called as it has to be",
            where=folder / strays[0],
            expected=MODEL_JSON,
            remedy=f"rename the file to {MODEL_JSON}, or move it away to use the weights without",
        )


def _is_description(path: Path) -> bool:
    """Whether a file holds a description of models, be it right or wrong."""
    try:
        with open_regular(path) as file:
            content = file.read(_MAX_BYTES).replace(b"\0", b"")  # some editors write UTF-16
    except (InputError, OSError):
        return False
    return b'"format"' in content and b'"architecture"' in content


def looks_at_scans(model_dir: Path) -> bool:
    """Whether the networks of a directory cut their images from scans by themselves.

    Raises:
        ModelError: `model.json` cannot be used.
    """
    described = read_model_description(model_dir)
    return described is not None and described.images == PLANE_IMAGES


def expected_rescaling(raw_dir: Path, model_dir: Path | None) -> Rescaling:
    """How scans are rescaled: as RAW_DIR says, else as the models expect.

    Raises:
        ConfigurationError: `parameters.json` in RAW_DIR cannot be used.
        ModelError: `model.json` cannot be used.
    """
    stated = read_rescaling(raw_dir)
    described = None if model_dir is None else read_model_description(model_dir)
    if described is None or described.rescaling is None:
        return stated
    if stated.stated:
        if stated.percentiles != described.rescaling.percentiles:
            logger.warning(
                "%s: %s, but the models in %s expect %s",
                raw_dir / FILE_NAME,
                _in_words(stated),
                model_dir,
                _in_words(described.rescaling),
            )
        return stated
    logger.info(
        "there is no %s in %s: intensities are rescaled between the %gth and %gth percentile, as "
        "the models in %s expect",
        FILE_NAME,
        raw_dir,
        described.rescaling.lower_percentile,
        described.rescaling.upper_percentile,
        model_dir,
    )
    return described.rescaling


def _in_words(rescaling: Rescaling) -> str:
    if rescaling.percentiles is None:
        return "intensities as they are"
    low, high = rescaling.percentiles
    return f"intensities between the {low:g}th and the {high:g}th percentile"


class _Reader:
    """Takes values out of a parsed `model.json`, and names the key that is wrong."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self._path = path
        self._values = values

    def description(self) -> ModelDescription:
        """All of it."""
        spread = self._object("spread")
        return ModelDescription(
            kind=self._text("kind"),
            architecture=self._text("architecture"),
            rescaling=self._rescaling(),
            spacing_mm=self._positive_or_none("spacing_mm"),
            sampling=self._text_or_none("sampling"),
            images=self._text_or_none("images"),
            training=self._object("training"),
            seen={name: self._span(f"seen.{name}", v) for name, v in self._object("seen").items()},
            settings={name: self._inner("settings", name) for name in self._object("settings")},
            spread={name: self._table(name, spread[name]) for name in spread},
            files={name: str(value) for name, value in self._object("files").items()},
        )

    def _text(self, key: str) -> str:
        value = self._values.get(key)
        if not isinstance(value, str) or not value:
            raise self._wrong(key, value, "a text")
        return value

    def _text_or_none(self, key: str) -> str | None:
        return None if self._values.get(key) is None else self._text(key)

    def _object(self, key: str) -> dict[str, Any]:
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, value, "an object")
        return value

    def _inner(self, key: str, name: str) -> dict[str, Any]:
        value = self._object(key)[name]
        if not isinstance(value, dict):
            raise self._wrong(f"{key}.{name}", value, "an object")
        return value

    def _positive_or_none(self, key: str) -> float | None:
        value = self._values.get(key)
        if value is None:
            return None
        if not _is_number(value) or value <= 0:
            raise self._wrong(key, value, "a number above 0")
        return float(value)

    def _rescaling(self) -> Rescaling | None:
        value = self._values.get("rescaling")
        if value is None:
            return None
        if isinstance(value, dict) and isinstance(value.get("rescale"), bool):
            low, high = value.get("lower_percentile"), value.get("upper_percentile")
            if (_is_number(low) and _is_number(high) and 0 <= low < high <= 100) and not (
                value["rescale"] and are_fractions(low, high)
            ):
                return Rescaling(value["rescale"], float(low), float(high))
        raise self._wrong(
            "rescaling",
            value,
            "rescale, lower_percentile and upper_percentile, "
            "which are numbers from 0 to 100 such as 5 and 95",
        )

    def _span(self, key: str, value: Any) -> tuple[float, float]:
        if isinstance(value, list) and len(value) == 2:
            low, high = value
            if _is_number(low) and _is_number(high) and low <= high:
                return float(low), float(high)
        raise self._wrong(key, value, "the lowest and the highest value")

    def _table(self, name: str, value: Any) -> SpreadTable:
        key = f"spread.{name}"
        columns = ("raw_mm", "half_mm", "sigma_mm", "wide_mm")
        if not isinstance(value, dict) or any(not isinstance(value.get(c), list) for c in columns):
            raise self._wrong(key, value, f"lists {', '.join(columns)}")
        lists = [value[column] for column in columns]
        numbers = all(_is_number(one) and one >= 0 for column in lists for one in column)
        if not numbers or len({len(column) for column in lists}) != 1 or len(lists[0]) < 2:
            raise self._wrong(key, value, "lists of as many numbers, at least two, none below 0")
        if any(a >= b for a, b in zip(lists[0], lists[0][1:], strict=False)):
            raise self._wrong(key, lists[0], "raw_mm that rises")
        return SpreadTable(*[tuple(float(one) for one in column) for column in lists])

    def _wrong(self, key: str, found: object, expected: str) -> ModelError:
        return ModelError(
            f"'{key}' is not usable",
            where=self._path,
            found=json.dumps(found)[:120],
            expected=expected,
            remedy=_COPY_AGAIN,
        )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
