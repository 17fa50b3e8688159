"""From the stored values of slices to the real values of one volume: rescaling and padding.

Slope and intercept are applied slice by slice, because scanners vary them. A slice that states none
where the others do would be as much too dark or too bright, so such a series is refused. Padding is
what a scanner fills in where it measured nothing; the header says with which value.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.errors import InputError
from carotid.storage.dicom.slice import names_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.storage.dicom.header import Header
    from carotid.storage.dicom.slice import Rescale, Slice

logger = logging.getLogger(__name__)

_EXACT_IN_FLOAT32_BITS = 16


def check_rescaling(folder: Path, slices: list[Slice]) -> None:
    """Refuse a series in which some slices lack a slope or intercept that changes the others.

    Raises:
        InputError: Names the slices.
    """
    for keyword, stated, neutral in (
        ("RescaleSlope", [s.rescale.stated_slope for s in slices], 1.0),
        ("RescaleIntercept", [s.rescale.stated_intercept for s in slices], 0.0),
    ):
        without = [s for s, value in zip(slices, stated, strict=True) if value is None]
        changing = [value for value in stated if value not in (None, neutral)]
        if without and changing:
            raise InputError(
                f"some slices have no {keyword} where the others have one",
                where=folder,
                found=f"none in {names_of(without)}; {changing[0]:g} in others",
                expected="one in every slice",
                remedy="export the series again; values of different scale cannot be one scan",
            )


def value_dtype(stored: np.dtype[Any], slices: list[Slice]) -> np.dtype[Any]:
    """The type that holds the real values of all slices.

    The stored type where nothing is rescaled; a whole type where that keeps them whole; else
    float32, or float64 if the stored values have more than 16 bits.
    """
    rescales = [plane.rescale for plane in slices]
    if not any(rescale.changes for rescale in rescales):
        return stored
    if not all(r.slope.is_integer() and r.intercept.is_integer() for r in rescales):
        few_bits = stored.itemsize * 8 <= _EXACT_IN_FLOAT32_BITS
        return np.dtype(np.float32 if few_bits else np.float64)
    limits = np.iinfo(stored)
    ends = [
        int(rescale.slope) * end + int(rescale.intercept)
        for rescale in rescales
        for end in (int(limits.min), int(limits.max))
    ]
    for dtype in (stored, np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64)):
        if np.iinfo(dtype).min <= min(ends) and max(ends) <= np.iinfo(dtype).max:
            return dtype
    return np.dtype(np.float64)


def rescaled(stored: NDArray[Any], rescale: Rescale, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Real values, to be put into an array of `dtype`."""
    if not rescale.changes:
        return stored
    if dtype.kind in "iu":
        return stored.astype(np.int64) * int(rescale.slope) + int(rescale.intercept)
    return stored * np.float64(rescale.slope) + np.float64(rescale.intercept)


def padding_of(header: Header) -> tuple[int, int] | None:
    """The smallest and the largest stored value that stands for padding; None without any.

    Source: DICOM PS3.3, C.7.5.1.1.2. The value may be written with or without a sign, whatever the
    pixels have: its bits count.

    Raises:
        InputError: It is no whole number.
    """
    whole = [
        _as_stored(_whole_number(header, keyword, value), header.stored_dtype, header.value_bits)
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
        if (value := header.dataset.get(keyword)) not in (None, "", b"")
    ]
    if header.dataset.get("PixelPaddingValue") in (None, "", b""):
        return None
    return min(whole), max(whole)


def _whole_number(header: Header, keyword: str, value: Any) -> int:
    """A stated value as a number; where its kind is not known, it is 16 bits, low ones first."""
    try:
        number = int.from_bytes(value, "little") if isinstance(value, bytes) else float(value)
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(
        f"the image's {keyword} is not usable",
        where=header.path,
        found=str(value)[:80],
        expected="one whole number",
        remedy="export the series again",
    )


def _as_stored(value: int, dtype: np.dtype[Any], bits: int) -> int:
    unsigned = value & ((1 << bits) - 1)
    negative = dtype.kind == "i" and unsigned >> (bits - 1)
    return unsigned - (1 << bits) if negative else unsigned


def level_padding(
    path: Path, voxels: NDArray[Any], padded: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    """Give padding the lowest measured value; where it lies, or None where there is none.

    Args:
        path: The participant's folder, for messages.
        voxels: (slices, rows, columns), changed in place.
        padded: Which of them are padding.

    Raises:
        InputError: All of them are.
    """
    if padded is None:
        return None
    count = int(np.count_nonzero(padded))
    if count == padded.size:
        raise InputError(
            "every voxel is padding by the header",
            where=path,
            found="PixelPaddingValue in every pixel",
            remedy="export the series again",
        )
    lowest = min(
        plane[~outside].min()
        for plane, outside in zip(voxels, padded, strict=True)
        if not outside.all()
    )
    voxels[padded] = lowest
    logger.warning(
        "%s: %.2g %% of the voxels are padding by the header; they take the lowest measured value "
        "and count in no percentile",
        path,
        100 * count / padded.size,
    )
    return padded
