"""Speed and memory of `carotid transform heatmap`, as ratios taken in one run.

    python benchmarks/transform.py [--quick] [--device cuda] [--keep DIR]

Two scans are made: 720×100×640 voxels of 0.35 mm (what 3D black-blood sequences store) and
240×60×200 of 0.6 mm. Weights are random; they cost what trained ones cost. "Bare eager forward
passes" are the same network, as plain PyTorch runs it, over as many windows of the same size, with
nothing around them, in a process of their own, before and after what they are compared with. End to
end is the installed command, from process start to its end, results written, read back and checked.
It takes about a quarter of an hour on two cores, of which 20 participants with the large scan take
half.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LARGE = ((720, 100, 640), 0.35)
SMALL = ((240, 60, 200), 0.6)
WINDOW = (368, 64, 320)
ROUNDS = 5
MIB = 1 << 20


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--quick", action="store_true", help="small scan and few members only")
    arguments.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    arguments.add_argument("--keep", type=Path, help="work here and leave the files")
    arguments.add_argument("--child", help=argparse.SUPPRESS)
    arguments.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.child:
        CHILDREN[given.child](given.folder, given.device)
        return
    folder = given.keep or Path(tempfile.mkdtemp(prefix="carotid-bench-"))
    try:
        run(folder, given.device, quick=given.quick)
    finally:
        if given.keep is None:
            shutil.rmtree(folder)


def run(folder: Path, device: str, *, quick: bool) -> None:
    name = "small" if quick else "large"
    shape, spacing = SMALL if quick else LARGE
    print(f"machine: {machine()}", flush=True)
    child("inputs", folder, device)
    print(f"scan: {'x'.join(map(str, shape))} voxels of {spacing} mm, 3 members, {device}")
    windows = windows_of(shape, spacing, 3)
    print(f"  windows in all                             {windows}")
    eager = [child("eager", folder, device)[2]["seconds_per_window"]]
    forward, total_s, ratios, peaks = [], [], [], []
    for _ in range(1 if quick else ROUNDS):
        forward.append(child("fast", folder, device)[2]["seconds_per_window"])
        seconds, size = transform(folder, name, 3, device)
        eager.append(child("eager", folder, device)[2]["seconds_per_window"])
        total_s.append(seconds)
        ratios.append(seconds / (windows * (eager[-2] + eager[-1]) / 2))
        peaks.append(size)
    print(f"  bare eager forward, seconds a window       {several(eager, 2)}")
    print(f"  end to end, seconds                        {several(total_s, 1)}")
    print(f"  end to end / bare eager forward            {several(ratios, 2)}")
    print(f"  this package's forward / eager forward     {median(forward) / median(eager):.2f}")
    _, _, steps = child("steps-quick" if quick else "steps", folder, device)
    total = sum(steps["seconds"].values())
    print("  share of each step, one after the other:")
    for step, value in steps["seconds"].items():
        print(f"    {step:40} {100 * value / total:4.0f} %")
    print(f"  bytes written / bytes deflated             {steps['written_over_deflated']:.2f}")
    peak = min(peaks)
    print(f"peak memory, {name} scan:")
    for members in (1, 3) if quick else (1, 3, 20):
        size = peak if members == 3 else transform(folder, name, members, device)[1]
        print(f"  {members:2} members                                 {size / MIB:.0f} MiB")
        if members == 20:
            print(f"  20 members / 3 members                     {size / peak:.2f}")
            print(
                f"  a member more                              {(size - peak) / 17 / MIB:.0f} MiB"
            )
    for scans, members in (("small", 1),) if quick else (("small", 1), ("large", 3)):
        print(f"peak memory, {scans} scan, {members} members:")
        one = transform(folder, scans, members, device)[1] if scans == "small" else peak
        seconds, twenty = transform(folder, f"{scans}-20", members, device)
        print(f"   1 participant                             {one / MIB:.0f} MiB")
        print(f"  20 participants                            {twenty / MIB:.0f} MiB")
        print(f"  20 participants / 1 participant            {twenty / one:.3f}")
        print(f"  seconds a participant                      {seconds / 20:.1f}")
        if scans == name:  # the same windows
            share = seconds / 20 / (windows * median(eager))
            print(f"  a participant / bare eager forward         {share:.2f}", flush=True)


def several(values: list[float], digits: int) -> str:
    """The median, and all values."""
    return f"{median(values):.{digits}f}  ({', '.join(f'{v:.{digits}f}' for v in values)})"


def machine() -> str:
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"


def child(task: str, folder: Path, device: str) -> tuple[float, int, dict[str, Any]]:
    """Run one of `CHILDREN` in a process of its own: seconds, peak bytes, what it printed."""
    command = [sys.executable, __file__, "--child", task, "--folder", str(folder)]
    return timed([*command, "--device", device])


def transform(folder: Path, scans: str, members: int, device: str) -> tuple[float, int]:
    """Run the command once, into an empty directory: seconds, peak bytes."""
    output = folder / "output"
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "carotid", "transform", "heatmap", str(folder / scans)]
    command += [str(folder / f"models-{members}"), str(output), "--device", device]
    seconds, peak, _ = timed(command)
    shutil.rmtree(output)
    return seconds, peak


def windows_of(shape: tuple[int, int, int], spacing: float, members: int) -> int:
    from carotid.geometry.resample import network_size
    from carotid.geometry.sides import sides_of
    from carotid.network.windows.plan import WindowPlan

    size = [network_size(n, spacing) for n in reversed(shape)]
    sides = sides_of(size[2])
    plans = [WindowPlan.of((size[0], size[1], side.width), WINDOW, 0.6) for side in sides]
    return members * sum(len(plan) for plan in plans)


def timed(command: list[str]) -> tuple[float, int, dict[str, Any]]:
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out = process.stdout.read() if process.stdout else b""
        err = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{err.decode()}")
    lines = out.decode().strip().splitlines()
    printed = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return seconds, usage.ru_maxrss * 1024, printed


# What runs in processes of their own ------------------------------------------------------------


def make_inputs(folder: Path, _device: str) -> None:
    import numpy as np
    import torch

    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume
    from carotid.network.unet import UNet
    from carotid.storage.metaimage.write import write_metaimage

    rescaling = {
        "rescale": True,
        "lower_percentile_rescaler": 5,
        "upper_percentile_rescaler": 95,
    }
    for name, (shape, spacing) in {"large": LARGE, "small": SMALL}.items():
        raw = folder / name
        raw.mkdir(parents=True, exist_ok=True)
        grid = Grid(shape, np.diag([-spacing, -spacing, spacing, 1.0]))
        write_metaimage(raw / "scan.mha", Volume(neck_like(shape), grid))
        (raw / "parameters.json").write_text(json.dumps(rescaling))
        twenty = folder / f"{name}-20"
        twenty.mkdir(exist_ok=True)
        for k in range(20):
            (twenty / f"scan-{k:02}.mha").hardlink_to(raw / "scan.mha")
        (twenty / "parameters.json").write_text(json.dumps(rescaling))
    for members in (1, 3, 20):
        models = folder / f"models-{members}"
        models.mkdir(exist_ok=True)
        for k in range(members):
            torch.manual_seed(k)
            state = {key: value.half() for key, value in UNet().state_dict().items()}
            torch.save(state, models / f"member-{k:02}.pt")


def neck_like(shape: tuple[int, int, int]) -> NDArray[Any]:
    """Smooth tissue with noise in an ellipse, air around it; int16, stored x fastest."""
    import numpy as np
    from scipy.ndimage import zoom

    rng = np.random.default_rng(3)
    coarse = rng.uniform(100, 900, [max(n // 30, 3) for n in shape])
    smooth = zoom(coarse, [n / c for n, c in zip(shape, coarse.shape, strict=True)], order=1)
    axes = [np.linspace(-1, 1, n) for n in shape]
    inside = axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 < 1
    noise = rng.normal(0, 20, shape).astype(np.float32)
    return np.asfortranarray((smooth * inside + np.abs(noise)).astype(np.int16))


def eager_forward(_folder: Path, device: str) -> None:
    import torch

    from carotid.cohort.cores import given_cores
    from carotid.network.device import choose_device
    from carotid.network.unet import UNet

    torch.set_num_threads(given_cores())
    choose_device(device)  # switches TensorFloat-32 off
    net = UNet().eval().to(device)
    window = torch.rand((1, 1, *WINDOW), device=device)
    times = []
    with torch.inference_mode():
        for _ in range(11):
            begin = time.perf_counter()
            net(window)
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - begin)
    print(json.dumps({"seconds_per_window": median(times[1:])}))


def fast_forward(_folder: Path, device: str) -> None:
    """As the command has it: on a CPU, several windows at a time."""
    from carotid.cohort.allocator import keep_freed_memory
    from carotid.cohort.cores import given_cores, wait_without_spinning

    keep_freed_memory()
    wait_without_spinning()
    import torch

    from carotid.network.fast import fast_or_plain
    from carotid.network.unet import UNet
    from carotid.network.windows.plan import ONE_AT_A_TIME, WindowWorkers
    from carotid.network.windows.side_by_side import side_by_side

    torch.set_num_threads(given_cores())
    fast = fast_or_plain(UNet().eval().to(device), torch.device(device))
    window = torch.rand((1, 1, *WINDOW), device=device)
    workers = WindowWorkers.of(given_cores()) if device == "cpu" else ONE_AT_A_TIME
    times = []
    for _ in side_by_side([(fast, window)] * 12, workers):
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter())
    begin = times[workers.count - 1]  # the first ones also fetch memory
    print(json.dumps({"seconds_per_window": (times[-1] - begin) / (len(times) - workers.count)}))


def steps(folder: Path, device: str, name: str = "large") -> None:

    from carotid.cohort.allocator import keep_freed_memory

    keep_freed_memory()
    import torch

    from carotid.cohort.cores import given_cores
    from carotid.network.members import load_members
    from carotid.stages.heatmap.compute import predict_sides
    from carotid.stages.heatmap.parameters import HeatmapParameters
    from carotid.stages.heatmap.reading import prepare_scan
    from carotid.storage.metaimage.write import MetaImageWriter, verify_metaimage
    from carotid.storage.participants import find_scans
    from carotid.storage.raw import load_scan

    torch.set_num_threads(given_cores())
    seconds: dict[str, float] = {}
    begin = time.perf_counter()

    def lap(step: str) -> None:
        nonlocal begin
        now = time.perf_counter()
        seconds[step] = seconds.get(step, 0.0) + now - begin
        begin = now

    members = load_members(folder / "models-3", torch.device(device))
    lap("load and check the models")
    volume = load_scan(find_scans(folder / name)["scan"])
    lap("read the scan")
    parameters = HeatmapParameters()
    scan = prepare_scan(volume, parameters, percentiles=(5, 95))
    lap("rescale, reorient, resample")
    written = deflated = 0
    for result in predict_sides(scan, members, parameters):
        lap("forward passes")
        paths = [folder / f"{what}.mha" for what in ("mean", "std")]
        with (
            MetaImageWriter(paths[0], volume.grid, 2) as mean,
            MetaImageWriter(paths[1], volume.grid, 2) as std,
        ):
            lap("write")
            for slab in result.slabs():
                lap("back to the stored grid, mean, std, maxima")
                mean.write(slab.mean)
                std.write(slab.std)
                lap("deflate and write")
                deflated += slab.mean.nbytes + slab.std.nbytes
        lap("deflate and write")
        for path, writer in zip(paths, (mean, std), strict=True):
            verify_metaimage(path, volume.grid, 2, writer.crc32)
            written += path.stat().st_size
        lap("read back and compare")
    seconds.pop("write")
    print(json.dumps({"seconds": seconds, "written_over_deflated": written / deflated}))


CHILDREN: dict[str, Callable[[Path, str], None]] = {
    "inputs": make_inputs,
    "eager": eager_forward,
    "fast": fast_forward,
    "steps": steps,
    "steps-quick": lambda folder, device: steps(folder, device, "small"),
}

if __name__ == "__main__":
    main()
