"""What the spread of plane networks means in millimetres, learned on necks they were not shown.

Networks look at simulated close-ups as the contour transform lets them: along centerlines with
errors, twice, smoothed along the artery. How far true radii lie from found ones, by the spread that
the networks gave, becomes the tables of `model.json`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import UsageError
from carotid.network.contour_models import read_contour_models
from carotid.network.device import CPU
from carotid.network.plane_cnn import PLANES
from carotid.simulation.close_up import simulate_close_up
from carotid.stages.planes.predict import EXTRA_MM, artery_radii
from carotid.stages.planes.predictor import PlanePredictor
from carotid.stages.planes.sharpen import sharpened
from carotid.stages.planes.spread import UNCALIBRATED, calibrated
from carotid.stages.planes.surface import smoothed
from carotid.storage.checksums import sha256_of_file
from carotid.storage.model_description import (
    PLANE_IMAGES,
    ModelDescription,
    read_model_description,
    write_model_description,
)
from carotid.training.contour.plane_samples import LARGEST_MM, found_courses, true_radii
from carotid.training.contour.sources import CALIBRATION_STREAM, STREAM_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.geometry.planes import Planes
    from carotid.geometry.volume import Volume
    from carotid.stages.planes.predict import Network, Radii
    from carotid.storage.model_description import SpreadTable

SIMULATOR = "carotid.simulation.close_up"

LEAST_NECKS = 100
"""Errors within a neck are alike, so it is the number of necks that counts."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What networks said of one artery, and what is true.

    Attributes:
        radii: What they said.
        lumen_mm: (n, rays) true radii; NaN where unknown.
        outer_mm: (n, rays) likewise.
    """

    radii: Radii
    lumen_mm: NDArray[np.float64]
    outer_mm: NDArray[np.float64]


def calibrate(
    model_dir: Path, necks: int, on_neck: Callable[[int], None] = lambda _: None
) -> ModelDescription:
    """Make the tables of a directory's models, and write its `model.json` with them.

    Args:
        model_dir: Plane networks.
        necks: How many close-ups they look at.
        on_neck: Told each number when it is done.

    Returns:
        What `model.json` says now.

    Raises:
        UsageError: The networks look at polar images, or there are too few necks.
    """
    models = read_contour_models(model_dir)
    if not models.on_planes:
        raise UsageError(
            "spreads are calibrated for networks on planes",
            where=model_dir,
            found=models.weights[0].architecture.name,
        )
    if necks < LEAST_NECKS:
        raise UsageError(
            "too few necks to calibrate with", found=necks, expected=f"{LEAST_NECKS} or more"
        )
    ensemble = PlanePredictor(models, {"lumen": UNCALIBRATED}, CPU).ensemble
    tables = spread_tables(look_at_necks(ensemble.networks, range(necks), on_neck))
    known = read_model_description(model_dir) or ModelDescription("contour", PLANES.name)
    files = {one.name: sha256_of_file(model_dir / one.name) for one in models.weights}
    training = {**known.training, "calibration": {"simulator": SIMULATOR, "necks": necks}}
    found = replace(
        known, images=PLANE_IMAGES, sampling="linear", spread=tables, files=files, training=training
    )
    write_model_description(model_dir, found)
    return found


def look_at_necks(
    networks: Sequence[Network], numbers: range, on_neck: Callable[[int], None] = lambda _: None
) -> list[list[Seen]]:
    """Let networks look at close-ups that nothing is trained on.

    Args:
        networks: The members.
        numbers: Which close-ups of the stream that is kept for this.
        on_neck: Told each number when it is done.

    Returns:
        The arteries of each neck.
    """
    found = []
    for number in numbers:
        found.append(_arteries(networks, number))
        on_neck(number)
    return found


def _arteries(networks: Sequence[Network], number: int) -> list[Seen]:
    side = simulate_close_up(CALIBRATION_STREAM * STREAM_LENGTH + number)
    true = [one.points_mm for one in (side.internal, side.external) if one is not None]
    sharp, _ = sharpened(side.volume, np.concatenate(true))
    side = replace(side, volume=sharp)
    rng = np.random.default_rng([CALIBRATION_STREAM, number])
    courses, parting = found_courses(side, rng)
    kept = {label: _within(course, side.volume) for label, course in courses.items()}
    seen = []
    labels: tuple[Label, Label] = ("internal", "external")
    for own, other in (labels, labels[::-1]):
        if len(kept.get(own, ())) < 2:
            continue
        radii = artery_radii(side.volume, kept[own], kept.get(other), networks)
        if radii is None:
            continue
        lumen, outer = true_radii(side, own, radii.planes, parting)
        known = np.isfinite(lumen).all(axis=1) & (outer < LARGEST_MM).all(axis=1)
        known &= _not_beyond(radii.planes)
        lumen[~known] = outer[~known] = np.nan
        seen.append(Seen(radii, lumen, outer))
    return seen


def _within(course: NDArray[np.float64], volume: Volume) -> NDArray[np.float64]:
    """The part of a course that the scan shows."""
    index = volume.grid.index_from_world(course)
    return course[((index >= 0) & (index <= np.array(volume.grid.shape) - 1)).all(axis=1)]


def _not_beyond(planes: Planes) -> NDArray[np.bool_]:
    """Planes that a centerline's slices are cut from, not those beyond its ends."""
    along = planes.along_mm
    return np.asarray((along >= EXTRA_MM) & (along <= along[-1] - EXTRA_MM))


def spread_tables(necks: Sequence[Sequence[Seen]]) -> dict[str, SpreadTable]:
    """Tables of lumen and wall, from necks that networks looked at."""
    every = [one for neck in necks for one in neck]
    known = [np.isfinite(one.lumen_mm) & np.isfinite(one.outer_mm) for one in every]

    def rays(arrays: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate([a[k] for a, k in zip(arrays, known, strict=True)])

    smooth = [smoothed(one.radii) for one in every]
    lumen, outer = rays(lumen for lumen, _ in smooth), rays(outer for _, outer in smooth)
    true_lumen, true_outer = rays(o.lumen_mm for o in every), rays(o.outer_mm for o in every)
    lumen_raw = rays(one.radii.lumen_raw_mm for one in every)
    outer_raw = rays(one.radii.outer_raw_mm for one in every)
    return {
        "lumen": calibrated(lumen_raw, lumen - true_lumen),
        "wall": calibrated(outer_raw, outer - true_outer),
    }
