"""One run of the whole pipeline over a cohort: check everything, then compute."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carotid.cohort.background import EarlyLoad
from carotid.cohort.chain import Chain, first_look, make_tasks
from carotid.cohort.cluster import HERE, Work, run_on_cluster
from carotid.cohort.cores import given_cores
from carotid.cohort.header_look import done_after_a_look
from carotid.cohort.interrupts import stop_if_asked
from carotid.cohort.outputs import check_nothing_of_others, check_output_dir
from carotid.cohort.participants import select_participants
from carotid.cohort.pipeline import Pipeline
from carotid.cohort.places import Places, entry, source_before, tell_other_choice
from carotid.cohort.process import import_torch, prepare_process
from carotid.cohort.request import CohortRequest
from carotid.cohort.run import all_complete, close, is_of, warn, with_networks
from carotid.cohort.runner import Runner
from carotid.stages.catalog import made_on_the_way, read_settings, with_wishes
from carotid.stages.stage import SCAN
from carotid.storage.model_description import expected_rescaling
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.parameters import record_transforms
from carotid.storage.results.summary import summarize
from carotid.storage.scan_source import ScanSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from carotid.cohort.background import Surroundings
    from carotid.cohort.outcome import Outcome
    from carotid.cohort.runner import StepProgress
    from carotid.config import Parameters
    from carotid.provenance import Record
    from carotid.stages.stage import Stage
    from carotid.storage.raw import RawScan
    from carotid.storage.rescaling import Rescaling

logger = logging.getLogger(__name__)

SUMMARY_KEY = "pipeline"
"""What a run of the pipeline is called in `summary.json`."""


@dataclass(frozen=True, kw_only=True)
class PipelineRequest(CohortRequest):
    """What a command through several stages asks for.

    Attributes:
        stages: The stages, in their order.
        written: Names of those whose results are kept.
        raw_dir: Where the scans are.
        model_dirs: Where the weights are, by stage.
    """

    stages: Sequence[Stage]
    written: frozenset[str]
    raw_dir: Path
    model_dirs: Mapping[str, Path]

    def read_only(self) -> list[Path]:
        """Directories that nothing may be written to."""
        return [self.raw_dir, *self.model_dirs.values()]

    def source(self) -> ScanSource:
        """Where the scans are."""
        return ScanSource(self.raw_dir, self.bids_image, self.series)


def run_pipeline(
    request: PipelineRequest, choose_progress: Callable[[int], AbstractContextManager[StepProgress]]
) -> list[Outcome]:
    """Take participants through all stages.

    Args:
        request: What was asked for.
        choose_progress: Makes what is told how far the run is, from how many participants it has.

    Returns:
        One outcome per participant asked for, sorted by id.

    Raises:
        UsageError: Something is wrong with the whole run; nothing was touched.
    """
    opened = open_pipeline(request)
    layout, asked, shard = OutputLayout(request.output_dir), opened.asked, request.shard
    tell_other_choice(layout, request.source())
    whose = is_of(shard, asked if request.participants else None)
    steps = opened.pipeline.steps_by_name.values()
    written = [step for step in steps if step.is_written]
    complete: set[str] = set()
    if not request.force:
        complete = set(asked)
        for step in written:
            complete &= set(step.results.check_resumable(asked, verify=request.verify))
    told = [text for step in written for text in step.results.remarks(asked, shard)]
    remarks = list(dict.fromkeys(told))  # steps of one run have the same to tell
    if len(complete) == len(asked):
        warn(remarks)
        close(request.stages, layout, shard)
        return all_complete(layout, SUMMARY_KEY, asked)
    check_output_dir(request.output_dir, request.read_only(), make=True)
    warn(remarks)
    record_transforms(
        layout,
        {
            step.stage.transform: entry(
                step.stage, step.record, _places(request, step.stage), request.output_dir
            )
            for step in steps
        },
    )
    with choose_progress(len(asked)) as progress:
        if request.scheduler is None:
            outcomes = _done_here(opened, progress)
        else:
            work = Work(open_pipeline, request, opened.records(), request.scheduler)
            outcomes = run_on_cluster(work, asked, sorted(complete), progress)
    close(request.stages, layout, shard)
    summarize(layout, SUMMARY_KEY, [o.as_json() for o in outcomes], whose)
    return outcomes


@dataclass(frozen=True, eq=False)
class OpenPipeline:
    """A run of which all is known, checked and read that participants have in common.

    Attributes:
        pipeline: The stages at work.
        asked: Whom to do.
        unread: Scans of those who have to be done here, but for the first one.
        readers: The settings of stages that read scans.
        surroundings: How threads behave.
        early: The first participant, which is being loaded.
    """

    pipeline: Pipeline
    asked: list[str]
    unread: dict[str, RawScan]
    readers: list[Parameters]
    surroundings: Surroundings
    early: EarlyLoad[Any] | None

    def runner(self, progress: StepProgress) -> Runner[Any]:
        """What takes participants through all stages."""
        self.pipeline.on_step = progress.entered
        return Runner(self.pipeline, self.pipeline, progress, self.surroundings, self.early)

    def records(self) -> dict[str, Record]:
        """What holds for the whole run, by stage."""
        return {name: step.record for name, step in self.pipeline.steps_by_name.items()}


def open_pipeline(request: PipelineRequest) -> OpenPipeline:
    """Find, check and read what the participants of a run have in common; nothing is written.

    Raises:
        UsageError: Something is wrong with the whole run.
    """
    prepare_process()  # what networks wish for is read with torch
    settings = settings_of(request)
    layout = OutputLayout(request.output_dir)
    check_output_dir(request.output_dir, request.read_only())
    found = request.source().doubted_after(source_before(layout)).find()
    asked = select_participants(list(found.scans), request.participants, request.shard)
    check_nothing_of_others(layout, asked, request.read_only(), request.stages)
    rescaling = _rescaling(request, found.folder)
    chain = Chain(request.stages, request.written, settings, layout, found.scans, rescaling)
    cores = request.threads or given_cores()
    device = request.device if request.scheduler is None else HERE
    pipeline = Pipeline(
        chain, make_tasks(chain, request.model_dirs, device, cores), force=request.force
    )
    here = asked if request.scheduler is None else ()
    left = [one for one in here if first_look(chain, one, force=request.force)]
    early = EarlyLoad(pipeline, left[0]) if left else None
    import_torch()
    stop_if_asked()
    prepared = pipeline.prepare()
    stop_if_asked()
    unread = {one: found.scans[one] for one in left[1:]}
    readers = [settings[stage.name] for stage in request.stages if SCAN in stage.needs]
    return OpenPipeline(pipeline, asked, unread, readers, with_networks(prepared), early)


def _done_here(opened: OpenPipeline, progress: StepProgress) -> list[Outcome]:
    """Take participants through on this machine, after a look at all headers."""
    runner = opened.runner(progress)
    return done_after_a_look(
        opened.asked, opened.unread, opened.readers, progress.finished, runner.run
    )


def settings_of(request: PipelineRequest) -> dict[str, Parameters]:
    """The settings of all stages; where the configuration is silent, networks have their wishes."""
    settings = read_settings(request.stages, request.config_path, request.options)
    for stage in request.stages:
        if stage.name in request.model_dirs:
            settings |= with_wishes(settings, stage, request.model_dirs[stage.name])
    return settings


def _rescaling(request: PipelineRequest, folder: Path) -> dict[str, Rescaling]:
    """How intensities are rescaled for each stage that reads scans.

    Networks may say what they expect; a transient stage draws for those of the stage after it.

    Args:
        request: What was asked for.
        folder: Whose `parameters.json` wins.
    """
    found = {}
    for stage in request.stages:
        if SCAN in stage.needs:
            users = [one for one in request.stages if stage in made_on_the_way(one)]
            dirs = [request.model_dirs.get(one.name) for one in (stage, *users)]
            model_dir = next((path for path in dirs if path is not None), None)
            found[stage.name] = expected_rescaling(folder, model_dir)
    return found


def _places(request: PipelineRequest, stage: Stage) -> Places:
    """The directories of a stage, as if it had been run by itself."""
    return Places(
        request.source() if SCAN in stage.needs else None,
        dict.fromkeys(stage.earlier, request.output_dir),
        request.model_dirs.get(stage.name),
    )
