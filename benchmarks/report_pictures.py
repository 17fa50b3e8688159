"""Take the pictures of the page on the report: a page of simulated necks in a headless browser.

    python -m benchmarks.report_pictures [--seed 7] [--keep DIR]

Three necks are simulated. Their results are made up around the truth: heatmaps of members that
stray by some tenths of a millimetre, centerlines, and contours with smooth errors whose spread is
stated. One neck is spoilt: members that stray further, contours that jump and touch. So the
pictures show what a page looks like, not how good any model is. Chromium has to be installed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from carotid.artifacts import (
    BOUNDARIES,
    Bifurcation,
    Centerline,
    Centerlines,
    Contours,
    CrossSection,
    Outline,
    SideCenterlines,
)
from carotid.geometry.grid import CANONICAL, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.provenance import Record
from carotid.report.write import write_report
from carotid.simulation.contours import true_contours
from carotid.simulation.neck import simulate_neck
from carotid.simulation.truth import slice_centers
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.results.centerlines import save_centerlines
from carotid.storage.results.contours import save_contours
from carotid.storage.results.heatmaps import SideSlabs, write_side
from carotid.storage.results.layout import HeatmapLayout, OutputLayout
from carotid.storage.results.measurements import save_measurements
from carotid.storage.results.record import grid_facts, write_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.simulation.truth import SimulatedNeck

IMAGES = Path(__file__).parents[1] / "docs" / "images"
TABLE_PX, CASE_PX = 530, 2900
"""Where the first case begins on the page, and where the picture ends."""

QUALITY = 88
"""Of the case's picture, whose grey noise would make a large PNG."""

MEMBERS = 3
REACH_MM = 16.0
ANGLES = 48
"""Points of a made-up outline."""


def main() -> None:
    """Make the necks, their results, the page and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="keep everything in this new folder")
    given = parser.parse_args()
    browser = next((b for n in ("chromium", "google-chrome") if (b := shutil.which(n))), None)
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        (root / "raw").mkdir(parents=True)
        for k, spoilt in enumerate((False, True, False)):
            neck = simulate_neck(given.seed + k)
            write_results(root, f"neck-{k + 1:03d}", neck, given.seed + k, spoilt=spoilt)
        page = write_report(root / "out", raw_dir=root / "raw").page
        if browser is None:
            print(f"no browser on this machine; the page is {page}")
            return
        take(browser, page, root / "page.png")
        whole = Image.open(root / "page.png").convert("RGB")
        for name, top, bottom in (
            ("report.png", 0, TABLE_PX),
            ("report-case.webp", TABLE_PX, CASE_PX),
        ):
            part = whole.crop((0, top, whole.width, bottom))
            part.save(IMAGES / name, quality=QUALITY, method=6)
            print(f"wrote {IMAGES / name}")


def take(browser: str, page: Path, target: Path) -> None:
    """A picture of the upper part of the page."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    size = f"--window-size=1280,{CASE_PX}"
    command = [browser, *flags, size, f"--screenshot={target}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)


def write_results(root: Path, name: str, neck: SimulatedNeck, seed: int, *, spoilt: bool) -> None:
    """Write a scan and made-up results of all stages."""
    rng = np.random.default_rng(seed)
    write_metaimage(root / "raw" / f"{name}.mha", neck.volume)
    stored = neck.volume.grid
    layout = OutputLayout(root / "out")
    write_heatmaps(layout.transform(name, "heatmap_transform"), neck, rng, 3.0 if spoilt else 0.3)
    lines = centerlines(neck)
    contours = blurred(true_contours(neck), stored, rng, spoilt=spoilt)
    measurements = measure(contours, lines, MeasurementParameters())
    save: dict[str, Callable[[Path], None]] = {
        "centerline": lambda folder: save_centerlines(lines, folder),
        "contour": lambda folder: save_contours(contours, folder),
        "measurement": lambda folder: save_measurements(measurements, folder),
    }
    for stage, write in save.items():
        folder = layout.transform(name, f"{stage}_transform")
        folder.mkdir(parents=True)
        write(folder)
        write_record(folder, Record(stage, {}, context=grid_facts(stored)))


def both_channels(neck: SimulatedNeck, side: SideName) -> NDArray[np.float64]:
    """(z, 2, 2) true centers, the common carotid's in both channels."""
    centers = slice_centers(neck, side)
    external = np.flatnonzero(np.isfinite(centers[:, 1, 0]))
    fork = external[0] if external.size else len(centers)
    centers[:fork, 1] = centers[:fork, 0]
    return centers


def write_heatmaps(
    folder: Path, neck: SimulatedNeck, rng: np.random.Generator, stray_mm: float
) -> None:
    """Heatmaps of members that stray smoothly around the truth."""
    stored = neck.volume.grid
    grid = stored.reoriented(CANONICAL)
    back = Reordering.between(grid, stored.orientation)
    layout = HeatmapLayout(folder)
    folder.mkdir(parents=True)
    for side in SIDE_NAMES:
        centers = both_channels(neck, side)
        views = []
        for _ in range(MEMBERS):
            steps = smooth(rng, len(centers), round(10 / grid.spacing_mm[2]))
            views.append(centers + steps[:, None] * stray_mm / np.array(grid.spacing_mm[:2]))
        maps = np.stack([tubes(view, grid) for view in views])
        flat = maps.transpose(0, 1, 4, 2, 3).reshape(MEMBERS, 2, grid.shape[2], -1).argmax(axis=-1)
        indices = np.stack([flat // grid.shape[1], flat % grid.shape[1]], axis=-1)
        slabs = [
            np.ascontiguousarray(back.view(a, first_axis=1).transpose(3, 2, 1, 0), np.float32)
            for a in (maps.mean(axis=0), maps.std(axis=0, ddof=1))
        ]
        write_side(layout, side, stored, SideSlabs([(slabs[0], slabs[1])], lambda i=indices: i))  # type: ignore[misc]
    write_record(folder, Record("heatmap", {}, context=grid_facts(stored)))


def tubes(centers: NDArray[np.float64], grid: Grid) -> NDArray[np.float32]:
    """(2, x, y, z): exp(6(1 - d/16 mm)) - 1 around each center."""
    sx, sy, _ = grid.spacing_mm
    x, y = np.arange(grid.shape[0])[:, None], np.arange(grid.shape[1])[None, :]
    out = np.zeros((2, *grid.shape), np.float32)
    for z, c in np.argwhere(np.isfinite(centers[..., 0])):
        d = np.hypot((x - centers[z, c, 0]) * sx, (y - centers[z, c, 1]) * sy)
        out[c, :, :, z] = np.exp(6 * np.maximum(0.0, 1 - d / REACH_MM)) - 1
    return out


def smooth(rng: np.random.Generator, count: int, reach: int) -> NDArray[np.float64]:
    """(count, 2) noise of standard deviation 1 that changes over `reach` steps."""
    noise = rng.normal(size=(count + 2 * reach, 2))
    kernel = np.ones(2 * reach + 1) / np.sqrt(2 * reach + 1)
    return np.stack([np.convolve(noise[:, k], kernel, "valid") for k in (0, 1)], axis=1)


def centerlines(neck: SimulatedNeck) -> Centerlines:
    """The true ones, with an uncertainty that is larger near the ends."""
    sides = {}
    for name in SIDE_NAMES:
        centers = slice_centers(neck, name)
        arteries = []
        for channel in (0, 1):
            z = np.flatnonzero(np.isfinite(centers[:, channel, 0]))
            points = np.column_stack([centers[z, channel], z.astype(np.float64)])
            unknown = np.full(len(z), np.nan)
            end = np.minimum(np.arange(len(z)), np.arange(len(z))[::-1])
            arteries.append(
                Centerline(points, unknown, unknown, unknown, 0.4 + 2.0 * np.exp(-end / 8))
            )
        fork = arteries[1].points[0] if len(arteries[1]) else None
        place = None if fork is None else Bifurcation(fork, 1.5)
        sides[name] = SideCenterlines(arteries[0], arteries[1], place)
    return Centerlines(sides["left"], sides["right"], neck.volume.grid)


def blurred(
    contours: Contours, stored: Grid, rng: np.random.Generator, *, spoilt: bool
) -> Contours:
    """Contours with smooth errors and their spread; spoilt ones have a bad stretch on the left."""
    spacing = np.array(contours.canonical.spacing_mm[:2])
    sides = {}
    for name in SIDE_NAMES:
        errors = {b: smooth(rng, contours.canonical.shape[2], 6) for b in BOUNDARIES}
        middle = 0.45 * contours.canonical.shape[2]
        found = []
        for one in contours.side(name):
            bad = spoilt and name == "left" and 0 <= one.z - middle < 16
            outlines = {
                b: None
                if (outline := one.outline(b)) is None
                else moved(outline, errors[b][one.z], spacing, 1.0 if bad else 0.15)
                for b in BOUNDARIES
            }
            lumen = outlines["lumen"]
            if bad and lumen is not None and one.z % 4 == 0:
                shifted = lumen.points + np.array([0.0, 2.2]) / spacing
                lumen = replace(lumen, points=shifted)
            found.append(CrossSection(one.label, one.z, lumen, outlines["wall"]))
        sides[name] = tuple(found)
    return Contours(sides["left"], sides["right"], contours.canonical, stored)


def moved(
    outline: Outline, error: NDArray[np.float64], spacing: NDArray[np.float64], sd_mm: float
) -> Outline:
    """An outline that is too wide and shifted by errors of a standard deviation."""
    t = np.linspace(0, len(outline.points), ANGLES, endpoint=False)
    closed = np.concatenate([outline.points, outline.points[:1]])
    points = np.stack([np.interp(t, np.arange(len(closed)), closed[:, k]) for k in (0, 1)], axis=1)
    rays = (points - points.mean(axis=0)) * spacing
    turn = np.arctan2(rays[:, 1], rays[:, 0])
    spread = sd_mm * (1 + 0.4 * np.cos(turn))
    wide = 1 + 0.7 * spread * (error[0] + error[1] * np.cos(turn)) / np.linalg.norm(rays, axis=1)
    unknown = np.full(ANGLES, np.nan)
    return Outline(points.mean(axis=0) + rays * wide[:, None] / spacing, unknown, unknown, spread)


if __name__ == "__main__":
    main()
