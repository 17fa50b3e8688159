"""QVS and QVJ files, in which the program CASCADE keeps outlines: XML, read without trust.

A QVS file lists the images of a series in order, with what was drawn on each. A QVJ file is a
project about one series: it names the QVS file and holds what a reader said of each slice. The root
may have a namespace while its children reset it, so only local names count.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.parsers import expat

import numpy as np

from carotid.errors import InputError
from carotid.storage.regular_file import open_regular
from carotid.storage.unused import ARCHIVE, UNFINISHED, reason_unused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

MAX_BYTES = 256 << 20

DRAWING_POINTS = 512
"""The square that outlines are drawn on is so many points wide and high."""

LUMEN, OUTER_WALL = "Lumen", "Outer Wall"
_KINDS = {kind.casefold(): kind for kind in (LUMEN, OUTER_WALL)}


@dataclass(frozen=True, eq=False)
class DrawnImage:
    """What was drawn on one image of a series.

    Attributes:
        place: Its place in the file, from 0.
        name: Name of the image.
        outlines: (n, 2) x and y of the first outline of each type, on the drawing square.
    """

    place: int
    name: str
    outlines: dict[str, NDArray[np.float64]]

    def pixels(self, kind: str, columns: int, rows: int) -> NDArray[np.float64]:
        """(n, 2) column and row of an outline's points; whole numbers are pixel centers.

        The image lies in the middle of a square as wide as its longer side, which is drawn on
        512 × 512 points.
        """
        side = max(columns, rows)
        before = np.array([(side - columns) // 2, (side - rows) // 2])
        return np.asarray(self.outlines[kind] / DRAWING_POINTS * side - before, np.float64)


@dataclass(frozen=True)
class Location:
    """What a reader said of one slice.

    Attributes:
        index: Slices above the bifurcation's.
        quality: Of the image; 1 is too bad for outlines. None where it is not said.
        aha_status: 1 is normal, more is atherosclerotic. None where it is not said.
    """

    index: int
    quality: float | None
    aha_status: float | None


@dataclass(frozen=True)
class Project:
    """A QVJ file.

    Attributes:
        series_file: Name of the QVS file beside it.
        bifurcation: Number of the bifurcation's image; whether from 0 or 1 is not known. None where
            it is not said.
        locations: The slices that were judged.
    """

    series_file: str
    bifurcation: int | None
    locations: tuple[Location, ...]


def file_called(folder: Path, name: str) -> Path | None:
    """The file or folder of that name in a folder, whatever the case of its letters."""
    found = [path for path in folder.iterdir() if path.name.casefold() == name.casefold()]
    return next((path for path in found if path.name == name), found[0] if found else None)


def warn_of_strangers(original_dir: Path) -> None:
    """Name what lies beside the participants' folders and may be a participant."""
    for path in sorted(original_dir.iterdir()):
        dead = path.is_symlink() and not path.exists()
        if dead or (path.is_file() and reason_unused(path.name) in (ARCHIVE, UNFINISHED)):
            logger.warning("%s: not a folder; left out", path)


def read_series(path: Path) -> list[DrawnImage]:
    """Read a QVS file.

    Raises:
        InputError: It is no such file, or an outline in it cannot be used.
    """
    root = _root(path, "QVAS_Series")
    return [_image(path, k, one) for k, one in enumerate(_children(root, "QVAS_Image"))]


def read_project(path: Path) -> Project:
    """Read a QVJ file.

    Raises:
        InputError: It is no such file, or names no series.
    """
    root = _root(path, "QVAS_Project")
    names = list(_descendants(root, "QVASSeriesFileName"))
    name = re.split(r"[\\/]", (names[0].text or "").strip())[-1] if names else ""
    if not name:
        raise InputError("the project names no series", where=path, expected="QVASSeriesFileName")
    forks = [one.get("ImageIndex", "") for one in _descendants(root, "BifurcationImageIndex")]
    locations = []
    for one in _descendants(root, "Location"):
        index = _number(path, "Location Index", one.get("Index"))
        quality, status = (_said(path, one, key) for key in ("IQ", "AHAStatus"))
        if index is not None:
            locations.append(Location(int(index), quality, status))
    fork = _number(path, "BifurcationImageIndex", forks[0] if forks else None)
    return Project(name, None if fork is None else int(fork), tuple(locations))


def _image(path: Path, place: int, element: Element) -> DrawnImage:
    name = element.get("ImageName", "")
    outlines: dict[str, NDArray[np.float64]] = {}
    for contour in _children(element, "QVAS_Contour"):
        stated = [(one.text or "").strip() for one in _children(contour, "ContourType")]
        for kind in (_KINDS.get(one.casefold()) for one in stated[:1]):
            if kind is not None and kind not in outlines:
                outlines[kind] = _points(path, f"image {place + 1} ({name}), {kind}", contour)
    return DrawnImage(place, name, outlines)


def _points(path: Path, what: str, contour: Element) -> NDArray[np.float64]:
    """The points of an outline, without those that repeat the one before."""
    points = [
        [_coordinate(path, what, point, axis) for axis in ("x", "y")]
        for drawn in list(_children(contour, "Contour_Point"))[:1]
        for point in _children(drawn, "Point")
    ]
    array = np.array(points, np.float64).reshape(-1, 2)
    new = np.ones(len(array), np.bool_)
    new[1:] = (np.diff(array, axis=0) != 0).any(axis=1)
    return array[new]


def _coordinate(path: Path, what: str, point: Element, axis: str) -> float:
    value = _number(path, f"{what}, a point's {axis}", point.get(axis))
    if value is None:
        raise InputError(f"{what}: a point has no {axis}", where=path)
    return value


def _said(path: Path, location: Element, key: str) -> float | None:
    texts = [one.text for one in _children(location, key)]
    return _number(path, key, texts[0] if texts else None)


def _number(path: Path, what: str, text: str | None) -> float | None:
    """A finite number; None where there is no text."""
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{what} is no number", where=path, found=repr(text[:40]))
    return value


def _root(path: Path, name: str) -> Element:
    with open_regular(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError("the file is too large", where=path, expected="at most 256 MB")
    try:
        _refuse_declarations(content)
        root = ET.fromstring(content)  # noqa: S314 - without declarations no entities
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError) as error:
        raise InputError(f"this is not a usable XML file: {error}", where=path) from error
    if _local(root) != name:
        raise InputError(
            "this is another kind of file", where=path, found=_local(root)[:40], expected=name
        )
    return root


def _refuse_declarations(content: bytes) -> None:
    """Refuse document types: they can declare entities that grow without bounds."""

    def refuse(*_: object) -> None:
        message = "it declares a document type"
        raise ValueError(message)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(content, True)  # noqa: FBT003 - expat takes no keyword


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: Element, name: str) -> Iterator[Element]:
    return (one for one in element if _local(one) == name)


def _descendants(element: Element, name: str) -> Iterator[Element]:
    return (one for one in element.iter() if _local(one) == name)
