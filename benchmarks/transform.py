"""Speed and memory of `carotid transform heatmap`, as ratios taken in one run.

    python -m benchmarks.transform [--quick] [--pairs | --cohort] [--against COMMAND] [--rounds 5]

Two scans are made: 720×100×640 voxels of 0.35 mm (what 3D black-blood sequences store) and
240×60×200 of 0.6 mm. Weights are random; they cost what trained ones cost. What is timed is the
installed command, from process start to its end, results written, read back and checked. In turn
with it run

- "bare eager forward passes": the same network as plain PyTorch runs it, over as many windows of
  the same size, with nothing around them, in a process of their own;
- with `--against`, another version's command, such as `../before/.venv/bin/carotid`: round after
  round one and the other, so that what else the machine does disturbs both alike.

`--pairs` stops after these. Otherwise memory is measured too, with more members and more
participants; on two cores that takes a quarter of an hour, half of it for 20 participants.
`--cohort` measures these alone: the peak of 20 participants over the median of `--rounds` runs of
one, as single runs scatter.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.processes import (
    FIGURES,
    THIS,
    Run,
    apart,
    machine,
    ratios,
    several,
    table,
    timed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LARGE = ((720, 100, 640), 0.35)
SMALL = ((240, 60, 200), 0.6)
WINDOW = (368, 64, 320)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small scan and few members only")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pairs", action="store_true", help="no memory of larger runs")
    what.add_argument("--cohort", action="store_true", help="only memory of 20 participants")
    parser.add_argument("--against", help="another version's command")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--eager", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.eager:
        print(json.dumps(eager_forward(given.device)))
        return
    folder = Path(tempfile.mkdtemp(prefix="carotid-bench-"))
    try:
        apart(make_inputs, folder)
        if not given.cohort:
            in_turn(folder, given)
        if not given.pairs:
            memory(folder, given)
    finally:
        shutil.rmtree(folder)


def in_turn(folder: Path, given: argparse.Namespace) -> None:
    """One participant, three members: this command, the other one, and bare forward passes."""
    name, (shape, spacing) = ("small", SMALL) if given.quick else ("large", LARGE)
    windows = windows_of(shape, spacing, 3)
    print(f"machine: {machine()}")
    print(f"scan: {'x'.join(map(str, shape))} voxels of {spacing} mm, 3 members, {given.device}")
    print(f"windows in all: {windows}", flush=True)
    commands = {"this command": THIS}
    if given.against:
        commands["the other one"] = tuple(given.against.split())
    runs: dict[str, list[Run]] = {label: [] for label in commands}
    eager: list[Run] = []
    for number in range(given.rounds + 1):  # the first fills the system's cache of files
        for label, command in commands.items():
            run = transform(folder, name, 3, given.device, command)
            if number:
                runs[label].append(run)
        if number:
            eager.append(bare_passes(windows, given.device))
    for label, found in runs.items():
        table(label, found)
    table("bare passes", eager)
    ratios("this command / bare passes", runs["this command"], eager, FIGURES[:2])
    if given.against:
        ratios("this command / the other one", runs["this command"], runs["the other one"], FIGURES)


def memory(folder: Path, given: argparse.Namespace) -> None:
    """Peaks with more members, and with more participants."""
    if not given.cohort:
        more_members(folder, given)
    if given.quick or not given.cohort:
        more_participants(folder, given, "small", 1)
    if not given.quick:
        more_participants(folder, given, "large", 3)


def more_members(folder: Path, given: argparse.Namespace) -> None:
    """The peak of one participant, by the size of the ensemble."""
    members = (1, 3) if given.quick else (1, 3, 20)
    scan = "small" if given.quick else "large"
    one = {count: transform(folder, scan, count, given.device).peak_mib for count in members}
    for count, peak in one.items():
        over = peak / one[3]
        print(f"{scan} scan, {count:2} members: peak {peak:5.0f} MiB, {over:.2f} of three")


def more_participants(folder: Path, given: argparse.Namespace, scans: str, members: int) -> None:
    """The peak of 20 participants over that of one, which is the median of several runs."""
    rounds = range(given.rounds)
    one = [transform(folder, scans, members, given.device).peak_mib for _ in rounds]
    many = transform(folder, f"{scans}-20", members, given.device)
    print(
        f"{scans} scan, {members} members: 1 participant {several(one, 0)} MiB, "
        f"20 participants {many.peak_mib:.0f} MiB, {many.peak_mib / median(one):.3f} of one; "
        f"{many.wall_s / 20:.1f} s each",
        flush=True,
    )


def transform(
    folder: Path, scans: str, members: int, device: str, command: Sequence[str] = THIS
) -> Run:
    """Run the command once, into an empty directory."""
    output = folder / "output"
    arguments = ["transform", "heatmap", str(folder / scans), str(folder / f"models-{members}")]
    run, _ = timed([*command, *arguments, str(output), "--device", device])
    shutil.rmtree(output)
    return run


def bare_passes(windows: int, device: str) -> Run:
    """So many of the plain module's forward passes, from as many as can be waited for."""
    run, printed = timed(
        [sys.executable, "-m", "benchmarks.transform", "--eager", "--device", device]
    )
    return Run(windows * printed["wall_s"], windows * printed["cpu_s"], run.peak_mib)


def windows_of(shape: tuple[int, int, int], spacing: float, members: int) -> int:
    from carotid.geometry.resample import network_size
    from carotid.geometry.sides import sides_of
    from carotid.network.windows.plan import WindowPlan

    size = [network_size(n, spacing) for n in reversed(shape)]
    sides = sides_of(size[2])
    plans = [WindowPlan.of((size[0], size[1], side.width), WINDOW, 0.6) for side in sides]
    return members * sum(len(plan) for plan in plans)


def eager_forward(device: str) -> dict[str, float]:
    """Seconds of one forward pass of the plain module."""
    import torch

    from carotid.cohort.cores import given_cores
    from carotid.network.device import choose_device
    from carotid.network.unet import UNet

    torch.set_num_threads(given_cores())
    choose_device(device)  # switches TensorFloat-32 off
    net = UNet().eval().to(device)
    window = torch.rand((1, 1, *WINDOW), device=device)
    walls, cpus = [], []
    with torch.inference_mode():
        for _ in range(7):
            wall, cpu = time.perf_counter(), time.process_time()
            net(window)
            if device == "cuda":
                torch.cuda.synchronize()
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
    return {"wall_s": median(walls[1:]), "cpu_s": median(cpus[1:])}


def make_inputs(folder: Path) -> None:
    """Scans large and small, twenty links to each, and 1, 3 and 20 models."""
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
        raw, twenty = folder / name, folder / f"{name}-20"
        for place in (raw, twenty):
            place.mkdir(parents=True)
            (place / "parameters.json").write_text(json.dumps(rescaling))
        grid = Grid(shape, np.diag([-spacing, -spacing, spacing, 1.0]))
        write_metaimage(raw / "scan.mha", Volume(neck_like(shape), grid))
        for k in range(20):
            (twenty / f"scan-{k:02}.mha").hardlink_to(raw / "scan.mha")
    for members in (1, 3, 20):
        models = folder / f"models-{members}"
        models.mkdir()
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


if __name__ == "__main__":
    main()
