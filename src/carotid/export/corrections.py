"""Corrections by hand in an output directory: taken in, taken back, and everything below made anew.

Corrections stand in a folder of their own inside the result that they correct. What was found stays
as it is, with its record; whoever reads the result gets the corrected one.
"""

from __future__ import annotations

import logging
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import InputError, OutputError, UsageError
from carotid.export.begun import read_begun, write_begun
from carotid.export.drawn_contours import centerlines_on, left_told, read_correction
from carotid.export.given_markups import check_path, check_whose
from carotid.export.moved_forks import tell_moved_forks
from carotid.export.notes import write_note
from carotid.export.removals import without
from carotid.export.slicer import read_bifurcations
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.catalog import STAGES
from carotid.stages.correction import Correction, with_bifurcations
from carotid.stages.correction_places import (
    LARGE_MOVE_MM,
    check_bifurcation,
    moved_along_mm,
)
from carotid.stages.measurement.bifurcations import bifurcations_of
from carotid.stages.outline_changes import MOVED_MM
from carotid.storage.results.atomic import cannot_write, write_json
from carotid.storage.results.centerlines import load_centerlines, save_corrected_bifurcations
from carotid.storage.results.contours import (
    load_contours,
    load_removed,
    save_corrected_contours,
    save_removed,
)
from carotid.storage.results.layout import (
    CENTERLINE_TRANSFORM,
    CONTOUR_TRANSFORM,
    CORRECTED_FOLDER,
    PROVENANCE_FILE,
    OutputLayout,
)
from carotid.storage.results.record import has_record, read_record
from carotid.storage.results.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines, Contours
    from carotid.export.removals import Removal
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName

logger = logging.getLogger(__name__)

BELOW: Mapping[str, tuple[str, ...]] = {
    CENTERLINE_TRANSFORM: ("measurement",),
    CONTOUR_TRANSFORM: ("segmentation", "measurement"),
}
"""Stages that use what can be corrected: the bifurcation, and the outlines."""


@dataclass(frozen=True)
class Corrected:
    """What was taken in.

    Attributes:
        drawn: Outlines that were changed or added by hand.
        between: Outlines that followed.
        left: Outlines between that could not follow, in words.
        removed: Cross-sections that were taken away.
        bifurcations: Sides whose bifurcation was set.
        outdated: Earlier corrections below which results are outdated, as an earlier command was
            cut short.
    """

    drawn: int = 0
    between: int = 0
    left: tuple[str, ...] = ()
    removed: int = 0
    bifurcations: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """One participant's results in an output directory.

    Attributes:
        layout: The directory.
        participant_id: Whose.
    """

    layout: OutputLayout
    participant_id: str

    def folder(self, transform: str) -> Path:
        """The folder of a result.

        Raises:
            UsageError: It is not there.
        """
        folder = self.layout.transform(self.participant_id, transform)
        if not folder.is_dir():
            known = self.layout.participants(transform)
            raise UsageError(
                f"participant {self.participant_id} has no {transform}",
                where=self.layout.root,
                expected=f"one of {', '.join(known[:10])}" if known else "results of that step",
            )
        return folder

    def held(self, *transforms: str) -> ExitStack:
        """The places of results, locked against other commands.

        Raises:
            OutputError: Another command is at work on one of them.
        """
        stack = ExitStack()
        for transform in transforms:
            slot = Slot(self.layout, self.participant_id, transform)
            if not slot.acquire():
                stack.close()
                raise OutputError(
                    "another command is at work on this participant",
                    where=slot.final,
                    remedy="wait for it, then run this command again",
                )
            stack.callback(slot.release)
        return stack


def correct(
    place: Place,
    bifurcation: Path | None,
    contours: Path | None,
    removals: Sequence[Removal] = (),
) -> Corrected:
    """Take corrections in, and mark as outdated what was made from what they correct.

    Args:
        place: Whose.
        bifurcation: Markups with points named left and right.
        contours: Markups with closed curves, or a folder of such files.
        removals: Outlines that go, after those that were drawn have been taken in.

    Both files are read before anything is written.

    Raises:
        InputError: A file cannot be used, or cannot be meant for the artery that it names.
        UsageError: There is nothing to correct, no such file, or no correction in the files.
        OutputError: A file cannot be written.
    """
    for path in (bifurcation, contours):
        if path is not None:
            check_path(path, folder=path is contours)
            check_whose(path, place.participant_id)
    with place.held(CENTERLINE_TRANSFORM, CONTOUR_TRANSFORM):
        drawn = None
        if contours is not None:
            found_there = place.folder(CONTOUR_TRANSFORM)
            lines = place.layout.transform(place.participant_id, CENTERLINE_TRANSFORM)
            drawn = read_correction(contours, found_there, lines, removals)
        earlier = _outdated(place)
        removed, gone = 0, None
        if removals:
            there = place.folder(CONTOUR_TRANSFORM)
            drawn = drawn or Correction(load_contours(there), 0, 0, ())
            before = load_removed(there) if CONTOUR_TRANSFORM in earlier else None
            kept, gone = without(drawn.contours, removals, before)
            drawn = replace(drawn, contours=kept)
            removed = len(gone.left) + len(gone.right)
        moved = {} if bifurcation is None else _read_moved(place, bifurcation)
        drawn_any = drawn is not None and bool(drawn.drawn or removed)
        if not moved and not drawn_any:
            if earlier:
                return Corrected(outdated=earlier)
            what = "bifurcation" if drawn is None else "outline"
            raise UsageError(f"no {what} differs from what is there", where=contours or bifurcation)
        some = {CENTERLINE_TRANSFORM: bool(moved), CONTOUR_TRANSFORM: drawn_any}
        write_begun(place.layout, place.participant_id, [one for one in some if some[one]])
        found = Corrected()
        if drawn is not None and drawn_any:
            found = replace(_save_contours(place, contours, drawn, removals, gone), removed=removed)
        if bifurcation is not None and moved:
            _save_bifurcations(place, bifurcation, moved)
    sides = tuple(side for side in SIDE_NAMES if side in moved)
    return replace(found, bifurcations=sides, outdated=earlier)


def undo(place: Place) -> list[str]:
    """Take corrections back; returns the results that had any.

    Raises:
        UsageError: There is nothing of this participant that could have been corrected.
        OutputError: A file cannot be removed.
    """
    if not place.layout.transform(place.participant_id, CONTOUR_TRANSFORM).is_dir():
        place.folder(CENTERLINE_TRANSFORM)
    with place.held(CENTERLINE_TRANSFORM, CONTOUR_TRANSFORM):
        some = [one for one in BELOW if place.layout.is_corrected(place.participant_id, one)]
        if some:
            write_begun(place.layout, place.participant_id, some)
        for transform in some:
            folder = place.layout.transform(place.participant_id, transform) / CORRECTED_FOLDER
            _outdate(place, transform)
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise cannot_write(folder, error) from error
    return some


def _save_contours(
    place: Place,
    path: Path | None,
    made: Correction,
    removals: Sequence[Removal],
    gone: Contours | None,
) -> Corrected:
    folder = place.folder(CONTOUR_TRANSFORM)
    before = load_contours(folder)
    lines = place.layout.transform(place.participant_id, CENTERLINE_TRANSFORM)
    centerlines = centerlines_on(before, lines)
    if centerlines is not None:
        tell_moved_forks(before, made.contours, centerlines)
    _outdate(place, CONTOUR_TRANSFORM)
    facts = {"outlines": made.drawn, "between": made.between}
    write_note(folder, path, facts, [str(one) for one in removals])
    if gone is not None:
        save_removed(gone, folder)
    save_corrected_contours(made.contours, folder, {one.side for one in removals})
    return Corrected(made.drawn, made.between, left_told(made.left))


def _read_moved(place: Place, path: Path) -> dict[SideName, NDArray[np.float64]]:
    """The bifurcations of a file that are not where they were, as canonical voxel indices."""
    centerlines = load_centerlines(place.folder(CENTERLINE_TRANSFORM))
    canonical = _canonical(place, centerlines.grid)
    shown, before = _shown(place, centerlines)
    moved = {}
    for side, point in read_bifurcations(path, canonical).items():
        known = shown.get(side)
        places = [one[side] for one in (shown, before) if side in one]
        away = [np.linalg.norm((point - one) * canonical.spacing_mm) for one in places]
        if min(away, default=np.inf) <= MOVED_MM:
            continue
        try:
            check_bifurcation(side, point, centerlines, canonical)
        except InputError as error:
            raise error.at(path) from error
        moved[side] = point
        along = 0.0
        if known is not None:
            along = moved_along_mm((known, point), side, centerlines, canonical)
        if abs(along) > LARGE_MOVE_MM:
            logger.warning(
                "the %s bifurcation moves by %.0f mm %s along the artery: look whether it is this "
                "participant's file",
                side,
                abs(along),
                "up" if along > 0 else "down",
            )
    return moved


def _shown(
    place: Place, centerlines: Centerlines
) -> tuple[dict[SideName, NDArray[np.float64]], dict[SideName, NDArray[np.float64]]]:
    """Where exports show bifurcations, and where they did before outlines were corrected."""
    folder = place.layout.transform(place.participant_id, CONTOUR_TRANSFORM)
    if not folder.is_dir():
        alone = bifurcations_of(None, centerlines)
        return alone, alone
    both = (load_contours(folder, corrected=corrected) for corrected in (True, False))
    now, before = (bifurcations_of(contours, centerlines) for contours in both)
    return now, before


def _save_bifurcations(
    place: Place, path: Path, points: Mapping[SideName, NDArray[np.float64]]
) -> None:
    folder = place.folder(CENTERLINE_TRANSFORM)
    _outdate(place, CENTERLINE_TRANSFORM)
    corrected = with_bifurcations(load_centerlines(folder), points)
    write_note(folder, path, {"bifurcations": [side for side in SIDE_NAMES if side in points]})
    save_corrected_bifurcations(corrected, folder)


def _canonical(place: Place, stored: Grid | None) -> Grid:
    """The grid that indices refer to: the centerlines' own, else that of the contours."""
    if stored is not None:
        return stored.reoriented(CANONICAL)
    return load_contours(place.folder(CONTOUR_TRANSFORM)).canonical


def _outdated(place: Place) -> tuple[str, ...]:
    """What a command has begun, or has corrections and below it results without their records."""
    begun = read_begun(place.layout, place.participant_id)
    return tuple(
        transform
        for transform, names in BELOW.items()
        if transform in begun
        or (
            place.layout.is_corrected(place.participant_id, transform)
            and any(
                (there := place.layout.transform(place.participant_id, stage.transform)).is_dir()
                and read_record(there) is None
                for stage in STAGES
                if stage.name in names
            )
        )
    )


def _outdate(place: Place, transform: str) -> None:
    """Empty the records of results below: they count as ours, and as not made."""
    for stage in STAGES:
        if stage.name in BELOW[transform]:
            there = place.layout.transform(place.participant_id, stage.transform)
            if has_record(there):
                write_json(there / PROVENANCE_FILE, {})
