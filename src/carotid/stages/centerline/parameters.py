"""Settings of the centerline transform."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, model_validator

from carotid.config import Parameters

logger = logging.getLogger(__name__)

Method = Literal["joint", "sections"]

_OF_SECTIONS = ("step_size", "threshold", "spatial_threshold")


class CenterlineParameters(Parameters):
    """Settings of the centerline transform, section `[centerline_transform]`.

    The last three belong to the method `sections`. A section that names one of them and no method
    was written for the known tool, so it gets that method.

    Attributes:
        method: `joint` finds both arteries of a side together, between voxels; `sections` is the
            known tool's search, voxel by voxel, for each artery alone.
        step_size: Height of a section in slices.
        threshold: A slice shows an artery where its highest value is above this.
        spatial_threshold: Two centers at most this far apart, in-plane voxels, are one vessel.
    """

    method: Method = Field(
        default="joint",
        description="joint: both arteries together, between voxels; sections: the known tool's",
    )
    step_size: Annotated[StrictInt, Field(ge=1)] = Field(
        default=50, description="height of a section in slices"
    )
    threshold: Annotated[float, Field(allow_inf_nan=False, strict=True)] = Field(
        default=100.0, description="a slice shows an artery where its highest value is above this"
    )
    spatial_threshold: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)] = Field(
        default=5.0, description="centers at most this far apart, in-plane voxels, are one vessel"
    )

    @model_validator(mode="before")
    @classmethod
    def _method_that_is_meant(cls, section: Any) -> Any:
        if not isinstance(section, dict):
            return section
        named = [key for key in _OF_SECTIONS if key in section]
        if named and "method" not in section:
            logger.info(
                "[centerline_transform] names %s and no method: method = 'sections' is used",
                ", ".join(named),
            )
            return {**section, "method": "sections"}
        return section
