"""Centerlines, contours and bifurcations as markups of 3D Slicer, and what was moved there.

A markup's name says what it is: `left_internal_lumen_z0123`, `right_external_centerline`, and the
points `left` and `right` of the list `bifurcation`. Slicer saves each markup in a file of its name,
so each is exported to one: what was loaded and changed is saved over what was exported.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS, OutlinePlace
from carotid.counted import shortened
from carotid.errors import InputError
from carotid.geometry.polygons import has_area
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.correction import Drawn
from carotid.storage.markups import SUFFIX, Markup, read_markups

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, Centerlines, Contours, Label
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName

logger = logging.getLogger(__name__)

COLORS: dict[str, tuple[float, float, float]] = {
    "lumen": (0.90, 0.25, 0.25),
    "wall": (0.95, 0.75, 0.20),
    "internal": (0.30, 0.65, 1.00),
    "external": (0.40, 0.85, 0.45),
    "bifurcation": (1.00, 0.40, 0.90),
}
BIFURCATION = "bifurcation"
CONTOURS_FOLDER = "contours"

_WORDS = re.compile(r"[a-z]+|\d+")
_SLICE = re.compile(r"z[_ -]?(\d+)")
_OFF_PLANE_SLICES = 1.0


def contour_markups(contours: Contours, every_mm: float, slices: Collection[int]) -> list[Markup]:
    """Outlines as closed curves, in slices about `every_mm` apart.

    Args:
        contours: The outlines.
        every_mm: Distance of the slices; the first and the last of each artery are exported too.
        slices: The slices that are wanted.
    """
    step = max(round(every_mm / contours.canonical.spacing_mm[2]), 1)
    there = {place: one for place, one in contours.outlines().items() if has_area(one.points)}
    ends = _ends(there)
    found = []
    for place, outline in there.items():
        if place.z not in slices or (place.z % step and place not in ends):
            continue
        index = np.column_stack([outline.points, np.full(len(outline.points), place.z)])
        points = contours.canonical.world_from_index(index)
        color = COLORS[place.boundary]
        found.append(Markup(outline_name(place), "ClosedCurve", points, ("",) * len(points), color))
    return found


def outline_name(place: OutlinePlace) -> str:
    """What the markup of an outline is called."""
    return f"{place.side}_{place.label}_{place.boundary}_z{place.z:04d}"


def _ends(places: Iterable[OutlinePlace]) -> set[OutlinePlace]:
    """The first and the last outline of each boundary: beyond exported ones nothing follows."""
    heights: dict[tuple[SideName, Label, Boundary], list[int]] = {}
    for one in places:
        heights.setdefault(one[:3], []).append(one.z)
    return {
        OutlinePlace(*which, z)
        for which, there in heights.items()
        for z in (min(there), max(there))
    }


def centerline_markups(centerlines: Centerlines, canonical: Grid) -> list[Markup]:
    """Centerlines as curves."""
    found = []
    for side in SIDE_NAMES:
        for label in LABELS:
            line = centerlines.side(side).artery(label)
            if len(line):
                points = canonical.world_from_index(line.points)
                name = f"{side}_{label}_centerline"
                found.append(Markup(name, "Curve", points, ("",) * len(line), COLORS[label]))
    return found


def bifurcation_markup(forks: Mapping[SideName, NDArray[np.float64]], canonical: Grid) -> Markup:
    """The bifurcations as points.

    Args:
        forks: (3,) canonical voxel indices by side.
        canonical: Their grid.
    """
    index = np.array(list(forks.values()), np.float64).reshape(-1, 3)
    placed = canonical.world_from_index(index)
    return Markup(BIFURCATION, "Fiducial", placed, tuple(forks), COLORS[BIFURCATION])


def read_bifurcations(path: Path, canonical: Grid) -> dict[SideName, NDArray[np.float64]]:
    """The bifurcations of a file: canonical voxel indices by side.

    A point's name has to hold `left` or `right`; of others that of the markup.

    Raises:
        InputError: A point has no side, a side has two points, or a point lies outside the scan.
    """
    found: dict[SideName, NDArray[np.float64]] = {}
    for markup in read_markups(path):
        if markup.kind != "Fiducial":
            continue
        for point, label in zip(markup.points_mm, markup.labels, strict=True):
            side = _side(label) or _side(markup.name)
            if side is None:
                raise InputError(
                    "a point's name does not tell its side",
                    where=path,
                    found=repr(label or markup.name),
                    expected="left or right in it",
                )
            if side in found:
                raise InputError(f"there are two points of the {side} side", where=path)
            index = canonical.index_from_world(point)
            last = np.array(canonical.shape) - 1
            if (index < -0.5).any() or (index > last + 0.5).any():
                raise InputError(f"the {side} point lies outside the scan", where=path)
            found[side] = index
    if not found:
        raise InputError("there is no point in the file", where=path)
    return found


def read_drawn(path: Path, canonical: Grid) -> list[Drawn]:
    """The outlines of a file, or of all files of a folder.

    Raises:
        InputError: A file cannot be read, a curve is open, its name does not tell what it is, or it
            lies in no slice.
    """
    paths = _markup_files(path) if path.is_dir() else [path]
    found: dict[OutlinePlace, Drawn] = {}
    for place, markup in _curves(paths):
        one = _drawn(place, markup, canonical)
        if one.place in found:
            raise InputError(
                f"a second outline of the {one.side} {one.label} {one.boundary} in slice {one.z}",
                where=place,
            )
        found[one.place] = one
    if not found:
        raise InputError("there is no closed curve", where=path, expected=f"*{SUFFIX} from Slicer")
    return list(found.values())


def _markup_files(folder: Path) -> list[Path]:
    """The markups of a folder; other files in it may be corrections that were saved otherwise."""
    there = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    others = [path.name for path in there if path.is_file() and not path.name.endswith(SUFFIX)]
    if others:
        logger.warning("%s: not read, as they are no %s: %s", folder, SUFFIX, shortened(others))
    return [path for path in there if path.name.endswith(SUFFIX)]


def _curves(paths: list[Path]) -> Iterator[tuple[Path, Markup]]:
    for path in paths:
        for markup in read_markups(path):
            if markup.kind == "ClosedCurve":
                yield path, markup
            elif _boundary(markup.name) is not None:
                line = markup.kind == "Curve"
                raise InputError(
                    f"the curve of an outline is {'open' if line else 'a list of points'}",
                    where=path,
                    found=repr(markup.name),
                    expected="a closed curve",
                    remedy="draw it as a closed curve in 3D Slicer, or remove it",
                )


def _drawn(path: Path, markup: Markup, canonical: Grid) -> Drawn:
    name = markup.name or path.name.removesuffix(SUFFIX)
    words = _WORDS.findall(name.lower())
    side = _side(name)
    label: Label | None = (
        "external"
        if "external" in words
        else "internal"
        if "internal" in words or "common" in words
        else None
    )
    boundary = _boundary(name)
    if side is None or label is None or boundary is None:
        raise InputError(
            "a curve's name does not tell what it outlines",
            where=path,
            found=repr(name),
            expected="left or right, internal or external, lumen or wall in it",
        )
    if len(markup.points_mm) < 3:
        raise InputError(
            "an outline has fewer than three points",
            where=path,
            found=repr(name),
            remedy="draw it around the artery in 3D Slicer, or remove the file",
        )
    index = canonical.index_from_world(markup.points_mm)
    if not has_area(index[:, :2]):
        raise InputError(
            "the points of an outline lie on a line, or at one place",
            where=path,
            found=repr(name),
            remedy="draw it around the artery in 3D Slicer, or remove it",
        )
    told = _SLICE.search(name.lower())
    z = int(told[1]) if told else int(np.rint(np.median(index[:, 2])))
    if not 0 <= z < canonical.shape[2]:
        raise InputError(f"slice {z} is not in the scan", where=path, found=repr(name))
    off = float(np.abs(index[:, 2] - z).max())
    if off > _OFF_PLANE_SLICES:
        raise InputError(
            f"the outline {name} does not lie in slice {z}",
            where=path,
            found=f"a point {off:.1f} slices off",
            remedy="draw it in an axial slice of the scan, where that is tilted with Rotate to "
            "Volume Plane in 3D Slicer, or rename it",
        )
    return Drawn(side, label, boundary, z, index[:, :2])


def _boundary(name: str) -> Boundary | None:
    words = _WORDS.findall(name.lower())
    return "lumen" if "lumen" in words else "wall" if {"wall", "outer"} & set(words) else None


def _side(name: str) -> SideName | None:
    words = _WORDS.findall(name.lower())
    there: list[SideName] = [side for side in SIDE_NAMES if side in words]
    return there[0] if len(there) == 1 else None
