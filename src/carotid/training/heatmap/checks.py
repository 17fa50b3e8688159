"""Annotated centers against the headers of their scans, and voxels, before anything is trained.

What would show only when a side is drawn, hours later or never, is told at once.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import counted, listed
from carotid.errors import CarotidError, InputError
from carotid.geometry.frame import NetworkFrame
from carotid.geometry.grid import CANONICAL
from carotid.stages.heatmap.reading import usable_intensities
from carotid.storage.annotations import read_annotation
from carotid.storage.raw import open_scan
from carotid.training.heatmap.samples import network_centers, none_in_side
from carotid.training.matching import TOLD, exchanged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.storage.annotations import Annotation
    from carotid.training.heatmap.samples import AnnotatedSide

logger = logging.getLogger(__name__)

SHARE_OUTSIDE = 0.1
"""From this share of the slices' centers outside of their side on, there is a warning."""

_FINE = 0.75
_ENOUGH_ROWS = 10
"""An artery with so many rows that are closer than so many slices was annotated on other slices."""


def check_annotations(sides: Sequence[AnnotatedSide], annotation_dir: Path) -> None:
    """Look at all annotations and at the headers of their scans.

    Args:
        sides: What is to be trained on.
        annotation_dir: The annotations' folder, for messages.

    Raises:
        InputError: A header or a file cannot be read, a center lies outside of its scan, none lies
            in its side, or a participant's left and right are exchanged.
    """
    swapped, finer = [], []
    ordered = sorted(sides, key=lambda one: one.scan.participant_id)
    for name, own in groupby(ordered, lambda one: one.scan.participant_id):
        group = list(own)
        grid = open_scan(group[0].scan).grid
        canonical = grid.reoriented(CANONICAL)
        frame = NetworkFrame.of(grid, resample=group[0].resample)
        found: dict[SideName, Annotation] = {}
        for side in group:
            found[side.side] = read_annotation(side.annotation, canonical.shape[2])
            _check_place(found[side.side], canonical, side.annotation)
            finer += [f"{name} {side.side}"] if _is_finer(found[side.side]) else []
        what = exchanged({key: _points(one) for key, one in found.items()}, canonical)
        swapped += [] if what is None else [f"{name}: {what}"]
        for side in group if what is None else ():
            _check_side(found[side.side], frame, side)
    if finer:
        logger.warning(
            "%s: centers with several rows to a slice, as if picked on thinner slices or in other "
            "units; x, y and z are voxel indices of the scan: %s",
            annotation_dir,
            listed(finer, TOLD),
        )
    if swapped:
        raise InputError(
            "annotated centers lie on the other side",
            where=annotation_dir,
            found=listed(swapped, TOLD, "; "),
            remedy="left is the patient's left, and x grows to the right; exchange the files, or "
            "list the sides that are to be used with --centerline_tsv",
        )


def check_voxels(sides: Sequence[AnnotatedSide]) -> None:
    """Read every scan once: each is drawn sooner or later, and one that cannot be used ends it all.

    Raises:
        InputError: Names all scans whose voxels cannot be read or used.
    """
    sources = {side.scan.participant_id: side for side in sides}
    logger.info("reading %s once, before training", counted(len(sources), "scan"))
    unusable: list[CarotidError] = []
    for source in sources.values():
        try:
            content = open_scan(source.scan).read()
            usable_intensities(content.volume, source.rescaling.percentiles, content.padding)
        except CarotidError as error:
            unusable.append(error.at(source.scan.path))
    if len(unusable) == 1:
        raise unusable[0]
    if unusable:
        raise InputError(
            f"{len(unusable)} of {len(sources)} scans cannot be trained on",
            found=listed([str(error).rstrip(".") for error in unusable], TOLD, "; "),
            remedy="mend them, or list the sides that are to be used with --centerline_tsv",
        )


def _points(annotation: Annotation) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.concatenate([annotation.internal, annotation.external])


def _is_finer(annotation: Annotation) -> bool:
    """Whether rows lie closer than slices: nobody picks two centers of an artery in one slice."""
    steps = (np.diff(one[:, 2]) for one in (annotation.internal, annotation.external))
    return any(len(one) >= _ENOUGH_ROWS and np.median(one) < _FINE for one in steps)


def _check_place(annotation: Annotation, canonical: Grid, path: Path) -> None:
    """Refuse centers beyond the scan's width or depth; slices are checked by the reader."""
    points = _points(annotation)
    for axis, name in enumerate("xy"):
        last = canonical.shape[axis] - 1
        for row in np.flatnonzero(points[:, axis] > last + 0.5):
            raise InputError(
                "an annotated center lies outside of the scan",
                where=path,
                found=f"{name} = {points[row, axis]:g} at z = {points[row, 2]:g}",
                expected=f"a voxel index, 0 to {last}",
                remedy="check that the annotation belongs to this scan and is in voxels",
            )


def _check_side(annotation: Annotation, frame: NetworkFrame, source: AnnotatedSide) -> None:
    """Warn of centers that the network is not shown, as they lie beyond the two thirds of a side.

    Raises:
        InputError: There are no others.
    """
    side = next(one for one in frame.sides if one.name == source.side)
    whole = replace(side, start=0, stop=frame.shape[2])
    within, every = (
        int(np.isfinite(network_centers(annotation, frame, part)[0][..., 0]).sum())
        for part in (side, whole)
    )
    if not within:
        raise none_in_side(source.annotation)
    if every - within > SHARE_OUTSIDE * every:
        logger.warning(
            "%s: %.0f %% of the centers lie outside of the %s two thirds of the scan and teach "
            "nothing",
            source.annotation,
            100 * (every - within) / every,
            source.side,
        )
