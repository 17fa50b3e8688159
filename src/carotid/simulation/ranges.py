"""Kinds of settings that a recipe for necks is made of, checked when they are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt


def _ordered(span: tuple[float, float]) -> tuple[float, float]:
    if not span[0] <= span[1]:
        message = "must be [lowest, highest]"
        raise ValueError(message)
    return span


def _positive(span: tuple[float, float]) -> tuple[float, float]:
    if not 0 < span[0] <= span[1]:
        message = "must be [lowest, highest], both above 0"
        raise ValueError(message)
    return span


def _extent(span: tuple[float, float]) -> tuple[float, float]:
    if not 20 <= span[0] <= span[1] <= 400:
        message = "must be [lowest, highest], from 20 to 400 mm"
        raise ValueError(message)
    return span


def _voxel(span: tuple[float, float]) -> tuple[float, float]:
    if not 0.25 <= span[0] <= span[1] <= 5:
        message = "must be [lowest, highest], from 0.25 to 5 mm"
        raise ValueError(message)
    return span


def _count(span: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= span[0] <= span[1] <= 1000:
        message = "must be [lowest, highest], from 0 to 1000"
        raise ValueError(message)
    return span


Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Range = Annotated[tuple[Finite, Finite], AfterValidator(_ordered)]
Positive = Annotated[tuple[Finite, Finite], AfterValidator(_positive)]
Extent = Annotated[tuple[Finite, Finite], AfterValidator(_extent)]
Voxel = Annotated[tuple[Finite, Finite], AfterValidator(_voxel)]
Count = Annotated[tuple[StrictInt, StrictInt], AfterValidator(_count)]
Spread = tuple[Finite, Annotated[Finite, Field(ge=0)]]
Chance = Annotated[float, Field(ge=0, le=1, strict=True)]
Weighting = Literal["T1", "T2", "proton density", "fat-suppressed", "any"]
