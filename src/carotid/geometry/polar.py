"""Polar images: rays drawn in axial slices through a center, and what a scan holds along them.

Everything is in voxels of the canonical grid, whatever the spacing. Angles count from +x (the
patient's right) towards +y (anterior). A ray is a whole diameter: the first half of its samples
lies opposite to its angle. Rows repeat with the angles, so only `n_angles` of them are computed;
networks and files want `2·n_angles − 1`, see `with_repeated_rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.geometry.grid import CANONICAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.intensity import IntensityRange
    from carotid.geometry.volume import Volume

Sampling = Literal["linear", "compatible"]
"""linear: trilinear, the border's value beyond the border. compatible: as the known tool, which
mixes up the weights of x and z and extrapolates beyond the border."""

MAX_CROP_BYTES = 64 << 20
"""Largest part of a scan that is cut out for several centers together."""

IMAGES_PER_BLOCK = 36
"""Images that are drawn, and that a network sees, at a time: few enough to stay in the cache."""

_SINGLE = np.float32


@dataclass(frozen=True)
class Rays:
    """How rays are drawn around a center; the names are those of `[polar_transform]`.

    Attributes:
        n_angles: Number of rays.
        polar_ray: Samples along a ray, both ends counted.
        cartesian_ray: Length of a ray, which is a diameter, in voxels.
        length: Number of axial slices, odd; the middle one holds the center.
    """

    n_angles: int = 31
    polar_ray: int = 127
    cartesian_ray: float = 100
    length: int = 7

    @cached_property
    def radii(self) -> NDArray[np.float32]:
        """(polar_ray,) distance of each sample from the center, negative in the first half.

        Counted from the nearer end, in single precision as PyTorch's `linspace` is.

        >>> Rays(polar_ray=5, cartesian_ray=8).radii.tolist()
        [-4.0, -2.0, 0.0, 2.0, 4.0]
        """
        step = float(_SINGLE(self.cartesian_ray) / _SINGLE(self.polar_ray - 1))
        i = np.arange(self.polar_ray)
        half = self.cartesian_ray / 2
        from_start = -half + step * i
        from_end = half - step * (self.polar_ray - 1 - i)
        return np.where(i < self.polar_ray // 2, from_start, from_end).astype(_SINGLE)

    @cached_property
    def angles(self) -> NDArray[np.float32]:
        """(n_angles,) direction of each ray, radians from +x towards +y; counted as `radii`."""
        turn = float(_SINGLE(2 * np.pi))
        step = float(_SINGLE(turn) / _SINGLE(self.n_angles))
        j = np.arange(self.n_angles)
        from_start, from_end = step * j, turn - step * (self.n_angles - j)
        return np.where(j < (self.n_angles + 1) // 2, from_start, from_end).astype(_SINGLE)

    @cached_property
    def offsets(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n_angles, polar_ray) each: x and y of every sample from the center, float32 numbers."""
        angles = self.angles.astype(np.float64)
        cosines, sines = np.cos(angles).astype(_SINGLE), np.sin(angles).astype(_SINGLE)
        x, y = (turned[:, None] * self.radii for turned in (cosines, sines))
        return x.astype(np.float64), y.astype(np.float64)

    @cached_property
    def heights(self) -> NDArray[np.int64]:
        """(length,) slices of an image, counted from the center's."""
        return np.arange(self.length) - self.length // 2


def repeated_rows(n_angles: int) -> NDArray[np.int64]:
    """(2·n_angles − 1,) the ray in each row of a complete image.

    >>> repeated_rows(3).tolist()
    [2, 0, 1, 2, 0]
    """
    return (np.arange(2 * n_angles - 1) + n_angles // 2 + 1) % n_angles


def with_repeated_rows(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """The complete images (…, 2·n_angles − 1, polar_ray) from one row an angle."""
    return images[..., repeated_rows(images.shape[-2]), :]


def without_repeated_rows(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """One row an angle, in the order of the angles, from complete images; a view."""
    n_angles = (images.shape[-2] + 1) // 2
    first = n_angles - n_angles // 2 - 1
    return images[..., first : first + n_angles, :]


def slices_per_block(centers: int) -> int:
    """How many slices of so many centers make a block."""
    return max(1, IMAGES_PER_BLOCK // centers)


@dataclass(frozen=True, eq=False)
class PolarSampler:
    """Draws polar images of a scan, of whatever order and type its voxels are.

    The parts of the scan that are needed are cut out, brought to 0 … 1 and sampled in double
    precision. An image does not depend on which others are asked for with it.

    Attributes:
        volume: The scan as stored.
        intensities: What becomes 0 and 1; None takes intensities as they are.
        rays: How rays are drawn.
        sampling: How values are taken between voxels.
    """

    volume: Volume
    intensities: IntensityRange | None
    rays: Rays
    sampling: Sampling = "linear"

    @cached_property
    def _canonical(self) -> Volume:
        return self.volume.reoriented(CANONICAL)

    def images(self, centers: NDArray[np.floating]) -> NDArray[np.float32]:
        """Draw one image per center.

        Args:
            centers: (k, 3) canonical voxel indices x, y, z, fractional, finite.

        Returns:
            (k, length, n_angles, polar_ray) float32.
        """
        centers = np.asarray(centers, np.float64).reshape(-1, 3)
        out = np.empty(
            (len(centers), self.rays.length, self.rays.n_angles, self.rays.polar_ray), _SINGLE
        )
        self._fill(centers, out)
        return out

    def _fill(self, centers: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Draw images from one cut-out; from two where it would be large."""
        if not len(centers):
            return
        neighbours = self._neighbours(centers)
        box = [slice(int(axis.lower.min()), int(axis.upper.max()) + 1) for axis in neighbours]
        size = np.prod([part.stop - part.start for part in box]) * np.dtype(np.float64).itemsize
        if size > MAX_CROP_BYTES and len(centers) > 1:
            half = len(centers) // 2
            self._fill(centers[:half], out[:half])
            self._fill(centers[half:], out[half:])
            return
        voxels = self._values(box)
        x, y, z = (axis.within(part.start) for axis, part in zip(neighbours, box, strict=True))
        draw = _linear if self.sampling == "linear" else _compatible
        for k, image in enumerate(out):
            draw(voxels, x.of_image(k), y.of_image(k), z.of_image(k), image)

    def _neighbours(self, centers: NDArray[np.float64]) -> tuple[_Neighbours, ...]:
        """The voxels on either side of every sample, along x, y (k, n, p) and z (k, length)."""
        x, y = self.rays.offsets
        positions = (
            x + centers[:, 0, None, None],
            y + centers[:, 1, None, None],
            self.rays.heights + centers[:, 2, None],
        )
        clamped = self.sampling == "linear"
        return tuple(
            _Neighbours.of(q, size, clamped=clamped)
            for q, size in zip(positions, self._canonical.array.shape, strict=True)
        )

    def _values(self, box: list[slice]) -> NDArray[np.float64]:
        """(z, x, y) float64: a part of the scan, float32 numbers."""
        part = self._canonical.array[tuple(box)].transpose(2, 0, 1)
        part = np.ascontiguousarray(part)
        if self.intensities is None:
            return part.astype(_SINGLE).astype(np.float64)
        return self.intensities.applied_to(part).astype(np.float64)


@dataclass(frozen=True, eq=False)
class _Neighbours:
    """The voxels on either side of positions along one axis, and the share of the upper one.

    Where a position lies beyond the border and was not clamped to it, both are the border's voxel
    and the share is outside of 0 … 1.
    """

    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, positions: NDArray[np.float64], size: int, *, clamped: bool) -> _Neighbours:
        q = np.clip(positions, 0, size - 1) if clamped else positions
        whole = q.astype(np.int64)  # cut towards zero
        lower = np.clip(whole, 0, size - 1)
        return cls(lower, np.clip(whole + 1, 0, size - 1), q - lower)

    def within(self, start: int) -> _Neighbours:
        """The same, counted from another voxel."""
        return _Neighbours(self.lower - start, self.upper - start, self.share)

    def of_image(self, k: int) -> _Neighbours:
        """Those of one image."""
        return _Neighbours(self.lower[k], self.upper[k], self.share[k])


def _linear(
    voxels: NDArray[np.float64],
    x: _Neighbours,
    y: _Neighbours,
    z: _Neighbours,
    out: NDArray[np.float32],
) -> None:
    """Fill an image (length, n, p) from voxels (z, x, y), trilinear."""
    between = bool(z.share.any())
    levels = slice(int(z.lower.min()), int((z.upper if between else z.lower).max()) + 1)
    part = voxels[levels]
    plane = _lerp(_along_y(part, x.lower, y), _along_y(part, x.upper, y), x.share)
    lower = plane[z.lower - levels.start]
    if between:
        lower = _lerp(lower, plane[z.upper - levels.start], z.share[:, None, None])
    out[:] = lower


def _compatible(
    voxels: NDArray[np.float64],
    x: _Neighbours,
    y: _Neighbours,
    z: _Neighbours,
    out: NDArray[np.float32],
) -> None:
    """Fill an image as the known tool does: along z with the share of x, along x with that of z."""
    start = int(z.lower.min())
    part = voxels[start : int(z.upper.max()) + 1]
    lower, upper = z.lower - start, z.upper - start

    def along_yz(x_index: NDArray[np.int64]) -> NDArray[np.float64]:
        plane = _along_y(part, x_index, y)
        return _lerp(plane[lower], plane[upper], x.share)

    values = along_yz(x.lower)
    if z.share.any():
        values = _lerp(values, along_yz(x.upper), z.share[:, None, None])
    out[:] = values


def _along_y(
    voxels: NDArray[np.float64], x_index: NDArray[np.int64], y: _Neighbours
) -> NDArray[np.float64]:
    """(z, n, p) values at whole x and between voxels in y, on every level of voxels (z, x, y)."""
    flat = voxels.reshape(len(voxels), -1)
    rows = x_index * voxels.shape[2]
    return _lerp(flat.take(rows + y.lower, 1), flat.take(rows + y.upper, 1), y.share)


def _lerp(
    a: NDArray[np.float64], b: NDArray[np.float64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A + (b − a)·share, in the memory of b."""
    b -= a
    b *= share
    b += a
    return b
