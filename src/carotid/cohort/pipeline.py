"""Participants through all stages of a chain, with small results handed on in memory.

Each step is published by itself, so that a run that was killed goes on at its step. With --force
nothing is replaced before all is complete; then the folders of the chain change together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from carotid.cohort.chain import first_look, left_to_make, ready_steps
from carotid.cohort.resume import COMPLETE
from carotid.cohort.walk import Traveller, Walk
from carotid.stages.one_piece import OnePiece
from carotid.stages.stage import Made, Prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from carotid.cohort.chain import Chain, Step
    from carotid.stages.stage import Stage, Task
    from carotid.storage.results.slots import Slot


class ChainSlot:
    """One participant's places in an output directory, one for each stage of a chain.

    Args:
        participant_id: Whose.
        slots: By stage, in their order.
        work: The folder of unfinished results.
    """

    def __init__(self, participant_id: str, slots: Mapping[str, Slot], work: Path) -> None:
        self.participant_id = participant_id
        self.slots = slots
        self.unpublished: list[str] = []
        self.given_up: list[str] = []
        self._work = work

    def acquire(self, *, wait: bool = False) -> bool:
        """Become the owner of all places, or of none."""
        taken: list[Slot] = []
        try:
            for slot in self.slots.values():
                if not slot.acquire(wait=wait):
                    break
                taken.append(slot)
        finally:
            if len(taken) < len(self.slots):
                for slot in taken:
                    slot.release()
        return len(taken) == len(self.slots)

    def open(self) -> Path:
        """The folder of unfinished results; each step opens its own place in it."""
        return self._work

    def publish(self) -> None:
        """Move what is complete and not in its place to its final name; what is given up goes."""
        for name in self.unpublished:
            self.slots[name].publish()
        for name in self.given_up:
            self.slots[name].retire()

    def release(self) -> None:
        """Give all places back."""
        for slot in self.slots.values():
            slot.release()


class Pipeline:
    """A chain at work: what the runner calls a task, and the results of it.

    Args:
        chain: The stages.
        tasks: The task of each, by name.
        force: Whether participants are done again, whatever is there.

    Attributes:
        on_step: Told the participant and the step that is begun.
        steps_by_name: The steps, once they are prepared.
    """

    def __init__(self, chain: Chain, tasks: Mapping[str, Task[Any]], *, force: bool) -> None:
        self._chain = chain
        self._tasks = tasks
        self._force = force
        self._slots: WeakValueDictionary[str, ChainSlot] = WeakValueDictionary()
        self.on_step: Callable[[str, str], None] = lambda *_: None
        self.steps_by_name: dict[str, Step] = {}

    # --- as a task ---

    def prepare(self) -> Prepared:
        """Prepare all stages."""
        prepared = {name: task.prepare() for name, task in self._tasks.items()}
        steps = ready_steps(self._chain, self._tasks, prepared, force=self._force)
        self.steps_by_name = {step.stage.name: step for step in steps}
        return Prepared(beside_gpu=any(one.beside_gpu for one in prepared.values()))

    def get_ready(self) -> None:
        """Make the networks of all stages."""
        for task in self._tasks.values():
            task.get_ready()

    def load(self, participant_id: str) -> _Loaded:
        """Read what the first step needs, if that one has to be done."""
        left = self._left(participant_id)
        streams = [one for one in left if not isinstance(self._tasks[one.name], OnePiece)]
        loaded = {one.name: self._tasks[one.name].load(participant_id) for one in streams}
        return _Loaded(participant_id, loaded)

    def steps(self, loaded: _Loaded) -> int:
        """Those of streaming stages, and one for each other that has to be done."""
        count = 0
        for stage in self._left(loaded.participant_id):
            task = self._tasks[stage.name]
            count += task.steps(loaded.values.get(stage.name)) if stage.name in loaded.values else 1
        return count

    def compute(
        self, loaded: _Loaded, _folder: Path, advance: Callable[[], None]
    ) -> Generator[Callable[[], None], None, Made]:
        """Go through what is left to make."""
        slot = self._slots[loaded.participant_id]
        left = [self.steps_by_name[one.name] for one in self._left(loaded.participant_id)]
        who = Traveller(
            loaded.participant_id, self.steps_by_name, slot.slots, loaded.values, not self._force
        )
        if self._force:
            names = [step.stage.name for step in self.steps_by_name.values()]
            slot.unpublished = [name for name in names if self.steps_by_name[name].is_written]
            slot.given_up = [name for name in names if name not in slot.unpublished]
        walk = Walk(who, left, advance, self.on_step)
        yield from walk.jobs()
        return Made({}, {}, tuple(walk.remarks))

    def _left(self, participant_id: str) -> list[Stage]:
        """The stages that have to be gone through for a participant."""
        if not self.steps_by_name:
            return first_look(self._chain, participant_id, force=self._force)
        there = {
            name: not self._force and step.results.standing(participant_id).kind == "complete"
            for name, step in self.steps_by_name.items()
        }
        return left_to_make(self._chain.stages, self._chain.written, there)

    # --- as results ---

    def slot(self, participant_id: str) -> ChainSlot:
        """The places of one participant."""
        slots = {name: step.results.slot(participant_id) for name, step in self._steps()}
        slot = ChainSlot(participant_id, slots, self._chain.layout.work)
        self._slots[participant_id] = slot
        return slot

    def complete(self, participant_id: str) -> str | None:
        """Why nothing has to be done for a participant; None where it has.

        Raises:
            OutputError: What is there must not be replaced.
        """
        touched = [step for _, step in self._steps() if step.is_written or self._force]
        done = [step.results.complete(participant_id) for step in touched]
        return COMPLETE if all(done) else None

    def record(self, folder: Path, made: Made) -> None:
        """Each step has its own record."""

    def _steps(self) -> Sequence[tuple[str, Step]]:
        return list(self.steps_by_name.items())


@dataclass
class _Loaded:
    """What was read of a participant before its turn came.

    Attributes:
        participant_id: Whose.
        values: What streaming stages have read, by stage.
    """

    participant_id: str
    values: dict[str, Any]
