"""A stretch of one side's carotids seen from near, with irregular shapes: what contours learn from.

Everything is drawn more widely than in whole necks: voxels from 0.35 mm to slices of 3 mm, lumens
that are no circles, plaque of any width with cores and ulcers, veins that touch, blood that is not
black. The picture is painted finely and averaged to the scanner's voxels, so that partial volume is
what it is in a scanner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.simulation.acquisition import acquire, draw_sensitivity, resampled
from carotid.simulation.canvas import Canvas
from carotid.simulation.close_up_painting import draw_look, paint_around, paint_arteries
from carotid.simulation.courses import draw_carotid_tree
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_log
from carotid.simulation.relief import STEP_MM as RELIEF_STEP_MM
from carotid.simulation.relief import ShapedArtery, draw_relief
from carotid.simulation.surfaces import Chain
from carotid.simulation.truth import TrueArtery

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.anatomy import CarotidTree, Tube
    from carotid.simulation.canvas import Triple

CLOSE_UP_RECIPE = NeckRecipe(
    common_radius_mm=(1.8, 4.6),
    internal_over_common=(0.5, 0.98),
    external_over_internal=(0.5, 1.1),
    lean=0.35,
    common_wave_mm=(0.2, 3.5),
    internal_wave_mm=(0.3, 5.5),
    wall_mm=(0.45, 1.7),
    p_plaque=0.0,
    p_slow_flow=0.0,
    p_occlusion=0.03,
    p_external_absent=0.04,
    p_coil=0.25,
    p_noise_band=0.0,
    p_zero_border=0.0,
    blur_mm=(0.0, 0.8),
    stored_mm=(0.3, 1.2),
)
"""What close-ups are drawn from."""

_STREAM = 0xC105
_MARGIN_MM = 19.0
_FINE_MM = 0.5


@dataclass(frozen=True, eq=False)
class CloseUp:
    """A scanned stretch of the carotids of one side.

    Attributes:
        volume: float32 voxels.
        internal: The common and internal carotid.
        external: The external carotid; None where there is none.
        visibility: The wall's signal over the noise.
        joined_below: False: either artery is known by itself down to the bifurcation.
    """

    volume: Volume
    internal: TrueArtery
    external: TrueArtery | None
    visibility: float
    joined_below: bool = False


def _spl(ras_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(ras_mm[:, ::-1] * np.array([1.0, -1.0, -1.0]))


def _ras(spl_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(spl_mm[:, ::-1] * np.array([-1.0, -1.0, 1.0]))


def simulate_close_up(seed: int, recipe: NeckRecipe = CLOSE_UP_RECIPE) -> CloseUp:
    """Make a close-up of 40 mm of one side; the same seed and recipe give the same one."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([_STREAM, seed])))
    tree, height = _tree(rng, recipe)
    acquired, fine = _voxels(rng)
    start, size = _box(rng, tree, height)
    shape = tuple(
        max(2, int(np.ceil(extent / voxel))) * round(voxel / part)
        for extent, voxel, part in zip(size, acquired, fine, strict=True)
    )
    softness = float(np.mean(fine)) * draw(rng, (0.9, 1.6))
    if chance(rng, 0.4):  # edges that are soft by themselves, whatever the voxels
        softness = max(softness, draw(rng, (0.4, 1.5)))
    canvas = Canvas(np.zeros(shape, np.float32), start, fine, softness)
    look = draw_look(rng, recipe)
    internal, external = _shaped(rng, recipe, tree)
    paint_around(canvas, rng, recipe, tree, internal, look)
    paint_arteries(canvas, rng, tree, (internal, external), look)
    taken = _averaged(canvas, acquired)
    sensitivity = draw_sensitivity(rng, recipe, height)
    acquire(taken, rng, recipe, sensitivity, look.noise * look.wall)
    stored = _stored(rng, acquired)
    image = resampled(taken.image, taken.spacing_mm, stored, smooth=chance(rng, 0.5))
    affine = np.zeros((4, 4))
    affine[:3, :3] = np.array([[0.0, 0, -1], [0, -1, 0], [1, 0, 0]]) * np.array(stored)
    affine[:3, 3] = _ras(np.array([taken.origin_mm]))[0]
    affine[3, 3] = 1
    grid = Grid((image.shape[0], image.shape[1], image.shape[2]), affine)
    volume = Volume(np.ascontiguousarray(image), grid)
    return CloseUp(
        volume,
        _true_artery(internal, occluded=tree.occluded),
        None if external is None else _true_artery(external, occluded=False),
        1 / max(look.noise, 0.01),
    )


def _true_artery(artery: ShapedArtery, *, occluded: bool) -> TrueArtery:
    chain, relief = artery.chain, artery.relief
    healthy = np.median(relief.wall)
    rows = np.clip(
        np.rint((chain.points[:, 0] - relief.start_mm) / RELIEF_STEP_MM), 0, len(relief.wall) - 1
    )
    thickest = relief.wall.max(axis=1)[rows.astype(int)]
    return TrueArtery(
        _ras(chain.points),
        chain.radius,
        np.full(len(chain.points), float(healthy)),
        np.maximum(thickest - healthy, 0),
        None if occluded else lambda at_mm: artery.lumen(_spl(at_mm)),
        lambda at_mm: artery.wall(_spl(at_mm)),
    )


def _tree(rng: np.random.Generator, recipe: NeckRecipe) -> tuple[CarotidTree, float]:
    """A tree whose heights begin at 0 in the window, and the window's height."""
    height = 40.0
    whole = draw(rng, (60.0, 120.0))
    fork = whole * draw(rng, (0.2, 0.8))
    tree = draw_carotid_tree(rng, recipe, whole, fork, (0.0, 25.0))
    near = chance(rng, 0.7)
    first = fork + draw(rng, (-34.0, 2.0)) if near else draw(rng, (0.0, whole - height))
    first = float(np.clip(first, 0, whole - height))
    if chance(rng, 0.5):
        tree = tree.mirrored()
    return _shifted(tree, -first), height


def _shifted(tree: CarotidTree, by_mm: float) -> CarotidTree:
    def moved(tube: Tube) -> Tube:
        return replace(tube, points=tube.points + np.array([by_mm, 0, 0]))

    return replace(
        tree,
        internal=moved(tree.internal),
        external=None if tree.external is None else moved(tree.external),
        branches=tuple(moved(b) for b in tree.branches),
        bifurcation_mm=tree.bifurcation_mm + by_mm,
    )


def _voxels(rng: np.random.Generator) -> tuple[Triple, Triple]:
    """The scanner's voxel and the finer one that is painted, along s, p, l."""
    base = draw_log(rng, (0.35, 1.0))
    voxel = np.full(3, base)
    kind = rng.random()
    if kind < 0.45:
        voxel *= rng.uniform(0.8, 1.25, 3)
    elif kind < 0.8:
        voxel[0] = max(draw_log(rng, (0.8, 3.2)), base)
    elif kind < 0.9:
        voxel[1 + int(rng.integers(2))] = max(draw_log(rng, (0.8, 2.0)), base)
    voxel = np.clip(voxel, 0.33, 3.2)
    fine = voxel / np.ceil(voxel / _FINE_MM)
    return tuple(map(float, voxel)), tuple(map(float, fine))  # type: ignore[return-value]


def _stored(rng: np.random.Generator, acquired: Triple) -> Triple:
    """Scanners often store finer voxels than they acquire."""
    if chance(rng, 0.5):
        return acquired
    factor = draw(rng, (1.0, 2.0))
    through = 1.0 if acquired[0] > 1.5 and chance(rng, 0.7) else factor
    return acquired[0] / through, acquired[1] / factor, acquired[2] / factor


def _box(rng: np.random.Generator, tree: CarotidTree, height: float) -> tuple[Triple, Triple]:
    """The box that is painted, rather wide around the arteries; now and then it ends near them."""
    points = [tree.internal.points]
    if tree.external is not None:
        points.append(tree.external.points)
    inside = [p[(p[:, 0] > -2) & (p[:, 0] < height + 2), 1:] for p in points]
    every = np.concatenate(inside)
    low, high = every.min(axis=0) - _MARGIN_MM, every.max(axis=0) + _MARGIN_MM
    if chance(rng, 0.08):
        axis = int(rng.integers(2))
        if chance(rng, 0.5):
            low[axis] += draw(rng, (5.0, 14.0))
        else:
            high[axis] -= draw(rng, (5.0, 14.0))
    size = (height, float(high[0] - low[0]), float(high[1] - low[1]))
    return (0.0, float(low[0]), float(low[1])), size


def _shaped(
    rng: np.random.Generator, recipe: NeckRecipe, tree: CarotidTree
) -> tuple[ShapedArtery, ShapedArtery | None]:
    wall = draw(rng, recipe.wall_mm)
    plaques = int(rng.integers(1, 4)) if chance(rng, 0.75) else 0
    chain = Chain(tree.internal.points, tree.internal.radius)
    internal = ShapedArtery(chain, draw_relief(rng, chain, wall, tree.bifurcation_mm, plaques))
    if tree.external is None:
        return internal, None
    chain = Chain(tree.external.points, tree.external.radius)
    plaques = int(chance(rng, 0.3))
    relief = draw_relief(rng, chain, wall * draw(rng, (0.75, 1.0)), tree.bifurcation_mm, plaques)
    return internal, ShapedArtery(chain, relief)


def _averaged(canvas: Canvas, voxel: Triple) -> Canvas:
    """The picture in the scanner's voxels, each the mean of the finer ones in it."""
    image = canvas.image
    origin = []
    for axis in range(3):
        n = round(voxel[axis] / canvas.spacing_mm[axis])
        shape = list(image.shape)
        shape[axis : axis + 1] = [shape[axis] // n, n]
        image = image.reshape(shape).mean(axis=axis + 1)
        origin.append(canvas.origin_mm[axis] + (n - 1) / 2 * canvas.spacing_mm[axis])
    return Canvas(
        np.ascontiguousarray(image), (origin[0], origin[1], origin[2]), voxel, canvas.softness_mm
    )
