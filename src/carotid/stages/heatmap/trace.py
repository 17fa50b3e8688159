"""One member's maxima in the network's frame, found as soon as it has predicted a side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Trace:
    """One member's maxima of one side; they stay where heatmaps were, so that no GPU is waited for.

    Attributes:
        peaks: (2, s) their heights.
        rows, columns: (2, s) p and l in the side's voxels.
    """

    peaks: Tensor
    rows: Tensor
    columns: Tensor

    @classmethod
    def of(cls, heatmaps: Tensor) -> Trace:
        """Of (2, s, p, l) heatmaps."""
        rows, columns = heatmaps.amax(3), heatmaps.amax(2)
        return cls(rows.amax(2), rows.argmax(2), columns.argmax(2))

    def heights(self) -> NDArray[np.float32]:
        """(2, s) float32."""
        return np.asarray(self.peaks.cpu().numpy(), np.float32)

    def positions(self) -> NDArray[np.int64]:
        """(2, s, 2): p and l."""
        at = np.stack([self.rows.cpu().numpy(), self.columns.cpu().numpy()], axis=-1)
        return np.asarray(at, np.int64)
