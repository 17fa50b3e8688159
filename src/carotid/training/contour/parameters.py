"""Settings of `carotid train contour`; their defaults lie beside the package's other settings."""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt

from carotid.config import Parameters, parse_sections, read_toml
from carotid.errors import ConfigurationError
from carotid.stages.catalog import section_names
from carotid.training.contour.plane_samples import PLANES
from carotid.training.contour.pool import PoolSize
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
    from collections.abc import Collection

logger = logging.getLogger(__name__)

SECTION = "contour_training"
"""Section of the TOML file that holds these settings."""

KNOWN_SECTION = "contour_transform"
"""What the known tool calls that section; it trains polar networks."""

_KNOWN_NAMES = {"random_seed": "seed"}

DEFAULTS = {"planes": "contour_planes.toml", "polar": "contour_polar.toml"}
"""Where the defaults of each kind of network are."""

FROM_MODELS = {"planes": "contour_planes_from.toml", "polar": "contour_polar_from.toml"}
"""Defaults that are other ones where training begins with the weights of models."""

_IDLE = {
    "planes": ("dimension", "dropout", "compatible"),
    "polar": ("planes", "loss", "variants", "simulated_share", "precision"),
}
"""Settings that one kind of network does not know."""

_IDLE_SIMULATED = ("n_splits", "simulated_share")
_IDLE_ANNOTATED = {
    "planes": ("members", "validation_draws"),
    "polar": ("members", "validation_draws", "steps_per_epoch", "pool_size", "steps_per_draw"),
}
"""Settings that do not count where training is on simulated necks alone, or on annotated scans."""


class LossWeights(Parameters):
    """What counts how much in the loss of plane networks.

    Attributes:
        radius: Weight of the radii's error against that of the cells.
        thickness: Weight of the wall thickness's error.
        thick: How much more a plane of thick wall counts.
        plaque: How much more a ray counts for each mm of wall above 1.5 mm that it passes.
    """

    radius: NotNegative = 0.5
    thickness: NotNegative = 0.0
    thick: NotNegative = 1.0
    plaque: NotNegative = 0.0


class ContourTraining(EngineSettings):
    """Settings of contour training, section `[contour_training]`.

    Attributes:
        network: planes for networks on planes across the artery, polar for the known architecture
            on polar images.
        seed: Where all randomness starts from.
        n_splits: Folds over the participants; one member is trained per fold and validated on it.
        members: How many members are trained from the simulator.
        n_epochs: Length of the training of a member; after each epoch the validation loss is taken.
        rate_epochs: Length of the learning rate's course, where training ends before that is over.
        learning_rate: After the warm-up.
        final_rate: At the end, reached along a half cosine; equal to `learning_rate` for a constant
            rate.
        warmup_steps: Steps in which the rate rises from zero.
        batch_size: Samples of a step and worker: stretches of planes, or polar images.
        planes: Planes of a stretch that is trained on.
        loss: What counts how much in the loss of plane networks.
        variants: For member k the k-th replaces `loss` (the last one serves for all further).
        dimension: Of polar networks: 3, or 2 for single slices.
        dropout: Whether polar networks have dropout layers.
        compatible: Whether polar images and targets are those of the known tool.
        pool_size: Necks or scans whose samples a worker keeps in memory.
        steps_per_draw: Steps after which a worker replaces one of them.
        simulated_share: Share of what plane networks are shown that is simulated, in training on
            annotated scans.
        precision: "bfloat16" computes most of a plane network in it; weights stay float32.
        validation_draws: How many necks serve for validation, from the simulator.
    """

    network: Literal["planes", "polar"] = "planes"
    seed: Annotated[StrictInt, Field(ge=0)] = 42
    n_splits: Annotated[StrictInt, Field(ge=2)] = 5
    members: Count = 3
    n_epochs: Count = 40
    rate_epochs: Count | None = None
    learning_rate: Positive = 4e-3
    final_rate: NotNegative = 4e-5
    warmup_steps: Annotated[StrictInt, Field(ge=0)] = 100
    batch_size: Count = 4
    planes: Annotated[StrictInt, Field(ge=4, le=PLANES)] = 12
    loss: LossWeights = LossWeights()
    variants: tuple[LossWeights, ...] = ()
    dimension: Literal[2, 3] = 3
    dropout: StrictBool = True
    compatible: StrictBool = False
    pool_size: Count = 120
    steps_per_draw: Count = 4
    simulated_share: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False, strict=True)] = 0.0
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    validation_draws: Count = 60

    @property
    def pool(self) -> PoolSize:
        """How many draws are kept, and for how long."""
        return PoolSize(self.pool_size, self.steps_per_draw)

    @property
    def curve(self) -> RateCurve:
        """The learning rate."""
        return RateCurve(
            epochs=self.n_epochs,
            rate_epochs=self.rate_epochs,
            peak_rate=self.learning_rate,
            final_rate=self.final_rate,
            warmup_steps=self.warmup_steps,
        )

    def loss_of(self, member: int) -> LossWeights:
        """The loss that a member is trained with."""
        if not self.variants:
            return self.loss
        return self.variants[min(member, len(self.variants) - 1)]


def read_contour_training(path: Path | None, *, from_models: bool = False) -> ContourTraining:
    """The settings of a file over the defaults of its kind of network.

    The section may be called `contour_training`, or `contour_transform` as the known tool has it,
    which means a polar network.

    Args:
        path: The file; None takes the defaults.
        from_models: Whether training begins with the weights of models.

    Raises:
        ConfigurationError: Names every mistake in the file.
    """
    own: dict[str, Any] = {}
    where = Path("the package's defaults")
    content: dict[str, Any] = {}
    sections: tuple[str, ...] = ()
    if path is not None:
        content, where = read_toml(path), path
        sections = tuple(content)
        own = _section(content, path)
    network: Literal["planes", "polar"] = "polar" if own.get("network") == "polar" else "planes"
    content[SECTION] = {**_defaults(network, from_models=from_models), **own}
    parsed = parse_sections(content, {SECTION: ContourTraining}, where, others=section_names())
    check_section(sections, (SECTION, KNOWN_SECTION), where)
    return parsed[SECTION]


def tell_of_idle(
    parameters: ContourTraining,
    drawn: Collection[str] = (),
    *,
    from_simulator: bool,
    from_models: bool = False,
) -> None:
    """Name settings that are not the defaults and do not count for this training.

    Args:
        parameters: The settings.
        drawn: Keys of `[polar_transform]` that the configuration has.
        from_simulator: Whether training is on simulated necks alone.
        from_models: Whether training begins with the weights of models.
    """
    network = parameters.network
    usual = ContourTraining(**_defaults(network, from_models=from_models))
    idle = [*_IDLE[network], *(_IDLE_SIMULATED if from_simulator else _IDLE_ANNOTATED[network])]
    changed = [key for key in idle if getattr(parameters, key) != getattr(usual, key)]
    if network == "planes":
        changed += [f"polar_transform.{key}" for key in sorted(drawn)]
    if changed:
        logger.warning(
            '%s: not used by networks of the kind "%s" that are trained on %s; it does not count',
            ", ".join(dict.fromkeys(changed)),
            network,
            "simulated necks alone" if from_simulator else "annotated scans",
        )


def _defaults(network: Literal["planes", "polar"], *, from_models: bool) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(default_text(DEFAULTS[network]))[SECTION]
    if from_models:
        found |= tomllib.loads(default_text(FROM_MODELS[network]))[SECTION]
    return found


def _section(content: dict[str, Any], path: Path) -> dict[str, Any]:
    ours, known = content.get(SECTION), content.pop(KNOWN_SECTION, None)
    if ours is not None and known is not None:
        raise ConfigurationError(
            f"both [{SECTION}] and [{KNOWN_SECTION}] are there",
            where=path,
            remedy="keep one of them",
        )
    if isinstance(known, dict):
        renamed = {_KNOWN_NAMES.get(str(key), str(key)): value for key, value in known.items()}
        return {"network": "polar", **renamed}
    return dict(ours) if isinstance(ours, dict) else {}
