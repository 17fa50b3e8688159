"""One participant's contours on disk: a table per side, and the grids that they refer to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carotid.artifacts import Contours
from carotid.errors import OutputError
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.storage.results.atomic import write_atomically, write_json
from carotid.storage.results.contour_table import read_contour_table, table_text
from carotid.storage.results.grids import grids_as_json, read_grids
from carotid.storage.results.layout import ContourLayout
from carotid.storage.results.planes import save_planes

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from carotid.artifacts import CrossSection
    from carotid.geometry.grid import Grid


def save_contours(contours: Contours, folder: Path) -> None:
    """Write one participant's contours, read them back and compare.

    Raises:
        OutputError: A file cannot be written, or does not read back as written.
    """
    layout = ContourLayout(folder)
    for side, planes in (contours.planes or {}).items():
        save_planes(planes, folder, side)
    write_json(layout.metadata, grids_as_json(contours.canonical, contours.stored))
    for side in SIDE_NAMES:
        _save_side(layout.table(side), contours.side(side))


def save_corrected_contours(
    contours: Contours, folder: Path, removed: Collection[SideName]
) -> None:
    """Write the contours of sides with corrections by hand beside those that were found.

    Args:
        contours: All of them.
        folder: The participant's.
        removed: Sides of which outlines were taken away.

    Raises:
        OutputError: A file cannot be written, or does not read back as written.
    """
    layout = ContourLayout(folder)
    corrected = {place.side for place, one in contours.outlines().items() if one.corrected}
    for side in corrected.union(removed):
        layout.corrected(side).parent.mkdir(exist_ok=True)
        _save_side(layout.corrected(side), contours.side(side))


def save_removed(contours: Contours, folder: Path) -> None:
    """Keep outlines as they were when they were taken away, with those of before.

    Args:
        contours: Those that go now.
        folder: The participant's.

    Raises:
        OutputError: A file cannot be written, or does not read back as written.
    """
    layout, before = ContourLayout(folder), load_removed(folder)
    for side in SIDE_NAMES:
        if contours.side(side):
            sections = {(one.label, one.z): one for one in before.side(side) + contours.side(side)}
            layout.removed(side).parent.mkdir(exist_ok=True)
            _save_side(layout.removed(side), tuple(sections.values()))


def load_removed(folder: Path) -> Contours:
    """The outlines that were taken away by hand, as they were then.

    Raises:
        InputError: A file cannot be used; the message names the row at fault.
    """
    grids, _ = read_grids(ContourLayout(folder).metadata)
    paths = [ContourLayout(folder).removed(side) for side in SIDE_NAMES]
    left, right = (
        read_contour_table(path, grids.canonical.shape) if path.exists() else () for path in paths
    )
    return Contours(left, right, grids.canonical, grids.stored)


def _save_side(path: Path, sections: tuple[CrossSection, ...]) -> None:
    content = table_text(sections).encode()
    write_atomically(path, content)
    try:
        same = path.read_bytes() == content
    except OSError as error:
        raise OutputError("the table does not read back", where=path, found=error) from error
    if not same:
        raise OutputError("the table does not read back as it was written", where=path)


def load_contours(folder: Path, *, corrected: bool = True) -> Contours:
    """Read one participant's contours.

    Args:
        folder: Their folder.
        corrected: Whether corrections by hand count.

    Raises:
        InputError: A file is missing or cannot be used; the message names the row at fault.
    """
    grids, _ = read_grids(ContourLayout(folder).metadata)
    left, right = (
        load_side(folder, side, grids.canonical, corrected=corrected) for side in SIDE_NAMES
    )
    found = Contours(left, right, grids.canonical, grids.stored)
    if not corrected:
        return found
    removed = load_removed(folder).cross_sections() - found.cross_sections()
    return replace(found, removed=removed)


def load_side(
    folder: Path, side: SideName, canonical: Grid, *, corrected: bool = True
) -> tuple[CrossSection, ...]:
    """Read one side's table, the corrected one where there is one and it counts.

    The cross-sections are sorted by label, then z.

    Raises:
        InputError: The table is missing or cannot be used; see `read_contour_table`.
    """
    layout = ContourLayout(folder)
    by_hand = layout.corrected(side)
    path = by_hand if corrected and by_hand.exists() else layout.table(side)
    return read_contour_table(path, canonical.shape)
