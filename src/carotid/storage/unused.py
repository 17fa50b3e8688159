"""Entries of a RAW_DIR that are no scans which can be read: evident by-standers, and all others.

A cohort must not shrink in silence. A document beside scans needs no word; whatever else is not
used may be a scan in another form, or one that has not arrived yet, and is named in a warning.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from carotid.copies import name_when_whole
from carotid.counted import shortened
from carotid.storage.readers import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

logger = logging.getLogger(__name__)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DOCUMENTS = _words(
    ".txt .md .rst .pdf .doc .docx .odt .rtf .xls .xlsx .ods .ppt .pptx .csv .tsv .json .jsonl "
    ".xml .yaml .yml .toml .ini .cfg .html .htm .css .js .log .out .err .sh .bash .py .ipynb .m "
    ".r .rmd .bat .cmd .ps1 .slurm .sbatch .png .jpg .jpeg .gif .bmp .svg .mp4 .avi .url .db "
    ".sqlite .md5 .sha1 .sha256 .sum .sav .key .pem"
)
_DOCUMENT_NAMES = _words(
    "readme license licence changes changelog authors notes version lockfile makefile dockerfile "
    "dicomdir autorun md5sums sha1sums sha256sums"
)
_UNFINISHED = _words(
    ".part .partial .crdownload .download .filepart .opdownload .aria2 .!ut .!qb .unfinished "
    ".incomplete .tmp .temp"
)
_ARCHIVES = _words(
    ".zip .tar .tgz .tbz .tbz2 .txz .gz .bz2 .xz .zst .lz4 .lzma .z .7z .rar .iso .dmg"
)
_FORMATS = _words(
    ".nrrd .nhdr .mgz .mgh .hdr .img .mnc .minc .mif .mih .par .rec .gipl .vtk .vti .tif .tiff "
    ".h5 .hdf5 .npy .npz .mat .head .brik .mrb .fdf .2dseq .am .pic .spr .sdt"
)
_PART_OF_ARCHIVE = re.compile(r".+\.(7z|zip|rar|tar|tgz|t?gz)\.\d{2,3}|.+\.[rz]\d\d")
_CHECKSUMS_AND_NOTES = _words(".md5 .sha1 .sha256 .sum .json .log")
"""Extensions that are put behind a scan's whole name for what belongs to it."""

UNFINISHED = "an unfinished download or copy"
ARCHIVE = "packed: unpack it"
FORMAT = "a format that is not read: save it as .nii.gz or .mha"
NO_HEADER = "voxels that no .mhd names"
NOT_DICOM = "named as DICOM but without a DICOM image"
NO_FILE = "no ordinary file"
OTHER_SCAN = "a scan of another kind"
SHORTCUT = "a shortcut of another system, which is not followed"
UNKNOWN = "not known as a scan"


_SUFFIXES = {
    UNFINISHED: _UNFINISHED,
    FORMAT: _FORMATS,
    ARCHIVE: _ARCHIVES,
    NO_HEADER: _words(".raw .zraw"),
    SHORTCUT: _words(".lnk .alias .desktop"),
}


def is_document(name: str) -> bool:
    """Whether a file is told to be no scan by its name.

    A scan's name with one more extension behind it, as mail programs and downloads add it, may be
    that scan.
    """
    stem, dot, suffix = name.lower().rpartition(".")
    extension = dot + suffix if dot else ""
    if kind_of(stem) is not None and extension not in _CHECKSUMS_AND_NOTES:
        return False
    return extension in _DOCUMENTS or (stem or suffix) in _DOCUMENT_NAMES


def reason_unused(name: str) -> str:
    """Why a file with this name is not used, if it is no document and holds no DICOM."""
    lower = name.lower()
    if kind_of(lower) is not None:
        return OTHER_SCAN
    if _PART_OF_ARCHIVE.fullmatch(lower):
        return ARCHIVE
    suffix = lower[lower.rfind(".") :] if "." in lower else ""
    for reason, suffixes in _SUFFIXES.items():
        if suffix in suffixes:
            return reason
    return UNKNOWN


def is_hidden_copy(name: str) -> bool:
    """Whether a hidden file is a scan that has not arrived yet, or not any more."""
    whole = name_when_whole(name)
    return whole is not None and kind_of(whole) is not None


def warn_of_unused(raw_dir: Path, unused: Iterable[tuple[str, str]]) -> None:
    """Name what is not used, with reasons, in one warning.

    Args:
        raw_dir: Where.
        unused: Names and reasons.
    """
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in unused:
        by_reason[reason].append(name)
    if by_reason:
        told = "; ".join(f"{shortened(names)} ({why})" for why, names in by_reason.items())
        logger.warning("%s: not used: %s", raw_dir, told)
