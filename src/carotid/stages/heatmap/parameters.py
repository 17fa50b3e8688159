"""Settings of the heatmap transform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictInt,
    model_serializer,
    model_validator,
)

from carotid.config import Parameters
from carotid.geometry.crop import EXPECTED, Crop
from carotid.geometry.frame import NetworkFrame
from carotid.geometry.sides import Sides

if TYPE_CHECKING:
    from carotid.geometry.grid import Grid

MAX_WINDOW_VOXELS = 1 << 28
"""Largest window: 268 million voxels would need hundreds of gigabytes."""

_ROI_STEP = 16
"""The network halves its grid four times, so window sides must be multiples of this."""


def _as_crop(value: object) -> Crop:
    """A box from what a configuration or an option says."""
    if isinstance(value, Crop):
        return value
    if isinstance(value, str):
        return Crop.parse(value)
    message = f"must be {EXPECTED}"
    raise ValueError(message)


class HeatmapParameters(Parameters):
    """Settings of the heatmap transform, section `[heatmap_transform]`.

    Attributes:
        roi_size: Window of the sliding-window inference, network voxels (Z, Y, X) = (S, P, L).
        spacing: Whether the scan is resampled to the network's 0.5 mm.
        overlap: Share of a window that neighbouring windows overlap by, 0 ≤ overlap < 1.
        max_roi_depth: Where a scan is deeper from front to back than the window, windows are as
            deep as the scan, in steps of 16 voxels, but not deeper than this; None: as `roi_size`
            says. Written down only where it is given.
        min_height: Where a scan is lower than this from feet to head, networks see its first and
            last slices repeated below and above, up to this height, network voxels; None: zeros.
            Written down only where it is given.
        crop: The part of the scan that networks look at, R-A-S mm; None: all of it. Written down
            only where it is given.
        sides: Which sides of the neck scans show. Where it is one, that side is searched over the
            whole width, and heatmaps of the other one are zero. Written down only where it is one.
    """

    roi_size: tuple[StrictInt, StrictInt, StrictInt] = Field(
        default=(368, 64, 320), description="window of the networks in voxels of 0.5 mm, in Z, Y, X"
    )
    spacing: StrictBool = Field(default=True, description="whether scans are resampled to 0.5 mm")
    overlap: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False, strict=True)] = Field(
        default=0.6, description="share of a window that neighbouring windows overlap by"
    )

    max_roi_depth: StrictInt | None = Field(
        default=None, description="depth (Y) of the windows of deeper scans, in voxels of 0.5 mm"
    )

    min_height: Annotated[StrictInt, Field(ge=1)] | None = Field(
        default=None,
        description="height up to which the end slices of lower scans are repeated, in voxels of "
        "0.5 mm",
    )

    crop: Annotated[Crop, PlainValidator(_as_crop), PlainSerializer(str)] | None = Field(
        default=None,
        description='part of the scan to look at, in R-A-S mm, such as "A -20 40 S -80 60"',
    )

    sides: Sides = Field(default="both", description="sides of the neck that scans show")

    def window(self, side_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The window for a side of this shape (s, p, l) in network voxels.

        >>> HeatmapParameters(max_roi_depth=128).window((300, 100, 200))
        (368, 96, 320)
        """
        superior, posterior, left = self.roi_size
        if self.max_roi_depth is None:
            return self.roi_size
        fitting = side_shape[1] // _ROI_STEP * _ROI_STEP
        return superior, max(posterior, min(fitting, self.max_roi_depth)), left

    def ends(self, height: int) -> tuple[int, int]:
        """How many slices networks see below and above a side of this height, network voxels.

        >>> HeatmapParameters(min_height=120).ends(43)
        (38, 39)
        """
        missing = max(0, (self.min_height or 0) - height)
        return missing // 2, missing - missing // 2

    def shown_shape(self, side_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """What networks see of a side of this shape (s, p, l), with its repeated slices."""
        return side_shape[0] + sum(self.ends(side_shape[0])), side_shape[1], side_shape[2]

    def check_grid(self, grid: Grid) -> None:
        """Refuse a scan that the crop misses, or leaves nothing of one side of.

        Raises:
            InputError: Says where the scan lies.
        """
        if self.crop is not None:
            NetworkFrame.of(grid, resample=self.spacing, crop=self.crop, sides=self.sides)

    @model_serializer(mode="wrap")
    def _without_what_is_not_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        silent = {"max_roi_depth": None, "min_height": None, "crop": None, "sides": "both"}
        return {key: v for key, v in content.items() if key not in silent or v != silent[key]}

    @model_validator(mode="after")
    def _window_fits_network(self) -> Self:
        sides = self.roi_size
        if any(side < 1 for side in sides):
            message = "roi_size must be three positive whole numbers"
            raise ValueError(message)
        if any(side % _ROI_STEP for side in sides):
            nearest = [max(round(side / _ROI_STEP), 1) * _ROI_STEP for side in sides]
            message = f"roi_size must be multiples of {_ROI_STEP}; nearest is {nearest}"
            raise ValueError(message)
        if all(side == _ROI_STEP for side in sides):
            message = "roi_size must be larger than 16 along one axis at least"
            raise ValueError(message)
        if sides[0] * sides[1] * sides[2] > MAX_WINDOW_VOXELS:
            message = f"roi_size must hold at most {MAX_WINDOW_VOXELS} voxels"
            raise ValueError(message)
        depth = self.max_roi_depth
        if depth is not None and (depth < sides[1] or depth % _ROI_STEP):
            message = "max_roi_depth must be a multiple of 16, not below the depth of roi_size"
            raise ValueError(message)
        if depth is not None and sides[0] * depth * sides[2] > MAX_WINDOW_VOXELS:
            message = f"a window of max_roi_depth must hold at most {MAX_WINDOW_VOXELS} voxels"
            raise ValueError(message)
        return self
