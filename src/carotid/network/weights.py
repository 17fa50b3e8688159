"""From weight files to checked weights; the only `torch.load` of what others wrote.

Weights come from strangers. Nothing in them is run (`weights_only`), nothing is believed before it
was compared with the architecture, and what is wrong is named, because most broken weight files
break in one of a few ways: a Git-LFS pointer, a web page, a cut download, a whole pickled module.
No remedy writes onto the file that was read: it may be the only one.
"""

from __future__ import annotations

import hashlib
import logging
import re
import zipfile
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor

from carotid.errors import ModelError
from carotid.foreign import CONVERT, HEAD_BYTES, recognised, recognised_text
from carotid.network.model_files import find_models, warn_of_unused
from carotid.network.weight_names import renamed
from carotid.quiet import without_warnings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from carotid.network.architecture import Architecture, ModelKind

logger = logging.getLogger(__name__)

_TIMES_USUAL = 50
"""A file that is so many times as large as usual is not opened."""

_LISTED = 3
"""Most names that a message lists."""

_SAVE_STATE = "save the model's state_dict() with torch.save"

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_WANTS_CODE = re.compile(r"GLOBAL|unrecognized (function|class)|Can only build|blocklisted")
"""How `torch.load` words its refusals; every other error is a file that cannot be understood."""

_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_SAVED_BY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How a pickle begins, and how one that `torch.save` wrote before it wrote archives."""

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError)


@dataclass(frozen=True, eq=False)
class Weights:
    """What a weight file holds.

    Attributes:
        name: What it is called in messages and records: its path within the model directory.
        sha256: SHA-256 of the file, hexadecimal.
        architecture: What they are weights of.
        state: The checked weights in float32, under the architecture's names.
        beside_others: Whether they lay in a dictionary beside other things, as training keeps them.
    """

    name: str
    sha256: str
    architecture: Architecture
    state: Mapping[str, Tensor]
    beside_others: bool = False


def read_models(
    directory: Path, kind: ModelKind, files: Sequence[Path] | None = None
) -> list[Weights]:
    """Read and check every model of a directory.

    Args:
        directory: The model directory.
        kind: What its files may hold.
        files: Which files are its models; default `find_models`.

    Raises:
        ModelError: Where one cannot be used, or is of another architecture than the first one.
    """
    models: list[Weights] = []
    paths = find_models(directory) if files is None else files
    if files is None:
        warn_of_unused(directory, paths)
    for path in paths:
        name = path.relative_to(directory).as_posix()
        one = read_weights(path, kind, name)
        if models and one.architecture != models[0].architecture:
            raise ModelError(
                "the models of one ensemble must be of one architecture",
                where=path,
                found=one.architecture.name,
                expected=f"{models[0].architecture.name}, as {models[0].name}",
                remedy="keep them in separate folders",
            )
        models.append(one)
        logger.debug("model %s: SHA-256 %s", name, one.sha256)
    _warn_of_twins(models)
    return models


def read_weights(path: Path, kind: ModelKind, name: str | None = None) -> Weights:
    """Read one weight file without running anything in it.

    Args:
        path: The file.
        kind: What it may hold.
        name: What to call it; default its path.

    Raises:
        ModelError: Names what the file is instead.
    """
    try:
        if not path.is_file():
            raise _no_file(path)
        size = path.stat().st_size
        if size > _TIMES_USUAL * kind.usual_bytes:
            raise ModelError(
                f"the file is too large to be weights of the {kind.name} network",
                where=path,
                found=f"{size / 1e6:.0f} MB",
                expected=f"about {kind.usual_bytes / 1e6:.1f} MB",
            )
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"the model cannot be read: {error.strerror}", where=path) from error
    _name_what_is_no_model(path, kind)
    loaded = _load(path, kind)
    architecture, checked = checked_state(_as_state(loaded, path, kind), path, kind)
    return Weights(
        str(path) if name is None else name,
        sha256,
        architecture,
        checked,
        beside_others=not _is_state(loaded),
    )


def checked_state(
    state: Mapping[str, Tensor], where: str | Path, kind: ModelKind
) -> tuple[Architecture, dict[str, Tensor]]:
    """The architecture of weights, and a copy of them in float32 under its names.

    What the architecture counts in whole numbers stays so.

    Raises:
        ModelError: Names missing, unexpected and misshapen weights, or those that are not finite.
    """
    architecture, named = renamed(state, kind.architectures, where)
    checked = {}
    for key, template in architecture.state.items():
        value = named[key]
        counts = not template.is_floating_point()
        fits = value.dtype == template.dtype if counts else value.dtype in _FLOATS
        if not fits or value.layout != torch.strided or value.is_meta:
            raise ModelError(
                f"the weights have a type that is not supported in {key}",
                where=where,
                found=f"{value.dtype}, {value.layout}, on {value.device}",
                expected=str(template.dtype) if counts else "float16, bfloat16 or float32",
            )
        wanted = template.dtype if counts else torch.float32
        checked[key] = value.detach().to("cpu", wanted, copy=True).contiguous()
        if not bool(torch.isfinite(checked[key]).all()):
            raise ModelError(
                f"the weights hold NaN or infinity in {key}",
                where=where,
                remedy="train or download this model again",
            )
    return architecture, checked


def _name_what_is_no_model(path: Path, kind: ModelKind) -> None:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise ModelError("the file is empty", where=path, remedy="copy or download it again")
    if head.startswith(b"PK"):
        _check_archive(path, kind)
    elif _PICKLE.match(head):
        if not head.startswith(_SAVED_BY_TORCH):
            raise _wants_code(path)
    elif foreign := recognised(head) or recognised_text(head):
        remedy = _SAVE_STATE if foreign.remedy == CONVERT else foreign.remedy
        raise ModelError(f"the file is {foreign.what}, not weights", where=path, remedy=remedy)


def _check_archive(path: Path, kind: ModelKind) -> None:
    """Refuse archives that are too large, programs, or damaged; PyTorch checks no checksums."""
    most = _TIMES_USUAL * kind.usual_bytes
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            inflated = sum(entry.file_size for entry in entries)
            names = [entry.filename for entry in entries]
            checked = any(entry.CRC for entry in entries)  # torch.save can be told to write none
            broken = checked and inflated <= most and archive.testzip() is not None
    except (*_ZIP_ERRORS, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise _damaged(path) from error
    if inflated > most:
        raise ModelError(
            f"the file would unpack to more than weights of the {kind.name} network",
            where=path,
            found=f"{inflated / 1e6:.0f} MB",
            expected=f"about {kind.usual_bytes / 1e6:.1f} MB",
        )
    if broken:
        raise _damaged(path)
    if not any(name.endswith("data.pkl") for name in names):
        raise ModelError(
            "the file is a zip archive of other files, not weights",
            where=path,
            found=", ".join(names[:_LISTED]) or "nothing in it",
            remedy="unpack it and give the folder with what is inside",
        )
    if any("/code/" in name or name.endswith("constants.pkl") for name in names):
        raise ModelError(
            "the file is a TorchScript program, not weights",
            where=path,
            remedy=_SAVE_STATE,
        )


def _no_file(path: Path) -> ModelError:
    """The error about something that is no file; a link that leads nowhere is named."""
    if path.is_symlink() and not path.exists():
        return ModelError(
            "the link leads to a file that does not exist",
            where=path,
            found=f"a link to {path.readlink()}",
            remedy="mount or fetch what it leads to (`git annex get`), or remove the link",
        )
    return ModelError("the model is not a regular file", where=path)


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
        remedy=_SAVE_STATE,
    )


def _load(path: Path, kind: ModelKind) -> object:
    try:
        with without_warnings(), _inert(kind):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        text = str(error)
        if _WANTS_CODE.search(text):
            wanted = re.search(r"GLOBAL ([\w.]+)", text)
            raise _wants_code(path, wanted.group(1) if wanted else None) from error
        raise _damaged(path) from error


def _inert(kind: ModelKind) -> AbstractContextManager[object]:
    """Let the names that a kind's files may mention stand for empty classes."""
    names: list[Any] = [(type("Inert", (), {}), name) for name in kind.inert_classes]
    return torch.serialization.safe_globals(names) if names else nullcontext()


def _as_state(loaded: object, path: Path, kind: ModelKind) -> dict[str, Tensor]:
    if _is_state(loaded):
        return dict(loaded)
    inside = []
    if isinstance(loaded, dict):
        inside = [key for key, value in loaded.items() if isinstance(key, str) and _is_state(value)]
        if kind.checkpoint_key in inside:
            return dict(loaded[kind.checkpoint_key])
    if inside:
        key = inside[0]
        raise ModelError(
            f"the weights lie inside a checkpoint, under '{key}'",
            where=path,
            remedy="save them alone, in another folder, and give that one: "
            f"torch.save(torch.load({str(path)!r}, map_location='cpu')[{key!r}], "
            f"'weights/{path.stem}.pt')",
        )
    raise ModelError(
        "the file does not hold a state_dict",
        where=path,
        found=type(loaded).__name__,
        expected="names and tensors",
        remedy=_SAVE_STATE,
    )


def _is_state(value: object) -> TypeGuard[dict[str, Tensor]]:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())
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
