"""Settings of the heatmap transform."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StrictBool, StrictInt, field_validator, model_validator

from carotid.config import Parameters

MAX_WINDOW_VOXELS = 1 << 28
"""Largest window: 268 million voxels would need hundreds of gigabytes."""

_ROI_STEP = 16
"""The network halves its grid four times, so window sides must be multiples of this."""


class HeatmapParameters(Parameters):
    """Settings of the heatmap transform, section `[heatmap_transform]`.

    Attributes:
        roi_size: Window of the sliding-window inference, network voxels (Z, Y, X) = (S, P, L).
        spacing: Whether the scan is resampled to the network's 0.5 mm.
        overlap: Share of a window that neighbouring windows overlap by, 0 ≤ overlap < 1.
    """

    roi_size: tuple[StrictInt, StrictInt, StrictInt] = Field(
        default=(368, 64, 320), description="window of the networks in voxels of 0.5 mm, in Z, Y, X"
    )
    spacing: StrictBool = Field(default=True, description="whether scans are resampled to 0.5 mm")
    overlap: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = Field(
        default=0.6, description="share of a window that neighbouring windows overlap by"
    )

    @field_validator("overlap", mode="before")
    @classmethod
    def _no_bool(cls, value: object) -> object:
        if isinstance(value, (bool, str)):
            message = "must be a number"
            raise ValueError(message)  # noqa: TRY004 - pydantic turns ValueError into a message
        return value

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
        return self
