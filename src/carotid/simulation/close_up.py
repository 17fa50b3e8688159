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
from carotid.simulation.canvas import Canvas, ellipsoid_distance, smooth_noise, tube_distance
from carotid.simulation.courses import draw_carotid_tree
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_log
from carotid.simulation.relief import ShapedArtery, draw_relief
from carotid.simulation.surfaces import Chain
from carotid.simulation.surroundings import (
    Field,
    paint_airway_and_spine,
    paint_body,
    paint_muscles_and_glands,
    paint_vessel,
)
from carotid.simulation.anatomy import Tube

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.anatomy import CarotidTree
    from carotid.simulation.canvas import Box, Triple

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
_REACH_MM = 8.5
_FINE_MM = 0.5


@dataclass(frozen=True, eq=False)
class CourseTruth:
    """One artery of a close-up, R-A-S mm.

    Attributes:
        points_mm: (n, 3) its course, from low to high.
        radius_mm: (n,) radius of its chain of spheres.
        shape: Its surfaces in the close-up's own coordinates.
        open: Whether blood runs in it.
    """

    points_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]
    shape: ShapedArtery
    open: bool

    def lumen(self, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance of (n, 3) R-A-S mm from the lumen's surface."""
        return self.shape.lumen(_spl(at_mm))

    def wall(self, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance of (n, 3) R-A-S mm from the outer wall's surface."""
        return self.shape.wall(_spl(at_mm))


@dataclass(frozen=True, eq=False)
class CloseUp:
    """A scanned stretch of the carotids of one side.

    Attributes:
        volume: float32 voxels.
        internal: The common and internal carotid.
        external: The external carotid; None where there is none.
        visibility: The wall's signal over the noise.
    """

    volume: Volume
    internal: CourseTruth
    external: CourseTruth | None
    visibility: float


def _spl(ras_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    return ras_mm[:, ::-1] * np.array([1.0, -1.0, -1.0])


def _ras(spl_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    return spl_mm[:, ::-1] * np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class _Look:
    """How bright things are; tissue is about 1."""

    wall: float
    lumen: float
    halo: float | None
    halo_mm: float
    noise: float


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
    canvas = Canvas(np.zeros(shape, np.float32), start, fine, softness)
    look = _look(rng, recipe)
    internal, external = _shaped(rng, recipe, tree)
    _paint_around(canvas, rng, recipe, tree, internal, look)
    _paint_arteries(canvas, rng, tree, (internal, external), look)
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
        _course(internal, open_=not tree.occluded),
        None if external is None else _course(external, open_=True),
        1 / max(look.noise, 0.01),
    )


def _course(artery: ShapedArtery, *, open_: bool) -> CourseTruth:
    return CourseTruth(_ras(artery.chain.points), artery.chain.radius, artery, open_)


def _tree(rng: np.random.Generator, recipe: NeckRecipe) -> tuple[CarotidTree, float]:
    """A tree whose heights begin at 0 in the window, and the window's height."""
    height = 40.0
    whole = draw(rng, (60.0, 120.0))
    fork = whole * draw(rng, (0.2, 0.8))
    tree = draw_carotid_tree(rng, recipe, whole, fork, (0.0, 25.0))
    if chance(rng, 0.7):
        first = fork + draw(rng, (-34.0, 2.0))
    else:
        first = draw(rng, (0.0, whole - height))
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


def _look(rng: np.random.Generator, recipe: NeckRecipe) -> _Look:
    wall = draw(rng, (0.9, 2.3)) if chance(rng, 0.75) else draw(rng, (0.45, 1.1))
    share = draw(rng, (0.3, 0.8)) if chance(rng, 0.22) else draw(rng, (0.0, 0.4))
    lumen = wall * share
    halo = None
    if chance(rng, 0.45):
        halo = wall * (draw(rng, (0.15, 0.8)) if chance(rng, 0.65) else draw(rng, (1.1, 2.5)))
    noise = draw_log(rng, recipe.noise)
    noise *= min(1.0, 1.6 * (1 - share))  # grey blood and much noise together show nothing at all
    return _Look(wall, lumen, halo, draw(rng, (0.5, 5.0)), noise)


def _shaped(
    rng: np.random.Generator, recipe: NeckRecipe, tree: CarotidTree
) -> tuple[ShapedArtery, ShapedArtery | None]:
    wall = draw(rng, recipe.wall_mm)
    plaques = int(rng.integers(1, 4)) if chance(rng, 0.65) else 0
    chain = Chain(tree.internal.points, tree.internal.radius)
    internal = ShapedArtery(
        chain, draw_relief(rng, chain, wall, tree.bifurcation_mm, plaques)
    )
    if tree.external is None:
        return internal, None
    chain = Chain(tree.external.points, tree.external.radius)
    plaques = int(chance(rng, 0.2))
    relief = draw_relief(rng, chain, wall * draw(rng, (0.75, 1.0)), tree.bifurcation_mm, plaques)
    return internal, ShapedArtery(chain, relief)


def _paint_around(
    canvas: Canvas,
    rng: np.random.Generator,
    recipe: NeckRecipe,
    tree: CarotidTree,
    internal: ShapedArtery,
    look: _Look,
) -> None:
    size = [n * v for n, v in zip(canvas.image.shape, canvas.spacing_mm, strict=True)]
    field = Field(size[0], size[1], size[2])
    plain = chance(rng, 0.2)
    paint_body(canvas, rng, recipe, plain)
    middle = canvas.origin_mm[1] + size[1] / 2, canvas.origin_mm[2] + size[2] / 2
    if not plain:
        moved = Canvas(
            canvas.image,
            (0.0, -size[1] / 2, -size[2] / 2),
            canvas.spacing_mm,
            canvas.softness_mm,
        )
        paint_muscles_and_glands(moved, rng, recipe, field)
        if chance(rng, 0.3):
            paint_airway_and_spine(canvas, rng, recipe, field, middle[0])
    _paint_neighbours(canvas, rng, internal, look)
    for branch in tree.branches:
        paint_vessel(canvas, branch, look.wall * draw(rng, (0.6, 1.1)), look.lumen)


def _paint_neighbours(
    canvas: Canvas, rng: np.random.Generator, internal: ShapedArtery, look: _Look
) -> None:
    """Veins along the artery and nodes beside it, some of which touch its wall."""
    chain, relief = internal.chain, internal.relief
    s = chain.points[:, 0]
    for _ in range(int(rng.integers(0, 3)) + chance(rng, 0.5)):
        turn = rng.uniform(0, 2 * np.pi) + rng.uniform(-1, 1) * (s - s.mean()) / 60
        outer = relief.outer_at(s, turn)
        calibre = draw_log(rng, (0.8, 6.5)) * np.exp(
            0.25 * np.sin(s / draw(rng, (8, 25)) + rng.uniform(0, 6))
        )
        gap = draw(rng, (-0.4, 0.6)) if chance(rng, 0.6) else draw(rng, (0.6, 5.0))
        away = chain.radius + outer + calibre + gap
        points = chain.points.copy()
        points[:, 1] += np.sin(turn) * away
        points[:, 2] += np.cos(turn) * away
        kind = rng.random()
        level = look.lumen if kind < 0.5 else look.wall * draw(rng, (0.0, 0.6))
        if kind > 0.85:
            level = look.wall * draw(rng, (0.6, 2.0))
        coat = draw(rng, (0.0, 0.8))
        paint_vessel(
            canvas, Tube.plain(points, calibre, coat), look.wall * draw(rng, (0.4, 1.1)), level
        )
    for _ in range(int(rng.integers(0, 7))):
        k = int(rng.integers(len(s)))
        half = draw_log(rng, (1.0, 8.0))
        turn = rng.uniform(0, 2 * np.pi)
        outer = relief.outer_at(s[k : k + 1], np.array([turn]))
        away = float(chain.radius[k] + outer[0] + half + draw(rng, (-0.3, 4.0)))
        center = (
            float(s[k]),
            float(chain.points[k, 1] + np.sin(turn) * away),
            float(chain.points[k, 2] + np.cos(turn) * away),
        )
        found = ellipsoid_distance(canvas, center, (half * draw(rng, (0.8, 4.0)), half, half))
        if found is not None:
            level = float(np.clip(rng.normal(1, 0.5), 0.0, 2.8))
            canvas.paint(found[0], canvas.edge(found[1]), level)


def _paint_arteries(
    canvas: Canvas,
    rng: np.random.Generator,
    tree: CarotidTree,
    arteries: tuple[ShapedArtery, ShapedArtery | None],
    look: _Look,
) -> None:
    drawn = [_fields(canvas, one) for one in arteries if one is not None]
    fields = [one for one in drawn if one is not None]
    if not fields:
        return
    if look.halo is not None:
        for box, _, outer in fields:
            canvas.paint(box, canvas.edge(outer - np.float32(look.halo_mm)), look.halo)
    texture = rng.uniform(0, 0.2) if chance(rng, 0.6) else 0.0
    for artery, (box, inner, outer) in zip([a for a in arteries if a], fields, strict=False):
        wall = np.float32(look.wall)
        if texture:
            wall = wall * np.exp(np.float32(texture) * _noise(canvas, rng, box, (1.0, 8.0)))
        if chance(rng, 0.3):  # layers: the wall is not of one signal from inside to outside
            depth = np.clip(inner / np.maximum(inner - outer, 0.2), 0, 1)
            wall = wall * (1 + np.float32(draw(rng, (-0.4, 0.4))) * (depth - np.float32(0.5)))
        share = canvas.edge(outer)
        canvas.paint(box, share, wall)
        _paint_cores(canvas, rng, artery, look, box, share)
    for k, (box, inner, _) in enumerate(fields):
        if k == 0 and tree.occluded:
            continue
        canvas.paint(box, canvas.edge(inner), _blood(canvas, rng, box, inner, look))


def _fields(
    canvas: Canvas, artery: ShapedArtery
) -> tuple[Box, NDArray[np.float32], NDArray[np.float32]] | None:
    """Signed distances from lumen and outer wall in the box that they reach."""
    found = tube_distance(canvas, artery.chain.points, artery.chain.radius, _REACH_MM)
    if found is None:
        return None
    box, distance = found
    outer = distance.copy()
    near = np.nonzero(distance < _REACH_MM)
    axes = [canvas.axis_mm(k, box[k])[near[k]] for k in range(3)]
    place = artery.place(np.stack(axes, axis=1))
    distance[near] -= artery.relief.lumen_at(*place).astype(np.float32)
    outer[near] -= artery.relief.outer_at(*place).astype(np.float32)
    return box, distance, outer


def _noise(
    canvas: Canvas, rng: np.random.Generator, box: Box, scale: tuple[float, float]
) -> NDArray[np.float32]:
    axes = (canvas.axis_mm(0, box[0]), canvas.axis_mm(1, box[1]), canvas.axis_mm(2, box[2]))
    size = max(draw_log(rng, scale), 1.5 * max(canvas.spacing_mm))
    return smooth_noise(rng, axes, (size * draw(rng, (1.0, 3.0)), size, size))


def _blood(
    canvas: Canvas,
    rng: np.random.Generator,
    box: Box,
    inner: NDArray[np.float32],
    look: _Look,
) -> NDArray[np.float32]:
    """The lumen's signal: dark, but for slow flow along walls, streaks and whole slices."""
    value = np.full(inner.shape, look.lumen, np.float32)
    if chance(rng, 0.35):
        value += np.float32(draw(rng, (0.0, 0.3)) * look.wall) * np.abs(
            _noise(canvas, rng, box, (2.0, 10.0))
        )
    s = canvas.axis_mm(0, box[0])
    for _ in range(int(rng.integers(1, 3)) if chance(rng, 0.45) else 0):
        middle, half = draw(rng, (float(s[0]), float(s[-1]))), draw(rng, (2.0, 15.0))
        fade = np.exp(-0.5 * ((s - middle) / half) ** 2).astype(np.float32)
        near = np.clip(1 + inner / np.float32(draw(rng, (0.4, 4.0))), 0, 1)
        near *= fade[:, None, None]
        if chance(rng, 0.6):
            near *= 1 / (1 + np.exp(-3 * _noise(canvas, rng, box, (3.0, 8.0))))
        strength = np.float32(draw(rng, (0.15, 1.0)) * look.wall)
        value += near * np.maximum(strength - value, 0)
    if chance(rng, 0.1):
        period = draw(rng, (1.0, 6.0))
        per_slice = rng.uniform(0, draw(rng, (0.1, 0.5)), 400) * look.wall
        value += per_slice[(s / period).astype(int) % 400].astype(np.float32)[:, None, None]
    return value


_CORE_SIGNAL = {"lipid": (0.4, 0.9), "calcium": (0.0, 0.35), "haemorrhage": (1.2, 2.4)}


def _paint_cores(
    canvas: Canvas,
    rng: np.random.Generator,
    artery: ShapedArtery,
    look: _Look,
    box: Box,
    wall_share: NDArray[np.float32],
) -> None:
    """Lipid, calcium and haemorrhage inside of plaques, within the wall alone."""
    points, radius = artery.chain.points, artery.chain.radius
    for plaque in artery.relief.plaques:
        for _ in range(int(rng.integers(0, 4))):
            s = float(np.clip(rng.normal(plaque.at_mm, 0.6 * plaque.length_mm), *points[[0, -1], 0]))
            turn = plaque.direction + rng.normal(0, 0.5)
            place = np.array([s]), np.array([turn])
            lumen = float(artery.relief.lumen_at(*place)[0])
            wall = float(artery.relief.outer_at(*place)[0]) - lumen
            deep = float(np.interp(s, points[:, 0], radius)) + lumen + wall * draw(rng, (0.3, 0.8))
            center = (
                s,
                float(np.interp(s, points[:, 0], points[:, 1]) + np.sin(turn) * deep),
                float(np.interp(s, points[:, 0], points[:, 2]) + np.cos(turn) * deep),
            )
            across = max(wall * draw(rng, (0.15, 0.5)), 0.3)
            half = (across * draw(rng, (0.8, 5.0)), across, across * draw(rng, (0.8, 2.0)))
            found = ellipsoid_distance(canvas, center, half, turn)
            if found is None:
                continue
            both, cut, cut_wall = _overlap(found[0], box)
            if both is None:
                continue
            kind = ("lipid", "calcium", "haemorrhage")[int(rng.integers(3))]
            level = look.wall * draw(rng, _CORE_SIGNAL[kind])
            share = canvas.edge(found[1][cut]) * wall_share[cut_wall]
            canvas.paint(both, share, level)


def _overlap(one: Box, other: Box) -> tuple[Box | None, Box, Box]:
    """Where two boxes overlap: on the canvas, and within each of them."""
    start = [max(a.start, b.start) for a, b in zip(one, other, strict=True)]
    stop = [min(a.stop, b.stop) for a, b in zip(one, other, strict=True)]

    def within(box: tuple[int, int, int]) -> Box:
        s, p, lateral = (
            slice(a - o, b - o) for a, b, o in zip(start, stop, box, strict=True)
        )
        return s, p, lateral

    first = within((one[0].start, one[1].start, one[2].start))
    second = within((other[0].start, other[1].start, other[2].start))
    empty = any(a >= b for a, b in zip(start, stop, strict=True))
    return (None if empty else within((0, 0, 0))), first, second


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
