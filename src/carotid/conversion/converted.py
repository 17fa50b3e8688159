"""What a converter makes of one participant, beside the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carotid.artifacts import Contours
    from carotid.geometry.sides import SideName

SLICES_FILE = "slices.tsv"
SLICE_COLUMNS = ("side", "z", "from_bifurcation", "quality", "aha_status", "outlined")


@dataclass(frozen=True)
class JudgedSlice:
    """What a reader said of one slice.

    Attributes:
        side: The patient's side.
        z: Canonical slice, if images are counted from 0; None where the bifurcation is not known.
        from_bifurcation: Slices above the bifurcation's.
        quality: Of the image; 1 is too bad for outlines. None where it is not said.
        aha_status: 1 is normal, more is atherosclerotic. None where it is not said.
        outlined: Whether the slice at z has outlines.
    """

    side: SideName
    z: int | None
    from_bifurcation: int
    quality: float | None
    aha_status: float | None
    outlined: bool

    def row(self) -> str:
        """The row of the table; see `SLICE_COLUMNS`."""
        numbers = (self.z, self.from_bifurcation, self.quality, self.aha_status)
        cells = ["" if number is None else f"{number:g}" for number in numbers]
        return "\t".join((self.side, *cells, "yes" if self.outlined else "no"))


@dataclass(frozen=True)
class Converted:
    """One participant's contours, in the voxels of the image that was written.

    Attributes:
        contours: None where nothing is outlined.
        judged: What a reader said of slices.
    """

    contours: Contours | None
    judged: tuple[JudgedSlice, ...] = ()
