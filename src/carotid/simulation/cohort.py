"""Simulated participants on disk: a RAW_DIR, annotations, and the truth beside them.

`OUTPUT_DIR/raw/<id>.mha` and `raw/parameters.json` are what the heatmap transform reads,
`annotations/<id>/centerline_transform/<side>_centerline.tsv` and
`annotations/<id>/contour_transform/<side>_contour.tsv` what training and comparison read, and
`truth/<id>.json` says in R-A-S millimetres what was made.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.errors import OutputError, UsageError
from carotid.simulation.contours import true_contours
from carotid.simulation.folder import SETTINGS, clear
from carotid.simulation.neck import simulate_neck
from carotid.simulation.recipe import DEFAULT_RECIPE, NeckRecipe
from carotid.simulation.truth import slice_centers
from carotid.storage.annotations import annotation_text
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.results.contours import save_contours
from carotid.storage.results.layout import CONTOUR_TRANSFORM
from carotid.storage.results.locks import alone_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carotid.simulation.truth import SimulatedNeck, TrueArtery, TrueSide

RESCALING = {
    "rescale": True,
    "lower_percentile_rescaler": 5.0,
    "upper_percentile_rescaler": 95.0,
}
"""What `raw/parameters.json` says."""

MAX_PARTICIPANTS = 100_000


def simulate_cohort(
    output_dir: Path,
    participants: int,
    seed: int = 0,
    recipe: NeckRecipe = DEFAULT_RECIPE,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    force: bool = False,
) -> list[str]:
    """Write simulated participants.

    A participant's truth is written first; its scan is written last and appears under its name by
    one rename, so a scan that is there has its annotations and its truth.

    Args:
        output_dir: Where `raw`, `annotations` and `truth` go.
        participants: How many.
        seed: Participant k of a seed is the same neck whatever the number of participants.
        recipe: What the necks are drawn from.
        on_progress: Called with how many are done and how many there are to be.
        force: Whether to replace simulated participants that are there, all of them.

    Returns:
        Their ids.

    Raises:
        UsageError: The count is not usable, participants are there and `force` is not given,
            something is there that no simulation wrote, or another simulation is being written.
        OutputError: The directory cannot be written.
    """
    if not 1 <= participants <= MAX_PARTICIPANTS:
        what = "the number of participants is not usable"
        expected = f"1 to {MAX_PARTICIPANTS}"
        raise UsageError(what, found=participants, expected=expected)
    if not 0 <= seed < 2**63:
        what = "the seed is not usable"
        raise UsageError(what, found=seed, expected="a whole number from 0")
    ids = [participant_id(k) for k in range(participants)]
    try:
        with alone_in(output_dir, "simulate", "another simulation is being written here"):
            clear(output_dir, RESCALING, force=force)
            (output_dir / "raw").mkdir(parents=True, exist_ok=True)
            _put(output_dir / SETTINGS, _json(RESCALING))
            for k, name in enumerate(ids):
                neck = simulate_neck(participant_seed(seed, k), recipe)
                write_participant(output_dir, name, neck)
                if on_progress is not None:
                    on_progress(k + 1, participants)
    except OSError as error:
        what = f"the simulated necks cannot be written: {error.strerror}"
        raise OutputError(what, where=error.filename or output_dir) from error
    return ids


def participant_id(number: int) -> str:
    """The id of the participant with this number, counted from 0."""
    return f"neck-{number + 1:03d}"


def participant_seed(seed: int, number: int) -> int:
    """The seed of a participant's neck within a cohort's seed."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])


def write_participant(output_dir: Path, participant: str, neck: SimulatedNeck) -> None:
    """Write one neck: truth and annotations, then the scan.

    Args:
        output_dir: Where `raw`, `annotations` and `truth` are.
        participant: The id.
        neck: What is written.
    """
    (output_dir / "truth").mkdir(parents=True, exist_ok=True)
    _put(output_dir / "truth" / f"{participant}.json", _json(truth_record(neck)))
    for side in neck.sides:
        folder = output_dir / "annotations" / participant / "centerline_transform"
        folder.mkdir(parents=True, exist_ok=True)
        _put(folder / f"{side}_centerline.tsv", annotation_text(slice_centers(neck, side)))
    folder = output_dir / "annotations" / participant / CONTOUR_TRANSFORM
    folder.mkdir(parents=True, exist_ok=True)
    save_contours(true_contours(neck), folder)
    raw = output_dir / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    # Not a name that a reader would take for a scan.
    aside = raw / f".{participant}.part"
    try:
        write_metaimage(aside, neck.volume)
        aside.replace(raw / f"{participant}.mha")
    finally:
        aside.unlink(missing_ok=True)


def truth_record(neck: SimulatedNeck) -> dict[str, Any]:
    """What is known about a neck, ready for JSON; R-A-S mm."""
    visible = np.flatnonzero(neck.visible)
    return {
        "coordinates": "R-A-S mm",
        "scan": dict(neck.made),
        "visible_slices": [int(visible[0]), int(visible[-1])] if visible.size else None,
        "sides": {side: _side_record(truth) for side, truth in neck.sides.items()},
    }


def _side_record(side: TrueSide) -> dict[str, Any]:
    return {
        "bifurcation_mm": _rounded(side.bifurcation_mm),
        "made": {
            key: round(value, 3) if isinstance(value, float) else value
            for key, value in side.made.items()
        },
        "internal": _artery_record(side.internal),
        "external": None if side.external is None else _artery_record(side.external),
    }


def _artery_record(artery: TrueArtery) -> dict[str, Any]:
    return {
        "points_mm": [_rounded(point) for point in artery.points_mm],
        "radius_mm": _rounded(artery.radius_mm),
        "wall_mm": _rounded(artery.wall_mm),
        "plaque_mm": _rounded(artery.plaque_mm),
    }


def _rounded(values: np.typing.NDArray[np.float64]) -> list[float]:
    return [round(float(value), 3) for value in values]


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _put(path: Path, text: str) -> None:
    """Write a small text file so that it is there whole or not at all."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
