"""Drawing one side's carotid tree: the courses, the calibres and the branches of its arteries.

A tree is drawn for the left side; the right one is the mirror image of another draw.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.anatomy import STEP_MM, CarotidTree, Tube
from carotid.simulation.disease import draw_slow_flow, with_plaque
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_count

if TYPE_CHECKING:
    from numpy.typing import NDArray


def draw_carotid_tree(
    rng: np.random.Generator,
    recipe: NeckRecipe,
    height_mm: float,
    bifurcation_mm: float,
    anchor_pl: tuple[float, float],
) -> CarotidTree:
    """Draw a left carotid tree that runs through a field of view from s = 0 to `height_mm`.

    Args:
        rng: Source of chance.
        recipe: Ranges.
        height_mm: Extent of the field of view along s.
        bifurcation_mm: Height of the bifurcation; may lie outside of the field of view.
        anchor_pl: Where the carotid is at half of the height: p, and distance from the midline.
    """
    lowest = min(-12.0, bifurcation_mm - 6.0)
    highest = max(height_mm + 12.0, bifurcation_mm + 6.0)
    below = int(np.ceil((bifurcation_mm - lowest) / STEP_MM))
    above = int(np.ceil((highest - bifurcation_mm) / STEP_MM))
    # One point lies exactly in the bifurcation.
    h = np.arange(-below, above + 1, dtype=np.float64) * STEP_MM
    s = bifurcation_mm + h
    trunk = _trunk(rng, recipe, s, height_mm, anchor_pl)
    offset, medial = _parting(rng, recipe, h)
    share = draw(rng, (0.25, 0.75))
    up = np.clip(h, 0, None)
    own = 1 - np.exp(-up / draw(rng, (8.0, 25.0)))
    wave_i = _waves(rng, up, draw(rng, recipe.internal_wave_mm)) * own[:, None]
    wave_e = _waves(rng, up, draw(rng, recipe.internal_wave_mm) * 0.7) * own[:, None]
    internal_pl = trunk + share * offset + wave_i
    external_pl = trunk - (1 - share) * offset + 0.6 * wave_i + 0.4 * wave_e
    # Waves that would press the two together are taken from the external one.
    r_c, r_i, r_e = _radii(rng, recipe, h)
    internal_r = np.where(h < 0, r_c, r_i)
    external_pl = _kept_apart(internal_pl, external_pl, internal_r + r_e + 1.0, own)

    wall = draw(rng, recipe.wall_mm)
    wall_s = wall * np.exp(0.12 * _wave(rng, s, 12.0, 40.0))
    internal = Tube.plain(np.column_stack([s, internal_pl]), internal_r, wall_s)
    end = draw(rng, recipe.external_end_mm) if chance(rng, recipe.p_external_ends) else np.inf
    keep = (h >= -0.1) & (h <= end)
    external = None
    if keep.sum() >= 4 and not chance(rng, recipe.p_external_absent):
        r = r_e[keep]
        if np.isfinite(end) and chance(rng, 0.7):
            r = r * np.clip((end - h[keep]) / draw(rng, (4.0, 25.0)), 0, 1) ** 0.5 + 0.3
        external = Tube.plain(np.column_stack([s, external_pl])[keep], r, wall_s[keep] * 0.85)
    branches: tuple[Tube, ...] = ()
    if external is not None and chance(rng, recipe.p_branches):
        count = draw_count(rng, recipe.branches)
        branches = tuple(_branch(rng, external, bifurcation_mm) for _ in range(count))
    tree = CarotidTree(
        internal,
        external,
        tuple(b for b in branches if len(b.points) >= 2),
        (),
        (),
        chance(rng, recipe.p_occlusion),
        bifurcation_mm,
        medial,
    )
    if chance(rng, recipe.p_plaque):
        for _ in range(int(rng.integers(1, 4))):
            tree = with_plaque(rng, recipe, tree)
    if chance(rng, recipe.p_slow_flow):
        flows = tuple(draw_slow_flow(rng, tree, height_mm) for _ in range(int(rng.integers(1, 4))))
        tree = replace(tree, slow_flow=flows)
    return tree


def _wave(
    rng: np.random.Generator, s: NDArray[np.float64], shortest_mm: float, longest_mm: float
) -> NDArray[np.float64]:
    """A sum of three sines of random phase, of standard deviation about 1, over `s`."""
    out = np.zeros_like(s)
    for _ in range(3):
        length = rng.uniform(shortest_mm, longest_mm)
        out += np.sin(2 * np.pi * s / length + rng.uniform(0, 2 * np.pi))
    return out * 0.8


def _waves(
    rng: np.random.Generator, s: NDArray[np.float64], amplitude_mm: float
) -> NDArray[np.float64]:
    """(n, 2) waves in p and l."""
    return amplitude_mm * np.column_stack([_wave(rng, s, 30, 110), _wave(rng, s, 30, 110)])


def _trunk(
    rng: np.random.Generator,
    recipe: NeckRecipe,
    s: NDArray[np.float64],
    height_mm: float,
    anchor_pl: tuple[float, float],
) -> NDArray[np.float64]:
    """(n, 2) p and l of the line about which a side's carotids run."""
    up = s - height_mm / 2
    lean_p = rng.uniform(-recipe.lean, recipe.lean)
    lean_l = rng.uniform(-0.5, 1.0) * recipe.lean
    line = np.column_stack([anchor_pl[0] + lean_p * up, anchor_pl[1] + lean_l * up])
    bend = rng.uniform(-1, 1, 2) * 4.0 * (2 * up[:, None] / height_mm) ** 2
    return line + bend + _waves(rng, s, draw(rng, recipe.common_wave_mm))


def _parting(
    rng: np.random.Generator, recipe: NeckRecipe, h: NDArray[np.float64]
) -> tuple[NDArray[np.float64], bool]:
    """(n, 2) vector in p, l from external to internal at heights `h` above the bifurcation."""
    medial = chance(rng, recipe.p_medial)
    mean, spread = recipe.direction_deg
    if medial:
        start, drift = rng.normal(140, 22), rng.normal(0, recipe.direction_drift_deg[1])
    else:
        start = float(np.clip(rng.normal(mean, spread), mean - 75, mean + 65))
        drift = rng.normal(*recipe.direction_drift_deg)
    above = np.clip(h, 0, None)
    angle = start + drift * above / 40 + draw(rng, (0.0, 10.0)) * _wave(rng, h, 25, 80)
    if not medial:
        angle = np.clip(angle, mean - 90, mean + 80)
    far = draw(rng, recipe.separation_mm)
    slope = np.tan(np.deg2rad(draw(rng, recipe.angle_deg)))
    if chance(rng, 0.4):
        distance = far * np.tanh(above * slope / far)
    else:
        distance = far * (1 - np.exp(-above * slope / far))
    distance = distance * np.exp(draw(rng, (0.0, 0.2)) * _wave(rng, above, 30, 90))
    turn = np.deg2rad(angle)
    return distance[:, None] * np.column_stack([np.sin(turn), np.cos(turn)]), medial


def _kept_apart(
    internal: NDArray[np.float64],
    external: NDArray[np.float64],
    least_mm: NDArray[np.float64],
    own: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The external's course, pushed away where its lumen would run into the internal's."""
    gap = external - internal
    distance = np.linalg.norm(gap, axis=1)
    wanted = np.maximum(distance, least_mm * np.clip(own * 1.6 - 0.3, 0, 1))
    unit = gap / np.maximum(distance, 1e-6)[:, None]
    apart: NDArray[np.float64] = internal + unit * wanted[:, None]
    return apart


def _radii(
    rng: np.random.Generator, recipe: NeckRecipe, h: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lumen radii of common, internal and external carotid along `h`, mm."""
    common = draw(rng, recipe.common_radius_mm)
    internal = max(common * draw(rng, recipe.internal_over_common), 1.2)
    external = max(internal * draw(rng, recipe.external_over_internal), 1.0)
    bulb = common * draw(rng, recipe.bulb_over_common)
    length = draw(rng, recipe.bulb_length_mm)
    above = np.clip(h, 0, None)
    fade = 1 / (1 + np.exp((above - length * 0.6) / (length * 0.12)))
    r_i = internal + (bulb - internal) * fade
    rise = np.clip(1 + h / draw(rng, (4.0, 14.0)), 0, 1)
    r_c = common + (r_i[h >= 0][:1].mean() - common if (h >= 0).any() else 0.0) * rise**2
    taper = draw(rng, recipe.external_taper)
    r_e = external * np.clip(1 - taper * above / 60, 0.35, 1)
    start = 1 + (draw(rng, (0.9, 1.3)) - 1) * np.exp(-above / 8)
    jitter = 0.05 * _wave(rng, h, 12, 40)
    return r_c * (1 + jitter), r_i * (1 + jitter), r_e * start * (1 + 0.05 * _wave(rng, h, 12, 40))


_BRANCHES = (
    # lowest and highest origin above the bifurcation, direction (deg from lateral to posterior),
    # rise (mm per mm sideways), radius
    ((0.0, 10.0), (-130.0, 25.0), (-1.4, 0.2), (0.6, 1.2)),  # superior thyroid
    ((6.0, 20.0), (-115.0, 30.0), (-0.2, 0.9), (0.7, 1.4)),  # lingual
    ((10.0, 28.0), (-85.0, 30.0), (0.0, 1.2), (0.7, 1.5)),  # facial
    ((8.0, 30.0), (75.0, 30.0), (0.2, 1.6), (0.6, 1.3)),  # occipital
    ((2.0, 12.0), (140.0, 35.0), (2.0, 6.0), (0.5, 0.9)),  # ascending pharyngeal
    ((20.0, 45.0), (60.0, 35.0), (0.8, 3.0), (0.6, 1.2)),  # posterior auricular
    ((30.0, 60.0), (-30.0, 60.0), (0.2, 2.0), (0.7, 1.5)),  # maxillary and others
)


def _branch(rng: np.random.Generator, external: Tube, bifurcation_mm: float) -> Tube:
    """One of the external's branches, leaving it for good."""
    origin, direction, rise, radius = _BRANCHES[int(rng.integers(len(_BRANCHES)))]
    s0 = bifurcation_mm + draw(rng, origin)
    where = external.at_height(np.array([s0]))[0]
    if np.isnan(where).any():
        return Tube.plain(np.zeros((0, 3)), 1.0, 0.3)
    length = draw(rng, (8.0, 45.0))
    t = np.arange(0, length, STEP_MM)
    turn = np.deg2rad(rng.normal(*direction) + rng.normal(0, 35) * t / length)
    climb = draw(rng, rise)
    step = STEP_MM / np.hypot(1, climb)
    run = np.cumsum(np.column_stack([np.full(len(t), climb), np.sin(turn), np.cos(turn)]), axis=0)
    points = np.array([s0, *where]) + (run - run[0]) * step
    first = min(draw(rng, radius), float(np.interp(s0, external.points[:, 0], external.radius)))
    r = first * np.linspace(1, draw(rng, (0.4, 1.0)), len(t))
    return Tube.plain(points, r, draw(rng, (0.25, 0.7)))
