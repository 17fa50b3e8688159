"""Corrections by hand in an output directory: taken in, taken back, and everything below made anew.

Corrections stand in a folder of their own inside the result that they correct. What was found stays
as it is, with its record; whoever reads the result gets the corrected one.
"""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid import __version__
from carotid.cohort.run import Request, run_stage
from carotid.errors import OutputError, UsageError
from carotid.export.slicer import read_bifurcations, read_drawn
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.catalog import STAGES, stage_named
from carotid.stages.correction import MOVED_MM, corrected_contours, with_bifurcations
from carotid.storage.checksums import sha256_of_files
from carotid.storage.results.atomic import cannot_write, write_json
from carotid.storage.results.centerlines import load_centerlines, save_corrected_bifurcations
from carotid.storage.results.contours import load_contours, save_corrected_contours
from carotid.storage.results.layout import (
    CENTERLINE_TRANSFORM,
    CONTOUR_TRANSFORM,
    CORRECTED_FOLDER,
    CORRECTION_FILE,
    PROVENANCE_FILE,
    OutputLayout,
)
from carotid.storage.results.parameters import read_parameters
from carotid.storage.results.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from carotid.cohort.outcome import Outcome
    from carotid.cohort.runner import Progress
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.stages.correction import Correction
    from carotid.stages.stage import Stage

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
        bifurcations: Sides whose bifurcation was set.
    """

    drawn: int = 0
    between: int = 0
    left: tuple[str, ...] = ()
    bifurcations: tuple[str, ...] = ()


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


def correct(place: Place, bifurcation: Path | None, contours: Path | None) -> Corrected:
    """Take corrections in, and mark as outdated what was made from what they correct.

    Args:
        place: Whose.
        bifurcation: Markups with points named left and right.
        contours: Markups with closed curves, or a folder of such files.

    Both files are read before anything is written.

    Raises:
        InputError: A file cannot be used.
        UsageError: There is nothing to correct, or no correction in the files.
        OutputError: A file cannot be written.
    """
    with place.held(CENTERLINE_TRANSFORM, CONTOUR_TRANSFORM):
        drawn = None if contours is None else _read_contours(place, contours)
        moved = {} if bifurcation is None else _read_moved(place, bifurcation)
        if not moved and (drawn is None or not drawn.drawn):
            what = "bifurcation" if drawn is None else "outline"
            raise UsageError(f"no {what} differs from what is there", where=contours or bifurcation)
        found = Corrected()
        if contours is not None and drawn is not None and drawn.drawn:
            found = _save_contours(place, contours, drawn)
        if bifurcation is not None and moved:
            _save_bifurcations(place, bifurcation, moved)
    return replace(found, bifurcations=tuple(side for side in SIDE_NAMES if side in moved))


def undo(place: Place) -> list[str]:
    """Take corrections back; returns the results that had any.

    Raises:
        UsageError: There is nothing of this participant that could have been corrected.
        OutputError: A file cannot be removed.
    """
    done = []
    if not place.layout.transform(place.participant_id, CONTOUR_TRANSFORM).is_dir():
        place.folder(CENTERLINE_TRANSFORM)
    with place.held(CENTERLINE_TRANSFORM, CONTOUR_TRANSFORM):
        for transform in (CENTERLINE_TRANSFORM, CONTOUR_TRANSFORM):
            folder = place.layout.transform(place.participant_id, transform) / CORRECTED_FOLDER
            if not folder.exists():
                continue
            _outdate(place, transform)
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise cannot_write(folder, error) from error
            done.append(transform)
    return done


def make_anew(
    place: Place,
    transforms: Sequence[str],
    config_path: Path | None,
    choose_progress: Callable[[int], AbstractContextManager[Progress]],
) -> Iterator[tuple[str, Outcome]]:
    """Make again what the directory has of this participant below corrected results.

    Settings are those of the last run, unless a configuration is given.

    Yields:
        The name of each stage and what became of it.
    """
    names = dict.fromkeys(name for transform in transforms for name in BELOW[transform])
    for stage in STAGES:
        there = place.layout.transform(place.participant_id, stage.transform)
        if stage.name not in names or not there.is_dir():
            continue
        last = read_parameters(place.layout.parameters).get(stage.transform, {})
        with _settings(stage, last, config_path) as config:
            request = Request(
                stage=stage,
                output_dir=place.layout.root,
                input_dirs=_places(place, stage, last),
                config_path=config,
                participants=[place.participant_id],
                force=True,
            )
            (outcome,) = run_stage(request, choose_progress)
        yield stage.name, outcome


@contextmanager
def _settings(
    stage: Stage, last: Mapping[str, Any], config_path: Path | None
) -> Iterator[Path | None]:
    """A configuration with the settings of the last run, where none is given."""
    if config_path is not None:
        yield config_path
        return
    keys = [key for key in stage.parameters_class().model_fields if key in last]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "last.toml"
        # Numbers, words, truth values and lists of them are spelt alike in JSON and TOML.
        lines = [f"{key} = {json.dumps(last[key])}" for key in keys if last[key] is not None]
        path.write_text("\n".join([f"[{stage.transform}]", *lines]) + "\n", "utf-8")
        yield path


def _places(place: Place, stage: Stage, last: Mapping[str, Any]) -> dict[str, Path]:
    """Where inputs are: in the directory itself, else where the last run took them from.

    The directory may be a copy, or have been moved: what is on record is then another one's.
    """
    found = {}
    for need in stage.earlier:
        here = place.layout.transform(place.participant_id, stage_named(need).transform)
        recorded = last.get(f"{need}_dir")
        if not here.is_dir() and recorded and Path(recorded).is_dir():
            found[need] = Path(recorded)
    return found


def _read_contours(place: Place, path: Path) -> Correction:
    contours = load_contours(place.folder(CONTOUR_TRANSFORM))
    return corrected_contours(contours, read_drawn(path, contours.canonical))


def _save_contours(place: Place, path: Path, made: Correction) -> Corrected:
    folder = place.folder(CONTOUR_TRANSFORM)
    _outdate(place, CONTOUR_TRANSFORM)
    save_corrected_contours(made.contours, folder)
    _note(folder, path, {"outlines": made.drawn, "between": made.between})
    return Corrected(
        made.drawn,
        made.between,
        tuple(f"{side} {label} {boundary}, slice {z}" for side, label, boundary, z in made.left),
    )


def _read_moved(place: Place, path: Path) -> dict[SideName, NDArray[np.float64]]:
    """The bifurcations of a file that are not where they were, as canonical voxel indices."""
    centerlines = load_centerlines(place.folder(CENTERLINE_TRANSFORM))
    canonical = _canonical(place, centerlines.grid)
    moved = {}
    for side, point in read_bifurcations(path, canonical).items():
        known = centerlines.side(side).bifurcation
        if known is None or np.linalg.norm((point - known.point) * canonical.spacing_mm) > MOVED_MM:
            moved[side] = point
    return moved


def _save_bifurcations(
    place: Place, path: Path, points: Mapping[SideName, NDArray[np.float64]]
) -> None:
    folder = place.folder(CENTERLINE_TRANSFORM)
    _outdate(place, CENTERLINE_TRANSFORM)
    save_corrected_bifurcations(with_bifurcations(load_centerlines(folder), points), folder)
    _note(folder, path, {"bifurcations": [side for side in SIDE_NAMES if side in points]})


def _canonical(place: Place, stored: Grid | None) -> Grid:
    """The grid that indices refer to: the centerlines' own, else that of the contours."""
    if stored is not None:
        return stored.reoriented(CANONICAL)
    return load_contours(place.folder(CONTOUR_TRANSFORM)).canonical


def _note(folder: Path, path: Path, facts: dict[str, Any]) -> None:
    """Write what was taken in, for those who look at the folder."""
    files = sorted(path.glob("*")) if path.is_dir() else [path]
    content = {
        "corrected_by_hand": facts,
        "sha256": sha256_of_files(path if path.is_dir() else path.parent, files),
        "carotid": __version__,
    }
    write_json(folder / CORRECTED_FOLDER / CORRECTION_FILE, content)


def _outdate(place: Place, transform: str) -> None:
    """Take the records of results below away: without one a result counts as not made."""
    for stage in STAGES:
        if stage.name in BELOW[transform]:
            there = place.layout.transform(place.participant_id, stage.transform)
            try:
                (there / PROVENANCE_FILE).unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(there, error) from error
