"""Carotid trees as data: tubes with a wall, plaque, slow flow, and where they part.

Everything is in the neck's own millimetres, ordered as the network orders voxels: s grows to
Superior, p to Posterior, l to the patient's Left, with l = 0 in the middle of the neck.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP_MM = 1.5
"""Distance in height between two points of an artery."""


@dataclass(frozen=True, eq=False)
class Tube:
    """A vessel as a chain of spheres of varying radius.

    Attributes:
        points: (n, 3) s, p, l in mm.
        radius: (n,) lumen radius, mm.
        wall: (n,) thickness of the healthy wall, mm.
        plaque: (n, 2) thickness of the plaque, mm, as a vector towards its side, in p and l.
    """

    points: NDArray[np.float64]
    radius: NDArray[np.float64]
    wall: NDArray[np.float64]
    plaque: NDArray[np.float64]

    @classmethod
    def plain(
        cls,
        points: NDArray[np.float64],
        radius: NDArray[np.float64] | float,
        wall: NDArray[np.float64] | float,
    ) -> Tube:
        """A tube without plaque."""
        n = len(points)
        return cls(
            points,
            np.broadcast_to(radius, n).astype(np.float64),
            np.broadcast_to(wall, n).astype(np.float64),
            np.zeros((n, 2)),
        )

    @property
    def outer_points(self) -> NDArray[np.float64]:
        """(n, 3) centers of the outer wall, which plaque pushes to its side, mm."""
        points = self.points.copy()
        points[:, 1:] += self.plaque / 2
        return points

    @property
    def outer_radius(self) -> NDArray[np.float64]:
        """(n,) radius of the outer wall, mm."""
        outer: NDArray[np.float64] = (
            self.radius + self.wall + np.linalg.norm(self.plaque, axis=1) / 2
        )
        return outer

    def mirrored(self) -> Tube:
        """The same tube on the other side of the neck."""
        flip = np.array([1.0, 1.0, -1.0])
        return replace(self, points=self.points * flip, plaque=self.plaque * flip[1:])

    def at_height(self, s_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """(m, 2) p and l where the tube crosses the heights; NaN beyond its ends.

        Only for tubes that rise steadily: the carotids.
        """
        s = self.points[:, 0]
        inside = (s_mm >= s[0]) & (s_mm <= s[-1])
        out = np.stack([np.interp(s_mm, s, self.points[:, k]) for k in (1, 2)], axis=1)
        out[~inside] = np.nan
        return out


@dataclass(frozen=True)
class Core:
    """What plaque is made of in one place.

    Attributes:
        kind: `lipid`, `calcium` or `haemorrhage`.
        center: s, p, l in mm.
        half_mm: Half its size along s, and across.
    """

    kind: str
    center: tuple[float, float, float]
    half_mm: tuple[float, float]


@dataclass(frozen=True)
class SlowFlow:
    """A stretch of lumen in which blood is slow and therefore bright.

    Attributes:
        center: s, p, l in mm.
        half_length_mm: Half its length along s.
        depth_mm: How far it reaches from the wall into the lumen.
        direction: Angle in the p-l plane of the side on which it lies, radians.
        one_sided: Whether it lies on one side alone.
        strength: Signal over that of the wall.
    """

    center: tuple[float, float, float]
    half_length_mm: float
    depth_mm: float
    direction: float
    one_sided: bool
    strength: float


@dataclass(frozen=True, eq=False)
class CarotidTree:
    """One side's carotids.

    Attributes:
        internal: The common carotid and, above the bifurcation, the internal one.
        external: The external carotid from the bifurcation up; None where there is none.
        branches: The external's branches.
        cores: What the plaques contain.
        slow_flow: Where blood is slow.
        occluded: Whether the internal carotid has no open lumen.
        bifurcation_mm: Height s of the bifurcation.
        medial: Whether the internal carotid lies medial of the external one.
    """

    internal: Tube
    external: Tube | None
    branches: tuple[Tube, ...]
    cores: tuple[Core, ...]
    slow_flow: tuple[SlowFlow, ...]
    occluded: bool
    bifurcation_mm: float
    medial: bool

    @property
    def tubes(self) -> tuple[Tube, ...]:
        """Every tube of the tree."""
        own = (self.internal,) if self.external is None else (self.internal, self.external)
        return own + self.branches

    def mirrored(self) -> CarotidTree:
        """The same tree on the other side of the neck."""
        return replace(
            self,
            internal=self.internal.mirrored(),
            external=None if self.external is None else self.external.mirrored(),
            branches=tuple(tube.mirrored() for tube in self.branches),
            cores=tuple(replace(c, center=_flipped(c.center)) for c in self.cores),
            slow_flow=tuple(
                replace(f, center=_flipped(f.center), direction=np.pi - f.direction)
                for f in self.slow_flow
            ),
        )


def _flipped(center: tuple[float, float, float]) -> tuple[float, float, float]:
    return center[0], center[1], -center[2]
