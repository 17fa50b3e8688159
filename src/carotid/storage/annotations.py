"""Annotated centerlines on disk, one file per participant and side: the only reader and writer.

`<dir>/<id>/centerline_transform/<side>_centerline.tsv` is tab-separated with the columns
`label x y z`, in any order, and others that are not read: the label is `internal` or `external`;
x, y, z are canonical voxel indices of the scan (index 0 grows to R, 1 to A, 2 to S) and may be
fractional. The common carotid is written as `internal` alone: it is what lies below the lowest
`external` row. Without an external row all of it is taken for the common carotid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS, Label
from carotid.errors import InputError
from carotid.storage.tables import Table, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COLUMNS = ("label", "x", "y", "z")
HEADER = "\t".join(COLUMNS)

MAX_FILE_BYTES = 16 << 20

MAX_GAP_MM = 5.0
"""Rows up to this far apart in S are joined by a line: readers often mark every fourth slice."""

_REMEDY = "correct the file; see the documentation's page on annotations"


@dataclass(frozen=True, eq=False)
class Annotation:
    """The annotated centers of one side.

    Attributes:
        internal: (n, 3) canonical voxel indices, sorted by z: internal with the common carotid.
        external: (m, 3) of the external carotid alone, sorted by z.
    """

    internal: NDArray[np.float64]
    external: NDArray[np.float64]

    @property
    def bifurcation_z(self) -> float:
        """Height of the lowest external row, in slices; NaN where there is none."""
        return float(self.external[0, 2]) if len(self.external) else math.nan

    def at_slices(self, z: NDArray[np.number], max_gap: float = 1.0) -> NDArray[np.float64]:
        """Centers at heights, on straight lines between neighbouring rows.

        Args:
            z: (s,) canonical slice indices, fractional.
            max_gap: Rows further apart in z than this are not joined.

        Returns:
            (s, 2, 2): per height and channel (0 internal, 1 external, both with the common
            carotid) x and y; NaN where neither row nor line is.
        """
        heights = np.asarray(z, dtype=np.float64)
        internal = _along(self.internal, heights, max_gap)
        external = _along(self.external, heights, max_gap)
        fork = self.bifurcation_z
        common = np.ones(heights.shape, np.bool_) if math.isnan(fork) else heights < fork
        external[common] = internal[common]
        return np.stack([internal, external], axis=1)


def read_annotation(path: Path, slices: int | None = None) -> Annotation:
    """Read one side's file.

    Args:
        path: The file.
        slices: Number of axial slices of the scan, where known.

    Raises:
        InputError: The file cannot be read, or a row is not what it should be; the message names
            the file, the row (the header is row 1) and the column.
    """
    found = read_centers(path, slices)
    if not len(found.internal) + len(found.external):
        raise InputError("the annotation has no rows", where=path, remedy=_REMEDY)
    return found


def read_centers(path: Path, slices: int | None = None, what: str = "annotation") -> Annotation:
    """Read one side's file like `read_annotation`; it may have no rows.

    Args:
        path: The file.
        slices: Number of axial slices of the scan, where known.
        what: What the file is called in messages.
    """
    table = read_table(path, COLUMNS, what, _REMEDY, MAX_FILE_BYTES)
    rows = rows_by_label(table, slices)
    points = points_of(table)
    return Annotation(points[rows["internal"]], points[rows["external"]])


def joined_slices(slice_mm: float) -> float:
    """How many slices apart two rows may be to be joined: `MAX_GAP_MM`, and neighbours always."""
    return max(MAX_GAP_MM / slice_mm, 1.0)


def rows_by_label(table: Table, slices: int | None = None) -> dict[Label, NDArray[np.int64]]:
    """Check the columns `label x y z` of a table and sort its rows.

    Args:
        table: The table.
        slices: Number of axial slices of the scan, where known.

    Returns:
        For each label the rows that it has, counted from 0, sorted by z.

    Raises:
        InputError: Names the row and the column of the first mistake of each kind.
    """
    labels = np.array(table.words("label", LABELS))
    points = points_of(table)
    for k, column in enumerate(COLUMNS[1:]):
        for row in np.flatnonzero(points[:, k] < 0):
            raise table.mistake(row, column, table.cells[column][row], "a voxel index from 0")
    if slices is not None:
        for row in np.flatnonzero(points[:, 2] > slices - 1):
            found = f"{points[row, 2]:g}"
            raise table.mistake(row, "z", found, f"a slice of the scan, 0 to {slices - 1}")
    found_rows: dict[Label, NDArray[np.int64]] = {}
    for label in LABELS:
        own = np.flatnonzero(labels == label)
        own = own[np.argsort(points[own, 2], kind="stable")]
        for again in np.flatnonzero(np.diff(points[own, 2]) == 0):
            first, second = own[again], own[again + 1]
            what = f"a second {label} center at z = {points[second, 2]:g}"
            raise table.mistake(second, "z", f"{what} (row {table.rows[first]})")
        found_rows[label] = own
    return found_rows


def points_of(table: Table) -> NDArray[np.float64]:
    """(n, 3) x, y, z of a table's rows."""
    return np.stack([table.numbers(column) for column in COLUMNS[1:]], axis=1)


def annotation_text(centers: NDArray[np.floating]) -> str:
    """A file's text.

    Args:
        centers: (axial slices, 2, 2) slice, label (internal, external), canonical x and y; NaN
            where absent. The common carotid is in `internal` alone.
    """
    rows = [HEADER]
    for k, label in enumerate(LABELS):
        for z in np.flatnonzero(np.isfinite(centers[:, k]).all(axis=1)):
            x, y = centers[z, k]
            rows.append(f"{label}\t{x:.4f}\t{y:.4f}\t{z}")
    return "\n".join(rows) + "\n"


def _along(
    points: NDArray[np.float64], heights: NDArray[np.float64], max_gap: float
) -> NDArray[np.float64]:
    out = np.full((len(heights), 2), np.nan)
    if not len(points):
        return out
    z = points[:, 2]
    above = np.searchsorted(z, heights, side="left")
    low, high = np.clip(above - 1, 0, None), np.clip(above, None, len(z) - 1)
    on_row = (above < len(z)) & (z[high] == heights)
    low = np.where(on_row, high, low)
    joined = on_row | ((above > 0) & (above < len(z)) & (z[high] - z[low] <= max_gap))
    span = np.where(z[high] > z[low], z[high] - z[low], 1.0)
    weight = ((heights - z[low]) / span)[:, None]
    line = points[low, :2] * (1 - weight) + points[high, :2] * weight
    out[joined] = line[joined]
    return out
