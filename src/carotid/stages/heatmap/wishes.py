"""With which window a directory's networks are to be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from carotid.errors import ModelError
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.storage.model_description import MODEL_JSON, read_model_description

if TYPE_CHECKING:
    from pathlib import Path


def heatmap_settings(directory: Path) -> dict[str, dict[str, Any]]:
    """Settings that `model.json` asks for, by stage; none where it asks for none.

    Raises:
        ModelError: `model.json` cannot be used.
    """
    described = read_model_description(directory)
    asked = {} if described is None else dict(described.settings.get("heatmap", {}))
    try:
        HeatmapParameters.model_validate(asked)
    except ValidationError as error:
        raise ModelError(
            "'settings.heatmap' is not usable",
            where=directory / MODEL_JSON,
            found=asked,
            expected=error.errors()[0]["msg"].removeprefix("Value error, "),
            remedy="copy model.json from where the weights come from, or remove it",
        ) from error
    return {"heatmap": asked} if asked else {}
