"""Networks on planes against the known architecture: same necks, same time, from random weights.

    python -m benchmarks.contour_architectures FOLDER [--minutes 20] [--necks 4] [--seed 42]

Trains one network of each kind on the close-ups that `carotid train contour --from_simulator`
makes, the same ones in the same order, each for so many minutes of one core (of processor time, so
that other work on the machine does not count), and measures both on necks of the second simulator,
around true centers. How many steps that makes is found from a few steps beforehand. Settings are
the defaults of each kind, with a shorter running mean of the weights of plane networks.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Literal

import torch

from benchmarks.contour_accuracy import finder_of, print_around_truth
from benchmarks.second_simulator import simulate_second
from carotid.stages.polar.parameters import PolarParameters
from carotid.training.contour.members import simulated_member
from carotid.training.contour.parameters import ContourTraining, read_contour_training
from carotid.training.contour.train import train_from_simulator
from carotid.training.engine.run import TrainingRequest

KINDS: tuple[Literal["planes", "polar"], ...] = ("planes", "polar")

EPOCHS = 4
PROBED_STEPS = 8
POLAR = PolarParameters()


def settings(folder: Path, network: str, seed: int) -> ContourTraining:
    """The defaults of a kind of network, for one member on one thread."""
    asked = folder / f"{network}.toml"
    asked.write_text(f'[contour_training]\nnetwork = "{network}"\n')
    changes: dict[str, float] = {
        "members": 1,
        "workers": 0,
        "seed": seed,
        "n_epochs": EPOCHS,
        "validation_draws": 8,
    }
    if network == "planes":
        changes["average_decay"] = 0.99
    return read_contour_training(asked).model_copy(update=changes)


def steps_in(parameters: ContourTraining, seconds: float) -> int:
    """How many steps of an epoch fit, all epochs together taking so long."""
    job = simulated_member(parameters, POLAR.rays, 0).job
    network = job.build().train()
    batches = job.batches(0, 1)
    begin = time.process_time()
    batches.add_gradients(network, 0)
    filled = time.process_time()
    for step in range(1, PROBED_STEPS + 1):
        batches.add_gradients(network, step)
    per_step = (time.process_time() - filled) / PROBED_STEPS
    return max(1, int((seconds - (filled - begin)) / per_step / EPOCHS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--necks", type=int, default=4)
    parser.add_argument("--seed", type=int, default=42)
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.folder.mkdir(parents=True, exist_ok=True)
    for network in KINDS:
        parameters = settings(given.folder, network, given.seed)
        steps = steps_in(parameters, 60 * given.minutes)
        parameters = parameters.model_copy(update={"steps_per_epoch": steps})
        request = TrainingRequest(given.folder / network, None, "cpu", force=True)
        begin = time.process_time()
        train_from_simulator(request, parameters, POLAR)
        taken = (time.process_time() - begin) / 60
        print(f"{network}: {EPOCHS * steps} steps, {taken:.1f} minutes of one core", flush=True)
    finders = {str(network): finder_of(given.folder / network) for network in KINDS}
    for kind in ("plain", "hard"):
        seen = {f"{kind} {k}": simulate_second(k, hard=kind == "hard") for k in range(given.necks)}
        print_around_truth(finders, seen)


if __name__ == "__main__":
    main()
