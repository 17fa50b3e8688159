"""Settings of the measurement transform."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from carotid.config import Parameters
from carotid.geometry.thickness import ThicknessMethod

Diameter = Literal["equivalent", "caliper", "inscribed"]
DIAMETERS: tuple[Diameter, ...] = get_args(Diameter)

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class MeasurementParameters(Parameters):
    """Settings of the measurement transform, section `[measurement_transform]`.

    Positions count along the artery from the bifurcation, towards the head. What each of them is
    stands in its description.
    """

    thickness: ThicknessMethod = Field(
        default="laplace",
        description="how thickness is defined: laplace, radial, nearest_outer or nearest_lumen",
    )
    bulb_from_mm: Annotated[float, Field(lt=0, allow_inf_nan=False, strict=True)] = Field(
        default=-10.0, description="where the bulb's part of the common carotid begins"
    )
    bulb_to_mm: Positive = Field(
        default=10.0, description="where the bulb's part of the internal carotid ends"
    )
    smoothing_mm: Positive = Field(
        default=2.0, description="width over which the course of an artery is smoothed"
    )
    oblique_deg: Annotated[float, Field(ge=0, le=90, allow_inf_nan=False, strict=True)] = Field(
        default=30.0, description="angle between slice and vessel from which on a slice is flagged"
    )
    near_bifurcation_mm: NotNegative = Field(
        default=5.0, description="distance from the bifurcation up to which a slice is flagged"
    )
    fused_share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)] = Field(
        default=0.1,
        description="share of an outer outline in the other artery's from which on both are fused",
    )
    unsure_mm: Positive = Field(
        default=0.5,
        description="spread of a slice's mean thickness above which its wall is not read",
    )
    unsure_lumen_mm: Positive = Field(
        default=0.5,
        description="spread of a lumen's diameter above which nothing of its slice is read",
    )
    max_gap_mm: Positive = Field(
        default=2.0,
        description="slices further apart are not joined, unless they are neighbours in the scan",
    )
    plaque_thickness_mm: Positive = Field(
        default=1.5, description="largest thickness of a slice from which on it counts as plaque"
    )
    plaque_gap_mm: NotNegative = Field(default=2.0, description="longest gap within one plaque")
    plaque_length_mm: NotNegative = Field(default=2.0, description="shortest plaque")
    stenosis_diameter: Diameter = Field(
        default="equivalent",
        description="diameter by which stenoses are told: equivalent, caliper or inscribed",
    )
    stenosis_to_mm: Positive = Field(
        default=40.0, description="how far above the bifurcation the narrowest place is looked for"
    )
    reference_from_mm: Positive = Field(
        default=20.0, description="where the reference of a stenosis begins, at the lowest"
    )
    reference_beyond_mm: NotNegative = Field(
        default=10.0, description="least distance of the reference beyond the narrowest place"
    )
    reference_length_mm: Positive = Field(default=10.0, description="length of the reference")
    spread_scale: NotNegative = Field(default=1.0, description="factor for all stated spreads")
    spread_angle_deg: Positive = Field(
        default=60.0, description="angle over which errors of an outline belong together"
    )
    spread_along_mm: Positive = Field(
        default=20.0, description="length along an artery over which errors belong together"
    )

    def joined_mm(self, slice_mm: float) -> float:
        """Up to which distance slices are joined: neighbours always, a missing one not."""
        return max(self.max_gap_mm, 1.5 * slice_mm)

    @model_validator(mode="after")
    def _reference_beyond_bulb(self) -> Self:
        if self.reference_from_mm < self.bulb_to_mm:
            message = "reference_from_mm must not lie in the bulb, below bulb_to_mm"
            raise ValueError(message)
        return self


def default_settings() -> dict[str, Any]:
    """The defaults as records tell settings."""
    return MeasurementParameters().model_dump(mode="json")
