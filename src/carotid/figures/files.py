"""Figures as files of an output directory: `<figure_dir>/<id>_<kind>.svg` or `.png`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from carotid.errors import CarotidError, UsageError, one_line
from carotid.evaluation.models_told import models_told
from carotid.figures.draw_curve import draw_curve
from carotid.figures.draw_cuts import draw_cuts
from carotid.figures.draw_map import draw_map
from carotid.figures.style import encoded
from carotid.storage.results.atomic import write_atomically
from carotid.storage.results.contours import load_contours
from carotid.storage.results.layout import CONTOUR_TRANSFORM, MEASUREMENT_TRANSFORM, OutputLayout
from carotid.storage.results.measurements import load_measurements
from carotid.storage.results.record import read_record
from carotid.storage.results.scan_behind import load_for_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from carotid.figures.style import Format
    from carotid.measurements import Measurements
    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)

Kind = Literal["map", "curve", "sections"]

KINDS: tuple[Kind, ...] = ("map", "curve", "sections")
FIGURES_FOLDER = "figures"


@dataclass(frozen=True)
class FigureRequest:
    """What is to be drawn.

    Attributes:
        output_dir: Where measurements are.
        contour_dir: Where outlines are.
        figure_dir: Where figures go.
        kinds: Which figures.
        file_format: As what.
        dpi: Of pixels.
        scans: Where scans are, by id; those of others are drawn without.
    """

    output_dir: Path
    contour_dir: Path
    figure_dir: Path
    kinds: Sequence[Kind]
    file_format: Format
    dpi: float
    scans: Mapping[str, RawScan]


def figures_there(output_dir: Path, participant_id: str) -> list[Path]:
    """A participant's figures in the folder where they go unless told otherwise."""
    folder = output_dir / FIGURES_FOLDER
    names = [f"{participant_id}_{kind}.{ending}" for kind in KINDS for ending in ("svg", "png")]
    return [folder / name for name in names if (folder / name).is_file()]


def models_behind(output_dir: Path, participants: Sequence[str]) -> list[str]:
    """Sentences about the models behind participants' measurements, as far as records tell."""
    layout = OutputLayout(output_dir)
    records = (read_record(layout.transform(one, MEASUREMENT_TRANSFORM)) for one in participants)
    return models_told(record for record in records if record is not None)


def write_figures(
    request: FigureRequest, participants: Sequence[str], on_done: Callable[[int], None]
) -> tuple[list[Path], dict[str, str]]:
    """Draw figures of participants.

    Args:
        request: What and where.
        participants: Whose.
        on_done: Called with how many participants are done.

    Returns:
        The files, and why participants have failed.

    Raises:
        OutputError: A file cannot be written.
    """
    written: list[Path] = []
    failed: dict[str, str] = {}
    for k, participant_id in enumerate(participants):
        try:
            figures = _drawn(request, participant_id)
        except UsageError:
            raise
        except CarotidError as error:
            failed[participant_id] = one_line(error)
            logger.warning("%s: no figures: %s", participant_id, one_line(error))
            continue
        finally:
            on_done(k + 1)
        described = " ".join(models_behind(request.output_dir, [participant_id]))
        for kind, figure in figures.items():
            if figure is None:
                logger.warning("%s: nothing that could be drawn as %s", participant_id, kind)
                continue
            path = request.figure_dir / f"{participant_id}_{kind}.{request.file_format}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, encoded(figure, request.file_format, request.dpi, described))
            written.append(path)
    return written, failed


def _drawn(request: FigureRequest, participant_id: str) -> dict[Kind, Figure | None]:
    layout = OutputLayout(request.output_dir)
    measurements = load_measurements(layout.transform(participant_id, MEASUREMENT_TRANSFORM))
    draw: dict[Kind, Callable[[], Figure | None]] = {
        "map": lambda: draw_map(measurements, participant_id),
        "curve": lambda: draw_curve(measurements, participant_id),
        "sections": lambda: _sections(request, participant_id, measurements),
    }
    return {kind: draw[kind]() for kind in request.kinds}


def _sections(
    request: FigureRequest, participant_id: str, measurements: Measurements
) -> Figure | None:
    folder = OutputLayout(request.contour_dir).transform(participant_id, CONTOUR_TRANSFORM)
    if not folder.is_dir():
        logger.warning("%s: there are no outlines; give their place with --contour_dir", folder)
        return None
    contours = load_contours(folder)
    measured = OutputLayout(request.output_dir).transform(participant_id, MEASUREMENT_TRANSFORM)
    scan = load_for_pictures(
        request.scans.get(participant_id), contours.canonical, (measured, folder)
    )
    return draw_cuts(measurements, contours, scan, participant_id)
