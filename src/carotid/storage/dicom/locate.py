"""Where a DICOM file's pixels are, and whether all of them are there; nothing is decoded.

For plain pixels the number of bytes is known. Compressed ones are a list of items with a mark at
its end (DICOM PS3.5, A.4), of which there must be at least one per frame. Files are met that say
one thing about their encoding and hold another, and lists that lack the mark at their end: what is
really there counts, as long as it is whole.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from carotid.errors import InputError
from carotid.storage.dicom.header import PixelPlace
from carotid.storage.dicom.syntaxes import JPEG_FAMILY

if TYPE_CHECKING:
    from io import BufferedReader

    from pydicom import Dataset

_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM, _END_OF_ITEMS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_PADDING = b"\xfc\xff\xfc\xff"
_END_OF_CODESTREAM = b"\xff\xd9"
_PIXELS = (0x7FE0, 0x0010)
_FLOATS = {(0x7FE0, 0x0008): "FloatPixelData", (0x7FE0, 0x0009): "DoubleFloatPixelData"}
_LONG_VRS = {b"OB", b"OW", b"OD", b"OF", b"OL", b"OV", b"UN"}
"""Value representations of pixels, whose lengths take four bytes (PS3.5, 7.1.2). A length of the
other encoding cannot look like one of them: it would be odd."""

_IMPLICIT_VR = "OW"
_PADDING_BYTES = 64
_COPY_AGAIN = "copy the series again"


class _Element(NamedTuple):
    tag: tuple[int, int]
    vr: str
    length: int
    begin: int


def place_of_pixels(dataset: Dataset, syntax: str, frames: int, file: BufferedReader) -> PixelPlace:
    """Find the pixels of a file that stands where its header has been read.

    Args:
        dataset: The header.
        syntax: UID of the encoding that it states.
        frames: How many images it promises.
        file: The open file.

    Raises:
        InputError: The pixels are missing, cut short, or not what the header says.
    """
    size = os.fstat(file.fileno()).st_size
    element = _element_at(file, little=dataset.original_encoding[1] is not False)
    needed = (_bits_per_frame(dataset) * frames + 7) // 8
    if element is None:
        raise _cut("no pixels", f"{needed} bytes")
    if element.tag in _FLOATS:
        raise InputError(
            "the pixels are floating-point numbers, which are not read here",
            found=_FLOATS[element.tag],
            expected="PixelData",
            remedy="export the scanner's own series, or save the scan as .nii.gz or .mha",
        )
    if element.tag != _PIXELS:
        raise _cut("no pixels", f"{needed} bytes")
    whole = element.begin + element.length <= size
    itemised = element.length == _UNDEFINED_LENGTH or (
        _is_compressed(syntax) and file.peek(4)[:4] == _ITEM
    )
    _check_as_stated(syntax, itemised=itemised)
    if not itemised:
        present = min(element.length, size - element.begin)
        if present < needed or present < element.length:
            raise _cut(f"{present} bytes of pixels", f"{max(needed, element.length)}")
        if present - needed >= needed / frames > 0:
            raise InputError(
                "the file holds more images than its header says",
                found=f"{present} bytes of pixels",
                expected=f"{needed}, for {frames} image{'s' if frames > 1 else ''}",
                remedy="export the series again; what wrote this file left it inconsistent",
            )
        return PixelPlace(element.begin, element.length, element.vr)
    end = element.begin + element.length if whole else size
    length = _length_of_items(file, end, frames, syntax)
    return PixelPlace(element.begin, length, element.vr)


def _bits_per_frame(dataset: Dataset) -> int:
    samples = int(dataset.get("SamplesPerPixel") or 1)
    bits = int(dataset.get("BitsAllocated") or 0)
    return int(dataset.Rows) * int(dataset.Columns) * samples * bits


def _element_at(file: BufferedReader, *, little: bool) -> _Element | None:
    """The element at which a file stands, in whichever encoding it is; None at the end.

    The file is left at the element's value.
    """
    order: Any = "little" if little else "big"
    begin = file.tell()
    head = file.read(12)
    explicit = head[4:6] in _LONG_VRS and head[6:8] == b"\0\0"
    taken = 12 if explicit else 8
    if len(head) < taken:
        return None
    file.seek(begin + taken)
    tag = int.from_bytes(head[:2], order), int.from_bytes(head[2:4], order)
    vr = head[4:6].decode("ascii") if explicit else _IMPLICIT_VR
    return _Element(tag, vr, int.from_bytes(head[taken - 4 : taken], order), begin + taken)


def _is_compressed(syntax: str) -> bool:
    from pydicom.uid import UID

    return bool(UID(syntax).is_encapsulated)


def _check_as_stated(syntax: str, *, itemised: bool) -> None:
    from pydicom.uid import UID

    if _is_compressed(syntax) == itemised:
        return
    raise InputError(
        "the pixels are compressed, but the header says that they are not"
        if itemised
        else "the header says that the pixels are compressed, but they are not",
        found=f"TransferSyntaxUID {UID(syntax).name}",
        remedy="export the series again; what wrote these files left them inconsistent",
    )


def _length_of_items(file: BufferedReader, end: int, frames: int, syntax: str) -> int:
    """How many bytes the list of items takes from where the file stands.

    Without a mark at its end, a list is taken as whole if its last item ends where the file does
    (padding aside), and if that item ends as a compressed image does.
    """
    begin = file.tell()
    items = -1  # the first one is the table of offsets
    last = (begin, 0)
    while len(head := file.read(8)) == 8 and head[:4] == _ITEM:
        last = file.tell(), int.from_bytes(head[4:], "little")
        if sum(last) > end:
            raise _broken_off()
        items += 1
        file.seek(sum(last))
    ended = head[:4] == _END_OF_ITEMS and len(head) == 8
    padded = not head.strip(b"\0") or head[:4] == _PADDING
    if not ended and not (padded and _ends_as_image(file, last, syntax)):
        raise _broken_off()
    if items < frames:
        raise _cut(f"{items} compressed images", f"{frames}")
    return sum(last) - begin


def _ends_as_image(file: BufferedReader, item: tuple[int, int], syntax: str) -> bool:
    """Whether a compressed image's last bytes are in an item; what ends otherwise is decoded."""
    begin, length = item
    if length == 0:
        return False
    if not syntax.startswith(JPEG_FAMILY):
        return True
    count = min(length, _PADDING_BYTES)
    file.seek(begin + length - count)
    return file.read(count).rstrip(b"\0").endswith(_END_OF_CODESTREAM)


def _broken_off() -> InputError:
    return _cut("compressed pixels that break off", "a mark at their end")


def _cut(found: str, expected: str) -> InputError:
    return InputError("the slice is cut short", found=found, expected=expected, remedy=_COPY_AGAIN)
