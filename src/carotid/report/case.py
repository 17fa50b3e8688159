"""One participant on the page: whatever stages have left of it, each in a section of its own."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from markupsafe import Markup

from carotid.errors import CarotidError, one_line
from carotid.evaluation.models_told import models_told
from carotid.geometry.grid import CANONICAL
from carotid.report.centerline_case import centerline_section
from carotid.report.centerline_figures import figures_of_side
from carotid.report.contour_case import contour_section, figures_of
from carotid.report.contour_pictures import make_contour_scene
from carotid.report.examination import examine
from carotid.report.heatmap_case import heatmap_section
from carotid.report.measured import all_figures
from carotid.report.measurement_case import measurement_section
from carotid.report.reasons import all_reasons, largest_parts
from carotid.report.rendering import render
from carotid.report.rows import KnownDistance, Row
from carotid.report.smoothing import smoothing_told
from carotid.storage.results.centerlines import load_centerlines
from carotid.storage.results.contours import load_contours
from carotid.storage.results.layout import HeatmapLayout
from carotid.storage.results.measurements import load_measurements
from carotid.storage.results.scan_behind import CHANGED, load_scan_behind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines, Contours
    from carotid.geometry.grid import Grid
    from carotid.measurements import Measurements
    from carotid.report.contour_pictures import ContourScene
    from carotid.report.examination import Examination
    from carotid.report.sources import Subject

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Wishes:
    """How cases are shown.

    Attributes:
        threshold: What a peak has to exceed.
        annotation_dir: Known centers, or None.
        scans: Whether scans are shown; where they are not, the page says why.
    """

    threshold: float
    annotation_dir: Path | None
    scans: bool


@dataclass(frozen=True, eq=False)
class Findings:
    """What could be read of one participant; None where it is absent or unreadable.

    Attributes:
        exam: Its heatmaps.
        centerlines, contours, measurements: Later stages' results.
        notes: What the reader should know.
        unreadable: Whether something was there that could not be read.
    """

    exam: Examination | None
    centerlines: Centerlines | None
    contours: Contours | None
    measurements: Measurements | None
    notes: list[str]
    unreadable: bool

    @property
    def grid(self) -> Grid | None:
        """The canonical grid, as far as any result tells it."""
        if self.exam is not None:
            return self.exam.grid
        if self.contours is not None:
            return self.contours.canonical
        if self.centerlines is not None and self.centerlines.grid is not None:
            return self.centerlines.grid.reoriented(CANONICAL)
        return None


def make_case(subject: Subject, number: int, wishes: Wishes) -> tuple[Row, Markup]:
    """One participant's row, and what the page has below its heading.

    Args:
        subject: The participant.
        number: Its place in the order of ids, from 1.
        wishes: How it is shown.
    """
    name = subject.participant_id
    if not subject.folders:
        return Row(name, subject.result, subject.reason, number), Markup()
    found = _read(subject, wishes)
    notes = list(found.notes)
    scan = None
    if found.grid is not None:
        scan, note = _scan(subject, found.grid)
        notes += [note] if note and wishes.scans else []
    scene = (
        None
        if found.contours is None
        else make_contour_scene(found.contours, scan, found.measurements, subject.sides)
    )
    row = _row(subject, number, found, scene)
    row = replace(row, why=largest_parts(row, subject, found, scene))
    if not row.shown:
        return row, Markup()
    sections = _sections(subject, found, scan, scene, wishes)
    reasons = all_reasons(row, subject, found, scene)
    return row, render("case.html", notes=notes, reasons=reasons, sections=sections)


def _read(subject: Subject, wishes: Wishes) -> Findings:
    notes: list[str] = []
    if subject.crop is not None:
        notes.append(
            f"The networks looked at a part of the scan only: {subject.crop} (R-A-S mm). Beyond it "
            "nothing was searched."
        )
    if len(subject.sides) == 1:
        notes.append(f"The scan was searched for the {subject.sides[0]} side only.")
    failed = []

    def read(stage: str, load: Callable[[Path], T]) -> T | None:
        if stage not in subject.folders:
            return None
        try:
            return load(subject.folders[stage])
        except CarotidError as error:
            logger.warning(
                "%s: its %s result cannot be read: %s", subject.participant_id, stage, error
            )
            notes.append(f"The {stage} result cannot be read: {without_place(error)}.")
            failed.append(stage)
            return None

    exam = read(
        "heatmap",
        lambda folder: examine(
            subject.participant_id,
            HeatmapLayout(folder),
            wishes.threshold,
            wishes.annotation_dir,
            subject.crop,
            subject.sides,
        ),
    )
    centerlines = read("centerline", load_centerlines)
    contours = read("contour", load_contours)
    if exam and contours and not contours.canonical.agrees_with(exam.grid):
        notes.append("The contours are not shown: they lie on another grid than the heatmaps.")
        contours = None
    measurements = read("measurement", load_measurements)
    return Findings(exam, centerlines, contours, measurements, notes, bool(failed))


def _row(subject: Subject, number: int, found: Findings, scene: ContourScene | None) -> Row:
    exam = found.exam
    shown = any(one is not None for one in (exam, found.centerlines, scene, found.measurements))
    return Row(
        subject.participant_id,
        "unreadable" if found.unreadable else subject.result,
        subject.reason if shown else "; ".join(found.notes),
        number,
        members=0 if exam is None else exam.members,
        sides={} if exam is None else {n: side.figures for n, side in exam.sides.items()},
        between_mm=np.nan if exam is None else exam.between_mm,
        heatmap_score=subject.recorded_score if exam is None else exam.score,
        centerlines={}
        if found.centerlines is None
        else {n: figures_of_side(found.centerlines, n) for n in subject.sides},
        contours={} if scene is None else {n: figures_of(scene, n) for n in scene.courses},
        arteries={} if found.measurements is None else all_figures(found.measurements),
        truth={}
        if exam is None
        else {
            name: KnownDistance(side.truth.median_mm, side.truth.right_share)
            for name, side in exam.sides.items()
            if side.truth is not None
        },
        unlike=subject.unlike,
        shown=shown,
    )


def _sections(
    subject: Subject,
    found: Findings,
    scan: NDArray[np.generic] | None,
    scene: ContourScene | None,
    wishes: Wishes,
) -> list[Markup]:
    """What the page shows of each stage, the last one first."""
    sections = []
    if found.measurements is not None:
        models = models_told(subject.records.values())
        sections.append(measurement_section(found.measurements, scene, models, subject.sides))
    if scene is not None:
        sections.append(contour_section(scene, smoothing_told(subject.records.get("contour"))))
    if found.centerlines is not None and found.grid is not None:
        sections.append(centerline_section(found.centerlines, found.grid, scan, subject.sides))
    if found.exam is not None:
        sections.append(heatmap_section(found.exam, scan, wishes.threshold))
    return sections


def _scan(subject: Subject, grid: Grid) -> tuple[NDArray[np.generic] | None, str]:
    """The scan's canonical voxels on the results' grid, or None, and what is to be said."""
    if subject.scan is None:
        return None, "The scan is not there: only the results are shown."
    try:
        behind = load_scan_behind(subject.scan, grid, subject.made_from)
    except CarotidError as error:
        logger.warning("%s: the scan is not shown: %s", subject.participant_id, error)
        return None, f"The scan is not shown: {without_place(error)}."
    return behind.volume.array, f"{CHANGED[0].upper()}{CHANGED[1:]}." if behind.changed else ""


def without_place(error: CarotidError) -> str:
    """An error without the path it names: a page may be handed on, paths stay at home."""
    found = "" if error.found is None else f" (found {error.found})"
    return one_line(error.what) + found
