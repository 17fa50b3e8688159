"""Settings of the polar transform, section `[polar_transform]`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from carotid.config import Parameters
from carotid.geometry.polar import Rays, Sampling

MAX_SAMPLES = 1 << 26
"""Most numbers in the images of one slice: 256 MB."""


class PolarParameters(Parameters):
    """How polar images are drawn.

    Attributes:
        n_angles: Number of rays. Contour networks take 31 only.
        polar_ray: Samples along a ray, both ends counted. Contour networks take 127 only.
        cartesian_ray: Length of a ray, which is a whole diameter, in voxels.
        length: Number of axial slices, odd. Contour networks take 7; those in 2D any.
        multiple_centers: Whether nine images are drawn for a slice, around the center and its
            eight neighbours.
        annotation_resolution: Used in training alone.
        sampling: How values are taken between voxels; compatible reproduces the known tool.
    """

    n_angles: Annotated[StrictInt, Field(ge=3)] = Field(
        default=31, description="rays; contour networks take 31 only"
    )
    polar_ray: Annotated[StrictInt, Field(ge=3)] = Field(
        default=127,
        description="samples along a ray, both ends counted; contour networks take 127 only",
    )
    cartesian_ray: Annotated[float, Field(gt=0, le=1e4, allow_inf_nan=False, strict=True)] = Field(
        default=100, description="length of a ray, a whole diameter, in voxels"
    )
    length: Annotated[StrictInt, Field(ge=1)] = Field(
        default=7, description="axial slices, odd; contour networks in 3D take 7 only"
    )
    multiple_centers: StrictBool = Field(
        default=False, description="nine images a slice, around the center and its neighbours"
    )
    annotation_resolution: Annotated[StrictInt, Field(ge=1)] = Field(
        default=100, description="used in training alone"
    )
    sampling: Sampling = Field(
        default="linear", description="linear, or compatible: the known tool's"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.length % 2 == 0:
            message = f"length must be odd, so that the center has a slice; found {self.length}"
            raise ValueError(message)
        if self.n_angles * self.polar_ray * self.length > MAX_SAMPLES:
            message = f"an image may have at most {MAX_SAMPLES} samples"
            raise ValueError(message)
        return self

    @property
    def rays(self) -> Rays:
        """How rays are drawn around a center."""
        return Rays(self.n_angles, self.polar_ray, self.cartesian_ray, self.length)
