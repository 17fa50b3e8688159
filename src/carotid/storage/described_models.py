"""Models that were read, against what `model.json` beside them says of them.

A description that belongs to other weights would rescale intensities as those expect, and a member
that did not arrive would make the ensemble smaller in silence.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from carotid.errors import ModelError
from carotid.storage.model_description import MODEL_JSON, read_model_description

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)


def check_described(folder: Path, kind: str, sha256: Mapping[str, str]) -> None:
    """Compare models that were read with what `model.json` beside them says, if it is there.

    Args:
        folder: The model directory.
        kind: The step that they are used for.
        sha256: Checksum of each of them by its name in the folder.

    Raises:
        ModelError: It is of another step's models, or of other files under these names: what it
            says of intensities and spreads would not hold. There is a warning about models that it
            lists and that are not there.
    """
    described = read_model_description(folder)
    if described is None:
        return
    if described.kind != kind:
        raise ModelError(
            "model.json describes models of another step",
            where=folder / MODEL_JSON,
            found=described.kind,
            expected=kind,
            remedy=f"give the folder with the {kind} models, or remove model.json",
        )
    for name, found in sha256.items():
        listed = described.files.get(name, found)
        if listed.lower() != found:
            raise ModelError(
                "the file is not the one that model.json describes",
                where=folder / name,
                found=f"SHA-256 {found}",
                expected=listed,
                remedy="copy both from where they come from; or remove model.json, which says how "
                "intensities are rescaled, if the file is meant",
            )
    missing = sorted(name for name in described.files if not (folder / name).exists())
    if missing:
        logger.warning(
            "%s: models that model.json lists are not there: %s", folder, ", ".join(missing)
        )
