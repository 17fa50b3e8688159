"""Training on a GPU: steps and crops a second, fed by processes.

    python -m benchmarks.gpu_training [--minutes 3] [--workers 12] [--train_config_path FILE]

It trains a heatmap network on simulated necks, as `carotid train heatmap --from_simulator` does
but without validation, and prints every ten seconds how many steps were taken, how many crops went
through the network, for which share of the time the main process waited for sides, how many sides
the pool holds and the most memory that was taken on the GPU. The first minute is slow: processes
start, and the GPU tries out how to convolve each shape.

Settings are those of the documentation's section "On a GPU" unless a file is given. With
`--device cpu` and small crops in a file it shows what it would do.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmarks.processes import machine
from carotid.training.engine.ahead import DrawsAhead

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from carotid.training.heatmap.job import HeatmapJob
    from carotid.training.heatmap.parameters import TrainingParameters

Draw = TypeVar("Draw")

TELL_EVERY_S = 10
BATCHES = {
    (128, 128, 208): (0.34, 20),
    (160, 64, 224): (0.19, 24),
    (192, 128, 256): (0.17, 9),
    (368, 128, 320): (0.18, 5),
    (368, 64, 320): (0.12, 9),
}
"""Share and batch of each kind of crop."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--train_config_path", type=Path)
    given = parser.parse_args()
    import torch

    from carotid.network.device import choose_device, describe_device

    device = choose_device(given.device)
    print(f"machine: {machine()}, PyTorch {torch.__version__}")
    print(f"device: {describe_device(device)}, {given.workers} processes", flush=True)
    train(settings(given.train_config_path), given.workers, device, 60 * given.minutes)


def settings(path: Path | None) -> TrainingParameters:
    from carotid.training.heatmap.parameters import CropKind, read_training_parameters

    read = read_training_parameters(path)
    if path is not None:
        return read
    crops = tuple(CropKind(shape=s, share=p, batch=n) for s, (p, n) in BATCHES.items())
    phase = read.member.model_copy(update={"crops": crops})
    return read.model_copy(update={"member": phase, "pool_size": 3500, "steps_per_side": 1})


def job_of(parameters: TrainingParameters) -> HeatmapJob:
    from carotid.simulation.recipes import TRAINING_RECIPE
    from carotid.simulation.sample import SIDE_SHAPE, simulate_side
    from carotid.training.heatmap.job import HeatmapJob
    from carotid.training.heatmap.sources import SimulatedSides

    simulate = partial(simulate_side, recipe=TRAINING_RECIPE, max_shape=SIDE_SHAPE)
    return HeatmapJob(SimulatedSides(simulate, 1), 1, parameters.member, parameters)


class WatchedDraws(DrawsAhead):
    """Draws ahead, and how long they were waited for."""

    draws = 0
    seconds = 0.0

    def __call__(self, draw: Callable[[int], Draw]) -> Callable[[int], Draw]:
        """The same as `draw`, made ahead."""
        ahead = super().__call__(draw)

        def watched(number: int) -> Draw:
            begin = time.perf_counter()
            made = ahead(number)
            self.seconds += time.perf_counter() - begin
            self.draws += 1
            return made

        return watched


def train(
    parameters: TrainingParameters, workers: int, device: torch.device, seconds: float
) -> None:
    import torch

    from carotid.training.engine.optimizer import make_optimizer, update
    from carotid.training.engine.workers import InProcess
    from carotid.training.heatmap.stream import choose_kind

    job = job_of(parameters)
    network = job.build().to(device).train()
    optimizer = make_optimizer(job.trained(network), parameters, None, fused=device.type != "cpu")
    torch.backends.cudnn.benchmark = True
    with WatchedDraws(workers) as watch:
        source = InProcess(network, job.batches_on(device, watch), job.seed)
        began = told = time.perf_counter()
        step = steps = crops = 0
        waited = 0.0
        while told - began < seconds:
            loss = source.step(step)
            update(network, optimizer, 1e-3, parameters.clip_norm)
            kind = choose_kind(job.phase, job.seed, step)
            crops += kind.batch or parameters.crops_per_worker
            step, steps = step + 1, steps + 1
            if time.perf_counter() - told < TELL_EVERY_S:
                continue
            shown = float(loss)  # waits for the card
            now = time.perf_counter()
            taken = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
            print(
                f"{now - began:6.0f} s  {steps / (now - told):6.2f} steps/s "
                f"{crops / (now - told):7.1f} crops/s  loss {shown:7.3f}  waiting for sides "
                f"{100 * (watch.seconds - waited) / (now - told):3.0f} %  "
                f"sides {min(watch.draws, parameters.pool_size):5}  {taken / 2**30:5.1f} GiB",
                flush=True,
            )
            told, steps, crops, waited = now, 0, 0, watch.seconds


if __name__ == "__main__":
    main()
