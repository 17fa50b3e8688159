"""One run of a stage over a cohort: check everything, then compute.

Nothing is written before everything that can be wrong with the whole run has been looked at:
configuration, participants, directories, models, and what an earlier run has left.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from carotid.cohort.background import EarlyLoad, Surroundings
from carotid.cohort.cluster import HERE, Work, run_on_cluster
from carotid.cohort.cores import given_cores
from carotid.cohort.header_look import done_after_a_look
from carotid.cohort.interrupts import stop_if_asked
from carotid.cohort.memory import check_memory
from carotid.cohort.outcome import Outcome
from carotid.cohort.outputs import check_nothing_of_others, check_output_dir
from carotid.cohort.participants import select_participants
from carotid.cohort.places import (
    entries,
    find_inputs,
    find_places,
    source_before,
    tell_other_choice,
)
from carotid.cohort.process import import_torch, prepare_process
from carotid.cohort.request import CohortRequest
from carotid.cohort.resume import COMPLETE, StageResults
from carotid.cohort.runner import Runner
from carotid.stages.catalog import made_on_the_way, read_settings, with_wishes
from carotid.stages.inputs import record_of_run
from carotid.stages.stage import SCAN, Setting
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.parameters import record_transforms
from carotid.storage.results.record import read_record
from carotid.storage.results.summary import is_summarized, summarize
from carotid.storage.scan_source import ScanSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from carotid.cohort.places import Places
    from carotid.cohort.runner import Progress
    from carotid.cohort.shard import Shard
    from carotid.config import Parameters
    from carotid.provenance import Record
    from carotid.stages.inputs import Inputs
    from carotid.stages.stage import Prepared, Stage, Task
    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Request(CohortRequest):
    """What a command of one stage asks for.

    Attributes:
        stage: Which stage.
        raw_dir: Where scans are; None where the stage needs none, or earlier results tell.
        input_dirs: Where results of earlier stages are, by name; those that are not named are in
            `output_dir`.
        model_dir: Where the weights are, for a stage with networks.
    """

    stage: Stage
    raw_dir: Path | None = None
    input_dirs: Mapping[str, Path] = field(default_factory=dict)
    model_dir: Path | None = None

    def source(self) -> ScanSource | None:
        """The folder of the scans, if that was given."""
        return None if self.raw_dir is None else ScanSource(self.raw_dir)

    def all_input_dirs(self) -> dict[str, Path]:
        """Where the results of each earlier stage are."""
        return {need: self.input_dirs.get(need, self.output_dir) for need in self.stage.earlier}


def run_stage(
    request: Request, choose_progress: Callable[[int], AbstractContextManager[Progress]]
) -> list[Outcome]:
    """Take participants through a stage.

    Args:
        request: What was asked for.
        choose_progress: Makes what is told how far the run is, from how many participants it has.

    Returns:
        One outcome per participant asked for, sorted by id.

    Raises:
        UsageError: Something is wrong with the whole run; nothing was touched.
    """
    opened = open_stage(request)
    tell_other_choice(opened.layout, opened.places.source)
    stage, layout, asked, shard = request.stage, opened.layout, opened.asked, request.shard
    results, places = opened.results, opened.places
    whose = is_of(shard, asked if request.participants else None)
    complete: list[str] = []
    if not request.force:
        complete = results.check_resumable(asked, verify=request.verify)
        if len(complete) == len(asked):
            warn(results.remarks(asked, shard))
            close([stage], layout, shard)
            return all_complete(layout, stage.transform, asked)
    check_output_dir(request.output_dir, places.read_only(), make=True)
    warn(results.remarks(asked, shard))
    record_transforms(
        layout, entries(stage, opened.record, places, opened.inputs, request.output_dir)
    )
    with choose_progress(len(asked)) as progress:
        if request.scheduler is None:
            runner, unread = opened.runner(progress), _unread(opened, stage, complete)
            settings = [opened.parameters]
            outcomes = done_after_a_look(asked, unread, settings, progress.finished, runner.run)
        else:
            work = Work(open_stage, request, opened.records(), request.scheduler)
            outcomes = run_on_cluster(work, asked, complete, progress)
    summarize(layout, stage.transform, [o.as_json() for o in outcomes], whose)
    close([stage], layout, shard)
    return outcomes


@dataclass(frozen=True, eq=False)
class OpenStage:
    """A run of which all is known, checked and read that participants have in common.

    Attributes:
        layout: The output directory.
        places: What is read.
        inputs: What participants bring.
        asked: Whom to do.
        parameters: The stage's settings.
        record: What holds for the whole run.
        results: What is kept in the output directory.
        runner: Makes what takes participants through the stage, from what is told of it.
    """

    layout: OutputLayout
    places: Places
    inputs: Inputs
    asked: list[str]
    parameters: Parameters
    record: Record
    results: StageResults
    runner: Callable[[Progress], Runner[Any]]

    def records(self) -> dict[str, Record]:
        """What holds for the whole run, by stage."""
        return {self.record.transform: self.record}


def open_stage(request: Request) -> OpenStage:
    """Find, check and read what the participants of a run have in common; nothing is written.

    Raises:
        UsageError: Something is wrong with the whole run.
    """
    stage, layout = request.stage, OutputLayout(request.output_dir)
    on_the_way = made_on_the_way(stage)
    settings = read_settings([stage, *on_the_way], request.config_path, request.options)
    if request.model_dir is not None:
        drawn = {one.name: settings[one.name] for one in on_the_way}
        settings |= with_wishes(drawn, stage, request.model_dir)
    parameters = settings[stage.name]
    places = find_places(
        stage,
        request.source(),
        request.all_input_dirs(),
        request.model_dir,
        bids_image=request.bids_image,
        series=request.series,
    )
    check_output_dir(request.output_dir, places.read_only())
    if places.source is not None:
        doubted = places.source.doubted_after(source_before(layout, stage))
        places = replace(places, source=doubted)
    inputs = find_inputs(stage, places, settings)
    asked = select_participants(inputs.participants(), request.participants, request.shard)
    check_nothing_of_others(layout, asked, places.read_only(), [stage])
    if stage.models:
        prepare_process()
    task = stage.make_task(
        Setting(
            parameters=parameters,
            inputs=inputs,
            model_dir=request.model_dir,
            device=request.device if request.scheduler is None else HERE,
            cores=request.threads or given_cores(),
            check_memory=check_memory,
        )
    )
    early = _begin(task, request, asked) if stage.models else None
    prepared = task.prepare()
    stop_if_asked()
    record = record_of_run(stage, parameters, inputs, prepared)
    results = StageResults(layout, stage, record, inputs, force=request.force)
    around = with_networks(prepared) if stage.models else Surroundings()

    def runner(progress: Progress) -> Runner[Any]:
        return Runner(task, results, progress, around, early)

    return OpenStage(layout, places, inputs, asked, parameters, record, results, runner)


def _unread(opened: OpenStage, stage: Stage, complete: Sequence[str]) -> dict[str, RawScan]:
    """Scans to look at first, where they are what participants bring; one is being loaded."""
    if stage.needs[-1] != SCAN:
        return {}
    left = sorted({*opened.asked} - {*complete})
    return {one: opened.inputs.scan(one) for one in left[1:]}


def _begin(task: Task[Any], request: Request, asked: Sequence[str]) -> EarlyLoad[Any] | None:
    """Load the first participant to be done here while libraries are imported."""
    layout, transform = OutputLayout(request.output_dir), request.stage.transform
    left = (
        one
        for one in (asked if request.scheduler is None else ())
        if request.force or read_record(layout.transform(one, transform)) is None
    )
    first = next(left, None)
    early = None if first is None else EarlyLoad(task, first)
    import_torch()
    stop_if_asked()
    return early


def is_of(shard: Shard | None, named: Sequence[str] | None) -> Callable[[str], bool]:
    """Whether it is this run's to say what became of a participant.

    Args:
        shard: The part of the cohort that it is about.
        named: Whom it is about, where they were asked for by name.
    """
    if named is not None:
        return set(named).__contains__
    return (lambda _: True) if shard is None else shard.has


def all_complete(layout: OutputLayout, key: str, asked: Sequence[str]) -> list[Outcome]:
    """What became of participants who were all complete, told in the summary if it is not there."""
    outcomes = [Outcome(one, "skipped", COMPLETE) for one in asked]
    if not is_summarized(layout, key, asked):
        summarize(layout, key, [one.as_json() for one in outcomes], set(asked).__contains__)
    return outcomes


def close(stages: Iterable[Stage], layout: OutputLayout, shard: Shard | None) -> None:
    """Write what stages leave for all participants together; parts of a cohort leave that out."""
    if shard is None:
        for stage in stages:
            stage.close(layout)


def warn(remarks: Sequence[str]) -> None:
    """Say what one should know before a run."""
    for remark in remarks:
        logger.warning("%s", remark)


def with_networks(prepared: Prepared) -> Surroundings:
    """Background threads leave the cores to the networks, and give memory back."""
    import torch

    from carotid.cohort.allocator import trim_heap

    return Surroundings(
        enter_thread=partial(torch.set_num_threads, 1),
        before_writing=trim_heap,
        load_aside=prepared.beside_gpu,
    )
