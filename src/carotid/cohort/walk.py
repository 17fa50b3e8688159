"""One participant on the way through the steps of a chain: made, handed on, written, let go."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from carotid.errors import CarotidError
from carotid.provenance import Input
from carotid.stages.inputs import check_same_scan
from carotid.stages.one_piece import OnePiece
from carotid.stages.stage import SCAN, Brought, Made
from carotid.storage.results.record import input_of, write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from carotid.cohort.chain import Step
    from carotid.provenance import Record
    from carotid.storage.results.slots import Slot

    Jobs = Generator[Callable[[], None], None, None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Traveller:
    """A participant who is taken through a chain.

    Attributes:
        participant_id: Who.
        steps: All steps of the chain, by name.
        slots: Where the result of each belongs.
        loaded: What streaming steps have read already.
        publishes_at_once: Whether a result moves to its place as soon as it is complete.
    """

    participant_id: str
    steps: Mapping[str, Step]
    slots: Mapping[str, Slot]
    loaded: dict[str, Any]
    publishes_at_once: bool


class _Awaited:
    """A job that the main thread can wait for."""

    def __init__(self, job: Callable[[], None]) -> None:
        self._job = job
        self._over = threading.Event()

    def __call__(self) -> None:
        try:
            self._job()
        finally:
            self._over.set()

    def wait(self) -> None:
        """Until it is over; whether it succeeded is seen by whoever runs the jobs."""
        self._over.wait()


class Walk:
    """The way of one participant through the steps that are left.

    Args:
        who: The participant.
        left: The steps that are left, in their order.
        advance: Called after each step of progress.
        on_step: Told who begins which step.

    Attributes:
        remarks: What people should know of the participant, from the steps that were made and from
            what these were made from, also by an earlier run.
    """

    def __init__(
        self,
        who: Traveller,
        left: Sequence[Step],
        advance: Callable[[], None],
        on_step: Callable[[str, str], None],
    ) -> None:
        self._who = who
        self._slots = who.slots
        self._left = left
        self._advance = advance
        self._on_step = on_step
        self._participant_id = who.participant_id
        self.remarks: list[str] = []
        self._values: dict[str, Any] = {}
        self._sources: dict[str, Input] = {}

    def jobs(self) -> Jobs:
        """Make what is left, and give out what is to be written."""
        for number, step in enumerate(self._left):
            name = step.stage.name
            self._on_step(self._participant_id, name)
            begin = time.monotonic()
            try:
                if isinstance(step.task, OnePiece):
                    yield from self._made_in_one_piece(step, step.task)
                else:
                    yield from self._streamed(step)
            except CarotidError as error:
                raise error.during(name) from error
            logger.info("%s: %s took %.1f s", self._participant_id, name, time.monotonic() - begin)
            yield from self._let_go(number)

    def _streamed(self, step: Step) -> Jobs:
        """A stage that writes while it computes; the next step reads its files."""
        name, slot = step.stage.name, self._slots[step.stage.name]
        loaded = self._who.loaded.pop(name, None)
        if loaded is None:
            loaded = step.task.load(self._participant_id)
        folder = slot.open()
        last = _Awaited(lambda: None)
        made: list[Made] = []
        for job in _noting(step.task.compute(loaded, folder, self._advance), made):
            last = _Awaited(job)
            yield last
        del loaded
        record = self._recorded(step, made[0])
        if step.is_written:
            last = _Awaited(partial(self._finish, step, record))
            yield last
        last.wait()
        there = slot.final if step.is_written and self._who.publishes_at_once else folder
        self._values[name] = step.stage.load_result(there)

    def _made_in_one_piece(self, step: Step, task: OnePiece) -> Jobs:
        for need in sorted(step.stage.needs, key=lambda one: one == SCAN):
            self._obtain(step, need)
        sources = {need: self._sources[need] for need in step.stage.needs}
        check_same_scan(self._participant_id, sources)
        result = task.make(Brought([self._values[need] for need in step.stage.needs], sources))
        record = self._recorded(step, task.made(result, sources))
        self._values[step.stage.name] = result
        self._advance()
        if step.is_written:
            yield partial(self._save, step, task, result, record)

    def _obtain(self, step: Step, need: str) -> None:
        """Read what a step needs and no step before it has made."""
        if need in self._values:
            return
        if need == SCAN:
            self._values[need], self._sources[need] = step.inputs.read_scan(self._participant_id)
            return
        folder = self._slots[need].final
        self._sources[need] = input_of(folder)
        self._values[need] = self._who.steps[need].stage.load_result(folder)

    def _recorded(self, step: Step, made: Made) -> Record:
        context = {**step.record.context, **made.as_context()}
        record = replace(step.record, inputs=made.inputs, context=context)
        self._sources[step.stage.name] = Input.of_result(record)
        told = [text for one in record.way_back() for text in one.remarks]
        self.remarks = list(dict.fromkeys([*self.remarks, *told]))
        return record

    def _save(self, step: Step, task: OnePiece, result: Any, record: Record) -> None:
        task.save(result, self._slots[step.stage.name].open())
        self._finish(step, record)

    def _finish(self, step: Step, record: Record) -> None:
        slot = self._slots[step.stage.name]
        write_record(slot.work, record)
        if self._who.publishes_at_once:
            slot.publish()

    def _let_go(self, number: int) -> Jobs:
        """Forget what no later step needs, in memory and on disk."""
        later = {need for step in self._left[number + 1 :] for need in step.stage.needs}
        for name in [one for one in self._values if one not in later]:
            del self._values[name]
            step = self._who.steps.get(name)
            if step is not None and not step.is_written:
                yield self._slots[name].discard


def _noting(
    work: Generator[Callable[[], None], None, Made], made: list[Made]
) -> Generator[Callable[[], None], None, None]:
    made.append((yield from work))
