"""Contours and masks: sampling, networks, curves and filling, each against the plain way.

    python -m benchmarks.contour [--centers 3000] [--models 5] [--rounds 3]

In one process with one thread, on a made-up neck of 720 x 100 x 640 voxels with random networks,
which cost what trained ones cost. Times are of the processor, which other programs on the machine
disturb less than the clock; what is compared is measured in turn, round after round, and the least
time counts. It prints

    contours   seconds for all centers with all networks, milliseconds an image, and memory
               beside the scan
    masks      seconds to fill and to write both sides, and memory
    sampling   milliseconds an image: linear and compatible, and SciPy's map_coordinates
    networks   milliseconds an image and network: plain module and pyramid, and their ratio
    curves     milliseconds an image: second-order curves with their spreads, lumen and wall
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from carotid.artifacts import (
    Centerline,
    Centerlines,
    Contours,
    CrossSection,
    Outline,
    Scan,
    SideCenterlines,
)
from carotid.geometry.grid import Grid
from carotid.geometry.intensity import IntensityRange
from carotid.geometry.polar import IMAGES_PER_BLOCK, PolarSampler, Rays, Sampling
from carotid.geometry.volume import Volume
from carotid.network.polar_cnn import VARIANTS, PolarCNN
from carotid.network.polar_pyramid import PlainPolarNetwork, PolarPyramid, pyramid_or_plain
from carotid.stages.contour.decode import Decoding, clouds, fitted
from carotid.stages.contour.find import PolarEnsemble, find_contours
from carotid.stages.contour.parameters import ContourParameters
from carotid.stages.polar.draw import draw_polar_images
from carotid.stages.polar.parameters import PolarParameters
from carotid.stages.segmentation.fill import fill_contours
from carotid.stages.segmentation.parameters import SegmentationParameters
from carotid.storage.results.segmentations import save_segmentation

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (720, 100, 640)
SPACING_MM = (0.35, 0.35, 0.35)
RAYS = Rays()
MIB = 1 << 10
"""KiB in a MiB."""


def main() -> None:
    """Measure and print."""
    given = arguments()
    torch.set_num_threads(1)
    logging.getLogger("carotid").addHandler(logging.NullHandler())  # of untrained networks
    scan = neck()
    contours(scan, given.centers, given.models)  # first, while no memory is left over
    masks(given.centers)
    sampling(scan, given.rounds)
    networks(given.rounds)
    curves(given.rounds, given.models)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--centers", type=int, default=2560, help="of both sides together")
    parser.add_argument("--models", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def neck() -> Scan:
    """Noise, stored as a scanner stores it: int16, from left to right and from front to back."""
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    array = np.random.default_rng(0).integers(0, 900, SHAPE[::-1], np.int16).transpose(2, 1, 0)
    return Scan(Volume(array, Grid(SHAPE, affine)), IntensityRange(20, 800))


def course(count: int, x: float) -> np.ndarray:
    """(count, 3) centers of one artery, one a slice."""
    z = np.arange(count, dtype=np.float64)
    return np.stack([x + 15 * np.sin(z / 90), 50 + 8 * np.cos(z / 70), z], axis=1)


def least(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least processor time of each, measured in turn."""
    best = dict.fromkeys(work, float("inf"))
    for _ in range(rounds + 1):  # the first one warms up
        for name, call in work.items():
            begin = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - begin)
    return best


def sampling(scan: Scan, rounds: int) -> None:
    centers = course(IMAGES_PER_BLOCK, 240)
    ways: tuple[Sampling, ...] = ("linear", "compatible")
    samplers = {way: PolarSampler(scan.volume, scan.intensities, RAYS, way) for way in ways}
    values = scan.volume.reoriented("RAS").array[180:300].astype(np.float32)

    def scipys() -> None:
        x, y = RAYS.offsets
        for center in centers:
            for height in RAYS.heights:
                at = [x + center[0] - 180, y + center[1], np.full(x.shape, center[2] + height)]
                ndimage.map_coordinates(values, at, order=1, mode="nearest")

    work: dict[str, Callable[[], object]] = {
        way: lambda one=one: one.images(centers)  # type: ignore[misc]
        for way, one in samplers.items()
    }
    found = least({**work, "SciPy": scipys}, rounds)
    each = {name: 1e3 * seconds / len(centers) for name, seconds in found.items()}
    print("sampling   " + ", ".join(f"{name} {ms:.2f} ms" for name, ms in each.items()), end="")
    print(f"; linear is {each['SciPy'] / each['linear']:.1f} times as fast as SciPy", flush=True)


def networks(rounds: int) -> None:
    images = torch.rand((IMAGES_PER_BLOCK, 7, 31, 127), generator=torch.Generator().manual_seed(0))
    for variant in VARIANTS:
        if variant.dropout:
            continue
        net = PolarCNN(variant).eval().requires_grad_(requires_grad=False)
        plain, pyramid = PlainPolarNetwork(net), PolarPyramid.of(net)
        found = least(
            {"plain": lambda one=plain: one(images), "pyramid": lambda one=pyramid: one(images)},  # type: ignore[misc]
            rounds,
        )
        each = {name: 1e3 * seconds / len(images) for name, seconds in found.items()}
        print(
            f"networks   {variant.dimension}D: plain {each['plain']:.2f} ms, pyramid "
            f"{each['pyramid']:.2f} ms, {each['plain'] / each['pyramid']:.1f} times as fast",
            flush=True,
        )


def curves(rounds: int, models: int) -> None:
    generator = np.random.default_rng(0)
    radii = generator.uniform(5, 7, (IMAGES_PER_BLOCK, 1, models, 2, 31))
    centers = course(IMAGES_PER_BLOCK, 240)[:, None]

    def draw() -> None:
        for cloud in clouds(radii, centers):
            fitted(cloud, 31, 0.0625, (0.35, 0.35)).each()

    found = least({"curves": draw}, rounds)["curves"]
    print(f"curves     {1e3 * found / IMAGES_PER_BLOCK:.2f} ms", flush=True)


def contours(scan: Scan, count: int, models: int) -> None:
    lines = Centerlines(side(count // 2, 450), side(count - count // 2, 240), scan.volume.grid)
    device = torch.device("cpu")
    ensemble = PolarEnsemble(
        [pyramid_or_plain(PolarCNN(VARIANTS[0]), device) for _ in range(models)],
        Decoding(1.27, None),
    )
    images = draw_polar_images(scan, lines, PolarParameters())
    used = Measured()
    made = find_contours(images, ensemble, ContourParameters())
    drawn = len(made.left) + len(made.right)
    seconds, mib = used.end()
    print(
        f"contours   {drawn} centers, {models} networks: {seconds:.1f} s, "
        f"{1e3 * seconds / drawn:.2f} ms an image, {mib:.0f} MiB",
        flush=True,
    )


def side(count: int, x: float) -> SideCenterlines:
    """Internal and external carotid with so many centers together."""
    internal = min(count, SHAPE[2])
    external = min(count - internal, SHAPE[2])
    return SideCenterlines(
        Centerline.of_points(course(internal, x)), Centerline.of_points(course(external, x + 30))
    )


def masks(count: int) -> None:
    grid = neck().volume.grid
    angles = 2 * np.pi * np.arange(31) / 31
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def sections(n: int, x: float) -> tuple[CrossSection, ...]:
        rows = [(k % SHAPE[2], course(SHAPE[2], x)[k % SHAPE[2], :2]) for k in range(n)]
        return tuple(
            CrossSection(
                "external" if k >= SHAPE[2] else "internal",
                z,
                Outline.of_points(middle + 7 * around),
                Outline.of_points(middle + 10 * around),
            )
            for k, (z, middle) in enumerate(rows)
        )

    half = min(count // 2, 2 * SHAPE[2])
    given = Contours(sections(half, 450), sections(half, 240), grid.reoriented("RAS"), grid)
    used = Measured()
    made = fill_contours(given, SegmentationParameters())
    filled, _ = used.end()
    with tempfile.TemporaryDirectory() as folder:
        save_segmentation(made, Path(folder))
    both, mib = used.end()
    print(f"masks      filled {filled:.2f} s, written {both - filled:.2f} s, {mib:.0f} MiB")


class Measured:
    """Processor time, and the peak of memory above what is in use, from a moment on."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self._before_kib = memory_kib("VmRSS")
        self._begin = time.process_time()

    def end(self) -> tuple[float, float]:
        """Seconds, and MiB."""
        seconds = time.process_time() - self._begin
        return seconds, (memory_kib("VmHWM") - self._before_kib) / MIB


def memory_kib(name: str) -> int:
    """A figure of this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
