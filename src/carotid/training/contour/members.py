"""One member of a contour ensemble: what it is trained on, and what it is validated on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from carotid.errors import UsageError
from carotid.training.contour.plane_job import PlaneJob
from carotid.training.contour.plane_validation import validate_planes
from carotid.training.contour.polar_items import items_of
from carotid.training.contour.polar_job import ItemChooser, PolarJob, PoolChooser, steps_per_epoch
from carotid.training.contour.polar_simulated import SimulatedPolar
from carotid.training.contour.polar_validation import validate_polar
from carotid.training.contour.pool import Pool
from carotid.training.contour.sources import (
    VALIDATION_STREAM,
    AnnotatedPlanes,
    MixedPlanes,
    SimulatedPlanes,
)
from carotid.training.engine.loop import Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from carotid.geometry.polar import Rays
    from carotid.training.contour.annotations import ContourSource
    from carotid.training.contour.parameters import ContourTraining
    from carotid.training.contour.plane_samples import PlaneSample
    from carotid.training.contour.polar_items import PolarDrawer, PolarItem, PolarSample
    from carotid.training.contour.polar_job import Chooser
    from carotid.training.engine.ahead import DrawsAhead
    from carotid.training.engine.job import Job, Validated

SEEDS_PER_TRAINING = 100
"""Member k of a training with seed s has the seed, and draws from the stream, 100 s + k."""

_VALIDATION_SEED = 7


def simulated_member(parameters: ContourTraining, rays: Rays, number: int) -> Stretch:
    """A member that learns from necks that are made on the way."""
    seed = parameters.seed * SEEDS_PER_TRAINING + number
    draws = parameters.validation_draws
    if parameters.network == "planes":
        job = PlaneJob(SimulatedPlanes(seed), seed, parameters.loss_of(number), parameters)
        return _planes(job, lambda: _simulated_planes(draws))
    choosers = _PoolChoosers(SimulatedPolar(seed, rays), seed, parameters)
    return _polar(PolarJob(choosers, seed, parameters), lambda: _simulated_polar(rays, draws))


def annotated_member(
    parameters: ContourTraining,
    shown: tuple[ContourSource, ...],
    held_out: tuple[ContourSource, ...],
    drawer: PolarDrawer,
    number: int,
) -> Stretch:
    """A member that learns from some participants and is validated on others.

    Args:
        parameters: The settings.
        shown: The sides to learn from.
        held_out: The sides to validate on.
        drawer: Draws polar images, for polar networks.
        number: Which member.
    """
    seed = parameters.seed * SEEDS_PER_TRAINING + number
    if parameters.network == "planes":
        annotated = AnnotatedPlanes(shown, seed)
        draw = MixedPlanes(annotated, SimulatedPlanes(seed), parameters.simulated_share)
        job = PlaneJob(draw, seed, parameters.loss_of(number), parameters)
        return _planes(job, cache(lambda: _annotated_planes(held_out)))
    items, kept = tuple(items_of(shown)), tuple(items_of(held_out))
    batch = parameters.batch_size
    per_epoch = parameters.model_copy(
        update={"steps_per_epoch": steps_per_epoch(len(items), batch)}
    )
    choosers = _ItemChoosers(items, drawer, seed, batch)
    return _polar(PolarJob(choosers, seed, per_epoch), lambda: [drawer.sample(one) for one in kept])


def _planes(job: PlaneJob, samples: Callable[[], Sequence[PlaneSample]]) -> Stretch:
    def validated(network: nn.Module) -> Validated:
        return validate_planes(network, samples(), job.weights)

    return _stretch(job, job.parameters, validated)


def _polar(job: PolarJob, samples: Callable[[], Sequence[PolarSample]]) -> Stretch:
    def validated(network: nn.Module) -> Validated:
        return validate_polar(network, samples())

    return _stretch(job, job.parameters, validated)


def _stretch(
    job: Job, parameters: ContourTraining, validated: Callable[[nn.Module], Validated]
) -> Stretch:
    return Stretch(job, parameters.curve, parameters, validated)


@cache
def _simulated_planes(draws: int) -> tuple[PlaneSample, ...]:
    """Samples of necks that are never trained on; made once for all members."""
    stream = SimulatedPlanes(VALIDATION_STREAM, count=2)
    return tuple(sample for k in range(draws) for sample in stream(k))


@cache
def _simulated_polar(rays: Rays, draws: int) -> tuple[PolarSample, ...]:
    stream = SimulatedPolar(VALIDATION_STREAM, rays, count=6)
    return tuple(sample for k in range(draws) for sample in stream(k))


def _annotated_planes(sources: tuple[ContourSource, ...]) -> tuple[PlaneSample, ...]:
    """Samples of sides that are kept aside.

    Raises:
        UsageError: There is none.
    """
    stream = AnnotatedPlanes(sources, _VALIDATION_SEED)
    samples = tuple(sample for k in range(len(sources)) for sample in stream(k))
    if not samples:
        raise UsageError(
            "no planes could be drawn of the participants that are held out",
            found=", ".join(sorted({source.participant for source in sources})),
            remedy="annotate longer stretches of their arteries, or change seed or n_splits",
        )
    return samples


@dataclass(frozen=True)
class _PoolChoosers:
    """Makes the samples of a worker from a pool of necks."""

    draw: Callable[[int], Sequence[PolarSample]]
    seed: int
    parameters: ContourTraining

    def __call__(self, worker: int, workers: int) -> PoolChooser:
        pool = Pool(self.draw, self.parameters.pool, worker, workers)
        return PoolChooser(pool, self.seed, self.parameters.batch_size)

    def ahead(self, ahead: DrawsAhead) -> PoolChooser:
        return replace(self, draw=ahead(self.draw))(0, 1)


@dataclass(frozen=True, eq=False)
class _ItemChoosers:
    """Makes the samples of a worker from annotated items."""

    items: tuple[PolarItem, ...]
    drawer: PolarDrawer
    seed: int
    batch_size: int

    def __call__(self, worker: int, workers: int) -> ItemChooser:
        return ItemChooser(self.items, self.drawer, self.seed, self.batch_size, worker, workers)

    def ahead(self, ahead: DrawsAhead) -> Chooser:
        return ahead(self(0, 1))
