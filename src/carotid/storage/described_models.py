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


def check_kind(folder: Path, kind: str) -> None:
    """Refuse models of another step by what `model.json` says, before their weights are read.

    Args:
        folder: The model directory.
        kind: The step that they are used for.

    Raises:
        ModelError: They are another step's.
    """
    described = read_model_description(folder)
    if described is not None and described.kind != kind:
        raise ModelError(
            f"these are {described.kind} models",
            where=folder,
            expected=f"{kind} models",
            remedy=f"give the folder with the {kind} models; `carotid models path {kind}` prints "
            f"the package's own. If they are {kind} models, remove {MODEL_JSON}, which says "
            "otherwise",
        )


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
    check_kind(folder, kind)
    described = read_model_description(folder)
    if described is None:
        return
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
