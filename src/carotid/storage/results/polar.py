"""One participant's polar images on disk: files only where somebody asks for them.

A slice is two `.npy` files, images and centers. The images are complete, with the rows that repeat
(`carotid.geometry.polar`), as the known tool writes and reads them; inside the package there is one
row an angle. Images are read a block at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from carotid.artifacts import PolarBlock
from carotid.errors import InputError, OutputError
from carotid.geometry.polar import (
    Rays,
    Sampling,
    repeated_rows,
    slices_per_block,
    with_repeated_rows,
    without_repeated_rows,
)
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.storage.regular_file import open_regular
from carotid.storage.results.atomic import cannot_write, write_json
from carotid.storage.results.grids import grids_as_json, read_grids
from carotid.storage.results.layout import PolarLayout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Label, PolarImages
    from carotid.geometry.grid import Grid

_RAYS = ("n_angles", "polar_ray", "cartesian_ray", "length")


def save_polar(images: PolarImages, folder: Path) -> None:
    """Write one participant's polar images, reading each file back.

    Raises:
        OutputError: A file cannot be written, or does not read back as written.
    """
    layout = PolarLayout(folder)
    for side in SIDE_NAMES:
        try:
            layout.side(side).mkdir(parents=True)
        except OSError as error:
            raise cannot_write(layout.side(side), error) from error
        centers = 1
        for block in images.blocks(side):
            centers = block.centers.shape[1]
            complete = with_repeated_rows(block.images)[:, :, None]
            for label, center, image in zip(block.labels, block.centers, complete, strict=True):
                z = int(center[0, 2])
                _save(layout.image(side, label, z), image)
                _save(layout.center(side, label, z), center)
        rays = images.rays
        write_json(
            layout.parameters(side),
            {
                **{name: getattr(rays, name) for name in _RAYS},
                **grids_as_json(images.canonical, images.stored),
                "sampling": images.sampling,
                "multiple_centers": centers > 1,
            },
        )


def load_polar(folder: Path) -> StoredPolarImages:
    """Look at one participant's polar images; they are read as they are asked for.

    Raises:
        InputError: The folder of a side is missing, or what describes its images is, or both sides
            were drawn differently.
    """
    left, right = (_described(folder, side) for side in SIDE_NAMES)
    same_way = (left.rays, left.sampling) == (right.rays, right.sampling)
    if not same_way or not left.canonical.agrees_with(right.canonical):
        raise InputError("the polar images of both sides were drawn differently", where=folder)
    return left


@dataclass(frozen=True)
class StoredPolarImages:
    """Polar images in files; see `carotid.artifacts.PolarImages`.

    Attributes:
        folder: The participant's `polar_transform`.
        canonical: The scan's grid in canonical order.
        stored: The scan's stored grid; None where it is unknown.
        rays: How the rays are drawn.
        sampling: How values are taken between voxels; None where it is unknown.
    """

    folder: Path
    canonical: Grid
    stored: Grid | None
    rays: Rays
    sampling: Sampling | None

    def blocks(self, side: SideName) -> Iterator[PolarBlock]:
        """The images of one side, a block at a time.

        Raises:
            InputError: A file is missing or is no polar image.
        """
        layout = PolarLayout(self.folder)
        slices = layout.slices(side)
        if not slices:
            return
        first = self._centers(layout, side, *slices[0])
        count = slices_per_block(len(first))
        for start in range(0, len(slices), count):
            part = slices[start : start + count]
            centers = [self._centers(layout, side, *one) for one in part]
            images = [self._images(layout, side, *one, len(first)) for one in part]
            if any(len(one) != len(first) for one in centers):
                raise InputError(
                    "the slices have different numbers of centers", where=layout.side(side)
                )
            labels = tuple(label for label, _ in part)
            yield PolarBlock(labels, np.stack(centers), np.stack(images))

    def _centers(
        self, layout: PolarLayout, side: SideName, label: Label, z: int
    ) -> NDArray[np.float64]:
        path = layout.center(side, label, z)
        centers = _load(path)
        if centers.ndim != 2 or centers.shape[1] != 3 or not np.isfinite(centers).all():
            raise InputError("these are no centers", where=path, found=centers.shape)
        return centers.astype(np.float64)

    def _images(
        self, layout: PolarLayout, side: SideName, label: Label, z: int, centers: int
    ) -> NDArray[np.float32]:
        path = layout.image(side, label, z)
        images = _load(path)
        rays = self.rays
        expected = (centers, 1, rays.length, 2 * rays.n_angles - 1, rays.polar_ray)
        if images.shape != expected or images.dtype.kind != "f":
            raise InputError(
                "these are not the polar images that the folder's parameters describe",
                where=path,
                found=f"{images.dtype} {images.shape}",
                expected=f"float32 {expected}",
            )
        unique = without_repeated_rows(images[:, 0].astype(np.float32, copy=False))
        if not np.array_equal(unique[..., repeated_rows(rays.n_angles), :], images[:, 0]):
            raise InputError("the rows of a polar image do not repeat as they should", where=path)
        return unique


def _described(folder: Path, side: SideName) -> StoredPolarImages:
    """What a side's `parameters.json` says of its images."""
    path = PolarLayout(folder).parameters(side)
    grids, values = read_grids(path)
    try:
        rays = Rays(**{name: values[name] for name in _RAYS})
        usable = min(rays.n_angles, rays.polar_ray) >= 2 and rays.length % 2 == 1
        sampling = values.get("sampling")
    except (KeyError, TypeError) as error:
        raise InputError(
            "this does not tell how the polar images were drawn",
            where=path,
            found=f"{type(error).__name__}: {error}"[:200],
            expected=", ".join(_RAYS),
        ) from error
    if not usable or sampling not in (None, *get_args(Sampling)):
        raise InputError(
            "polar images cannot have been drawn in this way",
            where=path,
            found=f"{rays}, sampling {sampling}",
        )
    return StoredPolarImages(folder, grids.canonical, grids.stored, rays, sampling)


def _save(path: Path, array: NDArray[np.generic]) -> None:
    """Write an array and read it back; not forced onto the disk, as there may be thousands."""
    try:
        with path.open("wb") as file:
            np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        same = np.array_equal(np.load(path, allow_pickle=False), array)
    except OSError as error:
        raise cannot_write(path, error) from error
    except (ValueError, EOFError) as error:
        raise OutputError("the file does not read back", where=path, found=error) from error
    if not same:
        raise OutputError("the file does not read back as it was written", where=path)


def _load(path: Path) -> NDArray[np.generic]:
    with open_regular(path) as file:
        try:
            array = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError, MemoryError) as error:
            raise InputError(f"the array cannot be read: {error}", where=path) from error
    return np.asarray(array)
