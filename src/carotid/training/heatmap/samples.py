"""From an annotated scan to what a network is trained on: its sides with their centers.

Scans are prepared by the very code that prepares them for the heatmap transform.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import listed
from carotid.errors import CarotidError, InputError, UsageError
from carotid.geometry.grid import CANONICAL
from carotid.geometry.resample import NETWORK_SPACING_MM, SPACING_TOLERANCE_MM
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.stages.heatmap.reading import prepare_scan
from carotid.storage.annotations import joined_slices, read_annotation
from carotid.storage.raw import RawScan, open_scan
from carotid.storage.regular_file import open_regular
from carotid.storage.results.layout import CENTERLINE_TRANSFORM, centerline_file
from carotid.training.heatmap.stream import StoredSide
from carotid.training.matching import warn_of_unmatched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.frame import NetworkFrame
    from carotid.geometry.sides import Side
    from carotid.storage.annotations import Annotation
    from carotid.storage.rescaling import Rescaling


@dataclass(frozen=True)
class AnnotatedSide:
    """One side of one participant, with its annotation.

    Attributes:
        scan: The scan.
        side: Which side.
        annotation: The annotation file.
        rescaling: How intensities are rescaled.
        resample: Whether the scan is brought to 0.5 mm.
    """

    scan: RawScan
    side: SideName
    annotation: Path
    rescaling: Rescaling
    resample: bool = True


def find_annotated_sides(
    scans: Mapping[str, RawScan],
    annotation_dir: Path,
    rescaling: Rescaling,
    subset: Sequence[tuple[str, SideName]] | None,
    *,
    resample: bool,
) -> list[AnnotatedSide]:
    """The sides that have both a scan and an annotation.

    Args:
        scans: The participants of a RAW_DIR.
        annotation_dir: Where `<id>/centerline_transform/<side>_centerline.tsv` are.
        rescaling: Of the RAW_DIR.
        subset: The sides wanted; None takes all that there are.
        resample: Whether scans are brought to 0.5 mm.

    Raises:
        UsageError: A wanted side is not there, or there is none.
    """
    if subset is None:
        warn_of_unmatched(annotation_dir, CENTERLINE_TRANSFORM, scans)
    wanted = [(name, side) for name in scans for side in SIDE_NAMES] if subset is None else subset
    found, absent = [], []
    for participant, side in wanted:
        path = centerline_file(annotation_dir, participant, side)
        if participant in scans and path.is_file():
            found.append(AnnotatedSide(scans[participant], side, path, rescaling, resample))
        else:
            absent.append(f"{participant} {side}")
    if subset is not None and absent:
        raise UsageError(
            "sides to train on have no scan or no annotation",
            where=annotation_dir,
            found=listed(absent, 5),
            expected="<participant_id>/centerline_transform/<side>_centerline.tsv",
        )
    if not found:
        raise UsageError(
            "no scan has an annotation",
            where=annotation_dir,
            expected="<participant_id>/centerline_transform/<side>_centerline.tsv",
            remedy="check that the folders there bear the participants' ids",
        )
    return found


def read_subset(path: Path) -> list[tuple[str, SideName]]:
    """Read which sides to use: tab-separated `participant_id side`; each counts once.

    Raises:
        InputError: The file cannot be read, or a row is wrong; the message names the row.
    """
    with open_regular(path) as file:
        try:
            text = file.read(1 << 24).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError("the file is not a text in UTF-8", where=path) from error
    rows = list(csv.reader(io.StringIO(text), delimiter="\t"))
    if not rows or [cell.strip() for cell in rows[0]] != ["participant_id", "side"]:
        raise InputError(
            "the first row is wrong",
            where=path,
            found=repr("\t".join(rows[0])[:80]) if rows else "an empty file",
            expected="participant_id and side, separated by a tab",
        )
    subset: list[tuple[str, SideName]] = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        side = row[1].strip() if len(row) == 2 else ""
        if side not in SIDE_NAMES:
            raise InputError(
                f"row {number} is wrong",
                where=path,
                found=repr("\t".join(row)[:80]),
                expected="an id, a tab, and left or right",
            )
        subset.append((row[0].strip(), side))
    return list(dict.fromkeys(subset))


def load_side(source: AnnotatedSide) -> StoredSide:
    """Prepare a scan's side and bring its annotation to network voxels.

    Raises:
        InputError: The scan or the annotation cannot be used; row and column are named.
    """
    content = open_scan(source.scan).read()
    volume = content.volume
    slices = volume.grid.reoriented(CANONICAL).shape[2]
    annotation = read_annotation(source.annotation, slices)
    try:
        scan = prepare_scan(
            volume,
            percentiles=source.rescaling.percentiles,
            resample=source.resample,
            padding=content.padding,
        )
    except CarotidError as error:
        raise error.at(source.scan.path) from error
    side = next(one for one in scan.frame.sides if one.name == source.side)
    image = scan.side_image(side)
    centers, bifurcation = network_centers(annotation, scan.frame, side)
    annotated = np.isfinite(centers[..., 0]).sum(axis=1) > 0
    if not annotated.any():
        raise none_in_side(source.annotation)
    return StoredSide(image.astype(np.float16), centers, annotated, bifurcation)


def none_in_side(annotation: Path) -> InputError:
    """The error about an annotation that teaches nothing about its side."""
    return InputError(
        "no annotated center lies in this side of the scan",
        where=annotation,
        remedy="check that the annotation belongs to this side and this scan",
    )


def network_centers(
    annotation: Annotation, frame: NetworkFrame, side: Side
) -> tuple[NDArray[np.float32], float]:
    """An annotation in the voxels of one side as the network sees it.

    Args:
        annotation: Centers in canonical voxels.
        frame: How the scan was brought to the network's grid.
        side: The side; a right one is mirrored.

    Returns:
        (s, 2, 2) p and l per network slice and channel, NaN where absent or outside of the side;
        and the network slice of the bifurcation, NaN where unknown.
    """
    canonical = frame.grid.reoriented(CANONICAL)
    steps = [_voxels_per_network_voxel(spacing) for spacing in canonical.spacing_mm]
    size_x, size_y, _ = canonical.shape
    slices = np.arange(frame.shape[0]) * steps[2]
    found = annotation.at_slices(slices, max_gap=joined_slices(canonical.spacing_mm[2]))
    posterior = (size_y - 1 - found[..., 1]) / steps[1]
    leftward = (size_x - 1 - found[..., 0]) / steps[0]
    column = side.stop - 1 - leftward if side.mirrored else leftward - side.start
    centers = np.stack([posterior, column], axis=-1)
    last = np.array([frame.shape[1], side.width]) - 1
    centers[((centers < 0) | (centers > last)).any(axis=-1)] = np.nan
    return centers.astype(np.float32), annotation.bifurcation_z / steps[2]


def _voxels_per_network_voxel(spacing_mm: float) -> float:
    if abs(spacing_mm - NETWORK_SPACING_MM) <= SPACING_TOLERANCE_MM:
        return 1.0
    return NETWORK_SPACING_MM / spacing_mm
