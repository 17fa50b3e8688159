"""Settings of `carotid train heatmap`; their defaults are `carotid/training/defaults.toml`."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, field_validator

from carotid.config import Parameters, parse_sections, read_toml
from carotid.stages.catalog import section_names
from carotid.training.engine.settings import (
    Count,
    EngineSettings,
    NotNegative,
    Positive,
    RateCurve,
    default_text,
)
from carotid.training.sections import check_section

if TYPE_CHECKING:
    from pathlib import Path

SECTION = "heatmap_training"
"""Section of the TOML file that holds these settings."""

_STEP = 16


class CropKind(Parameters):
    """A kind of crop.

    Attributes:
        shape: (s, p, l) in network voxels of 0.5 mm, multiples of 16; 0 stands for the side's own
            size, rounded up to a multiple of 16 and at most that of the transform's window. A side
            that is smaller is padded with zeros, as at inference.
        share: How often it is drawn, relative to the other kinds.
        batch: How many of it a worker, or a GPU, takes in a step; `crops_per_worker` where it is
            not said.
    """

    shape: tuple[StrictInt, StrictInt, StrictInt]
    share: Positive = 1.0
    batch: Count | None = None

    @field_validator("shape")
    @classmethod
    def _fits_network(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        if any(side < 0 or side % _STEP for side in shape) or max(shape) == _STEP:
            message = "crop sides must be multiples of 16, one of them more than 16, or 0"
            raise ValueError(message)
        return shape


class Phase(RateCurve):
    """A stretch of training on one mix of crops.

    Attributes:
        height_weight: The squared error of a voxel of target h counts 1 + h / height_weight.
        empty_weight: What a voxel counts in a slice that has no vessel of its channel.
        difference_weight: Weight of the term on the difference of the channels.
        slabs: Whether simulated necks are plain slabs alone in this phase, which is easier.
        crops: The kinds of crops, with their shares.
    """

    height_weight: Positive = 20.0
    empty_weight: Positive = 1.0
    difference_weight: NotNegative = 2.0
    slabs: StrictBool = False
    crops: Annotated[tuple[CropKind, ...], Field(min_length=1)]


class TrainingParameters(EngineSettings):
    """Settings of training, section `[heatmap_training]`.

    Attributes:
        seed: Where all randomness starts from.
        n_splits: Folds over the participants; one member is trained per fold and validated on it.
            With the simulator, or with `n_splits = 1`, members differ by their seed.
        members: How many members are trained without folds.
        trunk: First phases that all members share; not used in training with folds, where they
            would show every member its own validation participants.
        member: The phase that each member is trained in by itself.
        variants: For member k the k-th replaces `member` (the last one serves for all further).
        crops_per_worker: Crops whose gradients a worker, or a GPU, averages in a step.
        pool_size: Sides that a worker keeps in its memory, or a GPU in its own.
        steps_per_side: Steps after which a worker replaces one side of its pool.
        precision: "bfloat16" computes most of the network in it; weights stay float32.
        augment: Whether crops are changed in contrast, gain and noise.
        validation_sides: How many sides serve for validation at most, and never for training.
    """

    seed: Annotated[StrictInt, Field(ge=0)] = 0
    n_splits: Annotated[StrictInt, Field(ge=1)] = 3
    members: Count = 3
    trunk: tuple[Phase, ...] = ()
    member: Phase
    variants: tuple[Phase, ...] = ()
    crops_per_worker: Count = 1
    pool_size: Count = 24
    steps_per_side: Count = 4
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    augment: StrictBool = True
    validation_sides: Count = 8

    def phase_of(self, member: int) -> Phase:
        """The phase that a member is trained in by itself."""
        if not self.variants:
            return self.member
        return self.variants[min(member, len(self.variants) - 1)]


def read_training_parameters(path: Path | None, *, from_models: bool = False) -> TrainingParameters:
    """The settings of a file over the defaults; keys that it does not name keep theirs.

    Args:
        path: The file; None takes the defaults.
        from_models: Whether training begins with the weights of models.

    Raises:
        ConfigurationError: Names every mistake in the file.
    """
    content = tomllib.loads(default_text("defaults.toml"))
    if from_models:
        content = _merged(content, tomllib.loads(default_text("defaults_from.toml")))
    where = "the package's defaults"
    own: dict[str, Any] = {}
    if path is not None:
        own = read_toml(path)
        section = own.get(SECTION)
        if isinstance(section, dict):
            own[SECTION] = _merged(content[SECTION], section)
        content = {**content, **own}
        where = str(path)
    from pathlib import Path as AnyPath

    parsed = parse_sections(
        content, {SECTION: TrainingParameters}, AnyPath(where), others=section_names()
    )
    if path is not None:
        check_section(own, (SECTION,), path)
    return parsed[SECTION]


def _merged(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """`own` over `defaults`: tables key by key, everything else replaced as a whole."""
    merged = {**defaults, **own}
    for key, table in defaults.items():
        if isinstance(table, dict) and isinstance(own.get(key), dict):
            merged[key] = _merged(table, own[key])
    return merged
