"""How an artery departs from a chain of spheres: ellipses, eccentric walls, plaque, ulcers.

A relief is two pictures over the artery's height and the angle around it: how far the lumen lies
outside of the chain, and how thick the wall is. Both are known everywhere, so truth about such an
artery is as exact as about a tube.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.recipe import chance, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.surfaces import Chain

STEP_MM = 0.75
ANGLES = 48

_USUAL_RADIUS_MM = 3.0
_SMALLEST_LUMEN_MM = 0.4
_THINNEST_WALL_MM = 0.3
_THICKEST_WALL_MM = 8.0


@dataclass(frozen=True)
class Plaque:
    """A thickening of the wall.

    Attributes:
        at_mm: Its middle along s.
        length_mm: Standard deviation along s.
        direction: Angle of its middle in the p-l plane, radians from l to p.
        power: Of the cosine lobe around the artery; small ones are concentric.
        thickness_mm: At its middle, beyond the healthy wall.
        turn: By how many radians a mm it winds around the artery.
        inward: Share of the thickness by which it narrows the lumen.
    """

    at_mm: float
    length_mm: float
    direction: float
    power: float
    thickness_mm: float
    turn: float
    inward: float

    def share(self, s: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """(s, angles) thickness over that of its middle."""
        away = s - self.at_mm
        around = angle - (self.direction + self.turn * away)[:, None]
        lobe = ((1 + np.cos(around)) / 2) ** self.power
        return np.asarray(np.exp(-0.5 * (away / self.length_mm) ** 2)[:, None] * lobe)


@dataclass(frozen=True, eq=False)
class Relief:
    """Pictures of an artery's surface.

    Attributes:
        start_mm: Height s of the first row.
        lumen: (rows, angles) how far the lumen's surface lies outside of the chain, mm.
        wall: (rows, angles) thickness of the wall with plaque, mm.
        plaques: What thickened it.
    """

    start_mm: float
    lumen: NDArray[np.float64]
    wall: NDArray[np.float64]
    plaques: tuple[Plaque, ...] = field(default=())

    def lumen_at(self, s: NDArray[np.floating], angle: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far the lumen's surface lies outside of the chain, linear between the points."""
        return self._read(self._flat_lumen, s, angle)

    def outer_at(self, s: NDArray[np.floating], angle: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far the wall's outer surface lies outside of the chain."""
        return self._read(self._flat_outer, s, angle)

    def _read(
        self, flat: NDArray[np.float64], s: NDArray[np.floating], angle: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        row = np.clip((s - self.start_mm) / STEP_MM, 0, len(self.lumen) - 1.001)
        column = (angle * (ANGLES / (2 * np.pi))) % ANGLES
        r, c = row.astype(np.intp), np.minimum(column.astype(np.intp), ANGLES - 1)
        dr, dc = row - r, column - c
        first = r * (ANGLES + 1) + c
        upper, lower = flat[first], flat[first + ANGLES + 1]
        upper += dc * (flat[first + 1] - upper)
        lower += dc * (flat[first + ANGLES + 2] - lower)
        return np.asarray(upper + dr * (lower - upper))

    @cached_property
    def _flat_lumen(self) -> NDArray[np.float64]:
        return _closed(self.lumen)

    @cached_property
    def _flat_outer(self) -> NDArray[np.float64]:
        return _closed(self.lumen + self.wall)


def _closed(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """A picture with its first column again behind the last one, flat."""
    return np.concatenate([picture, picture[:, :1]], axis=1).ravel()


@dataclass(frozen=True, eq=False)
class ShapedArtery:
    """A chain of spheres with a relief on it; s, p, l in mm, s rising along the chain."""

    chain: Chain
    relief: Relief

    def place(
        self, at_mm: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Height and angle of (n, 3) places, as the relief counts them."""
        points = self.chain.points
        s = at_mm[:, 0]
        up = at_mm[:, 1] - np.interp(s, points[:, 0], points[:, 1])
        aside = at_mm[:, 2] - np.interp(s, points[:, 0], points[:, 2])
        return s, np.arctan2(up, aside)

    def lumen(self, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance of (n, 3) places from the lumen's surface."""
        return self.chain(at_mm) - self.relief.lumen_at(*self.place(at_mm))

    def wall(self, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance of (n, 3) places from the outer wall's surface."""
        return self.chain(at_mm) - self.relief.outer_at(*self.place(at_mm))


def draw_relief(
    rng: np.random.Generator, chain: Chain, wall_mm: float, fork_mm: float, plaques: int
) -> Relief:
    """Draw the surface of an artery.

    Args:
        rng: Source of chance.
        chain: The artery's chain of spheres.
        wall_mm: Thickness of the healthy wall.
        fork_mm: Height of the bifurcation, where most plaque is.
        plaques: How many thickenings there are.
    """
    start, end = float(chain.points[0, 0]), float(chain.points[-1, 0])
    s = np.arange(start, end + STEP_MM, STEP_MM)
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    radius = np.interp(s, chain.points[:, 0], chain.radius)[:, None]
    lumen = np.zeros((len(s), ANGLES))
    for order, largest in ((2, 0.2), (3, 0.07), (4, 0.05)):
        if chance(rng, 0.5):
            turn = rng.uniform(0, 2 * np.pi) + rng.uniform(-0.06, 0.06) * s
            share = rng.uniform(0, largest) * (0.6 + 0.4 * np.sin(s / draw(rng, (3.0, 20.0))))
            lumen += radius * share[:, None] * np.cos(order * angle - turn[:, None])
    if chance(rng, 0.5):
        lumen += rng.uniform(0, 0.12) * _rough(rng, s, draw(rng, (1.5, 7.0)))
    wall = wall_mm * np.exp(rng.uniform(0, 0.2) * _rough(rng, s, draw(rng, (2.0, 12.0))))
    if chance(rng, 0.4):
        wall *= 1 + rng.uniform(0, 0.4) * np.cos(angle - rng.uniform(0, 2 * np.pi))
    drawn = tuple(_draw_plaque(rng, s, fork_mm) for _ in range(plaques))
    for plaque in drawn:
        share = plaque.share(s, angle)
        if chance(rng, 0.4):
            share = share * np.clip(1 + 0.25 * _rough(rng, s, draw(rng, (1.5, 5.0))), 0.2, None)
        wall += plaque.thickness_mm * share
        lumen -= plaque.inward * plaque.thickness_mm * share
        if plaque.thickness_mm > 1.2 and chance(rng, 0.25):
            pit = _ulcer(rng, plaque, s, angle)
            lumen += pit
            wall -= pit
    lumen = np.maximum(lumen, _SMALLEST_LUMEN_MM - radius)
    return Relief(start, lumen, np.clip(wall, _THINNEST_WALL_MM, _THICKEST_WALL_MM), drawn)


def _draw_plaque(rng: np.random.Generator, s: NDArray[np.float64], fork_mm: float) -> Plaque:
    near = chance(rng, 0.6)
    at = rng.normal(fork_mm + 4, 9) if near else rng.uniform(s[0], s[-1])
    return Plaque(
        float(at),
        draw(rng, (1.5, 9.0)),
        draw(rng, (0.0, 2 * np.pi)),
        float(np.exp(rng.uniform(np.log(0.4), np.log(6)))),
        0.4 + 5.6 * float(rng.uniform()) ** 1.2,
        float(rng.normal(0, 0.04)),
        draw(rng, (0.0, 0.9)) if chance(rng, 0.5) else 0.0,
    )


def _ulcer(
    rng: np.random.Generator, plaque: Plaque, s: NDArray[np.float64], angle: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A pit in the plaque's inner surface."""
    at = rng.normal(plaque.at_mm, 0.5 * plaque.length_mm)
    deep = plaque.thickness_mm * draw(rng, (0.3, 0.8))
    wide = draw(rng, (0.8, 2.5))
    around = angle - plaque.direction - rng.normal(0, 0.4)
    around = np.angle(np.exp(1j * around))
    shape = np.exp(-0.5 * ((s - at) / wide) ** 2)[:, None] * np.exp(
        -0.5 * (around / draw(rng, (0.2, 0.6))) ** 2
    )
    return np.asarray(deep * shape * plaque.share(s, angle))


def _rough(
    rng: np.random.Generator, s: NDArray[np.float64], scale_mm: float
) -> NDArray[np.float64]:
    """(rows, angles) smooth noise that closes around the artery, standard deviation about 1."""
    from scipy.ndimage import gaussian_filter1d

    around = scale_mm / (2 * np.pi * _USUAL_RADIUS_MM) * ANGLES
    noise = rng.standard_normal((len(s), ANGLES))
    noise = gaussian_filter1d(noise, scale_mm / STEP_MM, axis=0, mode="nearest")
    noise = gaussian_filter1d(noise, min(around, ANGLES / 4), axis=1, mode="wrap")
    return np.asarray(noise / max(float(noise.std()), 1e-9))
