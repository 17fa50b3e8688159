"""Where heatmaps of a side are high, in the network's frame, found as soon as it is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Ridges:
    """The largest values of heatmaps along two axes: small, and they tell where peaks are.

    Attributes:
        over_l: (2, s, p) along l.
        over_p: (2, s, l) along p.
    """

    over_l: Tensor
    over_p: Tensor

    @classmethod
    def of(cls, heatmaps: Tensor) -> Ridges:
        """Of (2, s, p, l) heatmaps."""
        return cls(heatmaps.amax(3), heatmaps.amax(2))

    def arrays(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Both in main memory."""
        over_l, over_p = (one.cpu().numpy() for one in (self.over_l, self.over_p))
        return np.asarray(over_l, np.float32), np.asarray(over_p, np.float32)


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
        ridges = Ridges.of(heatmaps)
        over_l, over_p = ridges.over_l, ridges.over_p
        return cls(over_l.amax(2), over_l.argmax(2), over_p.argmax(2))

    def heights(self) -> NDArray[np.float32]:
        """(2, s) float32."""
        return np.asarray(self.peaks.cpu().numpy(), np.float32)

    def positions(self) -> NDArray[np.int64]:
        """(2, s, 2): p and l."""
        at = np.stack([self.rows.cpu().numpy(), self.columns.cpu().numpy()], axis=-1)
        return np.asarray(at, np.int64)


@dataclass(frozen=True, eq=False)
class SideTraces:
    """What is kept of a side's heatmaps to judge them by.

    Attributes:
        members: Each member's maxima.
        mean: The ridges of the mean over the members.
    """

    members: Sequence[Trace]
    mean: Ridges
