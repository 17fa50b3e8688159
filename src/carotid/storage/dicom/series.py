"""Which series of a folder is meant where it holds several: a person says so, nothing is guessed.

Files are sorted by a few tags of their headers. Those of other series are not looked at any
further, so that a screenshot or a report of the same examination does no harm. The description of a
series is read here alone, where somebody has to tell one from another.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.counted import counted
from carotid.errors import InputError
from carotid.quiet import without_warnings
from carotid.storage.dicom.files import is_dicom_file, list_files
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pydicom import Dataset

_TAGS = [
    *("SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality", "ImageType"),
    *("Rows", "Columns", "NumberOfFrames"),
]
_UID_TAIL = 8
_LISTED = 8
_DESCRIPTION_LENGTH = 64
"""As long as DICOM lets a description be, so that what is shown can be given."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,12}")


@dataclass(frozen=True)
class _Label:
    """What a file says of the series that it is of.

    Attributes:
        path: The file.
        uid: Of the series; empty where it is absent.
        number, description, modality: Of the series; empty where they are absent.
        localizer: Whether it is one by its kind.
        images: How many it holds; none in reports and the like.
        size: Columns and rows.
    """

    path: Path
    uid: str
    number: str
    description: str
    modality: str
    localizer: bool
    images: int
    size: str

    @property
    def series(self) -> tuple[str, str]:
        """What is the same in all files of a series, and in no other."""
        return self.uid, "" if self.uid else self.number

    def is_called(self, series: str) -> bool:
        """Whether the series is the one that a person names."""
        wanted = _folded(series)
        return wanted != "" and (
            wanted in (self.uid, _folded(self.description))
            or (len(wanted) >= _UID_TAIL and self.uid.endswith(wanted))
            or (_is_number(wanted, self.number) and int(wanted) == int(self.number))
        )


def scan_files(path: Path, series: str | None = None) -> list[Path]:
    """The files that a scan consists of, or may consist of.

    Args:
        path: A folder, or one file.
        series: Which series is meant, by its number, its UID or the end of it, or its description;
            None takes all files. Files that do not say of which series they are stay.

    Raises:
        InputError: No series is called so, or several are; or see `list_files`.
    """
    if path.is_file():
        return [path]
    files = list_files(path)
    if series is None:
        return files
    labels = {file: _label_of(file) for file in files}
    found = _images_by_series(label for label in labels.values() if label is not None)
    meant = {key: members for key, members in found.items() if members[0].is_called(series)}
    if len(meant) == 1:
        return [file for file, label in labels.items() if label is None or label.series in meant]
    if meant:
        what, by = f"{len(meant)} series in this folder are", "the end of its UID"
    else:
        what, by = "no series in this folder is", "its number or the end of its UID"
    raise InputError(
        f"{what} '{series[:_DESCRIPTION_LENGTH]}'",
        where=path,
        found=_listed(path, meant or found) or "no image",
        expected="one",
        remedy=f"name one of these with --series, by {by}",
    )


def check_one_series(folder: Path, files: Iterable[Path]) -> None:
    """Refuse a folder of several series of which none was chosen.

    Raises:
        InputError: It is one; all of them are listed.
    """
    found = _images_by_series(label for file in files if (label := _label_of(file)) is not None)
    if len(found) <= 1:
        return
    raise InputError(
        f"there are {len(found)} series in this folder",
        where=folder,
        found=_listed(folder, found),
        expected="one",
        remedy="choose one with --series of `carotid run`, `transform` or `train`, by its number, "
        "the end of its UID or its description; or " + _other_way_out(folder, found),
    )


def _label_of(path: Path) -> _Label | None:
    """What a file says of its series; None where it says nothing that can be read."""
    from pydicom import dcmread

    try:
        if not is_dicom_file(path):
            return None
        with without_warnings(), open_regular(path) as file:
            tags = dcmread(file, force=True, stop_before_pixels=True, specific_tags=list(_TAGS))
            number = _text(tags.get("SeriesNumber"))
            uid = str(tags.get("SeriesInstanceUID") or "")
            if not uid and "SeriesNumber" not in tags and not tags.get("Rows"):
                return None
            rows = int(tags.get("Rows") or 0)
            return _Label(
                path=path,
                uid=uid,
                number=number,
                description=_one_line(str(tags.get("SeriesDescription") or "")),
                modality=str(tags.get("Modality") or ""),
                localizer="LOCALIZER" in str(tags.get("ImageType") or "").upper(),
                images=_frames(tags) if rows else 0,
                size=f"{tags.get('Columns') or 0}x{rows}",
            )
    except Exception:  # noqa: BLE001 - whatever a library makes of a broken file
        return None


def _frames(tags: Dataset) -> int:
    """How many images a file holds; one where it does not say so in digits."""
    stated = _text(tags.get("NumberOfFrames"))
    return int(stated) if _is_number(stated) else 1


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _is_number(*texts: str) -> bool:
    return all(_NUMBER.fullmatch(text) for text in texts)


def _folded(text: str) -> str:
    """A name as it is compared: without regard to case, spaces and how accents are stored."""
    return unicodedata.normalize("NFC", _one_line(text)).casefold()


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _images_by_series(labels: Iterable[_Label]) -> dict[tuple[str, str], list[_Label]]:
    """The images of each series, the series with most files first."""
    groups: dict[tuple[str, str], list[_Label]] = defaultdict(list)
    for label in labels:
        if label.images:
            groups[label.series].append(label)
    return dict(sorted(groups.items(), key=lambda item: len(item[1]), reverse=True))


def _listed(folder: Path, found: Mapping[tuple[str, str], Sequence[_Label]]) -> str:
    tail = _telling_length([uid for uid, _ in found])
    lines = [_described(folder, members, tail) for members in list(found.values())[:_LISTED]]
    more = len(found) - len(lines)
    return "; ".join([*lines, f"and {more} more"] if more else lines)


def _telling_length(uids: Sequence[str]) -> int:
    """How many characters at the end of UIDs tell them apart; many scanners' end alike."""
    known = {uid for uid in uids if uid}
    length = _UID_TAIL
    while len({uid[-length:] for uid in known}) < len(known):
        length += 1
    return length


def _described(folder: Path, members: Sequence[_Label], tail: int) -> str:
    first = members[0]
    images = sum(label.images for label in members)
    called = f" '{first.description[:_DESCRIPTION_LENGTH]}'" if first.description else ""
    uid = f"UID ends in {first.uid[-tail:]}" if first.uid else "no UID"
    kind = " localizer" if first.localizer else ""
    return (
        f"series {first.number or 'none'}{called} ({uid}): "
        f"{first.modality}{kind}, {counted(len(members), 'file')}, {counted(images, 'image')} "
        f"of {first.size}, such as {first.path.relative_to(folder)}"
    )


def _other_way_out(folder: Path, found: Mapping[tuple[str, str], Sequence[_Label]]) -> str:
    """What else to do where files lie mixed, or where the folder is one level too high."""
    places = [
        {label.path.relative_to(folder).parts[:-1][:1] for label in members}
        for members in found.values()
    ]
    apart = all(len(place) == 1 for place in places)
    folders = set().union(*places)
    if not apart or len(folders) < 2 or () in folders:
        return "see in the documentation on data how to sort the files of a disc by series"
    return "if each of its folders is a participant, give this folder as RAW_DIR"
