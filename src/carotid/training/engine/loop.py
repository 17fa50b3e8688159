"""Train one network through one phase: steps, a running mean of the weights, validation, resume.

After each epoch everything that the next step depends on is saved in one file, so that training
that was cut short goes on as if nothing had happened; crops and rates depend on the step's number
alone. The weights that count are a running mean (`average_decay`); the epoch whose mean has the
lowest validation loss is kept.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from math import cos, pi
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from carotid.errors import UsageError
from carotid.network.unet import UNet
from carotid.storage.results.atomic import write_atomically
from carotid.training.engine.workers import InProcess, Workers, WorkOrder, trained_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from carotid.training.engine.parameters import Phase

STATE_NAME = "state.pt"
"""What training goes on from; removed when a member is done."""

State = dict[str, Tensor]


class Validated(Protocol):
    """What validation found.

    Attributes:
        loss: Mean loss; the epoch with the lowest is kept.
        metrics: Further figures by name.
    """

    @property
    def loss(self) -> float:
        """See the class."""

    @property
    def metrics(self) -> dict[str, float]:
        """See the class."""


@dataclass(frozen=True)
class EpochRow:
    """One line of `training.tsv`.

    Attributes:
        epoch: Number, from 1.
        step: Optimizer steps done.
        learning_rate: At the end of the epoch.
        training_loss: Mean over the epoch's steps.
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
    """

    network: State
    average: State
    optimizer: dict[str, Any] | None = None
    step: int = 0
    best: State | None = None
    best_loss: float = float("inf")
    rows: list[EpochRow] = field(default_factory=list)
    identity: str = ""


def fresh_state(seed: int) -> PhaseState:
    """Random weights; the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        weights = UNet(dropout=0.0).state_dict()
    return PhaseState(_copied(weights), _copied(weights))


def follow_on(before: PhaseState, *, from_best: bool = False) -> PhaseState:
    """The start of a phase from the end of another one: weights and the optimizer's memory."""
    weights = before.best if from_best and before.best is not None else before.network
    return PhaseState(_copied(weights), _copied(before.average), optimizer=before.optimizer)


def learning_rate(step: int, steps: int, phase: Phase) -> float:
    """Rate of a step: a linear rise, then a half cosine that reaches the final rate at `steps`."""
    if step < phase.warmup_steps:
        return phase.peak_rate * (step + 1) / (phase.warmup_steps + 1)
    done = (step - phase.warmup_steps) / max(steps - phase.warmup_steps, 1)
    return phase.final_rate + (phase.peak_rate - phase.final_rate) * (1 + cos(pi * done)) / 2


def train_phase(
    folder: Path,
    start: PhaseState,
    order: WorkOrder,
    validate: Callable[[UNet], Validated],
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
        order: What to train on.
        validate: Validates a network in evaluation mode.
        identity: Says what is trained; a state with another identity is refused.
        device: Where gradients are computed; a CPU may use `order.parameters.workers` processes.
        on_epoch: Called after every epoch.
        on_step: Called after every step with its number and its loss.

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
    phase, parameters = order.phase, order.parameters
    steps = phase.epochs * parameters.steps_per_epoch
    curve = (phase.rate_epochs or phase.epochs) * parameters.steps_per_epoch
    if state.step >= steps:
        return state
    where = device if device is not None else torch.device("cpu")
    network = UNet(dropout=0.0)
    network.load_state_dict(state.network)
    network.to(where)
    optimizer = torch.optim.AdamW(
        trained_parameters(network), lr=phase.peak_rate, weight_decay=parameters.weight_decay
    )
    if state.optimizer is not None:
        optimizer.load_state_dict(state.optimizer)
    apart = parameters.workers > 0 and where.type == "cpu"
    before = state.rows[-1].seconds if state.rows else 0.0
    began = time.monotonic()
    losses: list[float] = []
    source = Workers(network, order) if apart else InProcess(network, order)
    with source:
        while state.step < steps:
            rate = learning_rate(state.step, curve, phase)
            losses.append(source.step(state.step))
            _update(network, optimizer, rate, parameters.clip_norm)
            state.step += 1
            decay = min(parameters.average_decay, (1 + state.step) / (10 + state.step))
            _average(state.average, network, decay)
            if on_step is not None:
                on_step(state.step, losses[-1])
            if state.step % parameters.steps_per_epoch:
                continue
            found = _validated(state.average, validate)
            row = EpochRow(
                state.step // parameters.steps_per_epoch,
                state.step,
                rate,
                sum(losses) / len(losses),
                found.loss,
                before + time.monotonic() - began,
                found.metrics,
            )
            losses.clear()
            _close_epoch(folder, state, network, optimizer, row)
            if on_epoch is not None:
                on_epoch(row)
    return state


def _update(network: UNet, optimizer: torch.optim.Optimizer, rate: float, clip_norm: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
    if bool(torch.isfinite(norm)):
        optimizer.step()


def _average(average: State, network: UNet, decay: float) -> None:
    with torch.no_grad():
        for name, weight in network.state_dict().items():
            average[name].lerp_(weight.detach().cpu(), 1 - decay)


def _validated(weights: State, validate: Callable[[UNet], Validated]) -> Validated:
    network = UNet(dropout=0.0)
    network.load_state_dict(weights)
    return validate(network.eval().requires_grad_(requires_grad=False))


def _close_epoch(
    folder: Path,
    state: PhaseState,
    network: UNet,
    optimizer: torch.optim.Optimizer,
    row: EpochRow,
) -> None:
    state.network = _copied(network.state_dict())
    state.optimizer = optimizer.state_dict()
    state.rows.append(row)
    if row.validation_loss < state.best_loss:
        state.best_loss = row.validation_loss
        state.best = _copied(state.average)
    save_state(folder / STATE_NAME, state)


def save_state(path: Path, state: PhaseState) -> None:
    """Write a state in one step."""
    content = {**vars(state), "rows": [vars(row) for row in state.rows]}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def load_state(path: Path) -> PhaseState | None:
    """Read a state; None where there is none."""
    if not path.exists():
        return None
    content = torch.load(path, map_location="cpu", weights_only=True)
    content["rows"] = [EpochRow(**row) for row in content["rows"]]
    return PhaseState(**content)


def _copied(weights: Mapping[str, Tensor]) -> State:
    return {
        name: weight.detach().to("cpu", copy=True).contiguous() for name, weight in weights.items()
    }
