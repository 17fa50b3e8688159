"""What the steps after the heatmaps take, as ratios to the heatmap step, in one run.

    python -m benchmarks.pipeline [--quick] [--rounds 3] [--contours planes]

A neck is simulated on a grid as large as 3D black-blood sequences store it, 720×100×640 voxels of
0.35 mm; with `--quick` it is 252×70×160 voxels of 0.5 mm. Heatmaps come from the three models of
the package, so that there are arteries to follow. Contours come from five networks in 3D on polar
images, as the known tool has them, of random weights, which cost what trained ones cost; or, with
`--contours planes`, from the package's own network, five times. Round after round run

- `carotid transform heatmap`,
- `carotid transform pipeline` into another directory; what it takes beyond the heatmap step is
  "everything after the heatmaps",
- each later step by itself, on results of the one before.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.processes import FIGURES, THIS, Run, apart, machine, ratios, several, table, timed

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = ((720, 100, 640), 0.35)
SMALL = ((252, 70, 160), 0.5)
SEED = 5
HEATMAP_MODELS, CONTOUR_MODELS = 3, 5
SIDES = ("left", "right")
LATER = ("centerline", "contour", "segmentation")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small neck")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contours", choices=["polar", "planes"], default="polar")
    given = parser.parse_args()
    shape, spacing_mm = SMALL if given.quick else LARGE
    folder = Path(tempfile.mkdtemp(prefix="carotid-bench-"))
    try:
        apart(write_neck, folder / "raw", shape, spacing_mm)
        apart(write_models, folder, given.contours)
        print(f"machine: {machine()}")
        print(f"scan: {'x'.join(map(str, shape))} voxels of {spacing_mm} mm")
        print(
            f"{HEATMAP_MODELS} heatmap models, {CONTOUR_MODELS} contour models on {given.contours}",
            flush=True,
        )
        compare(folder, given.rounds)
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, rounds: int) -> None:
    """Everything in turn, and what came out."""
    raw, heatmap_models, contour_models = (
        folder / name for name in ("raw", "heatmap-models", "contour-models")
    )
    steps, chain = folder / "steps", folder / "chain"
    commands: dict[str, Callable[[], Run]] = {
        "heatmap": partial(run, "heatmap", raw, heatmap_models, steps),
        "pipeline": partial(run, "pipeline", raw, heatmap_models, contour_models, chain),
        "centerline": partial(run, "centerline", steps),
        "contour": partial(run, "contour", steps, contour_models),
        "segmentation": partial(run, "segmentation", steps),
    }
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds):
        for name, command in commands.items():
            runs[name].append(command())
        if number == 0:
            check(steps, chain)
        shutil.rmtree(steps)
        shutil.rmtree(chain)
    for name, found in runs.items():
        table(name, found)
    heatmap, pipeline = runs["heatmap"], runs["pipeline"]
    print("everything after the heatmaps / heatmap step:")
    beyond = [
        (whole.wall_s - one.wall_s) / one.wall_s
        for whole, one in zip(pipeline, heatmap, strict=True)
    ]
    print(f"  wall_s   {several(beyond, 3)}")
    ratios("whole pipeline / heatmap step", pipeline, heatmap, FIGURES)
    for name in LATER:
        ratios(f"{name} alone, with its start / heatmap step", runs[name], heatmap, FIGURES)


def run(name: str, *places: Path) -> Run:
    """Run one command, from its start to its end."""
    return timed([*THIS, "transform", name, *map(str, places)])[0]


def check(steps: Path, chain: Path) -> None:
    """Both ways gave the same masks, and there are many sections in them."""
    place = Path("neck") / "segmentation_transform" / "labels.mha"
    if (steps / place).read_bytes() != (chain / place).read_bytes():
        raise SystemExit("the pipeline's masks are not those of the single steps")
    tables = [chain / "neck" / "centerline_transform" / f"{side}_centerline.tsv" for side in SIDES]
    rows = [len(one.read_text().splitlines()) - 1 for one in tables]
    print(f"centers: {rows[0]} left, {rows[1]} right", flush=True)


def write_neck(raw: Path, shape: tuple[int, int, int], spacing_mm: float) -> None:
    """A simulated neck on a grid of that size, and how its intensities are rescaled."""
    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume
    from carotid.simulation.neck import simulate_neck
    from carotid.simulation.recipes import ORDINARY_RECIPE
    from carotid.storage.metaimage.write import write_metaimage

    width_mm, depth_mm, height_mm = (spacing_mm * n for n in shape)
    fixed = {
        "p_slab": 0.0,
        "width_mm": (width_mm, width_mm),
        "depth_mm": (depth_mm, depth_mm),
        "height_mm": (height_mm, height_mm),
        "stored_mm": (spacing_mm, spacing_mm),
        "acquired_mm": (0.7, 0.7),
        "anisotropy": (1.0, 1.0),
    }
    recipe = ORDINARY_RECIPE.model_copy(update=fixed)
    made = simulate_neck(SEED, recipe, orientation="LPS").volume
    voxels = np.asfortranarray(made.array[tuple(slice(n) for n in shape)])
    if voxels.shape != shape:
        raise SystemExit(f"the simulated neck has {voxels.shape} voxels")
    raw.mkdir()
    write_metaimage(raw / "neck.mha", Volume(voxels, Grid(shape, made.grid.affine)))
    rescaling = {
        "rescale": True,
        "lower_percentile_rescaler": 5,
        "upper_percentile_rescaler": 95,
    }
    (raw / "parameters.json").write_text(json.dumps(rescaling))


def write_models(folder: Path, contours: str) -> None:
    """The package's heatmap models, and as many contour models as are wanted."""
    import torch

    from carotid.network.polar_cnn import PolarCNN, Variant
    from carotid.network.shipped import shipped_models

    heatmap, contour = folder / "heatmap-models", folder / "contour-models"
    heatmap.mkdir()
    for path in sorted(shipped_models("heatmap").glob("*.pt"))[:HEATMAP_MODELS]:
        shutil.copy(path, heatmap)
    shipped = sorted(shipped_models("contour").glob("*.pt")) if contours == "planes" else []
    contour.mkdir()
    for k in range(CONTOUR_MODELS):
        place = contour / f"member_{k}.pt"
        if shipped:
            shutil.copy(shipped[k % len(shipped)], place)
            continue
        torch.manual_seed(k)
        torch.save(PolarCNN(Variant(3, dropout=False)).state_dict(), place)


if __name__ == "__main__":
    main()
