"""Which annotated contours there are to train on; everything is checked before training begins."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.counted import listed
from carotid.errors import InputError, UsageError
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.raw import open_scan
from carotid.storage.rescaling import read_rescaling
from carotid.storage.results.contours import load_side
from carotid.storage.results.grids import read_grids
from carotid.storage.results.layout import CONTOUR_TRANSFORM, ContourLayout, centerline_file
from carotid.storage.scan_source import ScanSource
from carotid.storage.tables import read_table
from carotid.training.contour.mistakes import lumen_centers, place_mistake, section_mistake
from carotid.training.matching import TOLD, exchanged, warn_of_unmatched

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.artifacts import CrossSection, Label
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.storage.raw import RawScan
    from carotid.storage.rescaling import Rescaling

logger = logging.getLogger(__name__)

Item = tuple[str, str, str, int]
"""Participant, side, label and z of one annotated cross-section."""

_MAX_BYTES = 1 << 26


@dataclass(frozen=True, eq=False)
class ContourSource:
    """One side of one participant with its contours.

    Attributes:
        scan: The scan.
        side: Which side.
        folder: Where the contours are.
        rescaling: How the scan's intensities are rescaled.
        sections: The cross-sections that are used, sorted by label, then z; all are whole.
        canonical: The scan's grid in canonical order.
    """

    scan: RawScan
    side: SideName
    folder: Path
    rescaling: Rescaling
    sections: tuple[CrossSection, ...]
    canonical: Grid

    @property
    def participant(self) -> str:
        """Whose it is."""
        return self.scan.participant_id


def find_contour_sources(
    raw_dir: Path | ScanSource, annotation_dir: Path, subset: list[Item] | None = None
) -> list[ContourSource]:
    """The annotated sides of all participants that have a scan.

    Args:
        raw_dir: The scans, with `parameters.json` where intensities are rescaled; with what is
            chosen among several of a participant, as a source.
        annotation_dir: `<id>/contour_transform/<side>_contour.tsv` and `spatial_metadata.json`.
        subset: The cross-sections wanted; None takes all.

    Raises:
        UsageError: There is nothing to train on, or what is wanted is not there.
        InputError: Names all that cannot be used.
    """
    place = ScanSource.of(raw_dir).find()
    scans, rescaling = place.scans, read_rescaling(place.folder)
    wanted = None if subset is None else set(subset)
    if wanted is None:
        warn_of_unmatched(annotation_dir, CONTOUR_TRANSFORM, scans)
    mistakes: list[str] = []
    sources: list[ContourSource] = []
    for name in sorted(scans):
        folder = annotation_dir / name / CONTOUR_TRANSFORM
        if folder.is_dir():
            sources += _of_participant(scans[name], folder, rescaling, wanted, mistakes)
    if wanted is not None:
        found = {(s.participant, s.side, c.label, c.z) for s in sources for c in s.sections}
        mistakes += [
            f"{' '.join(map(str, one))}: listed, but there is no such contour"
            for one in sorted(wanted - found)
        ]
    if mistakes:
        some = (
            "an annotated contour" if len(mistakes) == 1 else f"{len(mistakes)} annotated contours"
        )
        raise InputError(
            f"{some} cannot be trained on",
            where=annotation_dir,
            found=listed(mistakes, TOLD, "; "),
            remedy="correct or remove them, or list those that are to be used with --contour_tsv",
        )
    sources = [source for source in sources if source.sections]
    if not sources:
        raise UsageError(
            "no scan has annotated contours",
            where=annotation_dir,
            expected=f"<participant_id>/{CONTOUR_TRANSFORM}/<side>_contour.tsv",
            remedy="check that the folders there bear the participants' ids",
        )
    return sources


def _of_participant(
    scan: RawScan,
    folder: Path,
    rescaling: Rescaling,
    wanted: set[Item] | None,
    mistakes: list[str],
) -> list[ContourSource]:
    canonical = open_scan(scan).grid.reoriented(CANONICAL)
    _check_grid(folder, canonical, scan)
    sources = []
    for side in SIDE_NAMES:
        sections = load_side(folder, side, canonical)
        if wanted is not None:
            name = scan.participant_id
            sections = tuple(s for s in sections if (name, side, s.label, s.z) in wanted)
        sources.append(ContourSource(scan, side, folder, rescaling, sections, canonical))
    mistakes += _mistakes(sources)
    if wanted is None and not any(source.sections for source in sources):
        logger.warning("%s: both tables are empty, so the participant is left out", folder)
    return sources


def _mistakes(sources: list[ContourSource]) -> list[str]:
    """What is wrong with a participant's contours."""
    found = []
    for source in sources:
        canonical, name = source.canonical, f"{source.participant} {source.side}"
        wrong = [(one, section_mistake(one, canonical)) for one in source.sections]
        found += [f"{name} {one.label} {one.z}: {what}" for one, what in wrong if what is not None]
        root = source.folder.parent.parent
        centerline = centerline_file(root, source.participant, source.side)
        what = place_mistake(source.sections, centerline, canonical)
        found += [] if what is None else [f"{name}: {what}"]
    centers = {source.side: lumen_centers(source.sections) for source in sources}
    what = exchanged(centers, sources[0].canonical)
    return found if what is None else [*found, f"{sources[0].participant}: {what}"]


def _check_grid(folder: Path, canonical: Grid, scan: RawScan) -> None:
    """Contours are voxel indices, so the scan's size must be theirs; positions may be unknown."""
    path = ContourLayout(folder).metadata
    if not path.exists():
        return
    annotated = read_grids(path)[0].canonical
    if annotated.shape != canonical.shape:
        raise InputError(
            "the contours were drawn on another scan",
            where=path,
            found=f"{annotated.shape} voxels in canonical order",
            expected=f"{canonical.shape} voxels of {scan.path}",
        )
    if not annotated.agrees_with(canonical):
        logger.warning("%s: places the scan elsewhere than %s does", path, scan.path)


def read_items(path: Path) -> list[Item]:
    """Read which cross-sections to use: tab-separated `participant_id side label z`.

    Raises:
        InputError: The file cannot be read, or a row is wrong; the message names the row.
    """
    columns = ("participant_id", "side", "label", "z")
    table = read_table(path, columns, "list of contours", "correct the row", _MAX_BYTES)
    names = table.cells["participant_id"]
    sides, labels = table.words("side", SIDE_NAMES), table.words("label", LABELS)
    z = table.numbers("z")
    for row in np.flatnonzero(z != np.floor(z)):
        raise table.mistake(row, "z", f"{z[row]:g}", "a whole number")
    return list(zip(names, sides, labels, z.astype(int).tolist(), strict=True))


def folds(participants: list[str], n_splits: int, seed: int) -> list[list[str]]:
    """The validation participants of each fold, as scikit-learn's `KFold(shuffle=True)` has them.

    Args:
        participants: Their ids, sorted.
        n_splits: How many folds.
        seed: Of the shuffling.

    Raises:
        UsageError: There are fewer participants than folds.
    """
    if len(participants) < n_splits:
        raise UsageError(
            "too few annotated participants for the folds",
            found=len(participants),
            expected=f"at least {n_splits} (n_splits)",
            remedy="annotate more participants or lower n_splits",
        )
    order = np.arange(len(participants))
    np.random.RandomState(seed).shuffle(order)
    return [[participants[int(k)] for k in part] for part in np.array_split(order, n_splits)]


def label_sections(source: ContourSource, label: Label) -> list[CrossSection]:
    """The cross-sections of one artery."""
    return [one for one in source.sections if one.label == label]
