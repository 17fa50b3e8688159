"""A stage that writes letters, a place for its results, and progress that remembers."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from carotid.cohort.background import Surroundings
from carotid.cohort.runner import Runner
from carotid.errors import InputError
from carotid.stages.stage import Made, Prepared
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from carotid.cohort.outcome import Outcome

    Work: TypeAlias = Generator[Callable[[], None], None, Made]


class Recorder:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.steps = 0

    def started(self, participant_id: str, steps: int) -> None:
        self.events.append(f"started {participant_id} {steps}")

    def advanced(self) -> None:
        self.steps += 1

    def waiting(self, participant_id: str) -> None:
        self.events.append(f"waiting {participant_id}")

    def finished(self, outcome: Outcome) -> None:
        self.events.append(f"finished {outcome.participant_id} {outcome.status}")


class Folders:
    """Results that are there when their second file is."""

    def __init__(self, root: Path) -> None:
        self.layout = OutputLayout(root)
        self.made: list[str] = []

    def slot(self, participant_id: str) -> Slot:
        return Slot(self.layout, participant_id, "letters")

    def complete(self, participant_id: str) -> str | None:
        place = self.layout.transform(participant_id, "letters")
        return "there" if (place / "b").exists() else None

    def record(self, folder: Path, made: Made) -> None:
        assert (folder / "b").exists(), "the record is written last"
        self.made.append(made.context["of"])


class Letters:
    """A stage that writes two files per participant; some participants are trouble."""

    def __init__(self, trouble: dict[str, str] | None = None) -> None:
        self.trouble = trouble or {}
        self.at_work = 0
        self.ready = 0

    def prepare(self) -> Prepared:
        return Prepared()

    def get_ready(self) -> None:
        self.ready += 1

    def load(self, participant_id: str) -> str:
        if self.trouble.get(participant_id) == "load":
            raise InputError("torn", where=participant_id)
        if self.trouble.get(participant_id) == "crash":
            raise ZeroDivisionError("x / 0")
        return participant_id

    def steps(self, loaded: str) -> int:
        return len(loaded)

    def compute(self, loaded: str, folder: Path, advance: Callable[[], None]) -> Work:
        advance()
        yield partial(self._write, folder / "a", loaded)
        if self.trouble.get(loaded) == "compute":
            raise MemoryError
        if self.trouble.get(loaded) == "interrupt":
            raise KeyboardInterrupt
        yield partial(self._write, folder / "b", loaded)
        return Made(
            {}, {"of": loaded}, ("odd", loaded) if self.trouble.get(loaded) == "odd" else ()
        )

    def _write(self, path: Path, loaded: str) -> None:
        self.at_work += 1
        try:
            time.sleep(0.05)
            if self.trouble.get(loaded) == "write" and path.name == "a":
                raise OSError(28, "No space left on device")
            path.write_text(loaded)
        finally:
            self.at_work -= 1


ASIDE = Surroundings(load_aside=True)


def run(
    task: Letters, root: Path, *ids: str, progress: Recorder | None = None, **more: Any
) -> list[Outcome]:
    return Runner(task, Folders(root), progress or Recorder(), **more).run(ids)


def unfinished(root: Path) -> list[str]:
    return [path.name for path in (root / ".carotid").glob("*") if path.suffix != ".lock"]


def done(root: Path) -> list[str]:
    names = (p.relative_to(root).as_posix() for p in root.rglob("*"))
    return sorted(name for name in names if not name.startswith(".carotid"))
