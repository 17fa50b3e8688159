"""From trained contour networks to files that the contour transform loads, and back to a start."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import torch

from carotid.errors import ModelError
from carotid.network.contour_models import read_contour_models
from carotid.network.plane_cnn import PLANES
from carotid.network.polar_cnn import ARCHITECTURES, Variant
from carotid.storage.model_description import ModelDescription
from carotid.storage.results.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from carotid.network.architecture import Architecture
    from carotid.stages.polar.parameters import PolarParameters
    from carotid.training.contour.parameters import ContourTraining
    from carotid.training.engine.loop import EpochRow


def architecture_of(parameters: ContourTraining) -> Architecture:
    """What is trained."""
    if parameters.network == "planes":
        return PLANES
    return ARCHITECTURES[Variant(parameters.dimension, parameters.dropout)]


def model_writer(
    parameters: ContourTraining,
) -> Callable[[Path, Mapping[str, Tensor], EpochRow], None]:
    """Writes a member's file."""
    return write_plane_model if parameters.network == "planes" else write_polar_model


def write_plane_model(path: Path, state: Mapping[str, Tensor], _row: EpochRow) -> None:
    """Write a plane network: float16, nothing but tensors; the same for the same weights.

    Raises:
        OutputError: The file cannot be written.
    """
    content: dict[str, Any] = {}
    for name, weight in state.items():
        value = weight.detach().cpu()
        content[name] = value.half() if value.is_floating_point() else value
    _write(path, content)


def write_polar_model(path: Path, state: Mapping[str, Tensor], row: EpochRow) -> None:
    """Write a polar network as the known tool does, but for the class, which is code by reference.

    Raises:
        OutputError: The file cannot be written.
    """
    weights = {name: weight.detach().cpu() for name, weight in state.items()}
    content = {
        "model": weights,
        "epoch": row.epoch - 1,
        "validation_loss": row.validation_loss,
        "train_loss": row.training_loss,
    }
    _write(path, content)


def _write(path: Path, content: object) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def begin_from(
    model_dir: Path | None, parameters: ContourTraining
) -> tuple[list[Mapping[str, Tensor]], dict[str, str]]:
    """Weights to begin with, and the SHA-256 of their files by name; nothing without a directory.

    Raises:
        ModelError: The models cannot be used, or are of another architecture.
    """
    if model_dir is None:
        return [], {}
    models = read_contour_models(model_dir).weights
    wanted = architecture_of(parameters)
    for one in models:
        if one.architecture != wanted:
            raise ModelError(
                "these models are of another architecture than the one that is trained",
                where=model_dir / one.name,
                found=one.architecture.name,
                expected=wanted.name,
                remedy="set network, dimension and dropout in [contour_training] as they have it",
            )
    return [one.state for one in models], {one.name: one.sha256 for one in models}


def description_of(
    parameters: ContourTraining, polar: PolarParameters, record: Mapping[str, Any]
) -> ModelDescription:
    """What `model.json` says of the models; files and spreads come later."""
    is_polar = parameters.network == "polar"
    return ModelDescription(
        "contour",
        architecture_of(parameters).name,
        sampling=polar.sampling if is_polar else "linear",
        images=parameters.network,
        training=dict(record),
    )
