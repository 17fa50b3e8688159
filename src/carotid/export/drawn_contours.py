"""Outlines that were changed in 3D Slicer, read and checked before anything is written."""

from __future__ import annotations

import logging
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import shortened
from carotid.errors import InputError
from carotid.export.given_markups import gone_from
from carotid.export.slicer import outline_name, read_drawn
from carotid.stages.correction import corrected_contours
from carotid.stages.correction_places import Courses, check_outline, large_changes
from carotid.stages.outline_changes import differs
from carotid.storage.results.centerlines import load_centerlines
from carotid.storage.results.contours import load_contours, load_removed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.artifacts import Boundary, Centerlines, Contours, Label
    from carotid.export.removals import Removal
    from carotid.geometry.sides import SideName
    from carotid.stages.correction import Correction, Drawn

logger = logging.getLogger(__name__)


def read_correction(
    path: Path, contour_folder: Path, centerline_folder: Path, removals: Sequence[Removal]
) -> Correction:
    """What outlines become with those that were drawn.

    Args:
        path: Markups with closed curves, or a folder of such files.
        contour_folder: The outlines that are there.
        centerline_folder: The centerlines that they follow; it may be absent.
        removals: Outlines that go after that: nobody misses their curves.

    What somebody should look at again is said in warnings.

    Raises:
        InputError: A file cannot be used, or cannot be meant for the artery that it names.
    """
    contours = load_contours(contour_folder)
    earlier = (load_contours(contour_folder, corrected=False), load_removed(contour_folder))
    drawn = _without_removed(read_drawn(path, contours.canonical), contours, earlier)
    courses = Courses.of(contours, centerlines_on(contours, centerline_folder))
    try:
        for one in drawn:
            check_outline(one, courses)
    except InputError as error:
        raise error.at(path) from error
    made = corrected_contours(contours, drawn)
    if made.crossing:
        raise InputError(
            "the lumen is not inside the wall",
            where=path,
            found=shortened(
                [
                    f"{one.side} {one.label}, slice {one.z} ({one.outside_mm:.1f} mm outside)"
                    for one in made.crossing
                ]
            ),
            remedy="correct both outlines of such a slice in 3D Slicer",
        )
    stay = {
        place
        for place in contours.outlines()
        if not any(one.holds(place.side, place.label, place.z) for one in removals)
    }
    missed = {outline_name(place) for place in stay - {one.place for one in drawn}}
    gone = [name for name in gone_from(path) if name in missed]
    if gone:
        logger.warning(
            "%s: removed since the export: %s. Their outlines stay, or follow their neighbours; "
            "`--remove` takes outlines away",
            path,
            shortened(gone),
        )
    large = large_changes(contours, drawn)
    if large:
        told = [f"{x.side} {x.label} {x.boundary}, slice {x.z} ({mm:.0f} mm)" for x, mm in large]
        logger.warning("goes far from where it was, look whether it is meant: %s", shortened(told))
    return made


def _without_removed(
    drawn: Sequence[Drawn], now: Contours, earlier: Sequence[Contours]
) -> list[Drawn]:
    """What was drawn, but for curves of removed outlines that did not change since.

    Args:
        drawn: All curves.
        now: The outlines that are there.
        earlier: Those that were found, and those that were taken away as they were then.
    """
    spacing = np.array(now.canonical.spacing_mm[:2])
    there, *before = (contours.outlines() for contours in (now, *earlier))
    return [
        one
        for one in drawn
        if one.place in there
        or not any(
            one.place in known and not differs(one.points, known[one.place], spacing)
            for known in before
        )
    ]


def left_told(left: Sequence[tuple[SideName, Label, Boundary, int]]) -> tuple[str, ...]:
    """Outlines in words, a line for each boundary of an artery.

    >>> left_told([("left", "internal", "wall", z) for z in (3, 4, 5, 8)])
    ('left internal wall, slices 3 to 5, 8',)
    """
    return tuple(
        f"{side} {label} {boundary}, {_slices(sorted(one[3] for one in some))}"
        for (side, label, boundary), some in groupby(sorted(left), key=lambda one: one[:3])
    )


def _slices(numbers: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for z in numbers:
        if runs and z == runs[-1][-1] + 1:
            runs[-1].append(z)
        else:
            runs.append([z])
    words = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"slice{'s' * (len(numbers) > 1)} {', '.join(words)}"


def centerlines_on(contours: Contours, folder: Path) -> Centerlines | None:
    """The centerlines that outlines follow; None where there are none on their grid."""
    if not folder.is_dir():
        return None
    found = load_centerlines(folder)
    return found if found.fits(contours.canonical) else None
