"""Whole necks as a scanner would store them, and the truth about their arteries."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.simulation.acquisition import resampled
from carotid.simulation.recipe import DEFAULT_RECIPE, NeckRecipe, chance, draw
from carotid.simulation.sample import VISIBLE
from carotid.simulation.scene import Scene, draw_scene, render
from carotid.simulation.surfaces import Chain
from carotid.simulation.truth import Feature, SimulatedNeck, TrueArtery, TrueSide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName
    from carotid.simulation.anatomy import CarotidTree, Tube
    from carotid.simulation.canvas import Triple

ORIENTATIONS = tuple(
    "".join(pair[k] for pair, k in zip(order, ends, strict=True))
    for order in permutations(("RL", "AP", "SI"))
    for ends in product((0, 1), repeat=3)
)
"""The 48 ways to order and direct the voxel axes."""

_USUAL = ("LPS", "RAS", "LAS", "LSP", "LIP", "RIP", "LSA", "RSA", "PSL", "PIR")
_STREAM = 0x4EC4


def simulate_neck(
    seed: int,
    recipe: NeckRecipe = DEFAULT_RECIPE,
    *,
    orientation: str | None = None,
) -> SimulatedNeck:
    """Make a neck with both carotids.

    Args:
        seed: The same seed and recipe give the same neck.
        recipe: What it is drawn from.
        orientation: Order of the stored voxel axes, three of RLAPSI; drawn where not given.

    Returns:
        The neck: int16 voxels on a grid of random voxel size, order and tilt.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([_STREAM, seed])))
    scene = draw_scene(rng, recipe, both=True)
    field = scene.field
    start = (0.0, -field.depth_mm / 2, -field.width_mm / 2)
    size = (field.height_mm, field.depth_mm, field.width_mm)
    canvas = render(scene, rng, start, size)
    start = (canvas.origin_mm[0], start[1], start[2])
    stored_mm = _stored_spacing(rng, recipe)
    if scene.slices is not None:
        stored_mm = (canvas.spacing_mm[0], stored_mm[1], stored_mm[2])
    image = resampled(canvas.image, canvas.spacing_mm, stored_mm, smooth=chance(rng, 0.5))
    scale = draw(rng, (150.0, 900.0)) / max(scene.contrast.wall, 0.1)
    voxels = np.clip(image * np.float32(scale), 0, 32000).astype(np.int16)
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    grid = Grid(shape, _affine(rng, recipe, shape, stored_mm))
    if orientation is None:
        choice = _USUAL if chance(rng, 0.7) else ORIENTATIONS
        orientation = choice[int(rng.integers(len(choice)))]
    stored = Volume(voxels, grid).reoriented(orientation)
    stored = Volume(np.ascontiguousarray(stored.array), stored.grid)
    s_mm = start[0] + np.arange(shape[0], dtype=np.float64) * stored_mm[0]
    sides: dict[SideName, TrueSide] = {"left": _true_side(scene.left, scene, grid, start)}
    if scene.right is not None:
        sides["right"] = _true_side(scene.right, scene, grid, start)
    made: dict[str, Feature] = {
        "noise_over_wall": scene.noise,
        "lumen_over_wall": scene.contrast.lumen / scene.contrast.wall,
        "plain_tissue": scene.plain,
        "acquired_mm": " x ".join(f"{v:.2f}" for v in scene.acquired_mm),
        "orientation": orientation,
    }
    return SimulatedNeck(stored, sides, scene.visibility(s_mm) >= VISIBLE, made)


def _stored_spacing(rng: np.random.Generator, recipe: NeckRecipe) -> Triple:
    base = draw(rng, recipe.stored_mm)
    spacing = [base, base, base]
    if chance(rng, 0.3):
        spacing[int(rng.integers(3))] = draw(rng, recipe.stored_mm)
    return spacing[0], spacing[1], spacing[2]


_RAS_FROM_SPL = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])


def _affine(
    rng: np.random.Generator, recipe: NeckRecipe, shape: Triple, spacing_mm: Triple
) -> NDArray[np.float64]:
    """Index (s, p, l) to R-A-S mm: tilted about a random axis, the middle near the origin."""
    angle = 0.0
    if chance(rng, 0.6):
        angle = np.deg2rad(draw(rng, (0.0, recipe.oblique_deg)))
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    # Rodrigues' formula for the rotation about an axis.
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    affine = np.eye(4)
    affine[:3, :3] = turn @ _RAS_FROM_SPL * np.array(spacing_mm)
    middle = affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    affine[:3, 3] = rng.uniform(-30, 30, 3) - middle
    return affine


def _true_side(tree: CarotidTree, scene: Scene, grid: Grid, start: Triple) -> TrueSide:
    shift = np.array([start[0], start[1], start[2] - scene.middle_mm])

    def world(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return grid.world_from_index((points - shift) / np.array(grid.spacing_mm))

    def artery(tube: Tube, *, occluded: bool = False) -> TrueArtery:
        thick = np.linalg.norm(tube.plaque, axis=1)
        points = world(tube.points)
        lumen = None if occluded else Chain(points, tube.radius)
        wall = Chain(world(tube.outer_points), tube.outer_radius)
        return TrueArtery(points, tube.radius, tube.wall, thick, lumen, wall)

    h, points = tree.bifurcation_mm, tree.internal.points
    fork = np.array([h, *(np.interp(h, points[:, 0], points[:, k]) for k in (1, 2))])
    external = tree.external
    ends = None if external is None else float(external.points[-1, 0] - h)
    inside = external is not None and bool(external.points[-1, 0] < scene.field.height_mm)
    plaque = max(float(np.linalg.norm(t.plaque, axis=1).max()) for t in tree.tubes)
    made: dict[str, Feature] = {
        "bifurcation_inside": bool(0 <= h <= scene.field.height_mm),
        "internal_medial": tree.medial,
        "internal_occluded": tree.occluded,
        "external_present": external is not None,
        "external_ends_mm_above_bifurcation": ends if inside else None,
        "branches": len(tree.branches),
        "plaque_mm": plaque,
        "plaque_cores": " ".join(core.kind for core in tree.cores),
        "slow_flow": len(tree.slow_flow),
    }
    outer = None if external is None else artery(external)
    internal = artery(tree.internal, occluded=tree.occluded)
    return TrueSide(internal, outer, world(fork), made)
