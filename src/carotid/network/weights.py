"""From weight files to checked weights; the only `torch.load`.

Weights come from strangers. Nothing in them is run (`weights_only`), nothing is believed before it
was compared with the architecture, and what is wrong is named, because most broken weight files
break in one of a few ways: a Git-LFS pointer, a web page, a cut download, a whole pickled module.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carotid.errors import ModelError
from carotid.network.model_files import find_models
from carotid.network.unet import UNet
from carotid.quiet import without_warnings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 256 << 20
"""Largest weight file that is opened; the architecture has 1.2 million parameters (5 MB)."""

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_WANTS_CODE = re.compile(r"GLOBAL|unrecognized (function|class)|Can only build|blocklisted")
"""How `torch.load` words its refusals; every other error is a file that cannot be understood."""

_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_SAVED_BY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How a pickle begins, and how one that `torch.save` wrote before it wrote archives."""

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError)
_WRAPPER_KEYS = ("state_dict", "model_state_dict", "model", "net", "network")


@dataclass(frozen=True, eq=False)
class Weights:
    """What a weight file holds.

    Attributes:
        name: What it is called in messages and records: its path within the model directory.
        sha256: SHA-256 of the file, hexadecimal.
        state: The checked weights in float32.
    """

    name: str
    sha256: str
    state: Mapping[str, Tensor]


def read_models(directory: Path) -> list[Weights]:
    """Read and check every model of a directory; see `find_models`.

    Raises:
        ModelError: Where one cannot be used.
    """
    models = []
    for path in find_models(directory):
        sha256, state = read_state(path)
        name = path.relative_to(directory).as_posix()
        models.append(Weights(name, sha256, state))
        logger.debug("model %s: SHA-256 %s", name, sha256)
    _warn_of_twins(models)
    return models


def read_state(path: Path) -> tuple[str, dict[str, Tensor]]:
    """Read one weight file without running anything in it.

    Returns:
        SHA-256 of the file, and its checked weights in float32.

    Raises:
        ModelError: Names what the file is instead.
    """
    try:
        if not path.is_file():
            raise ModelError("the model is not a regular file", where=path)
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ModelError(
                "the file is too large to be weights of the heatmap network",
                where=path,
                found=f"{size / 1e6:.0f} MB",
                expected="about 5 MB",
            )
        content_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"the model cannot be read: {error.strerror}", where=path) from error
    _name_what_is_no_model(path)
    loaded = _load(path)
    return content_hash, checked_state(_as_state(loaded, path), path)


def checked_state(state: Mapping[str, Tensor], where: str | Path) -> dict[str, Tensor]:
    """The weights in float32, after comparison with the architecture.

    Raises:
        ModelError: Names missing, unexpected and misshapen weights, or those that are not finite.
    """
    stripped = {key.removeprefix("module."): value for key, value in state.items()}
    expected = _expected_state()
    _compare_names(set(stripped), set(expected), where)
    checked = {}
    for key, template in expected.items():
        value = stripped[key]
        if tuple(value.shape) != tuple(template.shape):
            raise ModelError(
                f"the weights are of another architecture: {key} has another shape",
                where=where,
                found=tuple(value.shape),
                expected=tuple(template.shape),
            )
        if value.dtype not in _FLOATS or value.layout != torch.strided or value.is_meta:
            raise ModelError(
                f"the weights have a type that is not supported in {key}",
                where=where,
                found=f"{value.dtype}, {value.layout}, on {value.device}",
                expected="float16, bfloat16 or float32",
            )
        checked[key] = value.detach().to(torch.float32, copy=True).contiguous()
        if not bool(torch.isfinite(checked[key]).all()):
            raise ModelError(
                f"the weights hold NaN or infinity in {key}",
                where=where,
                remedy="train or download this model again",
            )
    return checked


@functools.cache
def _expected_state() -> Mapping[str, Tensor]:
    """What the architecture's weights are called, and how large they are; without numbers."""
    with torch.device("meta"):
        return UNet().state_dict()


def _compare_names(found: set[str], expected: set[str], where: str | Path) -> None:
    missing, extra = sorted(expected - found), sorted(found - expected)
    if not missing and not extra:
        return
    parts = []
    if missing:
        parts.append(f"{len(missing)} weights missing, such as {missing[0]}")
    if extra:
        parts.append(f"{len(extra)} unexpected, such as {extra[0][:80]}")
    raise ModelError(
        "the weights are of another architecture",
        where=where,
        found="; ".join(parts),
        expected="a residual 3D U-Net with channels 8, 16, 32, 64, 128",
    )


def _name_what_is_no_model(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(512)
    text = head.lstrip().lower()
    if not head:
        what, remedy = "the file is empty", "copy or download it again"
    elif head.startswith(b"version https://git-lfs"):
        what, remedy = "the file is a Git-LFS pointer, not the weights", "run `git lfs pull`"
    elif text.startswith((b"<!doctype", b"<html", b"<?xml")):
        what, remedy = "the file is a web page, not weights", "download the weights themselves"
    elif head.startswith(b"PK"):
        _check_archive(path)
        return
    elif _PICKLE.match(head) and not head.startswith(_SAVED_BY_TORCH):
        raise _wants_code(path)
    else:
        return
    raise ModelError(what, where=path, remedy=remedy)


def _check_archive(path: Path) -> None:
    """Refuse archives that are too large, programs, or damaged; PyTorch checks no checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            inflated = sum(entry.file_size for entry in entries)
            names = [entry.filename for entry in entries]
            checked = any(entry.CRC for entry in entries)  # torch.save can be told to write none
            broken = checked and inflated <= MAX_FILE_BYTES and archive.testzip() is not None
    except (*_ZIP_ERRORS, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise _damaged(path) from error
    if inflated > MAX_FILE_BYTES:
        raise ModelError(
            "the file would unpack to more than weights of the heatmap network",
            where=path,
            found=f"{inflated / 1e6:.0f} MB",
            expected="about 5 MB",
        )
    if broken:
        raise _damaged(path)
    if any("/code/" in name or name.endswith("constants.pkl") for name in names):
        raise ModelError(
            "the file is a TorchScript program, not weights",
            where=path,
            remedy="save the model's state_dict() with torch.save",
        )


def _damaged(path: Path) -> ModelError:
    return ModelError(
        "the file is damaged or cut short",
        where=path,
        found=f"{path.stat().st_size} bytes",
        remedy="copy or download it again and compare its size and checksum with the source",
    )


def _wants_code(path: Path, name: str | None = None) -> ModelError:
    return ModelError(
        "the file holds more than weights and would have to run code to load; refused",
        where=path,
        found=name or "a pickled program or module",
        remedy="save the model's state_dict() with torch.save",
    )


def _load(path: Path) -> object:
    try:
        with without_warnings():
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        text = str(error)
        if _WANTS_CODE.search(text):
            wanted = re.search(r"GLOBAL ([\w.]+)", text)
            raise _wants_code(path, wanted.group(1) if wanted else None) from error
        raise _damaged(path) from error


def _as_state(loaded: object, path: Path) -> dict[str, Tensor]:
    if isinstance(loaded, dict):
        if loaded and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in loaded.items()):
            return dict(loaded)
        for key in _WRAPPER_KEYS:
            if isinstance(loaded.get(key), dict):
                raise ModelError(
                    f"the weights lie inside a checkpoint, under '{key}'",
                    where=path,
                    remedy=f"save them alone: torch.save(torch.load(file)['{key}'], file)",
                )
    raise ModelError(
        "the file does not hold a state_dict",
        where=path,
        found=type(loaded).__name__,
        expected="names and tensors",
        remedy="save the model's state_dict() with torch.save",
    )


def _warn_of_twins(models: list[Weights]) -> None:
    seen: dict[str, str] = {}
    for one in models:
        if one.sha256 in seen:
            logger.warning(
                "models %s and %s are the same file: the ensemble's spread will be too small",
                seen[one.sha256],
                one.name,
            )
        seen.setdefault(one.sha256, one.name)
