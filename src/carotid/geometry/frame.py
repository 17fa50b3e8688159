"""The way between a stored volume and what the networks see of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import InputError
from carotid.geometry.grid import NETWORK, Grid, Reordering
from carotid.geometry.resample import AxisSampling, from_network, to_network
from carotid.geometry.sides import Side, Sides, shown_sides, sides_of

if TYPE_CHECKING:
    from carotid.geometry.crop import Crop, Ranges


@dataclass(frozen=True, eq=False)
class NetworkFrame:
    """How a raw grid becomes the network frame (S-P-L, 0.5 mm) and back.

    Networks may look at a part of it only. That moves no position: what they are shown and what
    they answer lies where it would without the crop, and beyond it there are zeros.

    Attributes:
        grid: The raw grid.
        reordering: From the raw index order to S-P-L.
        raw_shape: Raw voxels in S-P-L order.
        forth: Sampling of the raw axes, in S-P-L order, at the network's positions.
        back: Sampling of the network's axes at the raw positions.
        kept: The raw voxels that networks look at, in S-P-L order: first, and one past the last.
        seen: The same in voxels of the network frame.
        shown: Which sides the scan shows.
    """

    grid: Grid
    reordering: Reordering
    raw_shape: tuple[int, int, int]
    forth: tuple[AxisSampling, AxisSampling, AxisSampling]
    back: tuple[AxisSampling, AxisSampling, AxisSampling]
    kept: Ranges
    seen: Ranges
    shown: Sides = "both"

    @classmethod
    def of(
        cls, grid: Grid, *, resample: bool, crop: Crop | None = None, sides: Sides = "both"
    ) -> NetworkFrame:
        """The frame of a raw grid.

        Args:
            grid: The raw grid, in any orientation.
            resample: Whether axes are brought to 0.5 mm; else they keep their own spacing.
            crop: The part that networks look at; None: all of it.
            sides: Which sides the scan shows.

        Raises:
            InputError: Nothing of the grid lies in the crop, or nothing of a side that is shown.
        """
        reordering = Reordering.between(grid, NETWORK)
        ordered = reordering.grid(grid)
        forth, back = [], []
        single = _single_precision_spacing_mm(ordered)
        for size, spacing, at in zip(ordered.shape, ordered.spacing_mm, single, strict=True):
            one = AxisSampling.identity(size)
            forth.append(to_network(size, spacing, at) if resample else one)
            back.append(from_network(size, spacing, at) if resample else one)
        whole = tuple((0, n) for n in ordered.shape)
        kept = (whole[0], whole[1], whole[2]) if crop is None else crop.voxels(ordered)
        back = [one.only(*part) for one, part in zip(back, kept, strict=True)]
        seen = [(0, one.size) if crop is None else one.needed() for one in back]
        frame = cls(
            grid,
            reordering,
            ordered.shape,
            (forth[0], forth[1], forth[2]),
            (back[0], back[1], back[2]),
            kept,
            (seen[0], seen[1], seen[2]),
            sides,
        )
        _check_sides(frame, crop)
        return frame

    @property
    def shape(self) -> tuple[int, int, int]:
        """Size of the whole neck in the network frame, (s, p, l)."""
        return len(self.forth[0]), len(self.forth[1]), len(self.forth[2])

    @property
    def sides(self) -> tuple[Side, Side]:
        """The left and the right side, as far as networks look at them."""
        left, right = (one.within(*self.seen[2]) for one in sides_of(self.shape[2], self.shown))
        return left, right

    @property
    def seen_sides(self) -> tuple[Side, ...]:
        """Those that networks look at."""
        return tuple(one for one in self.sides if one.width)

    def side_shape(self, side: Side) -> tuple[int, int, int]:
        """Size of what networks see of one side, (s, p, l)."""
        (s_start, s_stop), (p_start, p_stop), _ = self.seen
        return s_stop - s_start, p_stop - p_start, side.width

    def side_to_raw(self, side: Side) -> tuple[AxisSampling, AxisSampling, AxisSampling]:
        """Sampling of one side, as the network saw it, at the raw positions (S, P, L).

        The mirror is undone, and what the side or the crop does not reach is zero.
        """
        s, p, columns = self.back
        return (
            s.within(*self.seen[0], mirrored=False),
            p.within(*self.seen[1], mirrored=False),
            columns.within(side.start, side.stop, mirrored=side.mirrored),
        )


def _check_sides(frame: NetworkFrame, crop: Crop | None) -> None:
    for side in frame.sides if crop is not None else ():
        if side.width < 1 and side.name in shown_sides(frame.shown):
            raise InputError(
                f"the crop leaves nothing of the {side.name} side",
                expected="something of its two thirds of the width",
                found=str(crop),
                remedy="let the box reach beyond the middle of the neck, leave R out, "
                "or give --sides",
            )


def _single_precision_spacing_mm(grid: Grid) -> list[float]:
    """The spacing of a grid whose affine was rounded to float32, as the known tool's is.

    Positions that are computed from it agree with that tool's to the last digit that matters: at
    the far end of a scan the exact spacing lies 1e-5 voxels beside.
    """
    rounded = grid.affine[:3, :3].astype(np.float32).astype(np.float64)
    return [float(length) for length in np.linalg.norm(rounded, axis=0)]
