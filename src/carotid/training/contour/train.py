"""Train the members of a contour ensemble, on annotated scans or on simulated necks."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.counted import listed
from carotid.errors import UsageError
from carotid.network.device import choose_device
from carotid.network.polar_cnn import Variant
from carotid.stages.contour.fit import check_size
from carotid.storage.checksums import sha256_of_file
from carotid.storage.results.layout import ContourLayout
from carotid.storage.scan_source import ScanSource
from carotid.training.contour.annotations import find_contour_sources, folds, read_items
from carotid.training.contour.export import begin_from, description_of, model_writer
from carotid.training.contour.members import annotated_member, simulated_member
from carotid.training.contour.parameters import SECTION
from carotid.training.contour.polar_items import PolarDrawer, items_of, too_large
from carotid.training.contour.polar_tables import write_polar_tables
from carotid.training.contour.stretches import with_stretches
from carotid.training.engine.run import Training, run_training
from carotid.training.matching import names_and_sizes_sha256

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.stages.polar.parameters import PolarParameters
    from carotid.training.contour.annotations import ContourSource
    from carotid.training.contour.parameters import ContourTraining
    from carotid.training.engine.loop import Stretch
    from carotid.training.engine.run import TrainingRequest


def train_contour(
    request: TrainingRequest,
    raw_dir: Path | ScanSource,
    annotation_dir: Path,
    parameters: ContourTraining,
    polar: PolarParameters,
    contour_tsv: Path | None = None,
) -> list[Path]:
    """Train one member per fold of the participants on annotated scans.

    Args:
        request: Where to.
        raw_dir: The scans, with `parameters.json` where intensities are rescaled; with what is
            chosen among several of a participant, as a source.
        annotation_dir: `<id>/contour_transform/<side>_contour.tsv` and `spatial_metadata.json`.
        parameters: The settings.
        polar: How polar images are drawn, for polar networks.
        contour_tsv: Which cross-sections to use; None takes all annotated ones.

    Returns:
        The members' files.

    Raises:
        ConfigurationError: The networks cannot take such polar images.
        UsageError: The settings do not fit the data, or finished training is here already.
        InputError: Scans or annotations cannot be used; all are named, before training.
    """
    _check_images(parameters, polar)
    if parameters.compatible:
        polar = polar.model_copy(update={"sampling": "compatible"})
    subset = None if contour_tsv is None else read_items(contour_tsv)
    scans = ScanSource.of(raw_dir)
    sources = find_contour_sources(scans, annotation_dir, subset)
    if parameters.network == "polar":
        _check_size(sources, polar, annotation_dir)
    else:
        sources = with_stretches(sources, annotation_dir)
    names = sorted({source.participant for source in sources})
    held_out = folds(names, parameters.n_splits, parameters.seed)
    drawer = PolarDrawer(polar, parameters.compatible)
    members = []
    for k, validation in enumerate(held_out):
        shown = tuple(one for one in sources if one.participant not in validation)
        kept = tuple(one for one in sources if one.participant in validation)
        members.append(annotated_member(parameters, shown, kept, drawer, k))
    record = {
        "annotated_sections": sum(len(source.sections) for source in sources),
        "annotations_sha256": _joint_hash(sources),
        "scan_names_and_sizes_sha256": names_and_sizes_sha256([one.scan for one in sources]),
        "bids_image": scans.bids_image,
        "series": scans.series,
        "rescaling": sources[0].rescaling.as_record(),
        "validation_participants": held_out,
    }
    beside = {
        "data": {**scans.as_record(), "contour_dir": str(annotation_dir)},
        "voxel_mm": _voxel_mm(sources),
    }
    training = _training(request, parameters, polar, members, record, beside)
    models = run_training(training)
    if parameters.network == "polar":
        for k, model in enumerate(models):
            write_polar_tables(model, sources, held_out[k], drawer, parameters)
    return models


def train_from_simulator(
    request: TrainingRequest, parameters: ContourTraining, polar: PolarParameters
) -> list[Path]:
    """Train members on simulated necks that are made on the way.

    Args:
        request: Where to.
        parameters: The settings; `members` tells how many.
        polar: How polar images are drawn, for polar networks.

    Returns:
        The members' files.

    Raises:
        ConfigurationError: The networks cannot take such polar images.
        UsageError: Finished training is here already, or another one that was cut short.
    """
    if parameters.compatible:
        raise UsageError(
            "compatible training takes annotated scans",
            remedy="give RAW_DIR and ANNOTATION_DIR, or leave `compatible` out",
        )
    _check_images(parameters, polar)
    members = [simulated_member(parameters, polar.rays, k) for k in range(parameters.members)]
    record = {"simulator": "carotid.simulation.close_up"}
    training = _training(request, parameters, polar, members, record, {})
    return run_training(training)


def _training(
    request: TrainingRequest,
    parameters: ContourTraining,
    polar: PolarParameters,
    members: Sequence[Stretch],
    record: dict[str, Any],
    beside: dict[str, Any],
) -> Training:
    record = {**parameters.model_dump(mode="json"), **record}
    starts, hashes = begin_from(request.start_from, parameters)
    if hashes:
        record["start_from"] = hashes
    if parameters.network == "polar":
        settings = polar.model_dump(mode="json")
        beside = {
            "polar_transform": settings,
            "train_params": parameters.model_dump(mode="json"),
            "sampling": polar.sampling,
            **({} if parameters.compatible else {"radius": "exact"}),
            **beside,
        }
        record["polar_transform"] = settings
    return Training(
        request,
        (),
        members,
        SECTION,
        record,
        model_writer(parameters),
        choose_device(request.device),
        starts=starts,
        beside=beside,
        description=description_of(parameters, polar, record),
    )


def _check_images(parameters: ContourTraining, polar: PolarParameters) -> None:
    """Refuse polar images that the networks which are to be trained cannot take.

    Raises:
        ConfigurationError: Names the key of `[polar_transform]`.
    """
    if parameters.network == "polar":
        variant = Variant(parameters.dimension, parameters.dropout)
        check_size(variant, polar.rays, "the settings of this training")


def _check_size(sources: Sequence[ContourSource], polar: PolarParameters, where: Path) -> None:
    large = too_large(items_of(sources), polar)
    if large:
        raise UsageError(
            "contours reach beyond the rays that are drawn around them",
            where=where,
            found=listed(large, 5, "; "),
            expected=f"less than half of cartesian_ray, {polar.cartesian_ray / 2:g} voxels",
            remedy="raise cartesian_ray in [polar_transform], or leave them out with --contour_tsv",
        )


def _voxel_mm(sources: Sequence[ContourSource]) -> float:
    """Median in-plane voxel size."""
    sizes = [float(np.prod(source.canonical.spacing_mm[:2]) ** 0.5) for source in sources]
    return round(float(np.median(sizes)), 4)


def _joint_hash(sources: Sequence[ContourSource]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(sha256_of_file(ContourLayout(source.folder).table(source.side)).encode())
        digest.update(repr([(one.label, one.z) for one in source.sections]).encode())
    return digest.hexdigest()
