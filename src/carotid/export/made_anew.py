"""What lies below corrected results in an output directory, made anew."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from carotid.cohort.run import Request, run_stage
from carotid.export.begun import settings_begun
from carotid.export.corrections import BELOW
from carotid.stages.catalog import STAGES, read_settings, stage_named
from carotid.storage.results.parameters import read_parameters
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from carotid.cohort.outcome import Outcome
    from carotid.cohort.runner import Progress
    from carotid.export.corrections import Place
    from carotid.stages.stage import Stage

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """With what results are made anew.

    Attributes:
        config_path: A configuration that was given; None takes the settings on record.
        recorded: Of each transform, what the participant's own result was made with, else what
            `parameters.json` of the directory says.
    """

    config_path: Path | None
    recorded: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, place: Place, config_path: Path | None) -> Settings:
        """Look them up and check them, before a correction takes records of results away.

        Raises:
            ConfigurationError: The configuration has mistakes.
        """
        below = [stage for stage in STAGES if any(stage.name in names for names in BELOW.values())]
        read_settings(below, config_path, {})
        recorded = dict(read_parameters(place.layout.parameters))
        recorded |= settings_begun(place.layout, place.participant_id)
        for stage in below:
            record = read_record(place.layout.transform(place.participant_id, stage.transform))
            if record is not None:
                recorded[stage.transform] = record.parameters
        return cls(config_path, recorded)


def make_anew(
    place: Place,
    transforms: Sequence[str],
    settings: Settings,
    choose_progress: Callable[[int], AbstractContextManager[Progress]],
) -> Iterator[tuple[str, Outcome]]:
    """Make again what the directory has of this participant below corrected results.

    Args:
        place: Whose.
        transforms: What was corrected.
        settings: As they were before the correction.
        choose_progress: See `run_stage`.

    Yields:
        The name of each stage and what became of it.
    """
    names = dict.fromkeys(name for transform in transforms for name in BELOW[transform])
    for stage in STAGES:
        there = place.layout.transform(place.participant_id, stage.transform)
        if stage.name not in names or not there.is_dir():
            continue
        if settings.config_path is None and stage.transform not in settings.recorded:
            logger.warning(
                "%s: the settings of the %s step are not on record; defaults are used. Give others "
                "with -c",
                place.participant_id,
                stage.name,
            )
        last = read_parameters(place.layout.parameters).get(stage.transform, {})
        with _configuration(stage, settings) as config:
            request = Request(
                stage=stage,
                output_dir=place.layout.root,
                input_dirs=_places(place, stage, last),
                config_path=config,
                participants=[place.participant_id],
                force=True,
            )
            (outcome,) = run_stage(request, choose_progress)
        yield stage.name, outcome


@contextmanager
def _configuration(stage: Stage, settings: Settings) -> Iterator[Path]:
    """The configuration that was given, else one with the settings on record."""
    if settings.config_path is not None:
        yield settings.config_path
        return
    last = settings.recorded.get(stage.transform, {})
    keys = [key for key in stage.parameters_class().model_fields if key in last]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "last.toml"
        # Numbers, words, truth values and lists of them are spelt alike in JSON and TOML.
        lines = [f"{key} = {json.dumps(last[key])}" for key in keys if last[key] is not None]
        path.write_text("\n".join([f"[{stage.transform}]", *lines]) + "\n", "utf-8")
        yield path


def _places(place: Place, stage: Stage, last: Mapping[str, Any]) -> dict[str, Path]:
    """Where inputs are: in the directory itself, else where the last run took them from.

    The directory may be a copy, or have been moved: what is on record is then another one's.
    """
    found = {}
    for need in stage.earlier:
        here = place.layout.transform(place.participant_id, stage_named(need).transform)
        recorded = last.get(f"{need}_dir")
        if not here.is_dir() and recorded and Path(recorded).is_dir():
            found[need] = Path(recorded)
    return found
