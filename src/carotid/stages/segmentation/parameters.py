"""Settings of the segmentation transform, section `[segmentation_transform]`."""

from __future__ import annotations

from pydantic import Field, StrictBool

from carotid.config import Parameters


class SegmentationParameters(Parameters):
    """How masks are made from contours.

    Attributes:
        hull: Whether the convex hull of every outline is filled, as the known tool does, instead of
            the outline itself.
    """

    hull: StrictBool = Field(
        default=False, description="fill convex hulls, as the known tool does, instead of outlines"
    )
