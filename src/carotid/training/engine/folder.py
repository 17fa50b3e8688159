"""The folder of a training, which is a model directory of the transform it trains for.

    <output_dir>
    ├── parameters.json            settings, versions, SHA-256 of the models
    ├── model.json                 what the models are and expect
    ├── training.png               losses over the steps
    ├── trunk-<j>/training.tsv     phases that all members share, where there are any
    └── split-<k>
        ├── model.pt               a member, as the transform loads it
        ├── training.tsv           a row per epoch
        └── validation_metrics.tsv figures of the validation sides, a row per epoch

Training that was cut short goes on when the same command is given again; a split that has its
`model.pt` is done.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from carotid.errors import UsageError
from carotid.storage.model_description import MODEL_JSON
from carotid.storage.results.atomic import write_atomically, write_json
from carotid.storage.results.layout import PARAMETERS_FILE
from carotid.training.engine.loop import STATE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carotid.training.engine.loop import EpochRow

CURVE_FILE = "training.png"


def trunk_name(number: int) -> str:
    """The folder of a phase that all members share."""
    return f"trunk-{number}"


def split_name(number: int) -> str:
    """The folder of a member."""
    return f"split-{number}"


def model_file(folder: Path, number: int) -> Path:
    """A member's weights."""
    return folder / split_name(number) / "model.pt"


def write_record(
    folder: Path, section: str, record: dict[str, Any], beside: Mapping[str, Any]
) -> None:
    """Write `parameters.json`, in which training has an object of its own, called `section`."""
    write_json(folder / PARAMETERS_FILE, {**beside, section: record})


def write_rows(folder: Path, rows: Sequence[EpochRow]) -> None:
    """Write a part's tables."""
    fields = ("epoch", "step", "learning_rate", "training_loss", "validation_loss", "seconds")
    lines = ["\t".join(fields)]
    lines += ["\t".join(f"{getattr(row, name):.6g}" for name in fields) for row in rows]
    write_atomically(folder / "training.tsv", ("\n".join(lines) + "\n").encode())
    names = sorted({name for row in rows for name in row.metrics})
    lines = ["\t".join(("epoch", *names))]
    for row in rows:
        values = [f"{row.metrics.get(name, float('nan')):.6g}" for name in names]
        lines.append("\t".join((str(row.epoch), *values)))
    write_atomically(folder / "validation_metrics.tsv", ("\n".join(lines) + "\n").encode())


def forget_trunk(folder: Path) -> None:
    """Remove what members would begin with, once all are done."""
    for state in folder.glob(f"trunk-*/{STATE_NAME}"):
        state.unlink()


def check_earlier(folder: Path, section: str, settings: dict[str, Any], *, force: bool) -> None:
    """Refuse a folder with other content; with `force` remove an earlier training's files.

    Raises:
        UsageError: The folder holds models that are no training's, a finished training, or one
            with other settings.
    """
    path = folder / PARAMETERS_FILE
    if not path.exists():
        strange = folder.is_dir() and any(folder.glob("split-*/model.pt"))
        if strange and not force:
            raise UsageError(
                "models without parameters.json lie here",
                where=folder,
                remedy="choose another folder, or give --force to replace them",
            )
        return
    if force:
        _remove_training(folder)
        return
    earlier = _earlier_record(path, section)
    if earlier.get("models"):
        raise UsageError(
            "finished training is here already",
            where=folder,
            remedy="choose another folder, or give --force to train anew",
        )
    other = [key for key, value in settings.items() if earlier.get(key) != value]
    if other:
        raise UsageError(
            "training that was cut short here had other settings or data",
            where=folder,
            found=", ".join(sorted(other)),
            remedy="give the same settings to go on, choose another folder, or give --force",
        )


def _earlier_record(path: Path, section: str) -> dict[str, Any]:
    try:
        record = json.loads(path.read_bytes())[section]
        return dict(record)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "parameters.json is none that training wrote",
            where=path,
            remedy="choose another folder, or give --force to replace it",
        ) from error


def _remove_training(folder: Path) -> None:
    for part in [*folder.glob("trunk-*"), *folder.glob("split-*")]:
        shutil.rmtree(part, ignore_errors=True)
    for name in (PARAMETERS_FILE, MODEL_JSON, CURVE_FILE):
        (folder / name).unlink(missing_ok=True)
