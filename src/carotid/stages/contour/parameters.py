"""Settings of the contour transform, section `[contour_transform]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr

from carotid.config import Parameters


class ContourParameters(Parameters):
    """How contours are made from polar images.

    Attributes:
        dropout: Whether dropout layers stay switched on.
        n_repeats: Predictions per image and network with dropout; one without.
        delta_theta: Width of the window in which `deviation` is taken, as a share of the circle.
        single_center: Whether only the first of several centers is used.
        interpolation_method: How one contour is made of many predictions; mean counts with
            `single_center` only.
        split_list: Names of the `split-…` folders of a version 2 model directory that are used; all
            where it is empty.
        radius: corrected adds the half sample that version 2 weights of the known tool lack;
            compatible leaves it out.
        seed: What dropout draws from.
        sharpen: Whether what smoothed the scan is undone before networks on planes look at it;
            see `carotid.stages.planes.smoothing`. Polar images stay as they are.
    """

    dropout: StrictBool = Field(
        default=False, description="whether dropout layers stay switched on"
    )
    n_repeats: Annotated[StrictInt, Field(ge=1, le=10_000)] = Field(
        default=20, description="predictions per image and network with dropout"
    )
    delta_theta: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)] = Field(
        default=0.0625, description="window of the column deviation, as a share of the circle"
    )
    single_center: StrictBool = Field(
        default=False, description="use the first of several centers only"
    )
    interpolation_method: Literal["polynomial", "mean"] = Field(
        default="polynomial", description="polynomial, or mean with single_center"
    )
    split_list: tuple[StrictStr, ...] = Field(
        default=(), description="names of the split folders that are used; all where it is empty"
    )
    radius: Literal["corrected", "compatible"] = Field(
        default="corrected",
        description="corrected, or compatible: half a sample less with the known tool's weights",
    )
    seed: Annotated[StrictInt, Field(ge=0, lt=1 << 63)] = Field(
        default=0, description="what dropout draws from"
    )
    sharpen: StrictBool = Field(
        default=True,
        description="undo the scanner's smoothing before networks on planes look at the scan",
    )

    @property
    def takes_mean(self) -> bool:
        """Whether predictions are averaged angle by angle."""
        return self.interpolation_method == "mean" and self.single_center
