"""Which images can be slices of a scan: one channel of whole numbers, stored plainly.

What is colored, inverted, tiled or mapped by a table is refused by name, because reading it as if
it were not would give a plausible picture with wrong numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.counted import counted
from carotid.errors import InputError

if TYPE_CHECKING:
    from carotid.storage.dicom.header import Header


def check_pixel_kind(header: Header) -> None:
    """Refuse what is no single-channel image of whole numbers.

    Raises:
        InputError: If the pixels are colored, inverted, tiled, packed or mapped by a table.
    """
    samples = header.dataset.get("SamplesPerPixel") or 1
    kind = header.text("PhotometricInterpretation").upper()
    bits = header.dataset.get("BitsAllocated")
    if samples != 1 or kind not in ("MONOCHROME1", "MONOCHROME2", ""):
        raise InputError(
            "the images are in color",
            where=header.path,
            found=f"{counted(samples, 'sample')} per pixel, {kind or 'no color model'}",
            expected="MONOCHROME2, one sample per pixel",
            remedy="give the scanner's own series, not a colored or derived one",
        )
    if kind == "MONOCHROME1":
        raise InputError(
            "the image is stored inverted, low values bright",
            where=header.path,
            found=kind,
            expected="MONOCHROME2",
            remedy="export the series again as MONOCHROME2",
        )
    if bits not in (8, 16, 32):
        raise InputError(
            "the pixels have an unusual size",
            where=header.path,
            found=counted(bits, "bit"),
            expected="8, 16 or 32",
        )
    _check_bits(header)
    if "MOSAIC" in header.text("ImageType").upper():
        raise InputError(
            "the slices are tiled into one image (a mosaic)",
            where=header.path,
            remedy="export the series with one image per slice",
        )
    if header.dataset.get("ModalityLUTSequence"):
        raise InputError(
            "the pixels are mapped by a table (Modality LUT)",
            where=header.path,
            remedy="export the series with RescaleSlope and RescaleIntercept",
        )


def _check_bits(header: Header) -> None:
    """Refuse values that do not lie in the lowest bits of a pixel (DICOM PS3.3, C.7.6.3.1).

    A higher place, which older editions allowed, cannot be told from a mistake in the header. A
    HighBit that is too low for the value can only be a mistake, and changes nothing.
    """
    room, value, high = (header.text(k) for k in ("BitsAllocated", "BitsStored", "HighBit"))
    if value and 1 <= int(value) <= int(room) and int(high or 0) < int(value):
        return
    raise InputError(
        "the header contradicts itself about the bits of a pixel",
        where=header.path,
        found=f"BitsAllocated {room}, BitsStored {value or 'absent'}, HighBit {high or 'absent'}",
        expected="HighBit one less than BitsStored",
        remedy="export the series again",
    )
