"""What is exported as a structure of its own: names, colors and codes, the same in every format.

Each side has an internal and an external artery, each of these a lumen and a wall; the internal one
holds the common carotid below it, so its code is that of the carotid as a whole. The wall here is
without the lumen. SNOMED CT has no code that DICOM lists for a vessel's wall: it has one of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import BOUNDARIES, LABELS, SEGMENTATION_COMPONENTS
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, Label
    from carotid.geometry.sides import SideName


@dataclass(frozen=True)
class Code:
    """A coded word.

    Attributes:
        value: The code.
        meaning: What it means.
        scheme: Whose code it is, as DICOM abbreviates it.
    """

    value: str
    meaning: str
    scheme: str = "SCT"


TISSUE = Code("85756007", "Tissue")
LUMEN = Code("91747007", "Lumen of blood vessel")
WALL = Code("vessel-wall", "Vessel wall", "99CAROTID")
ARTERIES: Mapping[Label, Code] = {
    "internal": Code("69105007", "Carotid Artery"),
    "external": Code("22286001", "External carotid artery"),
}
SIDES: Mapping[SideName, Code] = {
    "left": Code("7771000", "Left"),
    "right": Code("24028007", "Right"),
}

COLORS: Mapping[tuple[Label, Boundary], tuple[float, float, float]] = {
    ("internal", "lumen"): (0.90, 0.25, 0.25),
    ("internal", "wall"): (0.95, 0.75, 0.20),
    ("external", "lumen"): (0.70, 0.30, 0.75),
    ("external", "wall"): (0.45, 0.75, 0.45),
}


@dataclass(frozen=True)
class Structure:
    """One lumen or wall.

    Attributes:
        side: The patient's side.
        label: Which artery.
        boundary: Lumen, or wall without lumen.
    """

    side: SideName
    label: Label
    boundary: Boundary

    @property
    def key(self) -> str:
        """Its name in files, such as `left_internal_lumen`."""
        return f"{self.side}_{self.label}_{self.boundary}"

    @property
    def name(self) -> str:
        """Its name for people."""
        artery = "common and internal" if self.label == "internal" else "external"
        return f"{self.side} {artery} carotid {self.boundary}"

    @property
    def color(self) -> tuple[float, float, float]:
        """Red, green and blue, 0 to 1; the same on both sides."""
        return COLORS[self.label, self.boundary]

    @property
    def kind(self) -> Code:
        """Lumen or wall."""
        return LUMEN if self.boundary == "lumen" else WALL

    def of(self, masks: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Where it is, in (4, …) masks of its side as a segmentation has them."""
        lumen = masks[SEGMENTATION_COMPONENTS.index(f"{self.label} lumen")] != 0
        if self.boundary == "lumen":
            return np.asarray(lumen, np.bool_)
        within = masks[SEGMENTATION_COMPONENTS.index(f"{self.label} wall")] != 0
        return np.asarray(within & ~lumen, np.bool_)


STRUCTURES: tuple[Structure, ...] = tuple(
    Structure(side, label, boundary)
    for side in SIDE_NAMES
    for label in LABELS
    for boundary in BOUNDARIES
)
"""All of them."""
