"""One image plane as DICOM describes it, and how planes are compared and named in messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRAITS = (
    "StackID",
    "TemporalPositionIndex",
    "TemporalPositionIdentifier",
    "EffectiveEchoTime",
    "EchoTime",
    "EchoNumbers",
    "InversionTime",
    "FlipAngle",
    "DiffusionBValue",
    "TriggerTime",
    "FrameType",
    "ImageType",
    "AcquisitionNumber",
    "FrameAcquisitionNumber",
)
"""What may tell apart two images at one position, most telling first; used in messages."""

NAMED = 3
"""How many files a message names before it goes on with their number."""

LISTED = 6
"""How many groups a message lists."""


@dataclass(frozen=True)
class Rescale:
    """How stored values become real ones, as one image states it.

    Attributes:
        stated_slope: Times this; None where the image says nothing, which means 1.
        stated_intercept: Plus this; None where the image says nothing, which means 0.
    """

    stated_slope: float | None
    stated_intercept: float | None

    @property
    def slope(self) -> float:
        """What a stored value is multiplied with."""
        return 1.0 if self.stated_slope is None else self.stated_slope

    @property
    def intercept(self) -> float:
        """What is added then."""
        return 0.0 if self.stated_intercept is None else self.stated_intercept

    @property
    def changes(self) -> bool:
        """Whether real values differ from stored ones."""
        return (self.slope, self.intercept) != (1.0, 0.0)


@dataclass(frozen=True)
class Slice:
    """One image plane.

    Attributes:
        name: File name within the participant's folder, with the frame's number if it has many.
        position_lps_mm: (3,) center of the first voxel.
        orientation: (2, 3) unit vectors, L-P-S: along a row (column index grows), down a column.
        pixel_spacing_mm: Distance between rows, then between columns, as DICOM orders them.
        depth_mm: Distance to the next slice as the header states it, or None.
        rescale: From stored to real values.
        traits: Keyword and value of what may tell it apart from another image at its place.
        instance: What copies of one image have in common and no other image has; "" if unknown.
    """

    name: str
    position_lps_mm: NDArray[np.float64]
    orientation: NDArray[np.float64]
    pixel_spacing_mm: tuple[float, float]
    depth_mm: float | None
    rescale: Rescale
    traits: tuple[tuple[str, str], ...]
    instance: str = ""


def grouped(
    slices: list[Slice], values: Sequence[NDArray[np.float64]], tolerance: float
) -> list[list[Slice]]:
    """Planes with values alike, the largest group first.

    Args:
        slices: Planes.
        values: For each of them the numbers to compare, equally many.
        tolerance: Largest difference to the first one of a group.

    Returns:
        At most `LISTED` + 1 groups; the last one takes what is left.
    """
    table = np.array(values)
    left = np.arange(len(slices))
    groups: list[list[Slice]] = []
    while left.size:
        alike = np.abs(table[left] - table[left[0]]).max(axis=1) <= tolerance
        if len(groups) == LISTED:
            alike[:] = True
        groups.append([slices[i] for i in left[alike]])
        left = left[~alike]
    return sorted(groups, key=len, reverse=True)


def count_of(groups: list[list[Slice]]) -> str:
    """How many groups there are, in words."""
    return str(len(groups)) if len(groups) <= LISTED else f"more than {LISTED}"


def names_of(group: Sequence[Slice]) -> str:
    """The first few names of a group and the number of the others."""
    return listed([s.name for s in group], NAMED)


def view_of(plane: Slice) -> str:
    """The radiological name of a plane's direction."""
    normal = np.abs(np.cross(*plane.orientation))
    return ("sagittal", "coronal", "axial")[int(np.argmax(normal))]


def difference_of(group: Sequence[Slice]) -> str | None:
    """The first trait in which images at one position differ, with some of its values."""
    for keyword in TRAITS:
        values = {dict(s.traits).get(keyword, "none") for s in group}
        if len(values) > 1:
            return f"{keyword} ({', '.join(sorted(values)[:NAMED])})"
    return None


def are_copies(group: Sequence[Slice]) -> bool:
    """Whether several files hold one and the same image."""
    alike = len({one.instance for one in group}) == 1 and difference_of(group) is None
    return alike and group[0].instance != ""
