"""Everything that a page says about one participant, in numbers, from the files of the result."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import InputError
from carotid.evaluation.distances import RIGHT_MM
from carotid.evaluation.figures import (
    Course,
    SideFigures,
    left_right_mm,
    make_course,
    participant_score,
    rival_heights,
    side_figures,
)
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.report.anatomy import regular_heights
from carotid.report.projections import Projections, project
from carotid.storage.annotations import joined_slices, read_annotation
from carotid.storage.results.heatmaps import load_max_indices
from carotid.storage.results.layout import HeatmapLayout, centerline_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.crop import Crop
    from carotid.geometry.grid import Grid

logger = logging.getLogger(__name__)

SECTIONS = 8
"""How many axial sections a page shows."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known about one side, and how far its maxima are from it.

    Attributes:
        centers: (z, 2, 2) canonical x and y of each channel's vessel, NaN where there is none.
        distance_mm: (z, 2) from the mean heatmap's maxima; NaN likewise.
        median_mm: Median distance; NaN where nothing is known.
        right_share: Share of maxima within 2 mm.
    """

    centers: NDArray[np.float64]
    distance_mm: NDArray[np.float64]
    median_mm: float
    right_share: float


@dataclass(frozen=True, eq=False)
class SideExamination:
    """One side: pictures' raw material and figures.

    Attributes:
        mean, std: Projections and, of the mean, the sections.
        max_indices: (members, 2, z, 2) canonical x and y.
        course: The maxima along the neck.
        figures: What they add up to.
        truth: Where it is known.
    """

    mean: Projections
    std: Projections
    max_indices: NDArray[np.int64]
    course: Course
    figures: SideFigures
    truth: Truth | None


@dataclass(frozen=True, eq=False)
class Examination:
    """One participant.

    Attributes:
        grid: The canonical grid.
        sides: Those that the scan shows, by name.
        heights: Canonical z of the sections, from the top down.
        between_mm: Distance between both sides' internal maxima.
        score: What orders the page.
    """

    grid: Grid
    sides: Mapping[SideName, SideExamination]
    heights: list[int]
    between_mm: float
    score: float

    @property
    def members(self) -> int:
        """Size of the ensemble."""
        return next(iter(self.sides.values())).course.members


def examine(
    participant_id: str,
    folder: HeatmapLayout,
    threshold: float,
    annotation_dir: Path | None,
    crop: Crop | None = None,
    shown: Sequence[SideName] = SIDE_NAMES,
) -> Examination:
    """Read one participant's result.

    Args:
        participant_id: Whose annotation is looked up.
        folder: The heatmaps.
        threshold: What a peak has to exceed.
        annotation_dir: Where known centers are, if anywhere.
        crop: The part of the scan that networks looked at; figures are of its slices.
        shown: The sides that it shows.

    Raises:
        InputError: A file is damaged, or does not fit the others.
    """
    sides: dict[SideName, SideExamination] = {}
    heights: list[int] = []
    for side in shown:
        std = project(folder.std(side), [])
        low, high = (0, std.grid.shape[2]) if crop is None else crop.voxels(std.grid)[2]
        heights = [low + height for height in regular_heights(high - low, SECTIONS)]
        mean = project(folder.mean(side), heights)
        indices = load_max_indices(folder, side)
        _check_together(folder, side, mean, std, indices)
        spacing_mm = mean.grid.spacing_mm
        rival = rival_heights(mean.coronal, mean.sagittal, mean.peak_index, spacing_mm[:2])
        course = make_course(mean.peak, mean.peak_index, rival, indices, spacing_mm)
        truth = None
        if annotation_dir is not None:
            truth = _truth(centerline_file(annotation_dir, participant_id, side), mean)
        figures = side_figures(course.part(low, high), threshold)
        sides[side] = SideExamination(mean, std, indices, course, figures, truth)
    first, last = sides[shown[0]], sides[shown[-1]]
    if not first.mean.grid.agrees_with(last.mean.grid):
        raise InputError("the heatmaps of both sides lie on different grids", where=folder.root)
    between = left_right_mm(first.course, last.course, threshold) if len(sides) > 1 else np.nan
    score = participant_score([side.figures.score for side in sides.values()], between)
    return Examination(first.mean.grid, sides, heights, between, score)


def _check_together(
    folder: HeatmapLayout,
    side: SideName,
    mean: Projections,
    std: Projections,
    indices: NDArray[np.int64],
) -> None:
    if not mean.grid.agrees_with(std.grid):
        raise InputError(
            "mean and standard deviation lie on different grids", where=folder.side(side)
        )
    size_x, size_y, size_z = mean.grid.shape
    fits = indices.shape[0] > 0 and indices.shape[2] == size_z
    if not fits or (indices < 0).any() or (indices >= (size_x, size_y)).any():
        raise InputError(
            "the maxima do not belong to the heatmap",
            where=folder.max_indices(side),
            found=indices.shape,
            expected=f"{size_z} axial slices, indices inside {size_x}x{size_y}",
        )


def _truth(path: Path, mean: Projections) -> Truth | None:
    """What an annotation says; None where it is absent, or unusable, which is warned of."""
    if not path.exists():
        return None
    try:
        annotation = read_annotation(path, mean.grid.shape[2])
    except InputError as error:
        logger.warning("not used: %s", error)
        return None
    slices = np.arange(mean.grid.shape[2], dtype=np.float64)
    centers = annotation.at_slices(slices, max_gap=joined_slices(mean.grid.spacing_mm[2]))
    offset = (mean.peak_index - centers) * np.array(mean.grid.spacing_mm[:2])
    distance = np.linalg.norm(offset, axis=2)
    known = distance[np.isfinite(distance)]
    if not known.size:
        return Truth(centers, distance, float("nan"), float("nan"))
    return Truth(centers, distance, float(np.median(known)), float((known <= RIGHT_MM).mean()))
