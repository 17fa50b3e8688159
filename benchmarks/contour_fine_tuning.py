"""Does fine-tuning on a few annotated scans of another kind help? Contours before and after.

    python -m benchmarks.contour_fine_tuning FOLDER [--participants 5] [--necks 5] [--splits 2]
                                             [--epochs 4] [--steps 50]

Five participants of the second simulator, which the package's models have never seen, are written
to FOLDER with their true contours as annotations. The package's models are trained further on them,
as `carotid train contour FOLDER/models FOLDER/raw FOLDER/annotations --start_from …` does it, with
fewer splits and steps than its defaults. Then both are measured on other necks of that simulator,
around true centers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.contour_accuracy import finder_of, true_centerlines
from benchmarks.contour_scores import HEADER, Scores
from benchmarks.second_simulator import simulate_second
from carotid.network.shipped import shipped_models
from carotid.simulation.cohort import write_participant
from carotid.stages.polar.parameters import PolarParameters
from carotid.training.contour.parameters import read_contour_training
from carotid.training.contour.train import Place, train_contour

FIRST_SEED = 5000
"""Necks from this seed on are trained on, those from 0 on are tested on."""


def annotated(folder: Path, participants: int) -> None:
    """Write participants with plaque, slow flow and noise, and their contours."""
    for k in range(participants):
        write_participant(folder, f"neck-{k + 1}", simulate_second(FIRST_SEED + k, hard=True))


def measured(model_dir: Path, necks: int) -> Scores:
    """The models of a directory on necks that were not trained on."""
    scores, find = Scores(), finder_of(model_dir)
    for k in range(necks):
        neck = simulate_second(k, hard=True)
        scores.add(f"neck {k}", neck, find(neck.volume, true_centerlines(neck)))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--participants", type=int, default=5)
    parser.add_argument("--necks", type=int, default=5)
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args()
    annotated(given.folder, given.participants)
    shipped, mine = shipped_models("contour"), given.folder / "models"
    parameters = read_contour_training(None, from_models=True).model_copy(
        update={
            "n_splits": given.splits,
            "n_epochs": given.epochs,
            "steps_per_epoch": given.steps,
        }
    )
    train_contour(
        Place(mine, shipped, "cpu", force=True),
        given.folder / "raw",
        given.folder / "annotations",
        parameters,
        PolarParameters(),
    )
    for name, model_dir in (("the package's models", shipped), ("after fine-tuning", mine)):
        print(f"{name}, {given.necks} necks\n{HEADER}")
        print("\n".join(measured(model_dir, given.necks).lines()), flush=True)


if __name__ == "__main__":
    main()
