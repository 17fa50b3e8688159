"""What a file is instead, told by its first bytes: a pointer, a web page, another format.

A scan that cannot be understood was often never one: version control left a pointer, a download
saved the page of an error, a tool packed twice. Then that is what the message has to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from carotid.errors import InputError

HEAD_BYTES = 512
"""How many of a file's first bytes are looked at."""

_SHOWN = 40
METAIMAGE = "a MetaImage file"
ZEROS = "nothing but zeros"
JSON = "a JSON text"
_GIT_LFS = b"version https://git-lfs"
_WEB_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")
_NIFTI_SIZES = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")
_NIFTI_MARKS = (b"n+1\0", b"ni1\0", b"n+2\0", b"ni2\0")


@dataclass(frozen=True)
class Foreign:
    """What a file was recognised as.

    Attributes:
        what: With its article, such as "a web page".
        remedy: What to do about it.
    """

    what: str
    remedy: str

    def error(self, expected: str) -> InputError:
        """The refusal of a scan that should have been `expected`."""
        return InputError(f"the file is {self.what}, not {expected}", remedy=self.remedy)


CONVERT = "save the scan as .nii.gz or .mha, or give the DICOM files"
_UNPACK = "unpack it and give what is inside"
_MARKS: tuple[tuple[int, bytes, Foreign], ...] = (
    (0, _GIT_LFS, Foreign("a Git-LFS pointer", "run `git lfs pull`")),
    (
        0,
        b"/annex/objects/",
        Foreign("a git-annex pointer", "run `git annex get` or `datalad get`"),
    ),
    (0, b"PK\x03\x04", Foreign("a zip archive", _UNPACK)),
    (0, b"BZh", Foreign("a bzip2 file", _UNPACK)),
    (0, b"\xfd7zXZ\0", Foreign("an xz file", _UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Foreign("a zstd file", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Foreign("a 7z archive", _UNPACK)),
    (0, b"Rar!\x1a\x07", Foreign("a rar archive", _UNPACK)),
    (257, b"ustar", Foreign("a tar archive", _UNPACK)),
    (0, b"NRRD000", Foreign("an NRRD file", CONVERT)),
    (0, b"\x89HDF\r\n\x1a\n", Foreign("an HDF5 file", CONVERT)),
    (0, b"CDF", Foreign("a MINC file", CONVERT)),
    (0, b"%PDF", Foreign("a PDF document", "give the file that is meant")),
    (0, b"\x89PNG", Foreign("a picture (PNG)", "give the file that is meant")),
    (128, b"DICM", Foreign("a DICOM file", "put the series into a folder of its own")),
)


def recognised(head: bytes) -> Foreign | None:
    """What a file with these first bytes is, if it is one of the usual strangers.

    Args:
        head: The first `HEAD_BYTES` bytes, or all of a shorter file.
    """
    for start, mark, foreign in _MARKS:
        if head[start : start + len(mark)] == mark:
            return foreign
    if head[:2] == b"\x1f\x8b":
        return Foreign("a gzip file", "unpack it once with gunzip")
    if head[:4] in _NIFTI_SIZES and (head[344:348] in _NIFTI_MARKS or head[4:8] in _NIFTI_MARKS):
        return Foreign("a NIfTI file that is not compressed", "rename it to .nii")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_WEB_PAGES):
        return Foreign("a web page", "download the file itself")
    if text.startswith((b"objecttype", b"ndims")):
        return Foreign(METAIMAGE, "rename it to .mha")
    if text.startswith((b'{"', b"{\n", b"{\r")):
        return Foreign(JSON, "download or copy the file itself")
    if len(head) >= HEAD_BYTES and not head.strip(b"\0"):
        return Foreign(ZEROS, "copy it again from where it came from")
    return None


def recognised_text(head: bytes) -> Foreign | None:
    """That a file is a text, such as the message of an error, with its beginning.

    Not for formats that begin with text themselves.
    """
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))  # as PowerShell redirects what it is given
    text = head.decode("utf-16" if wide else "utf-8", "replace")
    if len(head) >= HEAD_BYTES:
        text = text.rstrip("\ufffd")  # a letter that goes on behind
    text = text.strip()
    if not text or "\ufffd" in text or not all(c.isprintable() or c.isspace() for c in text):
        return None
    return Foreign(f"a text that begins '{text[:_SHOWN]}'", "download or copy the file itself")
