"""Necks of the second simulator scanned twice: other noise, other position, other grid.

    python -m benchmarks.repeat_scans NECKS --participants 40 --seed 1 [--visits 2]

writes NECKS/raw, scans sub-001_ses-1, sub-001_ses-2, …, and NECKS/annotations with their true
contours and centerlines. The neck stays where it is, and the scan's grid is turned by up to 4°
about each axis and shifted by up to 4 mm, which is the same as a patient who lies otherwise; its
voxels are 0.55 to 0.65 mm wide.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation

from benchmarks.second_simulator import VOXEL_MM, paint_second
from carotid.artifacts import Bifurcation, Centerline, Centerlines, SideCenterlines
from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.volume import Volume
from carotid.simulation.contours import true_contours
from carotid.simulation.truth import SimulatedNeck, slice_centers
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.results.centerlines import save_centerlines
from carotid.storage.results.contours import save_contours

if TYPE_CHECKING:
    from benchmarks.second_simulator import Painted
    from carotid.geometry.sides import SideName

MOST_TURN_DEG = 4.0
MOST_SHIFT_MM = 4.0
VOXELS_MM = (0.55, 0.65)
CROP_MM = 6.0
"""What the new grid leaves out at each border, so that it stays within the old one."""


def scan_of(painted: Painted, rng: np.random.Generator) -> SimulatedNeck:
    """One scan of a painted neck."""
    size = np.array(painted.grid.shape) * VOXEL_MM
    voxel = rng.uniform(*VOXELS_MM, 3)
    turn = Rotation.from_euler("xyz", rng.uniform(-1, 1, 3) * MOST_TURN_DEG, degrees=True)
    shape = np.maximum(((size - (2 * CROP_MM, 0, 2 * CROP_MM)) / voxel).astype(int), 8)
    middle = painted.grid.world_from_index((np.array(painted.grid.shape) - 1) / 2)
    middle = middle + rng.uniform(-1, 1, 3) * MOST_SHIFT_MM * (1, 0.25, 1)
    affine = np.eye(4)
    affine[:3, :3] = turn.as_matrix() * voxel
    affine[:3, 3] = middle - affine[:3, :3] @ ((shape - 1) / 2)
    grid = Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)
    way = np.linalg.inv(painted.grid.affine) @ affine
    image = affine_transform(
        painted.image, way[:3, :3], way[:3, 3], tuple(shape), order=3, mode="nearest"
    )
    real, imaginary = rng.normal(0, painted.sigma, (2, *image.shape))
    scan = np.hypot(np.maximum(image, 0) + real, imaginary)
    volume = Volume((scan * 700).astype(np.int16), grid).reoriented("LPS")
    stored = Volume(np.ascontiguousarray(volume.array), volume.grid)
    visible = np.ones(grid.reoriented(CANONICAL).shape[2], dtype=bool)
    return SimulatedNeck(stored, painted.sides, visible, {})


def true_lines(neck: SimulatedNeck) -> Centerlines:
    """The true centers in the slices of a scan, and the true bifurcations."""
    canonical = neck.volume.grid.reoriented(CANONICAL)
    found: dict[SideName, SideCenterlines] = {}
    for side, truth in neck.sides.items():
        centers = slice_centers(neck, side)
        lines = []
        for k in (0, 1):
            z = np.flatnonzero(np.isfinite(centers[:, k]).all(axis=1))
            lines.append(Centerline.of_points(np.column_stack([centers[z, k], z])))
        fork = Bifurcation(canonical.index_from_world(truth.bifurcation_mm), float("nan"))
        found[side] = SideCenterlines(lines[0], lines[1], fork)
    return Centerlines(found["left"], found["right"], neck.volume.grid)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("necks", type=Path)
    parser.add_argument("--participants", type=int, default=40)
    parser.add_argument("--visits", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    (given.necks / "raw").mkdir(parents=True, exist_ok=True)
    for k in range(given.participants):
        painted = paint_second(1000 * given.seed + k, hard=k % 2 == 1)
        for visit in range(given.visits):
            name = f"sub-{k + 1:03d}_ses-{visit + 1}"
            neck = scan_of(painted, np.random.default_rng([given.seed, k, visit]))
            write_metaimage(given.necks / "raw" / f"{name}.mha", neck.volume)
            folder = given.necks / "annotations" / name
            for part in ("contour_transform", "centerline_transform"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            save_contours(true_contours(neck), folder / "contour_transform")
            save_centerlines(true_lines(neck), folder / "centerline_transform")
            print(name, "x".join(map(str, neck.volume.grid.shape)), flush=True)


if __name__ == "__main__":
    main()
