"""Settings that every training has, whatever it trains; each kind adds its own to them."""

from __future__ import annotations

from importlib import resources
from typing import Annotated, Self

from pydantic import Field, StrictInt, model_validator

from carotid.config import Parameters

Count = Annotated[StrictInt, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class RateCurve(Parameters):
    """A stretch of training with one learning-rate curve.

    Attributes:
        epochs: Length; after each epoch the validation loss is taken.
        rate_epochs: Length of the learning-rate curve, where it is longer than the phase.
        peak_rate: Learning rate after the warm-up.
        final_rate: Learning rate at the end, reached along a half cosine.
        warmup_steps: Steps in which the rate rises from zero.
    """

    epochs: Count
    rate_epochs: Count | None = None
    peak_rate: Positive = 3e-3
    final_rate: NotNegative = 1e-5
    warmup_steps: Annotated[StrictInt, Field(ge=0)] = 50


class EngineSettings(Parameters):
    """How weights are moved, and by how many processes.

    Attributes:
        steps_per_epoch: Optimizer steps between two validations.
        workers: Processes that draw samples and compute gradients, one core each; 0 means none
            beside the main one. With a GPU they draw samples for it in advance.
        weight_decay: Of AdamW; with 0 it is Adam.
        clip_norm: Largest norm of a step's gradient.
        average_decay: Weights that are validated and kept are a running mean with this decay; with
            0 they are the last ones.
    """

    steps_per_epoch: Count = 100
    workers: Annotated[StrictInt, Field(ge=0)] = 2
    weight_decay: NotNegative = 1e-4
    clip_norm: Positive = 1.0
    average_decay: Share = 0.995

    @model_validator(mode="after")
    def _average_moves(self) -> Self:
        if self.average_decay >= 1:
            message = "average_decay must be below 1"
            raise ValueError(message)
        return self


def default_text(name: str) -> str:
    """The text of a settings file that comes with the package."""
    return resources.files("carotid.training").joinpath(name).read_text(encoding="utf-8")
