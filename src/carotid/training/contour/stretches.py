"""Which annotated sides have outlines close enough together for planes to be drawn of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.counted import listed
from carotid.errors import UsageError
from carotid.stages.planes.images import STEP_MM
from carotid.training.contour.annotated import MAX_GAP_MM, annotated_artery
from carotid.training.contour.annotations import label_sections
from carotid.training.contour.plane_samples import PLANES
from carotid.training.matching import TOLD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.training.contour.annotations import ContourSource

logger = logging.getLogger(__name__)

SHORTEST_MM = (PLANES // 2 - 1) * STEP_MM
"""Samples in which less of the artery is known than this are not used."""

_WINDOW_MM = (PLANES - 1) * STEP_MM
_WANTED = f"stretches of {SHORTEST_MM:g} mm or more, with gaps of up to {MAX_GAP_MM:g} mm"


def with_stretches(sources: Sequence[ContourSource], where: Path) -> list[ContourSource]:
    """The sides of which planes can be drawn; what is left out is named in a warning.

    Args:
        sources: The annotated sides.
        where: Their folder, for messages.

    Raises:
        UsageError: There is no such side.
    """
    kept, lacking = [], []
    for source in sources:
        found = {label: _too_sparse(source, label) for label in LABELS}
        lacking += [text for text in found.values() if text]
        if any(text is None for text in found.values()):
            kept.append(source)
    if not kept:
        raise UsageError(
            "no planes can be drawn of the annotated contours",
            where=where,
            found=listed(lacking, TOLD, "; "),
            expected=_WANTED,
            remedy="annotate slices that are closer together",
        )
    if lacking:
        logger.warning(
            "%s: not trained on: %s; planes want %s", where, listed(lacking, TOLD, "; "), _WANTED
        )
    return kept


def _too_sparse(source: ContourSource, label: Label) -> str | None:
    """Why no plane of an artery is used; empty where it is not annotated."""
    sections = label_sections(source, label)
    if not sections:
        return ""
    artery = annotated_artery(source.canonical, sections)
    name = f"{source.participant} {source.side} {label}"
    if artery is None:
        return f"{name}: a single slice"
    points = artery.points_mm
    gaps = np.diff([one.z for one in sections]) * source.canonical.spacing_mm[2]
    if known_mm(points, gaps) >= SHORTEST_MM:
        return None
    if gaps.max() > MAX_GAP_MM:
        return f"{name}: outlines are up to {gaps.max():.3g} mm apart"
    length = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    return f"{name}: {length:.2g} mm in all"


def known_mm(points: NDArray[np.float64], gaps: NDArray[np.float64]) -> float:
    """Most of an artery that is known within the length of one sample.

    Args:
        points: (n, 3) its course, mm.
        gaps: (n - 1,) distance of the slices of neighbouring points, mm.
    """
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    low = np.maximum(at[:-1], at[:, None])
    high = np.minimum(at[1:], at[:, None] + _WINDOW_MM)
    known = np.where(gaps <= MAX_GAP_MM, np.maximum(high - low, 0), 0)
    return float(known.sum(axis=1).max())
