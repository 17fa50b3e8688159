"""The directories of a run: where inputs are found, and what is written down about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from carotid.errors import UsageError
from carotid.stages import catalog
from carotid.stages.catalog import stage_named
from carotid.stages.inputs import Inputs
from carotid.stages.stage import SCAN
from carotid.storage.participants import find_scans
from carotid.storage.rescaling import NO_RESCALING, read_rescaling
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.parameters import read_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carotid.provenance import Record
    from carotid.stages.stage import Stage


def find_inputs(stage: Stage, raw_dir: Path | None, input_dirs: Mapping[str, Path]) -> Inputs:
    """Where participants' inputs are.

    Args:
        stage: Which stage they are for.
        raw_dir: Where scans are; None takes the folder on record.
        input_dirs: The directory of each earlier stage that it needs.

    Raises:
        UsageError: A directory is missing, or holds nothing that the stage could take.
    """
    layouts = {need: OutputLayout(input_dirs[need]) for need in stage.earlier}
    for need, layout in layouts.items():
        _check_results(need, layout)
    if SCAN not in stage.needs:
        return Inputs(stage.needs, layouts, {})
    place = raw_dir if raw_dir is not None else _recorded_raw_dir(layouts[stage.earlier[-1]])
    rescaling = read_rescaling(place) if place.is_dir() else NO_RESCALING
    return Inputs(stage.needs, layouts, find_scans(place), rescaling)


def _check_results(need: str, layout: OutputLayout) -> None:
    """Refuse a directory that holds no result of an earlier stage."""
    if layout.root.is_dir() and layout.participants(stage_named(need).transform):
        return
    there = layout.root.is_dir()
    raise UsageError(
        f"the folder holds no results of the {need} step" if there else "there is no such folder",
        where=layout.root,
        expected=f"<participant>/{stage_named(need).transform}",
        remedy=f"run `carotid transform {need}` first, or give its output with --{need}_dir",
    )


def _recorded_raw_dir(layout: OutputLayout) -> Path:
    """The RAW_DIR that the first step was given, as it was given.

    Raises:
        UsageError: It is not on record, or not where it was.
    """
    first = catalog.STAGES[0].transform
    recorded = read_parameters(layout.parameters).get(first)
    place = recorded.get("raw_dir") if isinstance(recorded, dict) else None
    if not isinstance(place, str) or not place:
        raise UsageError(
            "the folder of the scans is not on record here",
            where=layout.parameters,
            remedy="give it with --raw_dir",
        )
    if not Path(place).is_dir():
        raise UsageError(
            "the folder of the scans is not where it was",
            where=place,
            found=f"on record in {layout.parameters}",
            remedy="give it with --raw_dir; a relative path counts from where you are now",
        )
    return Path(place)


def entry(stage: Stage, record: Record, directories: Mapping[str, Path]) -> dict[str, Any]:
    """A stage's object in `parameters.json`: settings, directories as given, and provenance.

    Args:
        stage: Which stage.
        record: What holds for the whole run.
        directories: The run's directories by what they are called there.
    """
    return {
        **record.parameters,
        **{name: str(path) for name, path in directories.items()},
        **record.context,
        **({"models": dict(record.models)} if stage.models else {}),
        "versions": dict(record.versions),
    }


def earlier_entries(
    stage: Stage, input_dirs: Mapping[str, Path], own: OutputLayout
) -> dict[str, Any]:
    """What `parameters.json` shall say of earlier steps whose results lie in other directories.

    Entries of steps that have results in the output directory itself stay as they are.
    """
    entries: dict[str, Any] = {}
    for need in stage.earlier:
        if input_dirs[need].resolve() == own.root.resolve():
            continue
        there = read_parameters(OutputLayout(input_dirs[need]).parameters)
        for one in catalog.up_to(need):
            if one.transform in there and not own.participants(one.transform):
                entries[one.transform] = there[one.transform]
    return entries
