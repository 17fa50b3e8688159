"""One window through the U-Net: the fast forward pass against the plain module.

    python -m benchmarks.forward [--window 368 64 320] [--rounds 5] [--threads 1 2] [--model FILE]

For each number of threads, in a process as it is and in one set up as the command line does it
(the allocator keeps freed memory, threads wait without spinning), both run in turn, round after
round. It prints

    time      median time of a pass in seconds, plain and fast, and the median of the rounds' ratios
    CPU       the same ratio of processor time, which other programs on the machine disturb less
    faults    page faults of one pass, plain and fast
    memory    how far one fast pass lifts the peak of resident memory, in MiB, its result included
    error     largest difference to double precision over the largest value, plain and fast

and then, for two windows on two cores: two passes in turn with two threads each, over two passes
side by side with one thread each, as a ratio of times (above 1: side by side is faster).
Without `--model` the weights are random; they cost what trained ones cost.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

MIB = 1 << 10
"""KiB in a MiB: /proc counts in KiB."""


def main() -> None:
    given = arguments()
    if given.child:
        print(json.dumps(CHILDREN[given.child](given)))
        return
    print("threads  process       time/s plain  fast  ratio   CPU    faults plain   fast  memory")
    for threads in given.threads:
        for keep in (False, True):
            found = child("passes", threads, keep=keep)
            print(
                f"{threads:7}  {'set up' if keep else 'as it is':9} {found['plain_s']:16.3f}",
                end="",
            )
            print(
                f" {found['fast_s']:5.3f}  {found['ratio']:5.3f} {found['cpu_ratio']:5.3f}", end=""
            )
            print(f" {found['plain_faults']:15,} {found['fast_faults']:6,}", end="")
            print(f" {found['memory_mib']:7.0f}", flush=True)
    print("side by side, over in turn: " + child("pairs", 2, keep=True)["text"], flush=True)
    print("error: " + child("error", max(given.threads), keep=True)["text"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--window", type=int, nargs=3, default=(368, 64, 320), metavar="VOXELS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--model", type=Path, help="weights to use")
    parser.add_argument("--keep", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def child(kind: str, threads: int, *, keep: bool) -> dict[str, Any]:
    """Run one measurement in a process of its own, with the options that this one was given."""
    command = [sys.executable, __file__, *sys.argv[1:], "--child", kind, "--threads", str(threads)]
    if keep:
        command.append("--keep")
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def prepare(given: argparse.Namespace) -> tuple[Any, Any, Tensor]:
    """The plain module, the fast pass and a window of smooth structures, noise and empty space."""
    if given.keep:
        from carotid.cohort.allocator import keep_freed_memory
        from carotid.cohort.cores import wait_without_spinning

        keep_freed_memory()
        wait_without_spinning()
    import torch

    from carotid.network.fast.cpu_unet import FastUNet
    from carotid.network.unet import UNet

    torch.set_num_threads(given.threads[0])
    torch.manual_seed(0)
    plain = UNet().eval().requires_grad_(requires_grad=False)
    if given.model:
        state = torch.load(given.model, weights_only=True)
        plain.load_state_dict({name: values.float() for name, values in state.items()})
    shape = tuple(given.window)
    coarse = torch.rand((1, 1, *(n // 16 + 2 for n in shape)))
    window = torch.nn.functional.interpolate(coarse, shape, mode="trilinear")
    window = (window - 0.4).clamp_(min=0) + 0.02 * torch.randn(window.shape).abs()
    return plain, FastUNet(plain), window


def passes(given: argparse.Namespace) -> dict[str, Any]:
    """Times, faults and memory of both passes, in turn."""
    plain, fast, window = prepare(given)
    fast(window[:, :, :32, :32, :32])
    before = memory_kib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    fast(window)
    memory = memory_kib("VmHWM") - before
    plain(window)
    rounds = [[timed(network, window) for network in (plain, fast)] for _ in range(given.rounds)]
    walls, cpus, faults = (
        [[one[k] for one in both] for both in rounds] for k in range(len(rounds[0][0]))
    )
    return {
        "plain_s": statistics.median(plain_s for plain_s, _ in walls),
        "fast_s": statistics.median(fast_s for _, fast_s in walls),
        "ratio": statistics.median(fast_s / plain_s for plain_s, fast_s in walls),
        "cpu_ratio": statistics.median(fast_s / plain_s for plain_s, fast_s in cpus),
        "plain_faults": int(statistics.median(plain_count for plain_count, _ in faults)),
        "fast_faults": int(statistics.median(fast_count for _, fast_count in faults)),
        "memory_mib": memory / MIB,
    }


def pairs(given: argparse.Namespace) -> dict[str, Any]:
    """Two windows: in turn with all threads, or side by side with half of them each."""
    import torch

    from carotid.network.windows.plan import WindowWorkers
    from carotid.network.windows.side_by_side import side_by_side

    plain, fast, window = prepare(given)
    torch.set_num_threads(2)
    found = []
    for name, network in (("plain", plain), ("fast", fast)):
        ratios = []
        for _ in range(given.rounds + 1):
            seconds = []
            for workers in (1, 2):
                start = time.perf_counter()
                for _heat in side_by_side([(network, window)] * 2, WindowWorkers(workers, 1)):
                    pass
                seconds.append(time.perf_counter() - start)
            ratios.append(seconds[0] / seconds[1])
        found.append(f"{name} {statistics.median(ratios[1:]):.2f}")
    return {"text": ", ".join(found)}


def error(given: argparse.Namespace) -> dict[str, Any]:
    """Both passes against double precision."""
    plain, fast, window = prepare(given)
    heats = [network(window) for network in (plain, fast)]
    exact = plain.double()(window.double())
    errors = [float((heat - exact).abs().max() / exact.abs().max()) for heat in heats]
    return {"text": f"plain {errors[0]:.1e}, fast {errors[1]:.1e} of the largest value"}


CHILDREN = {"passes": passes, "pairs": pairs, "error": error}


def timed(network: Callable[[Tensor], Tensor], window: Tensor) -> tuple[float, float, int]:
    """Time, processor time and page faults of one pass."""
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    wall, cpu = time.perf_counter(), time.process_time()
    network(window)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults


def memory_kib(name: str) -> int:
    """A line of this process's status."""
    return next(size for key, size in status() if key == name)


def status() -> Iterator[tuple[str, int]]:
    for line in Path("/proc/self/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if value.endswith(" kB"):
            yield key, int(value.split()[0])


if __name__ == "__main__":
    main()
