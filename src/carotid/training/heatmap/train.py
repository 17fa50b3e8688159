"""Train the members of a heatmap ensemble, on annotated scans or on simulated necks."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from carotid.config import Parameters
from carotid.errors import UsageError
from carotid.geometry.resample import NETWORK_SPACING_MM
from carotid.network.device import choose_device
from carotid.network.unet import HEATMAP
from carotid.network.weights import read_models
from carotid.storage.checksums import sha256_of_file
from carotid.storage.model_description import (
    ModelDescription,
    expected_rescaling,
    read_model_description,
)
from carotid.storage.rescaling import Rescaling
from carotid.storage.scan_source import ScanSource
from carotid.training.engine.loop import Stretch
from carotid.training.engine.run import Training, run_training
from carotid.training.heatmap.checks import check_annotations, check_voxels
from carotid.training.heatmap.crops import WINDOW
from carotid.training.heatmap.export import with_scale, write_model
from carotid.training.heatmap.job import HeatmapJob
from carotid.training.heatmap.losses import HEIGHT_SCALE
from carotid.training.heatmap.parameters import SECTION
from carotid.training.heatmap.samples import find_annotated_sides, load_side, read_subset
from carotid.training.heatmap.sources import VALIDATION_STREAM, ScannedSides, SimulatedSides, folds
from carotid.training.heatmap.validation import validate
from carotid.training.matching import names_and_sizes_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from carotid.network.unet import UNet
    from carotid.training.engine.loop import EpochRow
    from carotid.training.engine.run import TrainingRequest
    from carotid.training.heatmap.crops import Side
    from carotid.training.heatmap.parameters import Phase, TrainingParameters
    from carotid.training.heatmap.validation import Validation

logger = logging.getLogger(__name__)

SEEDS_PER_TRAINING = 1000

SIMULATED_RESCALING = Rescaling(rescale=True, lower_percentile=5.0, upper_percentile=95.0)
"""What the simulator's sides are rescaled like, in the middle."""

SEEDS_PER_PHASE = 100
"""Shared phases have the seeds 0, 100, 200, … of a training, members 1, 2, 3, …"""


def train_heatmap(
    request: TrainingRequest,
    raw_dir: Path | ScanSource,
    annotation_dir: Path,
    parameters: TrainingParameters,
    *,
    centerline_tsv: Path | None = None,
    resample: bool = True,
) -> list[Path]:
    """Train one member per fold on annotated scans.

    Args:
        request: Where to.
        raw_dir: The scans, with `parameters.json` where intensities are rescaled; with what is
            chosen among several of a participant, as a source.
        annotation_dir: `<id>/centerline_transform/<side>_centerline.tsv`.
        parameters: The settings.
        centerline_tsv: Which sides to use, `participant_id side`; None takes all annotated ones.
        resample: Whether scans are brought to 0.5 mm, as `spacing` of the heatmap transform.

    Returns:
        The members' files.

    Raises:
        UsageError: The settings do not fit the data, or finished training is here already.
        InputError: A scan or an annotation cannot be used; the file and the row are named.
    """
    parameters = _without_trunk(parameters, "training with folds")
    subset = None if centerline_tsv is None else read_subset(centerline_tsv)
    source = ScanSource.of(raw_dir)
    place = source.find()
    rescaling = expected_rescaling(place.folder, request.start_from)
    sides = find_annotated_sides(place.scans, annotation_dir, rescaling, subset, resample=resample)
    check_annotations(sides, annotation_dir)
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
        loaders = [partial(load_side, one) for one in held_out[: parameters.validation_sides]]
        draw = ScannedSides(shown, seed)
        job = HeatmapJob(draw, seed, parameters.phase_of(k), parameters)
        members.append(_stretch(job, loaders))
    record = {
        "raw_dir": str(source.path),
        "bids_image": source.bids_image,
        "series": source.series,
        "annotation_dir": str(annotation_dir),
        "spacing": resample,
        "annotated_sides": len(sides),
        "annotations_sha256": _joint_hash([side.annotation for side in sides]),
        "scan_names_and_sizes_sha256": names_and_sizes_sha256([side.scan for side in sides]),
        "rescaling": rescaling.as_record(),
    }
    data = _Data(record, rescaling, NETWORK_SPACING_MM if resample else None)
    training = _training(request, parameters, ((), members), data)
    return run_training(replace(training, look=partial(check_voxels, sides)))


def train_from_simulator(
    request: TrainingRequest,
    parameters: TrainingParameters,
    simulate: Callable[[int], Side],
    *,
    simulate_slab: Callable[[int], Side] | None = None,
) -> list[Path]:
    """Train members on simulated necks, with no scan on disk.

    Args:
        request: Where to; shared phases are left out where members begin with other models.
        parameters: The settings; `members` tells how many.
        simulate: Makes one side from a seed; a function of a module.
        simulate_slab: The same for phases with `slabs`; None takes `simulate` for them too.

    Returns:
        The members' files.

    Raises:
        UsageError: Finished training is here already, or another one that was cut short.
    """
    stream = SimulatedSides(simulate, VALIDATION_STREAM)
    validation = [partial(stream, k) for k in range(parameters.validation_sides)]

    def member(seed: int, phase: Phase) -> Stretch:
        draw = simulate_slab if phase.slabs and simulate_slab is not None else simulate
        job = HeatmapJob(SimulatedSides(draw, seed), seed, phase, parameters)
        return _stretch(job, validation)

    if request.start_from is not None:
        parameters = _without_trunk(parameters, "training that begins with other models")
    base = parameters.seed * SEEDS_PER_TRAINING
    trunk = [member(base + SEEDS_PER_PHASE * j, one) for j, one in enumerate(parameters.trunk)]
    members = [
        member(_member_seed(parameters, k), parameters.phase_of(k))
        for k in range(parameters.members)
    ]
    data = _Data(_describe(simulate), SIMULATED_RESCALING, NETWORK_SPACING_MM)
    return run_training(_training(request, parameters, (trunk, members), data))


def _without_trunk(parameters: TrainingParameters, training: str) -> TrainingParameters:
    """The settings that count where members share no phases; leaving out some is said."""
    if parameters.trunk:
        logger.warning(
            "%s has no shared phases: the %d of [[%s.trunk]] are left out",
            training,
            len(parameters.trunk),
            SECTION,
        )
    return parameters.model_copy(update={"trunk": ()})


def _stretch(job: HeatmapJob, validation: Sequence[Callable[[], Side]]) -> Stretch:
    def validated(network: nn.Module) -> Validation:
        return validate(cast("UNet", network), (load() for load in validation), job.phase)

    return Stretch(job, job.phase, job.parameters, validated)


@dataclass(frozen=True)
class _Data:
    """What is trained on.

    Attributes:
        record: What `parameters.json` says of it.
        rescaling: How its intensities were rescaled.
        spacing_mm: What it was resampled to.
    """

    record: dict[str, Any]
    rescaling: Rescaling
    spacing_mm: float | None


def _training(
    request: TrainingRequest,
    parameters: TrainingParameters,
    parts: tuple[Sequence[Stretch], Sequence[Stretch]],
    data: _Data,
) -> Training:
    record = {**parameters.model_dump(mode="json"), **data.record}
    starts = [] if request.start_from is None else read_models(request.start_from, HEATMAP)
    if starts:
        record["start_from"] = {one.name: one.sha256 for one in starts}
    return Training(
        request,
        *parts,
        SECTION,
        record,
        _write_model,
        choose_device(request.device),
        starts=[with_scale(one.state, 1 / HEIGHT_SCALE) for one in starts],
        description=ModelDescription(
            "heatmap",
            HEATMAP.architectures[0].name,
            rescaling=data.rescaling,
            spacing_mm=data.spacing_mm,
            training=record,
            settings=_windows(parameters, request.start_from),
        ),
    )


def _windows(
    parameters: TrainingParameters, start_from: Path | None = None
) -> dict[str, dict[str, Any]]:
    """The window that the networks are to be used with: as deep as what they were trained on.

    How low scans are shown is as the models ask for it that training began with.
    """
    ends = [parameters.phase_of(k) for k in range(parameters.members)]
    deepest = max(crop.shape[1] for phase in ends for crop in phase.crops)
    asked = {"max_roi_depth": deepest} if deepest > WINDOW[1] else {}
    described = None if start_from is None else read_model_description(start_from)
    if described is not None and "min_height" in described.settings.get("heatmap", {}):
        asked["min_height"] = described.settings["heatmap"]["min_height"]
    return {"heatmap": asked} if asked else {}


def _write_model(path: Path, state: Mapping[str, Tensor], _row: EpochRow) -> str:
    return write_model(path, state)


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
