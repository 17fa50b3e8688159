"""The stages of a pipeline, one after the other: what each is made from, and what is there already.

A stage of a chain may be written or not. One that is not is known all the same by the record that
it would have been written with, so results that were made from it can be told to hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carotid.cohort.memory import check_memory
from carotid.cohort.resume import StageResults
from carotid.stages.inputs import Inputs, OnTheWay, record_of_run
from carotid.stages.stage import SCAN, Prepared, Setting
from carotid.storage.rescaling import NO_RESCALING, Rescaling
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carotid.config import Parameters
    from carotid.provenance import Record
    from carotid.stages.stage import Stage, Task
    from carotid.storage.raw import RawScan
    from carotid.storage.results.layout import OutputLayout


@dataclass(frozen=True, eq=False)
class Chain:
    """The stages of a pipeline in one output directory.

    Attributes:
        stages: In their order; the first one begins with scans.
        written: Names of those whose results are kept.
        settings: The settings of each, by name.
        layout: The output directory.
        scans: The scans by id.
        rescaling: How intensities are rescaled for each stage that reads scans, by name.
    """

    stages: Sequence[Stage]
    written: frozenset[str]
    settings: Mapping[str, Parameters]
    layout: OutputLayout
    scans: Mapping[str, RawScan]
    rescaling: Mapping[str, Rescaling]

    def inputs(self, prepared: Mapping[str, Prepared]) -> dict[str, Inputs]:
        """What participants bring to each stage, by name.

        Args:
            prepared: What is known of each stage's networks.
        """
        found: dict[str, Inputs] = {}
        for stage in self.stages:
            on_the_way = {
                need: OnTheWay(
                    self.stage(need), self.settings[need], found[need], prepared.get(need)
                )
                for need in stage.earlier
            }
            layouts = dict.fromkeys(stage.earlier, self.layout)
            scans = self.scans if SCAN in stage.needs else {}
            rescaling = self.rescaling.get(stage.name, NO_RESCALING)
            found[stage.name] = Inputs(
                stage.needs, layouts, scans, rescaling, on_the_way, check_memory
            )
        return found

    def stage(self, name: str) -> Stage:
        """One of its stages."""
        return next(one for one in self.stages if one.name == name)


@dataclass(frozen=True, eq=False)
class Step:
    """One stage of a chain, ready for participants.

    Attributes:
        stage: Which stage.
        task: The stage at work.
        inputs: What participants bring to it.
        record: What holds for the whole run.
        results: Its results in the output directory.
        is_written: Whether they are kept.
    """

    stage: Stage
    task: Task[Any]
    inputs: Inputs
    record: Record
    results: StageResults
    is_written: bool


def ready_steps(
    chain: Chain,
    tasks: Mapping[str, Task[Any]],
    prepared: Mapping[str, Prepared],
    *,
    force: bool,
) -> list[Step]:
    """The steps of a chain whose tasks are prepared."""
    steps = []
    for stage in chain.stages:
        inputs = chain.inputs(prepared)[stage.name]
        record = record_of_run(stage, chain.settings[stage.name], inputs, prepared[stage.name])
        steps.append(
            Step(
                stage,
                tasks[stage.name],
                inputs,
                record,
                StageResults(chain.layout, stage, record, inputs, force=force),
                stage.name in chain.written,
            )
        )
    return steps


def left_to_make(
    stages: Sequence[Stage], written: frozenset[str], there: Mapping[str, bool]
) -> list[Stage]:
    """The stages that have to be gone through for what is not there.

    Args:
        stages: In their order.
        written: Names of those whose results are wanted.
        there: Whether each one's result is there.
    """
    needed: set[str] = set()
    for stage in reversed(stages):
        if (stage.name in written or stage.name in needed) and not there[stage.name]:
            needed |= {stage.name, *stage.earlier}
    return [stage for stage in stages if stage.name in needed and not there[stage.name]]


def first_look(chain: Chain, participant_id: str, *, force: bool) -> list[Stage]:
    """What is left to make, as far as it can be seen before models are read."""
    there = {
        stage.name: not force
        and read_record(chain.layout.transform(participant_id, stage.transform)) is not None
        for stage in chain.stages
    }
    return left_to_make(chain.stages, chain.written, there)


def make_tasks(
    chain: Chain, model_dirs: Mapping[str, Path], device: str | None, cores: int
) -> dict[str, Task[Any]]:
    """The task of each stage, by name.

    Args:
        chain: The stages.
        model_dirs: Where the weights are, by stage.
        device: The device that was asked for.
        cores: How many may be used.
    """
    inputs = chain.inputs({})
    return {
        stage.name: stage.make_task(
            Setting(
                parameters=chain.settings[stage.name],
                inputs=inputs[stage.name],
                model_dir=model_dirs.get(stage.name),
                device=device,
                cores=cores,
                check_memory=check_memory,
            )
        )
        for stage in chain.stages
    }
