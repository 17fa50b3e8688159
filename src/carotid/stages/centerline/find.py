"""The centerlines of both sides of a neck from its heatmaps."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Lock
from typing import TYPE_CHECKING

from carotid.artifacts import LABELS, Centerlines, SideCenterlines
from carotid.errors import CarotidError, InputError
from carotid.evaluation.ends import MISSING_MM, SHORT_MM, missing_mm, short_mm
from carotid.evaluation.faint import FAINT_MM, faint_mm, faint_stretch
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES, SideName, where_searched
from carotid.stages.centerline.centers import Corners, with_values
from carotid.stages.centerline.joint.find import joint_centers
from carotid.stages.centerline.joint.levels import SideVolume
from carotid.stages.centerline.parameters import CenterlineParameters
from carotid.stages.centerline.sections import sections_centers

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from carotid.artifacts import HeatmapSlices, HeatmapSource
    from carotid.geometry.grid import Grid

logger = logging.getLogger(__name__)

_REMEDIES = {
    "joint": "look at the heatmaps: do they show the arteries, and does the scan show the neck?",
    "sections": "lower the threshold in [centerline_transform]",
}


def find_centerlines(
    heatmaps: HeatmapSource, parameters: CenterlineParameters | None = None
) -> Centerlines:
    """Find one center per artery and axial slice.

    Each side has a thread: while the standard deviation of one is read, the other is searched. Only
    one side's mean heatmaps are in memory at a time. An artery that is not found on a side is named
    in a warning, but for a side whose heatmaps are zero throughout: the scan does not show it.

    Args:
        heatmaps: Both sides' heatmaps.
        parameters: The method and its settings; None takes the defaults.

    Returns:
        The centerlines of both sides.

    Raises:
        InputError: No side shows an artery, or a heatmap cannot be used.
    """
    chosen = CenterlineParameters() if parameters is None else parameters
    room = Lock()
    with ThreadPoolExecutor(len(SIDE_NAMES), "carotid-side") as pool:
        jobs = {side: pool.submit(_found, heatmaps, side, chosen, room) for side in SIDE_NAMES}
        found = {side: one.result() for side, one in jobs.items()}
    missing = [
        f"{side} {label}"
        for side in SIDE_NAMES
        for label in LABELS
        if not len(found[side].artery(label))
    ]
    unseen = [side for side in SIDE_NAMES if _is_unseen(heatmaps, side, found[side])]
    if len(missing) == len(SIDE_NAMES) * len(LABELS):
        seen = [side for side in SIDE_NAMES if side not in unseen]
        raise InputError(
            f"no carotid artery was found {where_searched(seen)}",
            remedy=_REMEDIES[chosen.method],
        )
    told = [one for one in missing if one.split()[0] not in unseen]
    if told:
        logger.warning("no artery was found here: %s", ", ".join(told))
    slice_mm = heatmaps.grid.reoriented(CANONICAL).spacing_mm[2]
    made = Centerlines(found["left"], found["right"], heatmaps.grid)
    for side in SIDE_NAMES:
        _tell_of_faint(side, found[side], slice_mm)
        _tell_of_short(side, short_mm(made, side, slice_mm))
        _tell_of_missing(side, missing_mm(made, side, slice_mm))
    return made


def _is_unseen(heatmaps: HeatmapSource, side: SideName, lines: SideCenterlines) -> bool:
    """Whether networks did not look at a side, as the scan does not show it."""
    there = any(len(lines.artery(label)) for label in LABELS)
    return not there and not heatmaps.slices(side).mean().any()


def _tell_of_faint(side: SideName, lines: SideCenterlines, slice_mm: float) -> None:
    """Say where the internal carotid is hardly seen between two places where it is."""
    ends = faint_stretch(lines.internal)
    length_mm = faint_mm(lines.internal, slice_mm)
    if ends is not None and length_mm >= FAINT_MM:
        logger.warning(
            "%s internal: the heatmaps hardly show it over %.0f mm (slices %d to %d); it may kink "
            "there, and centers and contours of this stretch may lie beside it: look at them",
            side,
            length_mm,
            ends[0] + 1,
            ends[1] - 1,
        )


def _tell_of_missing(side: SideName, above_mm: float) -> None:
    """Say where there should be an external carotid as on the other side."""
    if above_mm >= MISSING_MM:
        logger.warning(
            "%s external: none was found above the height at which the other side's begins, though "
            "the internal goes on for %.0f mm: the bifurcation is missing or wrong; look at it",
            side,
            above_mm,
        )


def _tell_of_short(side: SideName, lower_mm: float) -> None:
    """Say where the internal carotid is lost far below the arteries beside it."""
    if lower_mm >= SHORT_MM:
        logger.warning(
            "%s internal: its centers end %.0f mm below those of the other side or of the "
            "external; it may kink, be occluded or leave the scan there: look at it",
            side,
            lower_mm,
        )


def _found(
    heatmaps: HeatmapSource, side: SideName, parameters: CenterlineParameters, room: Lock
) -> SideCenterlines:
    try:
        return find_side(heatmaps.slices(side), heatmaps.grid, side, parameters, room)
    except CarotidError as error:
        raise error.at(f"{side} heatmap") from error


def find_side(
    heatmaps: HeatmapSlices,
    grid: Grid,
    side: SideName,
    parameters: CenterlineParameters,
    room: AbstractContextManager[object] | None = None,
) -> SideCenterlines:
    """The centerlines of one side.

    Args:
        heatmaps: The side's heatmaps.
        grid: Their stored grid.
        side: Which side of the patient it is.
        parameters: The method and its settings.
        room: Held while the mean heatmaps are in memory.

    Raises:
        InputError: The heatmap cannot be used.
    """
    with room or nullcontext():
        mean = heatmaps.mean()
        if parameters.method == "joint":
            spacing_mm = grid.reoriented(CANONICAL).spacing_mm
            volume = SideVolume(mean, spacing_mm, leftward=side == "left")
            found = joint_centers(volume, heatmaps.max_indices).tidied()
            del volume
        else:
            found = sections_centers(mean, parameters).tidied()
        corners = Corners.around(found.arteries, mean.shape[1:])
        mean_values = mean[corners.channel, *corners.voxels.T]
        del mean
    std_values = heatmaps.std_at(corners.channel, corners.voxels)
    return with_values(found, corners.mixed(mean_values), corners.mixed(std_values), heatmaps)
