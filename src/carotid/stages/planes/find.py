"""Contours from planes across the arteries: radii by networks, surfaces, cuts by axial slices."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS, Contours, RayRadii
from carotid.evaluation.faint import faint_slices
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.planes.images import STEP_MM, plane_images
from carotid.stages.planes.predict import artery_radii
from carotid.stages.planes.sections import Surfaces, sections
from carotid.stages.planes.seen import contrasts, hardly_dark, unseen_lumens
from carotid.stages.planes.spread import UNCALIBRATED, half_widths
from carotid.stages.planes.surface import smoothed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import (
        Centerline,
        Centerlines,
        CrossSection,
        Label,
        SideCenterlines,
    )
    from carotid.geometry.grid import Grid
    from carotid.geometry.planes import Planes
    from carotid.geometry.sides import SideName
    from carotid.geometry.volume import Volume
    from carotid.stages.planes.predict import Network, Radii
    from carotid.storage.model_description import SpreadTable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PlaneEnsemble:
    """Networks that are ready to predict.

    Attributes:
        networks: The members; each takes and gives tensors on the CPU.
        spread: Calibration of spreads by boundary, `lumen` and `wall`.
    """

    networks: Sequence[Network]
    spread: Mapping[str, SpreadTable] = field(default_factory=dict)

    def table(self, boundary: str) -> SpreadTable:
        """The calibration of one boundary."""
        return self.spread.get(boundary, UNCALIBRATED)


def find_plane_contours(
    volume: Volume, centerlines: Centerlines, ensemble: PlaneEnsemble
) -> Contours:
    """Outlines of lumen and outer wall in every slice that a centerline has a center in.

    Args:
        volume: The scan as stored, in any orientation.
        centerlines: Canonical voxel indices.
        ensemble: The networks.
    """
    canonical = volume.grid.reoriented(CANONICAL)
    made: dict[SideName, tuple[tuple[CrossSection, ...], dict[Label, RayRadii]]] = {
        side: _side(side, volume, centerlines.side(side), canonical, ensemble)
        for side in SIDE_NAMES
    }
    return Contours(
        made["left"][0],
        made["right"][0],
        canonical,
        volume.grid,
        planes={side: planes for side, (_, planes) in made.items()},
    )


def _side(
    side: SideName,
    volume: Volume,
    lines: SideCenterlines,
    canonical: Grid,
    ensemble: PlaneEnsemble,
) -> tuple[tuple[CrossSection, ...], dict[Label, RayRadii]]:
    courses = {
        label: canonical.world_from_index(lines.artery(label).points)
        for label in LABELS
        if len(lines.artery(label)) > 1
    }
    found: dict[Label, RayRadii] = {}
    for label, course in courses.items():
        other = courses.get("external" if label == "internal" else "internal")
        radii = artery_radii(volume, course, other, ensemble.networks)
        if radii is not None:
            found[label] = calibrated_radii(radii, ensemble)
    heights = {label: _heights(lines, label) for label in found}
    beside: set[int] = set()
    if "internal" in found:
        whole = found["internal"]
        brightness = plane_images(volume, whole.planes, None)[0]
        contrast = contrasts(brightness, whole.lumen_mm, whole.outer_mm)
        found["internal"] = _without_unseen_lumens(whole, contrast, side)
        beside = _beside(lines.internal, whole.planes, contrast, canonical)
        heights["internal"] = [z for z in heights["internal"] if z not in beside]
        _tell_of_beside(side, beside)
    surfaces = {
        label: Surfaces(
            one.planes, one.lumen_mm, one.outer_mm, one.lumen_sigma_mm, one.outer_sigma_mm
        )
        for label, one in found.items()
    }
    cut, divider = sections(surfaces, heights, canonical)
    _tell_of_missing(side, lines, cut, beside)
    planes = {
        label: replace(one, from_divider_mm=_from_divider(one.planes, divider, canonical))
        for label, one in found.items()
    }
    return cut, planes


def _beside(
    line: Centerline, planes: Planes, contrast: NDArray[np.float64], canonical: Grid
) -> set[int]:
    """Slices where heatmaps hardly show the artery and what is drawn there is no lumen either."""
    height = canonical.index_from_world(planes.centers)[:, 2]
    faint = faint_slices(line, canonical.spacing_mm[2])
    nearest = np.abs(height - faint[:, None]).argmin(axis=1)
    return set(faint[hardly_dark(contrast)[nearest]].tolist())


def _tell_of_beside(side: SideName, beside: set[int]) -> None:
    if beside:
        logger.warning(
            "%s internal: no outlines in %d of the slices %d to %d: the heatmaps hardly show the "
            "artery there, and no dark lumen was found beside its guessed centers",
            side,
            len(beside),
            min(beside),
            max(beside),
        )


def _without_unseen_lumens(
    radii: RayRadii, contrast: NDArray[np.float64], side: SideName
) -> RayRadii:
    """The same without a lumen where the artery's end has none that is seen: it may be occluded."""
    unseen = unseen_lumens(contrast)
    if not unseen.any():
        return radii
    logger.warning(
        "%s internal: over %.0f mm at the artery's end what is within the wall is hardly darker "
        "than the wall; no lumen is outlined there: the artery may be occluded, look at it",
        side,
        unseen.sum() * STEP_MM,
    )
    return replace(radii, lumen_mm=np.where(unseen[:, None], 0.0, radii.lumen_mm))


def _tell_of_missing(
    side: SideName, lines: SideCenterlines, cut: Sequence[CrossSection], beside: Collection[int]
) -> None:
    """Say where there are centers and no outlines.

    Below the flow divider the external carotid has none of its own: they are joined to the other's.
    Slices of the internal carotid `beside` it are told of already.
    """
    found = {(one.label, one.z) for one in cut}
    for label in LABELS:
        wanted = _heights(lines, label)
        if label == "internal":
            wanted = [z for z in wanted if z not in beside]
        if label == "external":
            own = [z for one, z in found if one == label]
            wanted = [z for z in wanted if not own or z >= min(own)]
        missing = sum((label, z) not in found for z in wanted)
        if missing:
            logger.warning(
                "%s %s: no outline in %d of %d slices that have a center: the artery does not "
                "cross them whole",
                side,
                label,
                missing,
                len(wanted),
            )


def calibrated_radii(radii: Radii, ensemble: PlaneEnsemble) -> RayRadii:
    """Smooth surfaces with intervals in mm, from what networks say."""
    lumen_half, lumen_sigma, lumen_wide = half_widths(ensemble.table("lumen"), radii.lumen_raw_mm)
    outer_half, outer_sigma, outer_wide = half_widths(ensemble.table("wall"), radii.outer_raw_mm)
    lumen, outer = smoothed(radii)
    return RayRadii(
        radii.planes,
        lumen,
        outer,
        lumen_half,
        outer_half,
        lumen_sigma,
        outer_sigma,
        lumen_wide,
        outer_wide,
        np.full(len(radii.planes), np.nan),
    )


def _heights(lines: SideCenterlines, label: Label) -> list[int]:
    """The slices that have a center, each once."""
    found: list[int] = np.unique(np.rint(lines.artery(label).points[:, 2]).astype(int)).tolist()
    return found


def _from_divider(planes: Planes, divider: float, canonical: Grid) -> NDArray[np.float64]:
    """(n,) how far along the artery each plane lies above the flow divider; NaN without one."""
    along = planes.along_mm
    if not np.isfinite(divider):
        return np.full(len(along), np.nan)
    height = canonical.index_from_world(planes.centers)[:, 2]
    nearest = int(np.argmin(np.abs(height - divider)))
    return np.asarray(along - along[nearest])
