"""Train one network through one phase: steps, a running mean of the weights, validation, resume.

After each epoch everything that the next step depends on is saved in one file, so that training
that was cut short goes on as if nothing had happened; crops and rates depend on the step's number
alone. The weights that count are a running mean (`average_decay`); the epoch whose mean has the
lowest validation loss is kept. Weights of models that training begins with are validated first, as
epoch 0: where training makes them no better, they are what is kept.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field, fields
from math import cos, pi
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from carotid.errors import UsageError
from carotid.storage.results.atomic import write_atomically
from carotid.training.engine.optimizer import make_optimizer, update
from carotid.training.engine.workers import gradients

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import nn

    from carotid.training.engine.job import Job, Validated
    from carotid.training.engine.settings import EngineSettings, RateCurve

STATE_NAME = "state.pt"
"""What training goes on from; removed when a member is done."""

State = dict[str, Tensor]


@dataclass(frozen=True)
class EpochRow:
    """One line of `training.tsv`.

    Attributes:
        epoch: Number, from 1; 0 for the weights of models that training begins with.
        step: Optimizer steps done.
        learning_rate: At the end of the epoch.
        training_loss: Mean over the epoch's steps; NaN for epoch 0.
        validation_loss: Of the running mean of the weights.
        seconds: Time since the phase began, without pauses.
        metrics: What else validation found, by name.
    """

    epoch: int
    step: int
    learning_rate: float
    training_loss: float
    validation_loss: float
    seconds: float
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class PhaseState:
    """Everything that the next step depends on.

    Attributes:
        network: Weights.
        average: Running mean of the weights.
        optimizer: AdamW's state.
        step: Steps done in this phase.
        best: Mean weights of the best epoch so far.
        best_loss: Their validation loss.
        rows: The epochs so far.
        identity: What was trained, to recognise another run's state.
        from_models: Whether training begins with weights that are worth keeping.
    """

    network: State
    average: State
    optimizer: dict[str, Any] | None = None
    step: int = 0
    best: State | None = None
    best_loss: float = float("inf")
    rows: list[EpochRow] = field(default_factory=list)
    identity: str = ""
    from_models: bool = False

    @property
    def best_row(self) -> EpochRow:
        """The epoch that `best` is of: the first one of the lowest validation loss."""
        return next(row for row in self.rows if row.validation_loss == self.best_loss)


def fresh_state(build: Callable[[], nn.Module], seed: int) -> PhaseState:
    """Random weights; the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        weights = build().state_dict()
    return PhaseState(_copied(weights), _copied(weights))


def given_state(weights: Mapping[str, Tensor]) -> PhaseState:
    """The start of a training that goes on from the weights of a model."""
    return PhaseState(_copied(weights), _copied(weights), from_models=True)


def follow_on(before: PhaseState) -> PhaseState:
    """The start of a phase from the end of another one: weights and the optimizer's memory."""
    return PhaseState(_copied(before.network), _copied(before.average), optimizer=before.optimizer)


def learning_rate(step: int, steps: int, curve: RateCurve) -> float:
    """Rate of a step: a linear rise, then a half cosine that reaches the final rate at `steps`."""
    if step < curve.warmup_steps:
        return curve.peak_rate * (step + 1) / (curve.warmup_steps + 1)
    done = (step - curve.warmup_steps) / max(steps - curve.warmup_steps, 1)
    return curve.final_rate + (curve.peak_rate - curve.final_rate) * (1 + cos(pi * done)) / 2


@dataclass(frozen=True)
class Stretch:
    """A phase of training, as the engine sees it.

    Attributes:
        job: What is trained.
        curve: The learning rate.
        settings: How weights are moved.
        validate: Validates a network in evaluation mode.
    """

    job: Job
    curve: RateCurve
    settings: EngineSettings
    validate: Callable[[nn.Module], Validated]


def train_phase(
    folder: Path,
    start: PhaseState,
    stretch: Stretch,
    *,
    identity: str,
    device: torch.device | None = None,
    on_epoch: Callable[[EpochRow], None] | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> PhaseState:
    """Train to the end of a phase, from its start or from where it was cut short.

    Args:
        folder: Where `state.pt` is kept after every epoch.
        start: The phase's first state.
        stretch: What to do.
        identity: Says what is trained; a state with another identity is refused.
        device: Where gradients are computed and networks validated.
        on_epoch: Called after every epoch.
        on_step: Called after every step with its number and its loss; on a GPU, which is still at
            work on it, with the loss of the step before.

    Raises:
        UsageError: The folder holds the state of another training.
    """
    state = load_state(folder / STATE_NAME) or start
    if state is not start and state.identity != identity:
        raise UsageError(
            "an interrupted training with other settings or data lies here",
            where=folder,
            remedy="give the same settings again to go on, another folder, or --force",
        )
    state.identity = identity
    job, curve, settings = stretch.job, stretch.curve, stretch.settings
    steps = curve.epochs * settings.steps_per_epoch
    rate_steps = (curve.rate_epochs or curve.epochs) * settings.steps_per_epoch
    if state.step >= steps:
        return state
    where = device if device is not None else torch.device("cpu")
    network = job.build()
    network.load_state_dict(state.network)
    network.to(where).train()
    state.average = {name: value.to(where) for name, value in state.average.items()}
    optimizer = make_optimizer(
        job.trained(network), settings, state.optimizer, fused=where.type != "cpu"
    )
    before = state.rows[-1].seconds if state.rows else 0.0
    began = time.monotonic()
    if state.from_models and not state.rows:
        found = _validated(state.average, stretch, where)
        seconds = time.monotonic() - began
        row = EpochRow(0, 0, 0.0, float("nan"), found.loss, seconds, found.metrics)
        _add_row(state, row)
        if on_epoch is not None:
            on_epoch(row)
    losses: list[Tensor] = []
    with gradients(network, job, settings.workers, where) as source:
        while state.step < steps:
            rate = learning_rate(state.step, rate_steps, curve)
            losses.append(source.step(state.step))
            update(network, optimizer, rate, settings.clip_norm)
            state.step += 1
            decay = min(settings.average_decay, (1 + state.step) / (10 + state.step))
            _average(state.average, network, decay)
            if on_step is not None:
                known = losses[-1:] if where.type == "cpu" else losses[-2:]
                on_step(state.step, float(known[0]))
            if state.step % settings.steps_per_epoch:
                continue
            found = _validated(state.average, stretch, where)
            row = EpochRow(
                state.step // settings.steps_per_epoch,
                state.step,
                rate,
                sum(map(float, losses)) / len(losses),
                found.loss,
                before + time.monotonic() - began,
                found.metrics,
            )
            losses.clear()
            _close_epoch(folder, state, network, optimizer, row)
            if on_epoch is not None:
                on_epoch(row)
    return state


def _average(average: State, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for name, weight in network.state_dict().items():
            if weight.is_floating_point():
                average[name].lerp_(weight.detach(), 1 - decay)
            else:
                average[name].copy_(weight)


def _validated(weights: State, stretch: Stretch, device: torch.device) -> Validated:
    network = stretch.job.build().to(device)
    network.load_state_dict(weights)
    return stretch.validate(network.eval().requires_grad_(requires_grad=False))


def _close_epoch(
    folder: Path,
    state: PhaseState,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    row: EpochRow,
) -> None:
    state.network = _copied(network.state_dict())
    state.optimizer = optimizer.state_dict()
    _add_row(state, row)
    save_state(folder / STATE_NAME, state)


def _add_row(state: PhaseState, row: EpochRow) -> None:
    state.rows.append(row)
    if row.validation_loss < state.best_loss:
        state.best_loss = row.validation_loss
        state.best = _copied(state.average)


def save_state(path: Path, state: PhaseState) -> None:
    """Write a state in one step."""
    content = {**vars(state), "rows": [vars(row) for row in state.rows]}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def load_state(path: Path) -> PhaseState | None:
    """Read a state; None where there is none.

    Raises:
        UsageError: The file is damaged, or holds something else.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = PhaseState(*(content.pop(one.name) for one in fields(PhaseState)))
        state.rows = [EpochRow(**row) for row in cast("list[Any]", state.rows)]
    except Exception as error:
        raise UsageError(
            "what interrupted training is to go on from cannot be read",
            where=path,
            remedy="remove the file to begin this part anew, or give --force to begin all anew",
        ) from error
    return state


def _copied(weights: Mapping[str, Tensor]) -> State:
    return {
        name: weight.detach().to("cpu", copy=True).contiguous() for name, weight in weights.items()
    }
