"""Opening one DICOM file: is it an image, can it be decoded, and are all its pixels there.

Each file is opened once for this, and its header is parsed once; `pixels` opens it again for what
is in it. These two are the places where other libraries meet broken files, so they are also where
those libraries' exceptions and warnings end: `foreign_errors` turns them into `InputError`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carotid.errors import CarotidError, InputError
from carotid.quiet import without_warnings
from carotid.storage.dicom.files import HEAD_BYTES, begins_as_dicom, has_mark
from carotid.storage.dicom.header import ATTRIBUTES, MAX_FRAMES, Header
from carotid.storage.dicom.locate import place_of_pixels
from carotid.storage.dicom.syntaxes import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    check_decodable,
)
from carotid.storage.regular_file import Stamp, open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

    from pydicom import Dataset

MAX_SLICE_PIXELS = 2**25
"""Most pixels in one image; MRI has less than a sixth of it."""

INDEX_NAME = "DICOMDIR"
"""How the file is called that tells what is on a disk of DICOM files."""

_COPY_AGAIN = "copy the series again, or remove the file if it is not part of it"
_DIRECTORY = "1.2.840.10008.1.3.10"
_FILE_HEADER_GROUP = 2
_LONGEST_REASON = 160


@contextmanager
def foreign_errors(what: str, path: Path, remedy: str = _COPY_AGAIN) -> Iterator[None]:
    """Turn whatever a library raises about a file into one `InputError`, and mute its warnings."""
    with without_warnings():
        try:
            yield
        except CarotidError as error:
            raise error.at(path) from error
        except MemoryError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
            raise InputError(what, where=path, found=reason, remedy=remedy) from error


@dataclass(frozen=True)
class Opened:
    """What a file turned out to be.

    Attributes:
        dicom: Whether it begins as DICOM files do.
        marked: Whether it has DICOM's mark, so that it is DICOM without doubt.
        header: What it says, if it is an image.
    """

    dicom: bool
    marked: bool
    header: Header | None


def open_file(folder: Path, path: Path) -> Opened:
    """Look at one file, and read its header if it is a DICOM image.

    Args:
        folder: The participant's folder, from which names in messages begin.
        path: A regular file in it.

    Raises:
        InputError: The file is DICOM but broken, cut short, or encoded in a way that cannot be
            decoded; or it cannot be opened.
    """
    with open_regular(path) as file:
        head = file.read(HEAD_BYTES)
        if not begins_as_dicom(head):
            return Opened(dicom=False, marked=False, header=None)
        marked = has_mark(head)
        file.seek(0)
        with foreign_errors("the DICOM file cannot be read", path):
            header = _header(folder, path, file, marked=marked)
        return Opened(dicom=True, marked=marked, header=header)


def _header(folder: Path, path: Path, file: BufferedReader, *, marked: bool) -> Header | None:
    from pydicom import dcmread

    if marked and _is_deflated(file):
        raise InputError(
            "the file is deflated as a whole, which is not read here",
            where=path,
            remedy="export it uncompressed, or remove it if it is not part of the series",
        )
    try:
        dataset = dcmread(file, force=True, stop_before_pixels=True, specific_tags=list(ATTRIBUTES))
    except (EOFError, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # from the system; the others are pydicom's word for a header without its end
        raise InputError(
            "the DICOM header does not come to its end: the file is cut short, or a sequence in it "
            "lacks the mark at its end",
            where=path,
            found=f"{Stamp.of(file).size} bytes",
            remedy=_COPY_AGAIN,
        ) from error
    if not _is_image(dataset, path, marked=marked):
        return None
    frames = _frames(dataset, path)
    syntax = _transfer_syntax(dataset)
    check_decodable(path, syntax)
    return Header(
        path=path,
        name=str(path.relative_to(folder)),
        dataset=dataset,
        transfer_syntax=syntax,
        frames=frames,
        pixels=place_of_pixels(dataset, syntax, frames, file),
        stamp=Stamp.of(file),
    )


def _is_deflated(file: BufferedReader) -> bool:
    """Whether all behind the file header is one deflate stream; leaves the file at its beginning.

    This is asked before anything else is read: the stream may unpack to any size.
    """
    from pydicom.filereader import read_dataset

    file.seek(HEAD_BYTES)
    meta = read_dataset(
        file, is_implicit_VR=False, is_little_endian=True, stop_when=_behind_file_header
    )
    file.seek(0)
    return bool(meta.get("TransferSyntaxUID") == DEFLATED)


def _behind_file_header(tag: Any, _vr: str | None, _length: int) -> bool:
    return bool(tag.group != _FILE_HEADER_GROUP)


def _is_image(dataset: Dataset, path: Path, *, marked: bool) -> bool:
    """Whether the file is meant to be an image; reports, directories and the like are not.

    A file that neither has an image's size nor states completely that it is something else may
    be what is left of a slice, and is refused.
    """
    meta = getattr(dataset, "file_meta", {})
    stated, in_header = str(dataset.get("SOPClassUID") or ""), meta.get("MediaStorageSOPClassUID")
    if in_header == _DIRECTORY or path.name.upper() == INDEX_NAME:
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
            "the DICOM file is cut short or broken, or stored in another byte order than it says: "
            "it has no image size",
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
        return IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if little else EXPLICIT_BIG


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
