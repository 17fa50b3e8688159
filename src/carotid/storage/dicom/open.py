"""Opening one DICOM file: is it an image, can it be decoded, and are all its pixels there.

This and the decoding in `dicom` are the places where other libraries meet broken files, so this
is also where their exceptions and warnings end: `foreign_errors` turns them into `InputError`.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from carotid.errors import CarotidError, InputError
from carotid.quiet import without_warnings
from carotid.storage.dicom.files import PREAMBLE_BYTES
from carotid.storage.dicom.header import ATTRIBUTES, MAX_FRAMES, Header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset

logger = logging.getLogger(__name__)

MAX_SLICE_PIXELS = 2**25
"""Most pixels in one image; MRI has less than a sixth of it."""

_COPY_AGAIN = "copy the series again, or remove the file if it is not part of it"
_DIRECTORY = "1.2.840.10008.1.3.10"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_EXPLICIT_LITTLE, _EXPLICIT_BIG, _IMPLICIT_LITTLE = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2",
)
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM, _END_OF_ITEMS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_LONGEST_REASON = 160


@contextmanager
def foreign_errors(what: str, path: Path) -> Iterator[None]:
    """Turn whatever a library raises about a file into one `InputError`, and mute its warnings."""
    with without_warnings():
        try:
            yield
        except (CarotidError, MemoryError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
            raise InputError(what, where=path, found=reason, remedy=_COPY_AGAIN) from error


def open_image(folder: Path, path: Path) -> Header | None:
    """Read the header of one DICOM file; None if it is DICOM but holds no image.

    Raises:
        InputError: If the file is broken, cut short, or encoded in a way that cannot be decoded.
    """
    with foreign_errors("the DICOM file cannot be read", path):
        return _open(folder, path)


def _open(folder: Path, path: Path) -> Header | None:
    from pydicom import dcmread

    with path.open("rb") as file:
        marked = file.read(PREAMBLE_BYTES + 4)[PREAMBLE_BYTES:] == b"DICM"
        file.seek(0)
        if marked and _is_deflated(file):
            raise InputError(
                "the file is deflated as a whole, which is not read here",
                where=path,
                remedy="export it uncompressed, or remove it if it is not part of the series",
            )
        dataset = dcmread(file, force=True, stop_before_pixels=True, specific_tags=list(ATTRIBUTES))
        if not _is_image(dataset, path, marked=marked):
            return None
        header = Header(
            path=path,
            name=str(path.relative_to(folder)),
            dataset=dataset,
            transfer_syntax=_transfer_syntax(dataset),
            frames=_frames(dataset, path),
        )
        _check_decodable(header)
        _check_pixels_present(header, file)
    return header


def _is_deflated(file: BinaryIO) -> bool:
    from pydicom.filereader import read_file_meta_info

    return bool(read_file_meta_info(file.name).get("TransferSyntaxUID") == _DEFLATED)


def _is_image(dataset: Dataset, path: Path, *, marked: bool) -> bool:
    """Whether the file is meant to be an image; reports, directories and the like are not.

    A file that neither has an image's size nor states completely that it is something else may
    be what is left of a slice, and is refused.
    """
    meta = getattr(dataset, "file_meta", {})
    stated, in_header = str(dataset.get("SOPClassUID") or ""), meta.get("MediaStorageSOPClassUID")
    if in_header == _DIRECTORY or path.name.upper() == "DICOMDIR":
        return False
    kind, header_kind = _kind(stated), _kind(str(in_header or ""))
    if kind == "other" and header_kind != "image":
        return False
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if rows * columns > MAX_SLICE_PIXELS:
        raise InputError(
            "the image is larger than any scan",
            where=path,
            found=f"{columns}x{rows}",
            expected=f"at most {MAX_SLICE_PIXELS} pixels",
        )
    if rows and columns:
        return True
    private = stated != "" and in_header in (None, stated) and kind == "unknown"
    if marked and not private:
        raise InputError(
            "the DICOM file is cut short or broken: it has no image size",
            where=path,
            found=f"{path.stat().st_size} bytes",
            remedy=_COPY_AGAIN,
        )
    return False


def _kind(sop_class: str) -> str:
    """Whether a SOP class is of images, of other things, or unknown (private or cut short)."""
    from pydicom.uid import UID

    name = UID(sop_class).name
    if name == sop_class or not name.endswith("Storage"):
        return "unknown"
    return "image" if "Image" in name else "other"


def _transfer_syntax(dataset: Dataset) -> str:
    stated = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if stated:
        return str(stated)
    implicit, little = dataset.original_encoding
    if implicit:
        return _IMPLICIT_LITTLE
    return _EXPLICIT_LITTLE if little else _EXPLICIT_BIG


def _frames(dataset: Dataset, path: Path) -> int:
    stated = dataset.get("NumberOfFrames")
    frames = 1 if stated is None or stated == "" else int(stated)
    if not 1 <= frames <= MAX_FRAMES:
        raise InputError(
            "the number of frames is not usable",
            where=path,
            found=frames,
            expected=f"1 to {MAX_FRAMES}",
        )
    return frames


def _check_decodable(header: Header) -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    syntax = UID(header.transfer_syntax)
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise InputError(
            "the pixels are encoded in a way that cannot be decoded here",
            where=header.path,
            found=syntax.name,
            remedy="export the series uncompressed",
        )


def _check_pixels_present(header: Header, file: BinaryIO) -> None:
    """Check that the pixels which the header promises are in the file, which stands before them.

    For plain pixels their number of bytes is known; compressed ones are a list of items with
    a mark at its end (DICOM PS3.5, A.4), of which there must be at least one per frame.
    """
    rows, columns = header.shape
    dataset = header.dataset
    bits = int(dataset.get("SamplesPerPixel") or 1) * int(dataset.get("BitsAllocated") or 0)
    needed = (rows * columns * header.frames * bits + 7) // 8
    size = header.path.stat().st_size
    length = _pixel_length(header, file)
    if length is None:
        raise _cut(header, "no pixels", f"{needed} bytes")
    if length == _UNDEFINED_LENGTH:
        items = _count_items(file, size)
        if items is None:
            raise _cut(header, "compressed pixels that break off", "a mark at their end")
        if items < header.frames:
            raise _cut(header, f"{items} compressed images", f"{header.frames}")
        return
    present = min(length, size - file.tell())
    if present < needed or present < length:
        raise _cut(header, f"{present} bytes of pixels", f"{max(needed, length)}")


def _pixel_length(header: Header, file: BinaryIO) -> int | None:
    """The stated length of the pixel element at which `file` stands, or None without one."""
    implicit, little = header.dataset.original_encoding
    order: Any = "little" if little else "big"
    head = file.read(8 if implicit else 12)
    if len(head) < (8 if implicit else 12):
        return None
    tag = int.from_bytes(head[:2], order), int.from_bytes(head[2:4], order)
    return int.from_bytes(head[-4:], order) if tag == (0x7FE0, 0x0010) else None


def _count_items(file: BinaryIO, size: int) -> int | None:
    """How many pieces follow the offset table, or None if their list does not end in the file."""
    items = -1
    while len(head := file.read(8)) == 8:
        if head[:4] == _END_OF_ITEMS:
            return items
        end = file.tell() + int.from_bytes(head[4:], "little")
        if head[:4] != _ITEM or end > size:
            return None
        items += 1
        file.seek(end)
    return None


def _cut(header: Header, found: str, expected: str) -> InputError:
    return InputError(
        "the slice is cut short",
        where=header.path,
        found=found,
        expected=expected,
        remedy="copy the series again",
    )
