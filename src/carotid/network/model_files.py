"""Which files of a model directory are models, and which look like models but are not used.

An ensemble must not shrink in silence: a member that was downloaded under another name, or is not
there yet, is named.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from carotid.copies import name_when_whole
from carotid.counted import listed
from carotid.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

logger = logging.getLogger(__name__)

_MEMBER = "model.pt"
_ALIKE = re.compile(
    r".*\.(pt|ptl|pt2|jit|pth|ckpt|bin|safetensors|onnx|pkl|pickle|torch|tar|zip|h5|weights|model|npz)"
    r"([._~ -].*)?|.*\.(part|partial|crdownload|download|filepart|aria2|tmp)",
    re.IGNORECASE,
)
"""Names of files that may hold weights, whole or not, finished or not."""

_PART = re.compile(r"(split|fold|member|model)[-_ ]?\d+", re.IGNORECASE)
"""Names of folders that hold one model each."""

_ARCHIVE_MARK = b"PK\x03\x04"
"""How files begin that `torch.save` writes."""

_LISTED = 20


def find_models(directory: Path) -> list[Path]:
    """The weight files of a model directory, in the order in which members are numbered.

    Either `*.pt` directly inside, in any case, sorted by name, or, in a folder written by `carotid
    train`, `split-<k>/model.pt`, sorted by k.

    Raises:
        ModelError: Where there is none.
    """
    if directory.exists() and not directory.is_dir():
        raise ModelError(
            "this is a file, and no model directory",
            where=directory,
            remedy=f"give its folder, {directory.parent}",
        )
    if not directory.is_dir():
        raise ModelError("the model directory does not exist", where=directory)
    try:
        found = sorted(path for path in directory.iterdir() if _is_model(path))
        if not found:
            found = _splits(directory)
    except OSError as error:
        raise ModelError(
            f"the model directory cannot be read: {error.strerror}", where=directory
        ) from error
    if not found:
        alike = unused_models(directory, found)
        raise ModelError(
            "no model in this directory",
            where=directory,
            found=listed(alike, _LISTED) if alike else None,
            expected=f"one or more *.pt files, or split-<k>/{_MEMBER}",
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
    return sorted(directory.glob(f"split-*/{_MEMBER}"), key=_split_number)


def unused_models(directory: Path, found: Iterable[Path]) -> list[str]:
    """What looks like a model, or like a place for one, and is not among those found.

    Args:
        directory: The model directory.
        found: What `find_models` gave.

    Returns:
        Names within the directory, sorted.
    """
    used = set(found)
    alike = []
    for path in directory.iterdir():
        if path in used or path / _MEMBER in used:
            continue
        if path.is_dir():
            if _PART.fullmatch(path.name):
                alike.append(f"{path.name}/")
        elif _looks_like_model(path):
            alike.append(path.name)
    return sorted(alike)


def _looks_like_model(path: Path) -> bool:
    """Whether a file may be weights by its name, or by how it begins where it has no extension.

    So may a link that leads nowhere.
    """
    if path.name.startswith("."):
        whole = name_when_whole(path.name)
        return whole is not None and whole.lower().endswith(".pt")
    if _ALIKE.fullmatch(path.name) or (path.is_symlink() and not path.exists()):
        return True
    try:
        with path.open("rb") as file:
            return path.suffix == "" and file.read(4) == _ARCHIVE_MARK
    except OSError:
        return False


def warn_of_unused(directory: Path, found: Iterable[Path]) -> None:
    """Name in a warning what `unused_models` finds."""
    used = list(found)
    alike = unused_models(directory, used)
    if alike:
        logger.warning(
            "%s: not used as models: %s; those that are: %s",
            directory,
            listed(alike, _LISTED),
            listed([path.relative_to(directory).as_posix() for path in used], _LISTED),
        )


def _is_model(path: Path) -> bool:
    return path.name.lower().endswith(".pt") and not path.name.startswith(".")


def _split_number(path: Path) -> tuple[int, str]:
    digits = re.fullmatch(r"split-(\d+)", path.parent.name)
    return (int(digits.group(1)) if digits else 1 << 30, path.parent.name)
