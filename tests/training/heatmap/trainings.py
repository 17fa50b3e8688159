"""Trainings of a few steps, on scans of noise with annotated centers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carotid.training.engine.run import TrainingRequest
from carotid.training.heatmap.parameters import CropKind, Phase, TrainingParameters
from carotid.training.heatmap.train import train_heatmap

if TYPE_CHECKING:
    from pathlib import Path

PHASE = Phase(epochs=2, peak_rate=3e-3, warmup_steps=1, crops=(CropKind(shape=(32, 32, 32)),))


def settings(**changes: Any) -> TrainingParameters:
    values = {
        "member": PHASE,
        "steps_per_epoch": 2,
        "workers": 0,
        "pool_size": 2,
        "precision": "float32",
        "n_splits": 2,
        "members": 2,
        "validation_sides": 1,
        **changes,
    }
    return TrainingParameters(**values)


def train(root: Path, output: str = "out", **more: Any) -> list[Path]:
    parameters = more.pop("parameters", settings())
    source = more.pop("source", root / "raw")
    subset = more.pop("centerline_tsv", None)
    request = TrainingRequest(root / output, device="cpu", **more)
    return train_heatmap(request, source, root / "annotations", parameters, centerline_tsv=subset)


class StopHereError(Exception):
    pass


def interrupt(event: Any, part: str, epoch: int) -> None:
    if event.part == part and event.epoch is not None and event.epoch.epoch == epoch:
        raise StopHereError
