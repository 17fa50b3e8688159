"""Annotated centerlines on disk, one file per participant and side: the only reader and writer.

`<dir>/<id>/centerline_transform/<side>_centerline.tsv` is tab-separated with the columns
`label x y z`: the label is `internal` or `external`; x, y, z are canonical voxel indices of the
scan (index 0 grows to R, 1 to A, 2 to S) and may be fractional. The common carotid is written as
`internal` alone: it is what lies below the lowest `external` row. Without an external row all of it
is taken for the common carotid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.errors import InputError
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COLUMNS = ("label", "x", "y", "z")
HEADER = "\t".join(COLUMNS)

MAX_FILE_BYTES = 16 << 20

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
    with open_regular(path) as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise InputError("the annotation is too large", where=path, expected="at most 16 MB")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError("the annotation is not a text in UTF-8", where=path) from error
    if not lines or [name.strip() for name in lines[0].split("\t")] != list(COLUMNS):
        raise InputError(
            "the annotation's first row is wrong",
            where=path,
            found=repr(lines[0][:80]) if lines else "an empty file",
            expected="label, x, y and z, separated by tabs",
            remedy=_REMEDY,
        )
    points: dict[str, list[tuple[float, float, float]]] = {label: [] for label in LABELS}
    rows: dict[tuple[str, float], int] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        label, point = _row(path, number, line, slices)
        earlier = rows.setdefault((label, point[2]), number)
        if earlier != number:
            raise _bad_row(
                path, number, "z", f"a second {label} center at z = {point[2]:g} (row {earlier})"
            )
        points[label].append(point)
    if not any(points.values()):
        raise InputError("the annotation has no rows", where=path, remedy=_REMEDY)
    return Annotation(_sorted(points["internal"]), _sorted(points["external"]))


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


def _row(
    path: Path, number: int, line: str, slices: int | None
) -> tuple[str, tuple[float, float, float]]:
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) != len(COLUMNS):
        raise InputError(
            f"row {number} of the annotation does not have four columns",
            where=path,
            found=f"{len(cells)}: {line[:80]!r}",
            expected="label, x, y and z, separated by tabs",
            remedy=_REMEDY,
        )
    if cells[0] not in LABELS:
        raise _bad_row(path, number, "label", repr(cells[0][:40]), "internal or external")
    values = []
    for name, cell in zip(COLUMNS[1:], cells[1:], strict=True):
        try:
            value = float(cell)
        except ValueError as error:
            raise _bad_row(path, number, name, repr(cell[:40]), "a number") from error
        if not math.isfinite(value):
            raise _bad_row(path, number, name, repr(cell[:40]), "a finite number")
        if value < 0:
            raise _bad_row(path, number, name, cell, "a voxel index from 0")
        values.append(value)
    x, y, z = values
    if slices is not None and z > slices - 1:
        raise _bad_row(path, number, "z", f"{z:g}", f"a slice of the scan, 0 to {slices - 1}")
    return cells[0], (x, y, z)


def _bad_row(
    path: Path, number: int, column: str, found: str, expected: str | None = None
) -> InputError:
    return InputError(
        f"row {number}, column {column} of the annotation is wrong",
        where=path,
        found=found,
        expected=expected,
        remedy=_REMEDY,
    )


def _sorted(points: list[tuple[float, float, float]]) -> NDArray[np.float64]:
    array = np.array(points, dtype=np.float64).reshape(-1, 3)
    return array[np.argsort(array[:, 2], kind="stable")]


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
