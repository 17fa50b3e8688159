"""From the spread that networks give to intervals in millimetres that hold what they say.

A network's spread along a ray, and that between networks, rise where errors are larger, but are no
millimetres of error. A table, made on simulated necks that were not trained on, maps them to the
half widths of the intervals that hold 50, 68 and 95 % of the errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.storage.model_description import SpreadTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARES = (0.5, 0.68, 0.95)
"""What the intervals of a table hold."""

BINS = 12

UNCALIBRATED = SpreadTable((0.0, 10.0), (0.0, 6.745), (0.0, 10.0), (0.0, 19.6))
"""What is taken without a table: the networks' spread as a standard deviation."""


def half_widths(
    table: SpreadTable, raw_mm: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Half widths of the intervals that hold 50, 68 and 95 %, mm, in the shape of `raw_mm`."""
    columns = (table.half_mm, table.sigma_mm, table.wide_mm)
    half, sigma, wide = (np.interp(raw_mm, table.raw_mm, column) for column in columns)
    return half, sigma, wide


def calibrated(
    raw_mm: NDArray[np.float64], error_mm: NDArray[np.float64], bins: int = BINS
) -> SpreadTable:
    """A table from spreads and the errors that belong to them.

    Points are dealt to bins of equal number by their spread; the half widths are the quantiles of
    the errors' sizes in each bin, made to rise with the spread.

    Args:
        raw_mm: (n,) spreads that networks gave.
        error_mm: (n,) found minus true radii.
        bins: How many bins.
    """
    order = np.argsort(raw_mm, kind="stable")
    parts = np.array_split(order, bins)
    middle = np.array([raw_mm[part].mean() for part in parts])
    size = np.array([len(part) for part in parts], np.float64)
    columns = []
    for share in SHARES:
        widths = np.array([np.quantile(np.abs(error_mm[part]), share) for part in parts])
        columns.append(rising(widths, size))
    keep = np.concatenate([[True], np.diff(middle) > 0])
    half, sigma, wide = (tuple(map(float, column[keep])) for column in columns)
    return SpreadTable(tuple(map(float, middle[keep])), half, sigma, wide)


def rising(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest values that never fall, in the sense of weighted least squares.

    >>> rising(np.array([1.0, 3.0, 2.0, 4.0]), np.ones(4)).tolist()
    [1.0, 2.5, 2.5, 4.0]
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, wa, na), (b, wb, nb) = blocks[-2:]
            blocks[-2:] = [((a * wa + b * wb) / (wa + wb), wa + wb, na + nb)]
    return np.concatenate([np.full(count, value) for value, _, count in blocks])
