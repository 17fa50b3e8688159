"""Which files of a model directory are models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carotid.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path


def find_models(directory: Path) -> list[Path]:
    """The weight files of a model directory, in the order in which members are numbered.

    Either `*.pt` directly inside, sorted by name, or, in a folder written by `carotid train`,
    `split-<k>/model.pt`, sorted by k.

    Raises:
        ModelError: Where there is none.
    """
    if not directory.is_dir():
        what = "is not a directory" if directory.exists() else "does not exist"
        raise ModelError(f"the model directory {what}", where=directory)
    try:
        found = sorted(p for p in directory.glob("*.pt") if not p.name.startswith("."))
        if not found:
            found = _splits(directory)
    except OSError as error:
        raise ModelError(
            f"the model directory cannot be read: {error.strerror}", where=directory
        ) from error
    if not found:
        raise ModelError(
            "no model in this directory",
            where=directory,
            expected="one or more *.pt files, or split-<k>/model.pt",
            remedy="give the folder that holds the weights; `carotid models path heatmap` prints "
            "the one that comes with the package",
        )
    return found


def find_splits(directory: Path) -> list[Path]:
    """The weight files of a folder written by training: `split-<k>/model.pt`, sorted by k.

    Raises:
        ModelError: Where there is none.
    """
    found = _splits(directory)
    if not found:
        raise ModelError(
            "no model in this directory",
            where=directory,
            expected="split-<k>/model.pt, as beside every parameters.json that training writes",
        )
    return found


def _splits(directory: Path) -> list[Path]:
    return sorted(directory.glob("split-*/model.pt"), key=_split_number)


def _split_number(path: Path) -> tuple[int, str]:
    digits = re.fullmatch(r"split-(\d+)", path.parent.name)
    return (int(digits.group(1)) if digits else 1 << 30, path.parent.name)
