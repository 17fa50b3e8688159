"""Train the members of a heatmap ensemble, on annotated scans or on simulated necks.

    <output_dir>
    ├── parameters.json            settings, versions, SHA-256 of the models
    ├── training.png               losses over the steps
    ├── trunk-<j>/training.tsv     phases that all members share, where there are any
    └── split-<k>
        ├── model.pt               a member: float16, as the heatmap transform loads it
        ├── training.tsv           a row per epoch
        └── validation_metrics.tsv figures of the validation sides, a row per epoch

The folder is a model directory of the heatmap transform. Training that was cut short goes on when
the same command is given again; a split that has its `model.pt` is done.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carotid.config import Parameters
from carotid.errors import UsageError
from carotid.network.device import choose_device, describe_device
from carotid.provenance import versions
from carotid.storage.annotations import read_annotation
from carotid.storage.atomic import write_atomically, write_json
from carotid.storage.checksums import sha256_of_file
from carotid.storage.raw import find_scans, read_rescaling
from carotid.storage.slots import Lock
from carotid.training.curve import draw_curve
from carotid.training.export import write_model
from carotid.training.loop import (
    STATE_NAME,
    EpochRow,
    PhaseState,
    follow_on,
    fresh_state,
    train_phase,
)
from carotid.training.samples import find_annotated_sides, load_side, read_subset
from carotid.training.sources import VALIDATION_STREAM, ScannedSides, SimulatedSides, folds
from carotid.training.validation import validate
from carotid.training.workers import WorkOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import torch

    from carotid.network.unet import UNet
    from carotid.training.crops import Side
    from carotid.training.parameters import Phase, TrainingParameters
    from carotid.training.validation import Validation

PARAMETERS_FILE = "parameters.json"
CURVE_FILE = "training.png"
KEY = "heatmap_training"
"""Name of our object in `parameters.json`."""

SEEDS_PER_TRAINING = 1000

SEEDS_PER_PHASE = 100
"""Shared phases have the seeds 0, 100, 200, … of a training, members 1, 2, 3, …"""


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
class _Member:
    """What one member is trained on."""

    draw: Callable[[int], Side]
    validation: Sequence[Callable[[], Side]]
    phase: Phase
    seed: int


@dataclass(frozen=True)
class _Training:
    """Everything that one training consists of."""

    output_dir: Path
    parameters: TrainingParameters
    trunk: Sequence[_Member]
    members: Sequence[_Member]
    record: dict[str, Any]
    device: torch.device
    on_progress: Callable[[Progress], None] | None


def train_heatmap(
    output_dir: Path,
    raw_dir: Path,
    annotation_dir: Path,
    parameters: TrainingParameters,
    *,
    centerline_tsv: Path | None = None,
    resample: bool = True,
    device: str | None = None,
    force: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[Path]:
    """Train one member per fold on annotated scans.

    Args:
        output_dir: See the module.
        raw_dir: The scans, with `parameters.json` where intensities are rescaled.
        annotation_dir: `<id>/centerline_transform/<side>_centerline.tsv`.
        parameters: The settings.
        centerline_tsv: Which sides to use, `participant_id side`; None takes all annotated ones.
        resample: Whether scans are brought to 0.5 mm, as `spacing` of the heatmap transform.
        device: cuda or cpu; None takes CUDA where there is one.
        force: Whether to begin anew where training is finished or differs.
        on_progress: Called after every step and epoch.

    Returns:
        The members' files.

    Raises:
        UsageError: The settings do not fit the data, or finished training is here already.
        InputError: A scan or an annotation cannot be used; the file and the row are named.
    """
    subset = None if centerline_tsv is None else read_subset(centerline_tsv)
    rescaling = read_rescaling(raw_dir)
    sides = find_annotated_sides(
        find_scans(raw_dir), annotation_dir, rescaling, subset, resample=resample
    )
    for side in sides:
        read_annotation(side.annotation)
    participants = len({side.scan.participant_id for side in sides})
    if participants < max(parameters.n_splits, 2):
        raise UsageError(
            "too few annotated participants for the folds",
            where=annotation_dir,
            found=participants,
            expected=f"at least {max(parameters.n_splits, 2)} (n_splits = {parameters.n_splits})",
            remedy="annotate more participants or lower n_splits",
        )
    splits = folds(sides, parameters.n_splits, parameters.seed)
    if parameters.n_splits == 1:
        splits = splits * parameters.members
    members = []
    for k, (shown, held_out) in enumerate(splits):
        seed = _member_seed(parameters, k)
        loaders = [_Loader(side) for side in held_out[: parameters.validation_sides]]
        draw = ScannedSides(shown, seed)
        members.append(_Member(draw, loaders, parameters.phase_of(k), seed))
    record = {
        "raw_dir": str(raw_dir),
        "annotation_dir": str(annotation_dir),
        "spacing": resample,
        "annotated_sides": len(sides),
        "annotations_sha256": _joint_hash([side.annotation for side in sides]),
    }
    where = choose_device(device)
    training = _Training(output_dir, parameters, (), members, record, where, on_progress)
    return _run(training, force=force)


def train_from_simulator(
    output_dir: Path,
    parameters: TrainingParameters,
    simulate: Callable[[int], Side],
    *,
    device: str | None = None,
    force: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[Path]:
    """Train members on simulated necks, with no scan on disk.

    Args:
        output_dir: See the module.
        parameters: The settings; `members` tells how many.
        simulate: Makes one side from a seed; a function of a module.
        device: cuda or cpu; None takes CUDA where there is one.
        force: Whether to begin anew where training is finished or differs.
        on_progress: Called after every step and epoch.

    Returns:
        The members' files.

    Raises:
        UsageError: Finished training is here already, or another one that was cut short.
    """
    stream = SimulatedSides(simulate, VALIDATION_STREAM)
    validation = [_Numbered(stream, k) for k in range(parameters.validation_sides)]

    def member(seed: int, phase: Phase) -> _Member:
        return _Member(SimulatedSides(simulate, seed), validation, phase, seed)

    base = parameters.seed * SEEDS_PER_TRAINING
    trunk = [member(base + SEEDS_PER_PHASE * j, phase) for j, phase in enumerate(parameters.trunk)]
    members = [
        member(_member_seed(parameters, k), parameters.phase_of(k))
        for k in range(parameters.members)
    ]
    record = _describe(simulate)
    where = choose_device(device)
    training = _Training(output_dir, parameters, trunk, members, record, where, on_progress)
    return _run(training, force=force)


@dataclass(frozen=True)
class _Loader:
    side: Any

    def __call__(self) -> Side:
        return load_side(self.side)


@dataclass(frozen=True)
class _Numbered:
    draw: Callable[[int], Side]
    number: int

    def __call__(self) -> Side:
        return self.draw(self.number)


def _describe(simulate: Callable[[int], Side]) -> dict[str, Any]:
    """What simulates, with the settings that were bound to it by `functools.partial`."""
    function = getattr(simulate, "func", simulate)
    name = f"{function.__module__}.{getattr(function, '__qualname__', '')}"
    bound = getattr(simulate, "keywords", {})
    settings = {
        key: value.model_dump(mode="json") if isinstance(value, Parameters) else value
        for key, value in bound.items()
    }
    return {"simulator": name, **settings}


def _member_seed(parameters: TrainingParameters, member: int) -> int:
    return parameters.seed * SEEDS_PER_TRAINING + member + 1


def _joint_hash(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(sha256_of_file(path).encode())
    return digest.hexdigest()


def _run(training: _Training, *, force: bool) -> list[Path]:
    folder = training.output_dir
    with _locked(folder):
        settings = {**training.parameters.model_dump(mode="json"), **training.record}
        identity = json.dumps(settings, sort_keys=True)
        _check_earlier(folder, settings, force=force)
        folder.mkdir(parents=True, exist_ok=True)
        record = {
            **settings,
            "device": describe_device(training.device),
            "versions": versions(),
            "models": {},
        }
        write_json(folder / PARAMETERS_FILE, {KEY: record})
        models = _train_members(training, identity)
        record["models"] = {
            path.relative_to(folder).as_posix(): sha256_of_file(path) for path in models
        }
        write_json(folder / PARAMETERS_FILE, {KEY: record})
        for state in folder.glob(f"trunk-*/{STATE_NAME}"):
            state.unlink()
        return models


def _train_members(training: _Training, identity: str) -> list[Path]:
    folder = training.output_dir
    start: PhaseState | None = None
    curves: dict[str, list[EpochRow]] = {}
    models = []
    for k, member in enumerate(training.members):
        name = f"split-{k}"
        model = folder / name / "model.pt"
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
    training: _Training, identity: str, curves: dict[str, list[EpochRow]]
) -> PhaseState:
    """Train, or load, the phases that all members share; returns the end of the last one."""
    state = fresh_state(training.trunk[0].seed)
    for j, part in enumerate(training.trunk):
        begin = state if j == 0 else follow_on(state)
        state = _train_part(training, f"trunk-{j}", part, begin, identity)
        curves[f"trunk-{j}"] = state.rows
    return state


def _train_part(
    training: _Training, name: str, member: _Member, start: PhaseState, identity: str
) -> PhaseState:
    folder = training.output_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    steps = member.phase.epochs * training.parameters.steps_per_epoch
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
        return validate(network, (load() for load in member.validation), member.phase)

    order = WorkOrder(member.draw, member.seed, member.phase, training.parameters)
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
    _write_rows(folder, state.rows)
    return state


def _write_rows(folder: Path, rows: Sequence[EpochRow]) -> None:
    fields = ("epoch", "step", "learning_rate", "training_loss", "validation_loss", "seconds")
    lines = ["\t".join(fields)]
    lines += ["\t".join(f"{getattr(row, name):.6g}" for name in fields) for row in rows]
    write_atomically(folder / "training.tsv", ("\n".join(lines) + "\n").encode())
    names = sorted({name for row in rows for name in row.metrics})
    lines = ["\t".join(("epoch", *names))]
    for row in rows:
        values = [f"{row.metrics.get(name, float('nan')):.6g}" for name in names]
        lines.append("\t".join((str(row.epoch), *values)))
    write_atomically(folder / "validation_metrics.tsv", ("\n".join(lines) + "\n").encode())


def _check_earlier(folder: Path, settings: dict[str, Any], *, force: bool) -> None:
    """Refuse a folder with other content; with `force` remove an earlier training's files."""
    path = folder / PARAMETERS_FILE
    if not path.exists():
        strange = folder.is_dir() and any(folder.glob("split-*/model.pt"))
        if strange and not force:
            raise UsageError(
                "models without parameters.json lie here",
                where=folder,
                remedy="choose another folder, or give --force to replace them",
            )
        return
    if force:
        _remove_training(folder)
        return
    earlier = _earlier_record(path)
    if earlier.get("models"):
        raise UsageError(
            "finished training is here already",
            where=folder,
            remedy="choose another folder, or give --force to train anew",
        )
    other = [key for key, value in settings.items() if earlier.get(key) != value]
    if other:
        raise UsageError(
            "training that was cut short here had other settings or data",
            where=folder,
            found=", ".join(sorted(other)),
            remedy="give the same settings to go on, choose another folder, or give --force",
        )


def _earlier_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_bytes())[KEY]
        return dict(record)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "parameters.json is none that training wrote",
            where=path,
            remedy="choose another folder, or give --force to replace it",
        ) from error


def _remove_training(folder: Path) -> None:
    for part in [*folder.glob("trunk-*"), *folder.glob("split-*")]:
        shutil.rmtree(part, ignore_errors=True)
    for name in (PARAMETERS_FILE, CURVE_FILE):
        (folder / name).unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = Lock(folder / ".carotid" / "training.lock")
    if not lock.acquire():
        raise UsageError(
            "another training is at work in this folder",
            where=folder,
            remedy="wait for it, or choose another folder",
        )
    try:
        yield
    finally:
        lock.release()
