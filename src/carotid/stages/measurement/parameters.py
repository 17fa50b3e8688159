"""Settings of the measurement transform."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from carotid.config import Parameters
from carotid.geometry.thickness import ThicknessMethod

Diameter = Literal["equivalent", "caliper", "inscribed"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class MeasurementParameters(Parameters):
    """Settings of the measurement transform, section `[measurement_transform]`.

    Positions count along the artery from the bifurcation, towards the head.

    Attributes:
        thickness: How thickness is defined: `laplace`, `radial`, `nearest_outer` or
            `nearest_lumen`.
        bulb_from_mm: Where the bulb's part of the common carotid begins; negative.
        bulb_to_mm: Where the bulb's part of the internal carotid ends.
        smoothing_mm: Width over which the course of an artery is smoothed.
        oblique_deg: Angle between slice and vessel from which on a cross-section is flagged.
        near_bifurcation_mm: Distance from the bifurcation up to which one is flagged.
        fused_share: Share of an outer outline inside that of the other artery from which on the
            two count as fused.
        max_gap_mm: Slices further apart are not joined, for volumes and for planes.
        plaque_thickness_mm: Plaque is where the largest thickness is at least this.
        plaque_gap_mm: Longest gap within one plaque.
        plaque_length_mm: Shortest plaque.
        stenosis_diameter: Which diameter stenoses and the least diameter are told by.
        reference_from_mm: Where the reference for stenoses begins, in the internal carotid.
        reference_beyond_mm: Least distance of the reference beyond the narrowest place.
        reference_length_mm: Length of the reference.
        spread_scale: Factor for all stated spreads.
        spread_angle_deg: Over which angle errors of an outline belong together.
        spread_along_mm: Over which length along the artery they do.
    """

    thickness: ThicknessMethod = "laplace"
    bulb_from_mm: Annotated[float, Field(lt=0, allow_inf_nan=False)] = -10.0
    bulb_to_mm: Positive = 10.0
    smoothing_mm: Positive = 2.0
    oblique_deg: Annotated[float, Field(ge=0, le=90)] = 30.0
    near_bifurcation_mm: NotNegative = 5.0
    fused_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    max_gap_mm: Positive = 2.0
    plaque_thickness_mm: Positive = 1.5
    plaque_gap_mm: NotNegative = 2.0
    plaque_length_mm: NotNegative = 2.0
    stenosis_diameter: Diameter = "equivalent"
    reference_from_mm: Positive = 20.0
    reference_beyond_mm: NotNegative = 10.0
    reference_length_mm: Positive = 10.0
    spread_scale: NotNegative = 1.0
    spread_angle_deg: Positive = 60.0
    spread_along_mm: Positive = 5.0

    @field_validator("*", mode="before")
    @classmethod
    def _no_bool(cls, value: object) -> object:
        if isinstance(value, bool):
            message = "must be a number"
            raise ValueError(message)  # noqa: TRY004 - pydantic turns ValueError into a message
        return value

    @model_validator(mode="after")
    def _reference_beyond_bulb(self) -> Self:
        if self.reference_from_mm < self.bulb_to_mm:
            message = "reference_from_mm must not lie in the bulb (below bulb_to_mm)"
            raise ValueError(message)
        return self
