"""Speed and memory of `carotid transform heatmap` on a GPU.

    python -m benchmarks.gpu [--quick]

It makes the large scan of `benchmarks/transform.py` (720×100×640 voxels of 0.35 mm) and random
weights, and prints, from one run on one card,

- one window through the network: PyTorch's plain module (float32, TensorFloat-32 switched off), the
  same in other layouts and types, several windows at once, and this package's forward pass; for
  each the time, the largest difference to float64 over the largest value, and whether two calls
  gave the same bytes;
- the command with 3 and 10 members, for one participant and for ten: seconds, the share of the
  time in which the GPU computed and the most memory that was taken on it, both as `nvidia-smi` sees
  them, and the most main memory.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

from benchmarks import transform
from benchmarks.processes import apart, machine
from benchmarks.transform import LARGE, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Forward = Callable[[Tensor], Tensor]

MIB = 1 << 20
MEMBERS = (3, 10)
COHORT = 10
LOOK_EVERY_S = 0.1
IDLE = 10
"""So many looks before the command is started."""

QUERY = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--quick", action="store_true", help="the forward passes only")
    arguments.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.child:
        forward_passes()
        return
    print(f"machine: {machine()}", flush=True)
    # in a process of its own, so that the card is free for the command
    subprocess.run([sys.executable, "-m", "benchmarks.gpu", "--child"], check=True)
    if given.quick:
        return
    folder = Path(tempfile.mkdtemp(prefix="carotid-bench-"))
    try:
        commands(folder)
    finally:
        shutil.rmtree(folder)


def forward_passes() -> None:
    import torch

    from carotid.network.fast import fast_or_plain
    from carotid.network.unet import UNet

    device = torch.device("cuda")
    print(f"card: {torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    torch.manual_seed(0)
    net = UNet().eval().requires_grad_(requires_grad=False).to(device)
    coarse = torch.rand((1, 1, *(n // 16 + 2 for n in WINDOW)))
    window = torch.nn.functional.interpolate(coarse, WINDOW, mode="trilinear")
    window = (window - 0.4).clamp_(min=0) + 0.02 * torch.randn(window.shape).abs()
    window = window.to(device)
    with torch.inference_mode():
        exact = copy.deepcopy(net).double()(window.double())
    layout: dict[str, Any] = {"memory_format": torch.channels_last_3d}
    last = copy.deepcopy(net).to(**layout)
    half = copy.deepcopy(net).half()
    fast = fast_or_plain(net, device)
    torch.backends.cudnn.allow_tf32 = False
    measured("plain", net, window, exact)
    measured("plain, channels last", lambda x: last(x.contiguous(**layout)), window, exact)
    measured("plain, 8 windows at once", net, window.expand(8, -1, -1, -1, -1), exact)
    measured("plain, half precision", lambda x: half(x.half()), window, exact)
    torch.backends.cudnn.allow_tf32 = True
    measured("plain, TensorFloat-32", net, window, exact)
    torch.backends.cudnn.allow_tf32 = False
    measured("this package", fast, window, exact)
    measured("this package, two at once", in_streams(fast, 2), window, exact, 2)
    measured("this package, as a graph", as_graph(fast, window), window, exact)


def measured(name: str, run: Forward, windows: Tensor, exact: Tensor, at_once: int = 1) -> None:
    """Print time a window, error and whether it repeats."""
    import torch

    with torch.inference_mode():
        first = run(windows).clone()
        same = torch.equal(first, run(windows))
        error = float((first[:1].double() - exact).abs().max() / exact.abs().max())
        del first
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        times = []
        for _ in range(20):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            begin.record()
            run(windows)
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end) / len(windows) / at_once)
        memory = torch.cuda.max_memory_allocated() - before
    print(
        f"  {name:28} {median(times):7.2f} ms   error {error:.1e}   "
        f"{'same bytes' if same else 'other bytes'}   {memory / MIB:5.0f} MiB",
        flush=True,
    )


def in_streams(run: Forward, count: int) -> Forward:
    import torch

    streams = [torch.cuda.Stream() for _ in range(count)]  # type: ignore[no-untyped-call]

    def all_of_them(windows: Tensor) -> Tensor:
        here = torch.cuda.current_stream()
        heat = windows
        for stream in streams:
            stream.wait_stream(here)
            with torch.cuda.stream(stream):
                heat = run(windows)
        for stream in streams:
            here.wait_stream(stream)
        return heat

    return all_of_them


def as_graph(run: Forward, window: Tensor) -> Forward:
    import torch

    given = window.clone()
    with torch.inference_mode():
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            run(given)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            heat = run(given)

    def replay(windows: Tensor) -> Tensor:
        given.copy_(windows)
        graph.replay()
        return heat

    return replay


def commands(folder: Path) -> None:
    apart(transform.make_inputs, folder)
    shutil.copytree(folder / "models-20", folder / "models-10")
    for path in sorted((folder / "models-10").glob("*.pt"))[10:]:
        path.unlink()
    shutil.copytree(folder / "large-20", folder / "large-10")
    for path in sorted((folder / "large-10").glob("*.mha"))[COHORT:]:
        path.unlink()
    shape, spacing = LARGE
    transform.transform(folder, "large", MEMBERS[0], "cuda")  # files and libraries into the cache
    for members in MEMBERS:
        windows = transform.windows_of(shape, spacing, members)
        print(f"{members} members, {windows} windows a participant:")
        one_s, one_busy = watched(folder, "large", members)
        ten_s, ten_busy = watched(folder, "large-10", members)
        more_s = ten_s - one_s
        busy = (ten_s * ten_busy - one_s * one_busy) / more_s
        print(f"  a participant more {more_s / (COHORT - 1):.2f} s   GPU computing {busy:3.0f} %")


def watched(folder: Path, scans: str, members: int) -> tuple[float, float]:
    """Run the command while `nvidia-smi` looks on: seconds, per cent in which the GPU computed."""
    before = memory_in_use()
    watch = [*QUERY, f"--loop-ms={1000 * LOOK_EVERY_S:.0f}"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as watching:
        time.sleep(IDLE * LOOK_EVERY_S)
        run = transform.transform(folder, scans, members, "cuda")
        watching.terminate()
        lines = (watching.stdout.read() if watching.stdout else "").splitlines()
    seen = [looked(line) for line in lines[IDLE:] if line.count(",") == 1]
    share = mean(busy for busy, _ in seen)
    print(
        f"  {scans:9} {run.wall_s:6.2f} s   GPU computing {share:3.0f} %   "
        f"GPU memory {max(used for _, used in seen) - before} MiB   "
        f"main memory {run.peak_mib:.0f} MiB",
        flush=True,
    )
    return run.wall_s, share


def memory_in_use() -> int:
    """MiB that are taken on the card."""
    lines = subprocess.run(QUERY, capture_output=True, text=True, check=True).stdout.splitlines()
    return looked(lines[0])[1]


def looked(line: str) -> tuple[int, int]:
    """What `nvidia-smi` saw: per cent in which the GPU computed, MiB that are taken."""
    busy, used = line.split(",")
    return int(busy), int(used)


if __name__ == "__main__":
    main()
