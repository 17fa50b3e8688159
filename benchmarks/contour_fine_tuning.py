"""Does fine-tuning on a few annotated scans of another kind help? Contours before and after.

    python -m benchmarks.contour_fine_tuning FOLDER [--kind hard] [--participants 5] [--necks 5]
                                             [--splits 5] [--epochs 12] [--steps 50]

Participants of the second simulator, which the package's models have never seen, are written to
FOLDER with their true contours as annotations; those that are there already are taken as they are.
The package's models are trained further on them, as `carotid train contour FOLDER/models FOLDER/raw
FOLDER/annotations --start_from …` does it; fewer splits, epochs and steps save time. Then both are
measured on other necks of the same kind, around true centers. `hard` has plaque, slow flow and
noise; `bright` is the same with the grey values turned over, so that blood is bright.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.contour_accuracy import finder_of, print_around_truth
from benchmarks.second_simulator import simulate_second
from carotid.network.shipped import shipped_models
from carotid.simulation.cohort import write_participant
from carotid.stages.polar.parameters import PolarParameters
from carotid.training.contour.parameters import read_contour_training
from carotid.training.contour.train import train_contour
from carotid.training.engine.run import TrainingRequest

if TYPE_CHECKING:
    from carotid.simulation.truth import SimulatedNeck

FIRST_SEED = 5000
"""Necks from this seed on are trained on, those from 0 on are tested on."""


def neck_of(kind: str, seed: int) -> SimulatedNeck:
    """A neck of the second simulator, with plaque, slow flow and noise."""
    neck = simulate_second(seed, hard=True)
    if kind == "hard":
        return neck
    array = neck.volume.array
    values = array.astype(np.float64)
    turned = np.clip(np.percentile(values, 99.5) - values, 0, None).astype(array.dtype)
    return replace(neck, volume=neck.volume.with_array(turned))


def write_annotated(folder: Path, kind: str, participants: int) -> None:
    """Write participants and their true contours."""
    for k in range(participants):
        name = f"neck-{k + 1}"
        if not (folder / "annotations" / name).exists():
            write_participant(folder, name, neck_of(kind, FIRST_SEED + k))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", choices=("hard", "bright"), default="hard")
    parser.add_argument("--participants", type=int, default=5)
    parser.add_argument("--necks", type=int, default=5)
    parser.add_argument("--splits", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--steps", type=int)
    given = parser.parse_args()
    write_annotated(given.folder, given.kind, given.participants)
    shipped, mine = shipped_models("contour"), given.folder / "models"
    asked = {
        "n_splits": given.splits,
        "n_epochs": given.epochs,
        "steps_per_epoch": given.steps,
    }
    known = {name: value for name, value in asked.items() if value is not None}
    parameters = read_contour_training(None, from_models=True).model_copy(update=known)
    train_contour(
        TrainingRequest(mine, shipped, "cpu", force=True),
        given.folder / "raw",
        given.folder / "annotations",
        parameters,
        PolarParameters(),
    )
    models = {"the package's models": shipped, "after fine-tuning": mine}
    finders = {name: finder_of(model_dir) for name, model_dir in models.items()}
    print_around_truth(finders, {f"neck {k}": neck_of(given.kind, k) for k in range(given.necks)})


if __name__ == "__main__":
    main()
