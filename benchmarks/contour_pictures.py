"""Draw the pictures of the pages on polar images, contours, masks, comparing and converting.

Run from the repository's root: `python -m benchmarks.contour_pictures [SEED]`. All but the last are
of one simulated neck, whose outlines are known. The patient's right is on the left, as in a viewer.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

from carotid.artifacts import LABEL_VALUES, Contours
from carotid.conversion.qvas import LUMEN, OUTER_WALL, DrawnImage
from carotid.evaluation.contour_agreement import lumen_dice, outline_agreement
from carotid.geometry.grid import CANONICAL
from carotid.geometry.intensity import intensity_range
from carotid.geometry.polar import PolarSampler, Rays
from carotid.simulation.contours import true_contours
from carotid.simulation.neck import simulate_neck
from carotid.stages.segmentation.fill import fill_contours
from carotid.stages.segmentation.parameters import SegmentationParameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from carotid.artifacts import CrossSection
    from carotid.simulation.truth import SimulatedNeck

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SEED = 31
LUMEN_COLOR, WALL_COLOR, RAY_COLOR = "#ff5a4d", "#ffd24d", "#ff9a3d"
RAYS = Rays()


class Scene:
    """A simulated neck, and the slice of its left side that shows both arteries best."""

    def __init__(self, seed: int) -> None:
        self.neck: SimulatedNeck = simulate_neck(seed)
        self.contours: Contours = true_contours(self.neck)
        both = [s.z for s in self.contours.left if s.label == "external"]
        self.z = int(np.median(both))
        self.sections = [s for s in self.contours.left if s.z == self.z]
        self.internal = next(s for s in self.sections if s.label == "internal")
        ordered = self.neck.volume.reoriented(CANONICAL).array
        x, y = np.round(self.center).astype(int)
        near = ordered[max(0, x - 40) : x + 40, max(0, y - 40) : y + 40, self.z]
        self.range = intensity_range(np.ascontiguousarray(near), 1, 99.5)
        self.values = self.range.applied_to(ordered)

    def points(self, section: CrossSection, boundary: str) -> NDArray[np.float64]:
        """(n, 2) x and y of an outline."""
        outline = section.lumen if boundary == "lumen" else section.wall
        assert outline is not None
        return outline.points

    @property
    def center(self) -> NDArray[np.float64]:
        """X and y of the internal artery's lumen."""
        return np.asarray(self.points(self.internal, "lumen").mean(axis=0))

    def show(self, axes: Axes, half: float, image: NDArray[np.generic] | None = None) -> None:
        """The slice, so many voxels around the internal artery."""
        picture = self.values[:, :, self.z] if image is None else image
        axes.imshow(np.swapaxes(picture, 0, 1), cmap="gray", origin="lower", vmin=0, vmax=1)
        x, y = self.center
        axes.set_xlim(x + half, x - half)  # the patient's right on the left
        axes.set_ylim(y - half, y + half)
        axes.set_axis_off()

    def polar(self) -> NDArray[np.float32]:
        """(angles, samples) the polar image around the internal artery."""
        sampler = PolarSampler(self.neck.volume, self.range, RAYS)
        images = sampler.images(np.array([[*self.center, self.z]]))
        return np.asarray(images[0, RAYS.length // 2])


def closed(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([points, points[:1]])


def draw_polar(scene: Scene, figure: Figure) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    scene.show(left, 54)
    x, y = scene.center
    for j, (dx, dy) in enumerate(zip(*RAYS.offsets, strict=True)):
        first = j == 0
        left.plot(x + dx, y + dy, color=RAY_COLOR if first else "#5aa9ff", lw=2 if first else 0.5)
    left.set_title("axial slice with rays", fontsize=10)
    right.imshow(scene.polar(), cmap="gray", aspect="auto", origin="lower", vmin=0, vmax=1)
    right.axhline(0, color=RAY_COLOR, lw=2)
    right.axvline(63, color="#5aa9ff", lw=0.8, ls=":")
    right.set_xlabel("sample along the ray; the center is sample 63")
    right.set_ylabel("ray")
    right.set_title("polar image", fontsize=10)


def radius_along(scene: Scene, boundary: str) -> NDArray[np.float64]:
    """(angles,) sample at which an outline lies on the far half of each ray."""
    offset = scene.points(scene.internal, boundary) - scene.center
    angle, radius = np.arctan2(offset[:, 1], offset[:, 0]), np.hypot(*offset.T)
    order = np.argsort(angle)
    at = np.angle(np.exp(1j * (RAYS.angles.astype(np.float64) + np.pi)))
    found = np.interp(at, angle[order], radius[order], period=2 * np.pi)
    return np.asarray(63 - found / RAYS.cartesian_ray * (RAYS.polar_ray - 1))


def draw_contour(scene: Scene, figure: Figure) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    scene.show(left, 30)
    for section in scene.sections:
        for boundary, color in (("wall", WALL_COLOR), ("lumen", LUMEN_COLOR)):
            left.plot(*closed(scene.points(section, boundary)).T, color=color, lw=1.6)
    left.set_title("axial slice", fontsize=10)
    right.imshow(scene.polar(), cmap="gray", aspect="auto", origin="lower", vmin=0, vmax=1)
    for boundary, color in (("wall", WALL_COLOR), ("lumen", LUMEN_COLOR)):
        right.plot(radius_along(scene, boundary), np.arange(RAYS.n_angles), color=color, lw=1.8)
    right.set_xlabel("sample along the ray")
    right.set_ylabel("ray")
    right.set_title("polar image", fontsize=10)


def draw_segmentation(scene: Scene, figure: Figure) -> None:
    made = fill_contours(scene.contours, SegmentationParameters())
    way = scene.neck.volume.with_array(made.labels()[0]).reoriented(CANONICAL)
    labels = way.array[:, :, scene.z]
    colors = {
        LABEL_VALUES["left lumen"]: (0.75, 0.1, 0.1), LABEL_VALUES["left wall"]: (1, 0.55, 0.4),
        LABEL_VALUES["right lumen"]: (0.1, 0.2, 0.75), LABEL_VALUES["right wall"]: (0.5, 0.7, 1),
    }  # fmt: skip
    picture = np.repeat(scene.values[:, :, scene.z, None], 3, axis=2)
    for value, color in colors.items():
        picture[labels == value] = 0.35 * picture[labels == value] + 0.65 * np.array(color)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    left.imshow(np.swapaxes(picture, 0, 1), origin="lower")
    left.set_xlim(picture.shape[0] - 0.5, -0.5)
    left.set_axis_off()
    left.set_title("labels.mha over the slice", fontsize=10)
    scene.show(right, 12, picture)
    x, y = np.round(scene.center)
    dots = np.stack(np.meshgrid(np.arange(x - 13, x + 14), np.arange(y - 13, y + 14)), -1)
    right.plot(*dots.reshape(-1, 2).T, ".", color="white", ms=2)
    for boundary, line in (("wall", WALL_COLOR), ("lumen", LUMEN_COLOR)):
        right.plot(*closed(scene.points(scene.internal, boundary)).T, color=line, lw=1.6)
    right.set_title("outlines and voxel centers", fontsize=10)


def draw_compare(scene: Scene, figure: Figure) -> None:
    spacing = np.array(scene.contours.canonical.spacing_mm[:2])
    reference = scene.points(scene.internal, "lumen") * spacing
    middle = reference.mean(axis=0)
    turned = np.arctan2(*(reference - middle).T[::-1])
    swing = 1.08 + 0.14 * np.cos(3 * turned + 0.5)
    other = middle + (reference - middle) * swing[:, None] + np.array([0.35, -0.2])
    axes = figure.subplots()
    axes.fill(*reference.T, color="#5aa9ff", alpha=0.35)
    axes.fill(*other.T, color=LUMEN_COLOR, alpha=0.35)
    axes.plot(*closed(reference).T, color="#2f7fdc", label="reference")
    axes.plot(*closed(other).T, color=LUMEN_COLOR, label="result")
    edges = closed(reference)
    for point in other[::4]:
        shares = np.linspace(0, 1, 21)[:, None, None]
        dense = (edges[:-1] * (1 - shares) + edges[1:] * shares).reshape(-1, 2)
        foot = dense[((dense - point) ** 2).sum(axis=1).argmin()]
        axes.plot(*np.stack([point, foot]).T, color="black", lw=0.8)
    found = outline_agreement(other, reference)
    axes.set_title(
        f"Dice {lumen_dice(other, reference):.3f}, mean distance "
        f"{found.mean_surface_distance_mm:.2f} mm, Hausdorff {found.hausdorff_mm:.2f} mm",
        fontsize=10,
    )
    axes.invert_xaxis()
    axes.set_aspect("equal")
    axes.set_xlabel("mm")
    axes.set_ylabel("mm")
    axes.legend(loc="lower right", fontsize=8)


def draw_convert(_scene: Scene, figure: Figure) -> None:
    columns, rows = 72, 40
    turn = 2 * np.pi * np.arange(24) / 24
    around = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    drawn = {
        LUMEN: np.array([185, 275]) + 36 * around,
        OUTER_WALL: np.array([185, 275]) + 60 * around,
    }
    image = DrawnImage(0, "image", drawn)
    pixels = {kind: image.pixels(kind, columns, rows) for kind in drawn}
    place = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1)
    noise = np.random.default_rng(0).uniform(0.2, 0.4, (rows, columns))
    inside = np.hypot(*(place - pixels[LUMEN].mean(axis=0)).transpose(2, 0, 1)) < 3
    noise[inside] = 1
    left, right = figure.subplots(1, 2)
    box = (0, 512, 512 * (0.5 + rows / columns / 2), 512 * (0.5 - rows / columns / 2))
    left.imshow(noise, cmap="gray", vmin=0, vmax=1, extent=box)
    left.set_xlim(-8, 520)
    left.set_ylim(520, -8)
    left.plot([0, 512, 512, 0, 0], [0, 0, 512, 512, 0], color="#2f7fdc")
    left.set_title("drawn, on 512 by 512 points", fontsize=10)
    right.imshow(noise[::-1, ::-1], cmap="gray", vmin=0, vmax=1, origin="lower")
    right.invert_xaxis()
    for kind, color in ((OUTER_WALL, WALL_COLOR), (LUMEN, LUMEN_COLOR)):
        left.plot(*closed(drawn[kind]).T, color=color)
        x, y = columns - 1 - pixels[kind][:, 0], rows - 1 - pixels[kind][:, 1]
        right.plot(*closed(np.stack([x, y], axis=1)).T, color=color)
    right.set_xlabel("x, to the patient's right")
    right.set_ylabel("y, to anterior")
    right.set_title("canonical voxels", fontsize=10)


PICTURES = {
    "polar": (draw_polar, (9, 4.2)),
    "contour": (draw_contour, (9, 4.2)),
    "segmentation": (draw_segmentation, (9.5, 4)),
    "compare": (draw_compare, (5, 4.4)),
    "convert": (draw_convert, (9, 4)),
}


def main() -> None:
    """Write the pictures."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    scene = Scene(int(sys.argv[1]) if len(sys.argv) > 1 else SEED)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, (draw, size) in PICTURES.items():
        figure = plt.figure(figsize=size, layout="constrained")
        draw(scene, figure)
        figure.savefig(IMAGES / f"{name}.png", dpi=90, metadata={"Software": None})
        plt.close(figure)
        print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
