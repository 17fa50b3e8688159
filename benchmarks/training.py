"""A step of `carotid train heatmap`: what its own forward pass and gradient save.

    python -m benchmarks.training [--crop 192 64 224] [--rounds 5] [--threads 1]

Forward pass, loss and gradient of one crop, in three ways, which take turns round after round:

    hand-written  as training has it: the finest level in blocks, norm and activation as one step
                  with a gradient of its own (`carotid.training.heatmap.forward`)
    autograd      the same, but norm and activation are PyTorch's, with PyTorch's gradient
    plain         the plain module, channels last

For each precision it prints the medians of wall time and processor time of a step in seconds, the
medians of the rounds' ratios to the hand-written way, and how far one step lifts the peak of
resident memory.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--crop", type=int, nargs=3, default=(192, 64, 224), metavar="VOXELS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    print("precision  way            wall s   CPU s   wall ratio  CPU ratio  MiB")
    for precision in (torch.bfloat16, torch.float32):
        steps = ways(tuple(given.crop), precision)
        for step in steps.values():
            step()  # kernels are made, memory is fetched
        memory = {way: lifted_kib(step) >> 10 for way, step in steps.items()}
        rounds = [{way: timed(step) for way, step in steps.items()} for _ in range(given.rounds)]
        for way in steps:
            wall, cpu = (statistics.median(one[way][k] for one in rounds) for k in range(2))
            ratios = [
                statistics.median(one[way][k] / one["hand-written"][k] for one in rounds)
                for k in range(2)
            ]
            print(
                f"{str(precision).removeprefix('torch.'):9}  {way:12} {wall:8.2f} {cpu:7.2f} "
                f"{ratios[0]:12.2f} {ratios[1]:10.2f} {memory[way]:5}",
                flush=True,
            )


def ways(shape: tuple[int, int, int], precision: Any) -> dict[str, Callable[[], None]]:
    """A step of each way, on the same crop and the same weights."""
    import torch
    from torch.nn import functional

    from carotid.network.unet import UNet
    from carotid.training.heatmap import forward
    from carotid.training.heatmap.blocks import to_blocks
    from carotid.training.heatmap.losses import heatmap_loss

    torch.manual_seed(0)
    network = UNet(dropout=0.0)
    last = UNet(dropout=0.0)
    last.load_state_dict(network.state_dict())
    last.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    image = torch.rand((1, 1, *shape))
    target = to_blocks(torch.rand((1, 2, *shape)))
    counted = torch.ones((1, shape[0]), dtype=torch.bool)

    def by_autograd(x: Tensor, unit: Any, groups: int) -> Tensor:
        normed = functional.group_norm(x, groups, eps=forward.NORM_EPSILON)
        return functional.prelu(normed, unit.adn.A.weight.to(normed.dtype))

    def step(predict: Callable[[], Tensor]) -> None:
        with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
            heat = predict()
        loss = heatmap_loss(
            heat, target, counted, height_weight=20.0, difference_weight=2.0, empty_weight=4.0
        )
        loss.backward()  # type: ignore[no-untyped-call]

    def hand_written() -> None:
        step(lambda: forward.blocked_forward(network, image))

    def autograd() -> None:
        with patch.object(forward, "_norm_act", by_autograd):
            step(lambda: forward.blocked_forward(network, image))

    def plain() -> None:
        x = image.contiguous(memory_format=torch.channels_last_3d)
        step(lambda: to_blocks(last(x)))

    return {"hand-written": hand_written, "autograd": autograd, "plain": plain}


def timed(step: Callable[[], None]) -> tuple[float, float]:
    """Wall time and processor time of a step."""
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - cpu


def lifted_kib(step: Callable[[], None]) -> int:
    """How far a step lifts the peak of resident memory."""
    before = memory_kib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    step()
    return memory_kib("VmHWM") - before


def memory_kib(name: str) -> int:
    """A line of this process's status."""
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    main()
