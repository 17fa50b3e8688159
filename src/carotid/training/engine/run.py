"""One training: what members share, then member after member; each part can be resumed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carotid.errors import UsageError
from carotid.network.device import describe_device
from carotid.provenance import versions
from carotid.storage.checksums import sha256_of_file
from carotid.training.engine.curve import draw_curve
from carotid.training.engine.folder import (
    CURVE_FILE,
    check_earlier,
    forget_trunk,
    locked,
    model_file,
    split_name,
    trunk_name,
    write_record,
    write_rows,
)
from carotid.training.engine.loop import STATE_NAME, follow_on, fresh_state, train_phase
from carotid.training.engine.workers import WorkOrder
from carotid.training.heatmap.export import write_model
from carotid.training.heatmap.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch

    from carotid.network.unet import UNet
    from carotid.training.engine.loop import EpochRow, PhaseState
    from carotid.training.engine.parameters import Phase, TrainingParameters
    from carotid.training.heatmap.crops import Side
    from carotid.training.heatmap.validation import Validation


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
class Part:
    """What a member, or what all of them share, is trained on.

    Attributes:
        draw: Makes the side of a number.
        validation: Each loads one side to validate with.
        phase: How it is trained.
        seed: Of everything random in it.
    """

    draw: Callable[[int], Side]
    validation: Sequence[Callable[[], Side]]
    phase: Phase
    seed: int


@dataclass(frozen=True)
class Training:
    """Everything that one training consists of.

    Attributes:
        output_dir: See `carotid.training.engine.folder`.
        parameters: The settings.
        trunk: What is trained before the members and for all of them, one after the other.
        members: The members.
        record: What `parameters.json` says besides the settings; a training that is resumed must
            have the same.
        device: Where it computes.
        on_progress: Called after every step and epoch.
    """

    output_dir: Path
    parameters: TrainingParameters
    trunk: Sequence[Part]
    members: Sequence[Part]
    record: dict[str, Any]
    device: torch.device
    on_progress: Callable[[Progress], None] | None


def run_training(training: Training, *, force: bool) -> list[Path]:
    """Train what is not done yet.

    Args:
        training: What to do.
        force: Whether to begin anew where training is finished or differs.

    Returns:
        The members' files.

    Raises:
        UsageError: The folder holds another training or a finished one, or training failed.
    """
    folder = training.output_dir
    with locked(folder):
        settings = {**training.parameters.model_dump(mode="json"), **training.record}
        identity = json.dumps(settings, sort_keys=True)
        check_earlier(folder, settings, force=force)
        folder.mkdir(parents=True, exist_ok=True)
        record = {
            **settings,
            "device": describe_device(training.device),
            "versions": versions(),
            "models": {},
        }
        write_record(folder, record)
        models = _train_members(training, identity)
        record["models"] = {
            path.relative_to(folder).as_posix(): sha256_of_file(path) for path in models
        }
        write_record(folder, record)
        forget_trunk(folder)
        return models


def _train_members(training: Training, identity: str) -> list[Path]:
    folder = training.output_dir
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
        begin = fresh_state(member.seed) if start is None else follow_on(start)
        state = _train_part(training, name, member, begin, identity)
        curves[name] = state.rows
        if state.best is None:
            raise UsageError(
                "no epoch had a finite validation loss",
                where=folder / name,
                remedy="lower peak_rate, or check the scans' intensities",
            )
        draw_curve(folder / CURVE_FILE, curves)
        write_model(model, state.best)
        (folder / name / STATE_NAME).unlink(missing_ok=True)
    return models


def _train_trunk(
    training: Training, identity: str, curves: dict[str, list[EpochRow]]
) -> PhaseState:
    """Train, or load, the phases that all members share; returns the end of the last one."""
    state = fresh_state(training.trunk[0].seed)
    for j, part in enumerate(training.trunk):
        begin = state if j == 0 else follow_on(state)
        state = _train_part(training, trunk_name(j), part, begin, identity)
        curves[trunk_name(j)] = state.rows
    return state


def _train_part(
    training: Training, name: str, part: Part, start: PhaseState, identity: str
) -> PhaseState:
    folder = training.output_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    steps = part.phase.epochs * training.parameters.steps_per_epoch
    parts = len(training.members)
    last_loss = float("nan")

    def on_step(step: int, loss: float) -> None:
        nonlocal last_loss
        last_loss = loss
        if training.on_progress is not None:
            training.on_progress(Progress(name, parts, step, steps, loss))

    def on_epoch(row: EpochRow) -> None:
        if training.on_progress is not None:
            training.on_progress(Progress(name, parts, row.step, steps, last_loss, row))

    def validated(network: UNet) -> Validation:
        return validate(network, (load() for load in part.validation), part.phase)

    order = WorkOrder(part.draw, part.seed, part.phase, training.parameters)
    state = train_phase(
        folder,
        start,
        order,
        validated,
        identity=identity,
        device=training.device,
        on_epoch=on_epoch,
        on_step=on_step,
    )
    write_rows(folder, state.rows)
    return state
