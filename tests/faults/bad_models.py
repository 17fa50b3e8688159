"""Folders of models that stop the command, and odd ones that must not: a line each."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import torch
from tests.networks import weights

from carotid.network.unet import UNet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.harness import Place

Row = tuple["Callable[[Place], object]", int, str]
"""How a place where the command would succeed is spoilt, the exit code, and a pattern that the one
line of error must contain. What the function returns are further arguments, if it is a list."""

DONE, FAILED, REFUSED = 0, 1, 2


class RunsCode:
    """Unpickling it would make a file."""

    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self._proof}'",)


def model(content: Callable[[Place], bytes] | bytes) -> Callable[[Place], None]:
    """One of the model files holds something else."""

    def spoil(place: Place) -> None:
        made = content if isinstance(content, bytes) else content(place)
        (place.models / "unet_1.pt").write_bytes(made)

    return spoil


def saved(
    value: Callable[[dict[str, torch.Tensor]], object], **how: Any
) -> Callable[[Place], None]:
    """One of the model files holds what becomes of a state_dict."""
    return lambda place: torch.save(value(weights(1)), place.models / "unet_1.pt", **how)


def changed(key_part: str, value: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., object]:
    """One tensor of a state_dict becomes another one."""

    def change(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        key = next(name for name in state if key_part in name)
        return state | {key: value(state[key])}

    return change


def proof(place: Place) -> Path:
    return place.root / "code was run"


def zipped_code(place: Place) -> None:
    torch.save({"a": RunsCode(proof(place))}, place.models / "unet_1.pt")


def bomb(place: Place) -> None:
    path = place.models / "unet_1.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/data/0", bytes(1 << 29))


def script(place: Place) -> None:
    """A TorchScript program, as far as its archive shows it."""
    with zipfile.ZipFile(place.models / "unet_1.pt", "w") as archive:
        archive.writestr("unet/data.pkl", pickle.dumps({}))
        archive.writestr("unet/code/__torch__.py", "class M: pass")


def cut(place: Place) -> None:
    path = place.models / "unet_1.pt"
    path.write_bytes(path.read_bytes()[:-1000])


def zip_of_model(place: Place) -> None:
    path = place.models / "unet_1.pt"
    whole = path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("unet_1.pt", whole)


def described(name: str = "model.json", **facts: Any) -> Callable[[Place], object]:
    """A description beside the weights, with some facts."""
    content = {"format": 1, "kind": "heatmap", "architecture": "a U-Net", **facts}
    return lambda place: (place.models / name).write_text(json.dumps(content))


def twin(place: Place) -> None:
    shutil.copy(place.models / "unet_0.pt", place.models / "unet_1.pt")


def no_models(place: Place) -> None:
    for path in place.models.iterdir():
        path.unlink()


def sparse(place: Place) -> None:
    with (place.models / "unet_1.pt").open("wb") as file:
        file.truncate(257 << 20)


def terabytes(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: torch.zeros(1).expand(1 << 40) for key in state}


MODELS: dict[str, Row] = {
    "a pickle that runs code": (zipped_code, REFUSED, "run code to load; refused"),
    "a bare pickle that runs code": (
        model(lambda place: pickle.dumps(RunsCode(proof(place)))),
        REFUSED,
        "refused|damaged",
    ),
    "an old pickle that runs code": (
        lambda place: torch.save(
            {"a": RunsCode(proof(place))},
            place.models / "unet_1.pt",
            _use_new_zipfile_serialization=False,
        ),
        REFUSED,
        "refused",
    ),
    "a whole module": (saved(lambda _: UNet()), REFUSED, "more than weights.*carotid"),
    "cut short": (cut, REFUSED, "damaged or cut short"),
    "empty": (model(b""), REFUSED, "empty"),
    "a web page": (model(b"<!DOCTYPE html><html></html>"), REFUSED, "web page"),
    "a Git-LFS pointer": (
        model(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        REFUSED,
        "git lfs pull",
    ),
    "text": (model(b"weights\n" * 30), REFUSED, "a text that begins 'weights"),
    "a git-annex pointer": (model(b"/annex/objects/MD5E-s9--0.pt\n"), REFUSED, "datalad get"),
    "a zip of a model": (zip_of_model, REFUSED, "a zip archive of other files.*Unpack it"),
    "a description of another step": (
        described(kind="contour"),
        REFUSED,
        "these are contour models",
    ),
    "a description of other weights": (
        described(files={"unet_0.pt": "0" * 64}),
        REFUSED,
        "not the one that model.json describes",
    ),
    "a description under another name": (
        described("model.json.txt"),
        REFUSED,
        "not called as it has to be",
    ),
    "a listed model that is not there": (
        described(files={"unet_2.pt": "0" * 64}),
        DONE,
        "lists are not there: unet_2.pt",
    ),
    "NaN inside": (
        saved(changed("weight", lambda x: x * float("nan"))),
        REFUSED,
        "NaN or infinity",
    ),
    "Inf inside": (saved(changed("weight", lambda x: x / 0)), REFUSED, "NaN or infinity"),
    "a wrong shape": (
        saved(changed("weight", lambda x: x[:1])),
        REFUSED,
        "another architecture.*shape",
    ),
    "whole numbers": (saved(changed("weight", lambda x: x.long())), REFUSED, "type"),
    "sparse tensors": (saved(changed("weight", lambda x: x.to_sparse())), REFUSED, "type|damaged"),
    "missing weights": (
        saved(lambda s: dict(list(s.items())[1:])),
        REFUSED,
        "1 weight missing",
    ),
    "extra weights": (saved(lambda s: s | {"more": torch.ones(1)}), REFUSED, "others beside them"),
    "a training checkpoint": (
        saved(lambda s: {"epoch": 3, "state_dict": s}),
        REFUSED,
        r"inside a checkpoint.*in another folder.*torch\.save\(.*, 'weights/unet_1\.pt'\)",
    ),
    "weights and their running mean": (
        saved(lambda s: {f"{part}.{k}": v for part in ("net", "ema") for k, v in s.items()}),
        REFUSED,
        "more than once",
    ),
    "a tensor alone": (saved(lambda _: torch.ones(3)), REFUSED, "does not hold a state_dict"),
    "a deflate bomb": (bomb, REFUSED, "would unpack to more"),
    "a program": (script, REFUSED, "TorchScript"),
    "a file of 270 MB": (sparse, REFUSED, "too large"),
    "tensors that claim terabytes": (saved(terabytes), REFUSED, "another architecture"),
    "a pipe": (
        lambda place: os.mkfifo(place.models / "unet_2.pt"),
        REFUSED,
        "not a regular file",
    ),
    "a folder": (lambda place: (place.models / "unet_2.pt").mkdir(), REFUSED, "regular file"),
    "a link to nowhere": (
        lambda place: (place.models / "unet_2.pt").symlink_to("nowhere"),
        REFUSED,
        "the link leads to a file that does not exist",
    ),
    "no model at all": (no_models, REFUSED, "no model in this directory"),
    "no folder of models": (
        lambda place: shutil.rmtree(place.models),
        REFUSED,
        "does not exist",
    ),
    "module. before names": (
        saved(lambda s: {f"module.{name}": value for name, value in s.items()}),
        DONE,
        "",
    ),
    "compiled": (
        saved(lambda s: {f"_orig_mod.{name}": value for name, value in s.items()}),
        DONE,
        "",
    ),
    "averaged, beside a counter": (
        saved(lambda s: {f"module.{k}": v for k, v in s.items()} | {"n_averaged": torch.tensor(7)}),
        DONE,
        "",
    ),
    "names of an older MONAI": (
        saved(lambda s: {name.replace("adn.A", "act"): value for name, value in s.items()}),
        DONE,
        "",
    ),
    "float16": (saved(lambda s: {k: v.half() for k, v in s.items()}), DONE, ""),
    "bfloat16": (saved(lambda s: {k: v.bfloat16() for k, v in s.items()}), DONE, ""),
    "the old format": (saved(lambda s: s, _use_new_zipfile_serialization=False), DONE, ""),
    "the same file twice": (twin, DONE, "are the same file"),
    "one model": (
        lambda place: (place.models / "unet_1.pt").unlink(),
        DONE,
        "standard deviation will be zero",
    ),
}
