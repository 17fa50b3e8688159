"""Where the voxels of a stored volume lie in the patient.

One convention inside the package: world coordinates are R-A-S millimetres (x grows to the
patient's right, y to anterior, z to superior), as in nibabel. Files that use L-P-S (DICOM,
MetaImage) are converted by their readers and writers and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import InputError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHEAR_TOLERANCE = 1e-3
"""Largest |cosine| between two voxel axes that still counts as a right angle."""

MIN_SPACING_MM = 1e-3
MAX_SPACING_MM = 1e3
"""Voxel sizes outside of these are refused: no MRI has them, broken headers do."""

MAX_SIZE = 65_535
"""Most voxels along one axis: what DICOM can state, and more than any scanner makes."""

CANONICAL = "RAS"
"""The order in which every voxel index is reported: index 0 grows to Right, 1 to A, 2 to S."""

NETWORK = "SPL"
"""The order in which the network sees the neck: index 0 grows to S, 1 to P, 2 to L."""

_OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}
_PAIRS = {frozenset(pair) for pair in _OPPOSITE.items()}
_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Grid:
    """The voxel centers of a volume: its size and the way from indices to millimetres.

    Attributes:
        shape: Number of voxels along each index axis, (i, j, k).
        affine: (4, 4) float64, index (i, j, k, 1) to world (x, y, z, 1), R-A-S mm.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = _checked_shape(self.shape)
        try:
            affine = np.array(self.affine, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError("the affine is no matrix of numbers", expected="4 x 4") from error
        _check_affine(affine)
        affine.setflags(write=False)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    @classmethod
    def from_lps(cls, shape: tuple[int, int, int], affine_lps: NDArray[np.float64]) -> Grid:
        """Make a grid from an affine to L-P-S mm, as DICOM and MetaImage state it."""
        return cls(shape, _LPS_FROM_RAS @ np.asarray(affine_lps, dtype=np.float64))

    @property
    def affine_lps(self) -> NDArray[np.float64]:
        """(4, 4) float64, index to L-P-S mm."""
        return _LPS_FROM_RAS @ self.affine

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centers along each index axis, mm."""
        lengths = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def direction(self) -> NDArray[np.float64]:
        """(3, 3) float64; column a is the unit vector, in R-A-S, along which index a grows."""
        return np.asarray(self.affine[:3, :3] / np.array(self.spacing_mm), np.float64)

    @property
    def orientation(self) -> str:
        """The direction in which each index grows, one letter of R L A P S I per axis.

        The assignment of index axes to patient axes is the permutation with the largest product
        of |cosines|, so each patient axis is named exactly once, however oblique the grid is.
        """
        cosines = self.direction
        strength = np.abs(cosines)
        best = max(
            permutations(range(3)),
            key=lambda order: float(np.prod([strength[world, a] for a, world in enumerate(order)])),
        )
        return "".join(
            CANONICAL[world] if cosines[world, a] > 0 else _OPPOSITE[CANONICAL[world]]
            for a, world in enumerate(best)
        )

    def world_from_index(
        self, index: NDArray[np.floating] | NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Map (..., 3) indices, fractional allowed, to (..., 3) R-A-S mm."""
        return np.asarray(index, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def index_from_world(self, world_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map (..., 3) R-A-S mm to (..., 3) fractional indices."""
        offset = np.asarray(world_mm, dtype=np.float64) - self.affine[:3, 3]
        found = np.linalg.solve(self.affine[:3, :3], offset[..., None])[..., 0]
        return np.asarray(found, np.float64)

    def reoriented(self, orientation: str) -> Grid:
        """The same voxels, indexed in another order, e.g. `CANONICAL`; see `Reordering`."""
        return Reordering.between(self, orientation).grid(self)

    def agrees_with(self, other: Grid, tolerance_voxel: float = 1e-3) -> bool:
        """Whether both have the same shape and no voxel lies elsewhere by more than the tolerance.

        The tolerance is a fraction of the smallest voxel side; the eight corners are compared,
        which bounds every other voxel because both maps are affine.
        """
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1).T
        gap_mm = np.abs(self.world_from_index(corners) - other.world_from_index(corners)).max()
        return bool(gap_mm <= tolerance_voxel * min(self.spacing_mm))


@dataclass(frozen=True)
class Reordering:
    """A permutation and flips of index axes: how to walk the same voxels in another order.

    Attributes:
        axes: For each new axis, the old axis that it is.
        flips: For each new axis, whether it runs the other way.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    @classmethod
    def between(cls, grid: Grid, orientation: str) -> Reordering:
        """The reordering that takes `grid` to `orientation` (three of the letters RLAPSI).

        Raises:
            UsageError: `orientation` is none.
        """
        named = isinstance(orientation, str) and len(orientation) == len(CANONICAL)
        if not named or {frozenset({one, _OPPOSITE.get(one)}) for one in orientation} != _PAIRS:
            raise UsageError(
                "the orientation is not usable",
                found=orientation,
                expected="a letter of each pair R or L, A or P, S or I, such as RAS",
            )
        old = grid.orientation
        axes, flips = [], []
        for letter in orientation:
            same = letter in old
            axes.append(old.index(letter if same else _OPPOSITE[letter]))
            flips.append(not same)
        return cls((axes[0], axes[1], axes[2]), (flips[0], flips[1], flips[2]))

    @property
    def inverse(self) -> Reordering:
        """The reordering that undoes this one."""
        back = tuple(self.axes.index(a) for a in range(3))
        flips = tuple(self.flips[b] for b in back)
        return Reordering((back[0], back[1], back[2]), (flips[0], flips[1], flips[2]))

    def view(self, array: NDArray[np.generic], first_axis: int = 0) -> NDArray[np.generic]:
        """A view of `array` in the new order; nothing is copied.

        Args:
            array: Any array whose axes `first_axis`, +1 and +2 are the three index axes.
            first_axis: How many leading axes (such as channels) stay where they are.
        """
        leading = tuple(range(first_axis))
        order = leading + tuple(first_axis + a for a in self.axes)
        trailing = tuple(range(first_axis + 3, array.ndim))
        steps = (slice(None),) * first_axis + tuple(
            slice(None, None, -1) if flip else slice(None) for flip in self.flips
        )
        return array.transpose(order + trailing)[steps]

    def grid(self, grid: Grid) -> Grid:
        """The grid of the reordered voxels."""
        affine = np.eye(4)
        affine[:3, 3] = grid.affine[:3, 3]
        shape = []
        for new, (old, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            step = grid.affine[:3, old]
            if flip:
                affine[:3, 3] += step * (grid.shape[old] - 1)
            affine[:3, new] = -step if flip else step
            shape.append(grid.shape[old])
        return Grid((shape[0], shape[1], shape[2]), affine)


def _checked_shape(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    wrong = InputError(
        "the volume's size is not usable",
        found="x".join(str(n) for n in shape) if isinstance(shape, tuple | list) else str(shape),
        expected=f"three whole numbers from 1 to {MAX_SIZE}",
    )
    try:
        i, j, k = (int(n) for n in shape)
        whole = (i, j, k) == tuple(shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise wrong from error
    if not whole or any(not 1 <= n <= MAX_SIZE for n in (i, j, k)):
        raise wrong
    return i, j, k


def _check_affine(affine: NDArray[np.float64]) -> None:
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise InputError("the volume's position in space is not usable", found=affine.tolist())
    if not np.array_equal(affine[3], [0, 0, 0, 1]):
        raise InputError("the affine's last row is wrong", found=affine[3], expected="0 0 0 1")
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if (spacing < MIN_SPACING_MM).any() or (spacing > MAX_SPACING_MM).any():
        raise InputError(
            "the voxel spacing is not usable",
            found=" x ".join(f"{s:g}" for s in spacing) + " mm",
            expected=f"{MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm along each axis",
            remedy="correct the header",
        )
    direction = affine[:3, :3] / spacing
    cosines = np.abs(direction.T @ direction - np.eye(3))
    if cosines.max() > SHEAR_TOLERANCE:
        raise InputError(
            "the voxel axes are not at right angles (sheared or singular direction)",
            found=f"a cosine of {cosines.max():.4f} between two axes",
            expected=f"at most {SHEAR_TOLERANCE:g}",
            remedy="resample the volume to a rectangular grid",
        )
