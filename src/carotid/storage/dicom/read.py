"""A folder of DICOM files to a volume: classic or enhanced, compressed or plain, or a clear no.

The folder must hold one series of parallel, evenly spaced, single-channel slices. Everything else
(a second series, a gap, a duplicate, a tilt, a second echo, colour) is refused by name, because
readers that guess build wrong volumes in silence.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.errors import InputError, ResourceError
from carotid.geometry.volume import Volume
from carotid.storage.dicom.files import (
    account_for_others,
    find_files,
    has_mark,
    looks_like_dicom_folder,
)
from carotid.storage.dicom.header import Header, check_pixel_kind, slices_of
from carotid.storage.dicom.open import foreign_errors, open_image
from carotid.storage.dicom.stack import stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.storage.dicom.slice import Slice

__all__ = ["looks_like_dicom_folder", "read_dicom", "read_dicom_header"]

logger = logging.getLogger(__name__)

_UID_TAIL = 8
_LISTED = 8
_EXACT_IN_FLOAT32_BITS = 16

_SAFE_DECODER = {"1.2.840.10008.1.2.5": "pydicom"}
"""RLE: pylibjpeg's decoder panics on a broken stream, which is no `Exception` and writes to
standard error; pydicom's own is slower (4 to 10 ms instead of 1 ms for 720x100) and raises."""


@dataclass(frozen=True)
class _Series:
    """Files that make up one volume.

    Attributes:
        headers: The files.
        slices: The planes of each file, in stored order.
        index: Where each of them goes along the third axis.
        grid: (columns, rows, slices) in R-A-S mm.
        dtype: Of the real values.
    """

    headers: tuple[Header, ...]
    slices: tuple[tuple[Slice, ...], ...]
    index: tuple[tuple[int, ...], ...]
    grid: Grid
    dtype: np.dtype[Any]


def read_dicom(folder: Path) -> Volume:
    """Read the one series in a folder tree.

    The modality's rescale slope and intercept are applied, slice by slice if they vary; nothing
    else (windows, real-world maps, vendors' private scales) is. A missing FrameOfReferenceUID
    does not matter.

    Returns:
        (columns, rows, slices) on a grid in R-A-S mm. Whole numbers stay whole: the stored type
        if nothing is rescaled, else one that holds every value; otherwise float32, or float64
        if the stored values have more than 16 bits.

    Raises:
        InputError: If the folder does not hold exactly one readable, regular series.
    """
    series = _survey(folder)
    columns, rows, slices = series.grid.shape
    voxels: NDArray[Any] | None = None
    for header, planes, places in zip(series.headers, series.slices, series.index, strict=True):
        with foreign_errors("the pixels cannot be decoded", header.path):
            for plane, place, pixels in zip(planes, places, _decoded(header), strict=True):
                if pixels.shape != (rows, columns):
                    raise InputError(
                        "the decoded image has another size than the header says",
                        where=header.path,
                        found=pixels.shape,
                        expected=(rows, columns),
                    )
                if voxels is None:
                    voxels = _room((slices, rows, columns), series.dtype, folder)
                voxels[place] = _rescaled(pixels, plane, series.dtype)
    if voxels is None:
        raise InputError("no image was decoded", where=folder)
    return Volume(voxels.transpose(2, 1, 0), series.grid)


def read_dicom_header(folder: Path) -> tuple[Grid, np.dtype[Any]]:
    """The grid and the type that `read_dicom` will give, without decoding a pixel.

    Raises:
        InputError: As `read_dicom`, but for pixels that are all there and yet do not decode.
    """
    series = _survey(folder)
    return series.grid, series.dtype


def _room(shape: tuple[int, ...], dtype: np.dtype[Any], folder: Path) -> NDArray[Any]:
    try:
        return np.empty(shape, dtype)
    except MemoryError as error:
        raise ResourceError(
            "there is not enough memory for the scan",
            where=folder,
            found=f"{np.prod(shape, dtype=float) * dtype.itemsize / 1e6:.0f} MB needed",
        ) from error


def _survey(folder: Path) -> _Series:
    found = _headers(folder)
    with foreign_errors("the DICOM headers cannot be understood", folder):
        headers = _one_series(folder, found)
        for header in headers:
            check_pixel_kind(header)
        _check_alike(folder, headers)
        slices = tuple(tuple(slices_of(header)) for header in headers)
        everything = [plane for planes in slices for plane in planes]
        stacked = stack(folder, everything, headers[0].shape)
        dtype = _value_dtype(headers, everything)
    places = iter(stacked.index)
    index = tuple(tuple(next(places) for _ in planes) for planes in slices)
    return _Series(tuple(headers), slices, index, stacked.grid, dtype)


def _headers(folder: Path) -> list[Header]:
    found = find_files(folder)
    headers = []
    others = list(found.others)
    for path in found.dicom:
        header = open_image(folder, path)
        if header is not None:
            headers.append(header)
        elif has_mark(path):
            logger.info("%s: %s is DICOM but no image, left alone", folder, path.name)
        else:
            others.append(path)
    if not headers:
        raise InputError(
            "there is no DICOM image in this folder",
            where=folder,
            found=f"{len(found.dicom)} DICOM and {len(others)} other files",
            remedy="give a folder with the slices of one series",
        )
    account_for_others(folder, [h.path for h in headers], others)
    return headers


def _one_series(folder: Path, headers: list[Header]) -> list[Header]:
    groups: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        uid = header.text("SeriesInstanceUID")
        groups[uid or f"without UID, number {header.text('SeriesNumber')}"].append(header)
    if len(groups) == 1:
        return headers
    listed = sorted(groups.items(), key=lambda item: len(item[1]), reverse=True)
    found = "; ".join(_described(uid, members) for uid, members in listed[:_LISTED])
    if len(listed) > _LISTED:
        found += f"; and {len(listed) - _LISTED} more"
    raise InputError(
        f"there are {len(groups)} series in this folder",
        where=folder,
        found=found,
        expected="one",
        remedy="keep the files of the black-blood series and move the others away",
    )


def _described(uid: str, members: list[Header]) -> str:
    first = members[0]
    rows, columns = first.shape
    number = first.text("SeriesNumber") or "none"
    images = sum(header.frames for header in members)
    kind = " localizer" if "LOCALIZER" in first.text("ImageType").upper() else ""
    return (
        f"series {number} (UID ends in {uid[-_UID_TAIL:]}): {first.text('Modality')}{kind}, "
        f"{len(members)} file{'s' if len(members) > 1 else ''}, {images} "
        f"image{'s' if images > 1 else ''} of {columns}x{rows}, such as {first.name}"
    )


def _check_alike(folder: Path, headers: list[Header]) -> None:
    """Refuse files of one series that cannot be one volume: sizes, types, frames of reference."""
    _check_same(folder, headers, "matrix sizes", [f"{h.shape[1]}x{h.shape[0]}" for h in headers])
    _check_same(folder, headers, "pixel types", [str(h.stored_dtype) for h in headers])
    _check_same(
        folder,
        headers,
        "frames of reference",
        [h.text("FrameOfReferenceUID") for h in headers],
    )


def _check_same(folder: Path, headers: list[Header], what: str, values: list[str]) -> None:
    files: dict[str, list[str]] = defaultdict(list)
    for header, value in zip(headers, values, strict=True):
        if value:
            files[value].append(header.name)
    if len(files) <= 1:
        return
    listed = sorted(files.items(), key=lambda item: len(item[1]), reverse=True)[:_LISTED]
    raise InputError(
        f"the slices have {len(files)} {what}",
        where=folder,
        found="; ".join(f"{v[-_UID_TAIL:]}: {len(n)} files such as {n[0]}" for v, n in listed),
        expected="one",
        remedy="keep the slices of one series; localizers do not belong in the folder",
    )


def _value_dtype(headers: list[Header], slices: list[Slice]) -> np.dtype[Any]:
    stored = headers[0].stored_dtype
    if all(plane.slope == 1 and plane.intercept == 0 for plane in slices):
        return stored
    if not all(plane.slope.is_integer() and plane.intercept.is_integer() for plane in slices):
        few_bits = stored.itemsize * 8 <= _EXACT_IN_FLOAT32_BITS
        return np.dtype(np.float32 if few_bits else np.float64)
    limits = np.iinfo(stored)
    ends = [
        int(plane.slope) * end + int(plane.intercept)
        for plane in slices
        for end in (int(limits.min), int(limits.max))
    ]
    for dtype in (stored, np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64)):
        if np.iinfo(dtype).min <= min(ends) and max(ends) <= np.iinfo(dtype).max:
            return dtype
    return np.dtype(np.float64)


def _decoded(header: Header) -> Iterator[NDArray[Any]]:
    """The stored values of each frame, one at a time, (rows, columns)."""
    from pydicom.pixels.utils import iter_pixels

    return iter_pixels(
        header.path,
        raw=True,
        indices=range(header.frames),
        transfer_syntax_uid=header.transfer_syntax,
        decoding_plugin=_SAFE_DECODER.get(header.transfer_syntax, ""),
    )


def _rescaled(pixels: NDArray[Any], plane: Slice, dtype: np.dtype[Any]) -> NDArray[Any]:
    if plane.slope == 1 and plane.intercept == 0:
        return pixels
    if dtype.kind in "iu":
        return pixels.astype(np.int64) * int(plane.slope) + int(plane.intercept)
    return pixels * np.float64(plane.slope) + np.float64(plane.intercept)
