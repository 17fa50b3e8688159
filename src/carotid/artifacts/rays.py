"""Lumen and wall along rays in planes across an artery, from which axial outlines are cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.artifacts.noun import require_array, short

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from carotid.geometry.planes import Planes

RADIUS_NAMES = (
    "lumen_mm",
    "outer_mm",
    "lumen_half_mm",
    "outer_half_mm",
    "lumen_sigma_mm",
    "outer_sigma_mm",
    "lumen_wide_mm",
    "outer_wide_mm",
)
"""The arrays of `RayRadii` that have a value for each ray."""


@dataclass(frozen=True, eq=False)
class RayRadii:
    """Lumen and wall of one artery along rays in planes across it; (n, rays) where not said else.

    Attributes:
        planes: The n planes, from low to high.
        lumen_mm: Radius of the lumen from the plane's center.
        outer_mm: Radius of the wall's outer boundary.
        lumen_half_mm: Half width of the interval that holds the lumen's true radius in 50 %.
        outer_half_mm: The same of the outer boundary.
        lumen_sigma_mm: Half width of the interval that holds it in 68 %.
        outer_sigma_mm: The same of the outer boundary.
        lumen_wide_mm: Half width of the interval that holds it in 95 %.
        outer_wide_mm: The same of the outer boundary.
        from_divider_mm: (n,) how far along the artery the plane lies above the flow divider; NaN
            where there is none.
    """

    __repr__ = short

    planes: Planes
    lumen_mm: NDArray[np.float64]
    outer_mm: NDArray[np.float64]
    lumen_half_mm: NDArray[np.float64]
    outer_half_mm: NDArray[np.float64]
    lumen_sigma_mm: NDArray[np.float64]
    outer_sigma_mm: NDArray[np.float64]
    lumen_wide_mm: NDArray[np.float64]
    outer_wide_mm: NDArray[np.float64]
    from_divider_mm: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = len(self.planes)
        require_array("lumen_mm", self.lumen_mm, (n, None))
        rays = self.lumen_mm.shape[1]
        for name in RADIUS_NAMES:
            require_array(name, getattr(self, name), (n, rays))
        require_array("from_divider_mm", self.from_divider_mm, (n,))
