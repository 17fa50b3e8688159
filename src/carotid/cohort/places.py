"""The directories of a run: where inputs are found, and what is written down about them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from carotid.cohort.memory import check_memory
from carotid.errors import UsageError, one_line
from carotid.stages import catalog
from carotid.stages.catalog import made_on_the_way, stage_named
from carotid.stages.inputs import Inputs, OnTheWay
from carotid.stages.stage import SCAN
from carotid.storage.model_description import expected_rescaling
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.parameters import read_parameters
from carotid.storage.scan_source import ScanSource, recorded_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from carotid.config import Parameters
    from carotid.provenance import Record
    from carotid.stages.stage import Stage
    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Places:
    """The directories that a run reads.

    Attributes:
        source: Where scans are; None where the stage needs none.
        input_dirs: Where the results of each earlier stage are, by name.
        model_dir: Where the weights are; None where the stage has no networks.
    """

    source: ScanSource | None
    input_dirs: Mapping[str, Path]
    model_dir: Path | None = None

    def read_only(self) -> list[Path]:
        """Those that nothing may be written to."""
        scans = None if self.source is None else self.source.path
        return [path for path in (scans, self.model_dir) if path is not None]

    def described(self, output_dir: Path) -> dict[str, str]:
        """All of them, as given, by what `parameters.json` calls them."""
        given = {} if self.model_dir is None else {"model_dir": self.model_dir}
        given |= {f"{need}_dir": path for need, path in self.input_dirs.items()}
        if self.input_dirs:
            given["dir"] = output_dir
        scans = {} if self.source is None else self.source.as_record()
        return scans | {name: str(path) for name, path in given.items()}


def needs_scans(stage: Stage, input_dirs: Mapping[str, Path], model_dir: Path | None) -> bool:
    """Whether a stage reads scans, for itself or for what it makes on the way."""
    behind = stage.looks_behind(model_dir)
    return SCAN in stage.needs or any(
        needs_scans(one, input_dirs, None)
        for one in made_on_the_way(stage)
        if _is_made_on_the_way(one, input_dirs[one.name], always=behind)
    )


def find_places(
    stage: Stage,
    source: ScanSource | None,
    input_dirs: Mapping[str, Path],
    model_dir: Path | None,
    *,
    bids_image: str | None = None,
    series: str | None = None,
) -> Places:
    """The directories that a run of a stage reads; the one of scans may be on record.

    Args:
        stage: Which stage.
        source: Where scans are; None takes the folder on record.
        input_dirs: See `Places`.
        model_dir: See `Places`.
        bids_image: Which image is meant; None takes the choice of the source, or on record.
        series: Which series is meant, likewise.

    Raises:
        UsageError: A directory is missing, or the folder of the scans is not on record.
    """
    if not needs_scans(stage, input_dirs, model_dir):
        return Places(None, input_dirs, model_dir)
    if stage.earlier:
        layout = OutputLayout(input_dirs[stage.earlier[-1]])
        recorded = scans_on_record(layout, None if source is None else source.path)
        source = recorded if source is None else recorded.choosing(source.bids_image, source.series)
    elif source is None:
        raise UsageError("the folder of the scans is missing")
    return Places(source.choosing(bids_image, series), input_dirs, model_dir)


def find_inputs(stage: Stage, places: Places, settings: Mapping[str, Parameters]) -> Inputs:
    """What participants bring to a stage.

    Args:
        stage: Which stage.
        places: Where it is.
        settings: Those of stages whose results are made on the way.

    Raises:
        UsageError: A directory is missing, or holds nothing that the stage could take.
    """
    layouts, on_the_way = {}, {}
    behind = stage.looks_behind(places.model_dir)
    for need in stage.earlier:
        earlier, place = stage_named(need), places.input_dirs[need]
        if _is_made_on_the_way(earlier, place, always=behind):
            there = replace(places, input_dirs=dict.fromkeys(earlier.earlier, place))
            inputs = find_inputs(earlier, there, settings)
            on_the_way[need] = OnTheWay(earlier, settings[need], inputs)
            logger.info("%s: %s results are made on the way", place, need)
        else:
            _check_results(need, OutputLayout(place))
            layouts[need] = OutputLayout(place)
    if SCAN not in stage.needs or places.source is None:
        return Inputs(stage.needs, layouts, {}, on_the_way=on_the_way)
    found = places.source.find()
    rescaling = expected_rescaling(found.folder, places.model_dir)
    return Inputs(stage.needs, layouts, found.scans, rescaling, on_the_way, check_memory)


def _is_made_on_the_way(stage: Stage, place: Path, *, always: bool) -> bool:
    """Whether a transient stage's results are made on the way: none are there, or it is `always`.

    What they are made from has to be there.
    """
    layout = OutputLayout(place)
    return (
        stage.transient
        and (always or not layout.participants(stage.transform))
        and all(layout.participants(stage_named(need).transform) for need in stage.earlier)
    )


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


def scans_for_pictures(output_dir: Path, raw_dir: Path | None) -> Mapping[str, RawScan]:
    """The scans behind an output directory's results, by id; none where their folder is unknown.

    Args:
        output_dir: Where results are.
        raw_dir: Where scans are; None takes the folder on record, if it is still there.

    Raises:
        UsageError: `raw_dir` was given and cannot be used.
    """
    if raw_dir is not None:
        return scans_on_record(OutputLayout(output_dir), raw_dir).find().scans
    try:
        return scans_on_record(OutputLayout(output_dir)).find().scans
    except UsageError as error:
        logger.warning("the scan is not shown: %s", one_line(error))
        return {}


def scans_on_record(layout: OutputLayout, raw_dir: Path | None = None) -> ScanSource:
    """Where the scans of the first step were, as it was given.

    Args:
        layout: Where results are.
        raw_dir: Where the scans are now; None takes the folder on record.

    Raises:
        UsageError: It is not on record, or not where it was.
    """
    source = source_before(layout)
    if raw_dir is not None:
        return replace(source, path=raw_dir) if source else ScanSource(raw_dir)
    if source is None:
        raise UsageError(
            "the folder of the scans is not on record here",
            where=layout.parameters,
            remedy="give it with --raw_dir",
        )
    if not source.path.exists():
        raise UsageError(
            "the folder of the scans is not where it was",
            where=source.path,
            found=f"on record in {layout.parameters}",
            remedy="give it with --raw_dir; a relative path counts from where you are now",
        )
    return source


def source_before(layout: OutputLayout, stage: Stage | None = None) -> ScanSource | None:
    """Where the last run of a stage, else of the first one of all, had its scans from."""
    recorded = read_parameters(layout.parameters)
    told = (recorded.get(one.transform) for one in (stage, catalog.STAGES[0]) if one is not None)
    sources = (recorded_source(one) for one in told if isinstance(one, dict))
    return next((one for one in sources if one is not None), None)


def tell_other_choice(layout: OutputLayout, source: ScanSource | None) -> None:
    """Say so where the run before chose a series or an image, and this one another or none."""
    before = source_before(layout)
    if source is None or before is None:
        return
    for option in ("series", "bids_image"):
        then, now = getattr(before, option), getattr(source, option)
        if then is not None and then != now:
            logger.warning(
                "%s: the last run had --%s '%s', this one %s",
                layout.root,
                option,
                then,
                "has none" if now is None else f"has '{now}'",
            )


def entries(
    stage: Stage, record: Record, places: Places, inputs: Inputs, output_dir: Path
) -> dict[str, dict[str, Any]]:
    """What `parameters.json` says after a run: of its stage, and of those that came before.

    Entries of earlier steps whose results are in other directories are copied from there, but
    for steps that have results in the output directory itself. A step that was made on the way
    gets an entry, too.

    Args:
        stage: Which stage.
        record: What holds for the whole run.
        places: The run's directories.
        inputs: What participants bring.
        output_dir: Where results go.
    """
    own, found = OutputLayout(output_dir), {}
    for need in stage.earlier:
        place = places.input_dirs[need]
        if place.resolve() != own.root.resolve():
            there = read_parameters(OutputLayout(place).parameters)
            for one in catalog.up_to(need):
                if one.transform in there and not own.participants(one.transform):
                    found[one.transform] = there[one.transform]
    for need, way in inputs.on_the_way.items():
        dirs = dict.fromkeys(way.stage.earlier, places.input_dirs[need])
        reached = replace(places, input_dirs=dirs, model_dir=None)
        found[way.stage.transform] = entry(way.stage, way.record(), reached, output_dir)
    if SCAN not in stage.needs:
        places = replace(places, source=None)
    found[stage.transform] = entry(stage, record, places, output_dir)
    return found


def entry(stage: Stage, record: Record, places: Places, output_dir: Path) -> dict[str, Any]:
    """A stage's object in `parameters.json`: settings, directories as given, provenance."""
    return {
        **record.parameters,
        **places.described(output_dir),
        **record.context,
        **({"models": dict(record.models)} if stage.models else {}),
        "versions": dict(record.versions),
    }
