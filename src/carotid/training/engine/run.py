"""One training: what members share, then member after member; each part can be resumed."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from carotid.errors import UsageError
from carotid.network.device import describe_device
from carotid.provenance import versions
from carotid.storage.checksums import sha256_of_file
from carotid.storage.model_description import write_model_description
from carotid.storage.results.locks import alone_in
from carotid.training.engine.curve import draw_curve
from carotid.training.engine.folder import (
    CURVE_FILE,
    check_earlier,
    forget_trunk,
    model_file,
    split_name,
    trunk_name,
    write_record,
    write_rows,
)
from carotid.training.engine.loop import (
    STATE_NAME,
    Stretch,
    follow_on,
    fresh_state,
    given_state,
    train_phase,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import torch
    from torch import Tensor

    from carotid.storage.model_description import ModelDescription
    from carotid.training.engine.loop import EpochRow, PhaseState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far training is.

    Attributes:
        part: What is trained, such as `split-0`.
        parts: How many splits there are.
        step: Steps done in this part.
        steps: Steps of this part.
        loss: Of the last step.
        epoch: The epoch that has just ended, if one has.
    """

    part: str
    parts: int
    step: int
    steps: int
    loss: float
    epoch: EpochRow | None = None


@dataclass(frozen=True)
class TrainingRequest:
    """Where a training goes, and what it does there.

    Attributes:
        output_dir: See `carotid.training.engine.folder`.
        start_from: Models whose weights the members begin with, in turn; None for random ones.
        device: cuda or cpu; None takes CUDA where there is one.
        force: Whether to begin anew where training is finished or differs.
        on_progress: Called after every step and epoch.
    """

    output_dir: Path
    start_from: Path | None = None
    device: str | None = None
    force: bool = False
    on_progress: Callable[[Progress], None] = field(default=lambda _: None, compare=False)


@dataclass(frozen=True)
class Training:
    """Everything that one training consists of.

    Attributes:
        request: Where it goes.
        trunk: What is trained before the members and for all of them, one after the other.
        members: The members.
        section: The object of `parameters.json` that tells about it.
        record: What it says; a training that is resumed must have the same.
        write_model: Writes a member's weights to a file, given the epoch that they are of.
        device: Where it computes.
        starts: Weights that member k begins with, the first again after the last; random where
            there are none.
        beside: What else `parameters.json` says, beside the section's object.
        description: What `model.json` says, but for the files.
        look: A last look at what is trained on, once it is known that there is something to do.
    """

    request: TrainingRequest
    trunk: Sequence[Stretch]
    members: Sequence[Stretch]
    section: str
    record: dict[str, Any]
    write_model: Callable[[Path, Mapping[str, Tensor], EpochRow], object]
    device: torch.device
    starts: Sequence[Mapping[str, Tensor]] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    description: ModelDescription | None = None
    look: Callable[[], None] = lambda: None


def run_training(training: Training) -> list[Path]:
    """Train what is not done yet; returns the members' files.

    Raises:
        UsageError: The folder holds another training or a finished one, or training failed.
        InputError: What is trained on cannot be used; nothing was touched.
    """
    folder, force = training.request.output_dir, training.request.force
    if not force:
        check_earlier(folder, training.section, training.record, force=False)
    training.look()  # before anything is made or removed
    with alone_in(folder, "training", "another training is at work in this folder"):
        identity = json.dumps(training.record, sort_keys=True)
        check_earlier(folder, training.section, training.record, force=force)
        folder.mkdir(parents=True, exist_ok=True)
        record = {
            **training.record,
            "device": describe_device(training.device),
            "versions": versions(),
            "models": {},
        }
        write_record(folder, training.section, record, training.beside)
        models = _train_members(training, identity)
        files = {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in models}
        record["models"] = files
        if training.description is not None:
            write_model_description(folder, replace(training.description, files=files))
        write_record(folder, training.section, record, training.beside)
        forget_trunk(folder)
        return models


def _train_members(training: Training, identity: str) -> list[Path]:
    folder = training.request.output_dir
    start: PhaseState | None = None
    curves: dict[str, list[EpochRow]] = {}
    models = []
    for k, member in enumerate(training.members):
        name, model = split_name(k), model_file(folder, k)
        models.append(model)
        if model.exists():
            continue
        if training.trunk and start is None:
            start = _train_trunk(training, identity, curves)
        begin = _begin(training, k) if start is None else follow_on(start)
        state = _train_part(training, name, member, begin, identity)
        curves[name] = state.rows
        if state.best is None:
            raise UsageError(
                "no epoch had a finite validation loss",
                where=folder / name,
                remedy="lower peak_rate, or check the scans' intensities",
            )
        draw_curve(folder / CURVE_FILE, curves)
        training.write_model(model, state.best, state.best_row)
        if state.best_row.epoch == 0:
            logger.warning(
                "%s: no epoch had a lower validation loss than the model it began with (%.4g), so "
                "%s has that model's weights; a lower learning rate or more sides for validation "
                "may help",
                name,
                state.best_loss,
                model,
            )
        (folder / name / STATE_NAME).unlink(missing_ok=True)
    return models


def _train_trunk(
    training: Training, identity: str, curves: dict[str, list[EpochRow]]
) -> PhaseState:
    """Train, or load, the phases that all members share; returns the end of the last one."""
    state = _fresh(training.trunk[0])
    for j, stretch in enumerate(training.trunk):
        begin = state if j == 0 else follow_on(state)
        state = _train_part(training, trunk_name(j), stretch, begin, identity)
        curves[trunk_name(j)] = state.rows
    return state


def _begin(training: Training, member: int) -> PhaseState:
    """A member's first state: the weights it is to begin with, or random ones."""
    if training.starts:
        return given_state(training.starts[member % len(training.starts)])
    return _fresh(training.members[member])


def _fresh(stretch: Stretch) -> PhaseState:
    return fresh_state(stretch.job.build, stretch.job.seed)


def _train_part(
    training: Training, name: str, stretch: Stretch, start: PhaseState, identity: str
) -> PhaseState:
    folder, tell = training.request.output_dir / name, training.request.on_progress
    folder.mkdir(parents=True, exist_ok=True)
    steps = stretch.curve.epochs * stretch.settings.steps_per_epoch
    parts = len(training.members)
    last_loss = float("nan")

    def on_step(step: int, loss: float) -> None:
        nonlocal last_loss
        last_loss = loss
        tell(Progress(name, parts, step, steps, loss))

    def on_epoch(row: EpochRow) -> None:
        tell(Progress(name, parts, row.step, steps, last_loss, row))

    state = train_phase(
        folder,
        start,
        stretch,
        identity=identity,
        device=training.device,
        on_epoch=on_epoch,
        on_step=on_step,
    )
    write_rows(folder, state.rows)
    return state
