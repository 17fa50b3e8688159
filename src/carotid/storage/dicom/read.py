"""A folder of DICOM files to a volume: classic or enhanced, compressed or plain, or a clear no.

The folder must hold one series of parallel, evenly spaced, single-channel slices. Everything else
(a second series, a gap, a duplicate, a tilt, a second echo, color) is refused by name, because
readers that guess build wrong volumes in silence.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.counted import counted
from carotid.errors import InputError, ResourceError
from carotid.geometry.volume import Volume
from carotid.own_pages import zeros_apart
from carotid.storage.checksums import sha256_of_file, sha256_of_list
from carotid.storage.dicom.absent import no_image
from carotid.storage.dicom.files import account_for_others, is_dicom_file
from carotid.storage.dicom.header import Header, slices_of
from carotid.storage.dicom.kind import check_pixel_kind
from carotid.storage.dicom.open import foreign_errors, open_file
from carotid.storage.dicom.pixels import opened_pixels, stored_values
from carotid.storage.dicom.series import check_one_series, scan_files
from carotid.storage.dicom.stack import stack
from carotid.storage.dicom.syntaxes import remedy_for
from carotid.storage.dicom.values import (
    check_rescaling,
    level_padding,
    padding_of,
    rescaled,
    value_dtype,
)
from carotid.storage.opened import OpenedScan, ScanContent

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.storage.dicom.slice import Slice

logger = logging.getLogger(__name__)

_UID_TAIL = 8
_LISTED = 8


@dataclass(frozen=True)
class _Series:
    """Files that make up one volume.

    Attributes:
        headers: The files.
        beside: DICOM files that are no images.
        slices: The planes of each file, in stored order.
        padding: For each file, which stored values stand for padding; see `padding_of`.
        index: Where each of them goes along the third axis.
        grid: (columns, rows, slices) in R-A-S mm.
        dtype: Of the real values.
    """

    headers: tuple[Header, ...]
    beside: tuple[Path, ...]
    slices: tuple[tuple[Slice, ...], ...]
    padding: tuple[tuple[int, int] | None, ...]
    index: tuple[tuple[int, ...], ...]
    grid: Grid
    dtype: np.dtype[Any]


def open_dicom(path: Path, series: str | None = None) -> OpenedScan:
    """Read and check the headers of the one series in a folder tree, or of one file.

    Of several series, `series` says which one is meant; see `scan_files`.

    The modality's rescale slope and intercept will be applied, slice by slice if they vary; nothing
    else (windows, real-world maps, vendors' private scales) is. A missing FrameOfReferenceUID
    does not matter. The voxels will be (columns, rows, slices). Whole numbers stay whole: the
    stored type if nothing is rescaled, else one that holds every value; otherwise float32, or
    float64 if the stored values have more than 16 bits.

    Raises:
        InputError: The folder does not hold exactly one readable, regular series. Reading raises
            the same where pixels are all there and yet do not decode.
    """
    found = _survey(path, series)
    return OpenedScan(found.grid, found.dtype, partial(_read, path, found))


def series_places(
    path: Path, series: str | None = None
) -> tuple[Grid, dict[Path, tuple[int, ...]]]:
    """The grid of the one series in a folder tree, and where each file's slices lie in it.

    Returns:
        The grid, and the places along its third axis of each file's frames, in their order.

    Raises:
        InputError: As `open_dicom`.
    """
    found = _survey(path, series)
    places = zip(found.headers, found.index, strict=True)
    return found.grid, {header.path: index for header, index in places}


def slice_files(path: Path) -> tuple[Grid, list[Path]]:
    """The grid of the one series in a folder tree, and the file of each slice along its third axis.

    Raises:
        InputError: As `open_dicom`, or a file holds several slices.
    """
    grid, places = series_places(path)
    files = {index[0]: file for file, index in places.items()}
    if len(files) < grid.shape[2]:
        raise InputError("a file holds several slices", where=path, expected="one slice a file")
    return grid, [files[place] for place in range(grid.shape[2])]


def hash_dicom(path: Path, series: str | None = None) -> str:
    """The checksum of the DICOM files in a folder tree, of one series there, or of one file.

    Raises:
        InputError: A file cannot be read.
    """
    if path.is_file():
        return sha256_of_file(path)
    files = [file for file in scan_files(path, series) if is_dicom_file(file)]
    return sha256_of_list(path, {file: sha256_of_file(file) for file in files})


def _read(path: Path, series: _Series) -> ScanContent:
    columns, rows, slices = series.grid.shape
    voxels = _room((slices, rows, columns), series.dtype, path)
    padded: NDArray[np.bool_] | None = None
    digests = {}
    overfull: list[str] = []
    for header, planes, places, padding in zip(
        series.headers, series.slices, series.index, series.padding, strict=True
    ):
        remedy = remedy_for(header.transfer_syntax)
        with (
            foreign_errors("the pixels cannot be decoded", header.path, remedy),
            opened_pixels(header) as file,
        ):
            frames = stored_values(header, file, overfull)
            for plane, place, stored in zip(planes, places, frames, strict=True):
                voxels[place] = rescaled(stored, plane.rescale, series.dtype)
                if padding is not None:
                    outside = (stored >= padding[0]) & (stored <= padding[1])
                    if padded is None and outside.any():
                        padded = np.zeros(voxels.shape, np.bool_)
                    if padded is not None:
                        padded[place] = outside
            digests[header.path] = file.finish()
    if overfull:
        logger.warning(
            "%s: bits above BitsStored in %s, such as %s: they are taken for an old overlay and "
            "left out. If values are higher than the header says, they are wrong here",
            path,
            counted(len(overfull), "image"),
            overfull[0],
        )
    padded = level_padding(path, voxels, padded)
    digests |= {file: sha256_of_file(file) for file in series.beside}
    return ScanContent(
        Volume(voxels.transpose(2, 1, 0), series.grid),
        sha256_of_list(path, digests) if path.is_dir() else digests[path],
        None if padded is None else padded.transpose(2, 1, 0),
    )


def _room(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> NDArray[Any]:
    try:
        return zeros_apart(shape, dtype)
    except MemoryError as error:
        raise ResourceError(
            "there is not enough memory for the scan",
            where=path,
            found=f"{np.prod(shape, dtype=float) * dtype.itemsize / 1e6:.0f} MB needed",
        ) from error


def _survey(path: Path, series: str | None) -> _Series:
    headers, beside = _headers(path, series)
    with foreign_errors("the DICOM headers cannot be understood", path):
        if len({h.text("SeriesInstanceUID") or ("", h.text("SeriesNumber")) for h in headers}) > 1:
            check_one_series(path, [header.path for header in headers])
        for header in headers:
            check_pixel_kind(header)
        _check_alike(path, headers)
        slices = tuple(tuple(slices_of(header)) for header in headers)
        padding = tuple(padding_of(header) for header in headers)
        everything = [plane for planes in slices for plane in planes]
        stacked = stack(path, everything, headers[0].shape)
        check_rescaling(path, everything)
        dtype = value_dtype(headers[0].stored_dtype, everything)
    places = iter(stacked.index)
    index = tuple(tuple(next(places) for _ in planes) for planes in slices)
    return _Series(tuple(headers), tuple(beside), slices, padding, index, stacked.grid, dtype)


def _headers(path: Path, series: str | None) -> tuple[list[Header], list[Path]]:
    """The headers of all images, and the DICOM files that are none."""
    folder, files = path.parent, [path]
    if path.is_dir():
        folder, files = path, scan_files(path, series)
    headers = []
    beside = []
    others = []
    for file in files:
        try:
            opened = open_file(folder, file)
        except InputError:
            if series is None:  # one that is not meant may hold what cannot be read
                check_one_series(folder, files)
            raise
        if opened.header is not None:
            headers.append(opened.header)
            continue
        if opened.dicom:
            beside.append(file)
        if opened.marked:
            logger.info("%s: %s is DICOM but no image, left alone", path, file.name)
        else:
            others.append(file)
    if not headers:
        raise no_image(path, files, len(beside))
    account_for_others(folder, [h.path for h in headers], others)
    return headers, beside


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
        found="; ".join(
            f"{v[-_UID_TAIL:]}: {counted(len(n), 'file')} such as {n[0]}" for v, n in listed
        ),
        expected="one",
        remedy="keep the slices of one series; localizers do not belong in the folder",
    )
