"""The way between a stored volume and what the networks see of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carotid.geometry.grid import NETWORK, Grid, Reordering
from carotid.geometry.resample import AxisSampling, from_network, to_network
from carotid.geometry.sides import Side, sides_of


@dataclass(frozen=True, eq=False)
class NetworkFrame:
    """How a raw grid becomes the network frame (S-P-L, 0.5 mm) and back.

    Attributes:
        grid: The raw grid.
        reordering: From the raw index order to S-P-L.
        raw_shape: Raw voxels in S-P-L order.
        forth: Sampling of the raw axes, in S-P-L order, at the network's positions.
        back: Sampling of the network's axes at the raw positions.
    """

    grid: Grid
    reordering: Reordering
    raw_shape: tuple[int, int, int]
    forth: tuple[AxisSampling, AxisSampling, AxisSampling]
    back: tuple[AxisSampling, AxisSampling, AxisSampling]

    @classmethod
    def of(cls, grid: Grid, *, resample: bool) -> NetworkFrame:
        """The frame of a raw grid.

        Args:
            grid: The raw grid, in any orientation.
            resample: Whether axes are brought to 0.5 mm; else they keep their own spacing.
        """
        reordering = Reordering.between(grid, NETWORK)
        ordered = reordering.grid(grid)
        forth, back = [], []
        single = _single_precision_spacing_mm(ordered)
        for size, spacing, at in zip(ordered.shape, ordered.spacing_mm, single, strict=True):
            one = AxisSampling.identity(size)
            forth.append(to_network(size, spacing, at) if resample else one)
            back.append(from_network(size, spacing, at) if resample else one)
        return cls(
            grid,
            reordering,
            ordered.shape,
            (forth[0], forth[1], forth[2]),
            (back[0], back[1], back[2]),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Size of the whole neck in the network frame, (s, p, l)."""
        return len(self.forth[0]), len(self.forth[1]), len(self.forth[2])

    @property
    def sides(self) -> tuple[Side, Side]:
        """The left and the right side."""
        return sides_of(self.shape[2])

    def side_shape(self, side: Side) -> tuple[int, int, int]:
        """Size of one side in the network frame, (s, p, l)."""
        return self.shape[0], self.shape[1], side.width

    def side_to_raw(self, side: Side) -> tuple[AxisSampling, AxisSampling, AxisSampling]:
        """Sampling of one side, as the network saw it, at the raw positions (S, P, L).

        The mirror is undone and columns that the side does not reach are zero.
        """
        s, p, columns = self.back
        return s, p, columns.within(side.start, side.stop, mirrored=side.mirrored)


def _single_precision_spacing_mm(grid: Grid) -> list[float]:
    """The spacing of a grid whose affine was rounded to float32, as the known tool's is.

    Positions that are computed from it agree with that tool's to the last digit that matters: at
    the far end of a scan the exact spacing lies 1e-5 voxels beside.
    """
    rounded = grid.affine[:3, :3].astype(np.float32).astype(np.float64)
    return [float(length) for length in np.linalg.norm(rounded, axis=0)]
