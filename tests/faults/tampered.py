"""Runs the heatmap command many times over, each time with another fault in the system below it.

    python -m tests.faults.tampered PLACE KIND FIRST STEP

KIND is `kill` (the process is killed at the n-th change to the disk), `torn` (likewise, in the
middle of a write), `full` (from the n-th change on the disk is full), or `limit` (no file may grow
beyond so many bytes). Runs n = FIRST, FIRST + STEP, … until n is beyond the last change that an
undisturbed run makes. After each, the same command is run again undisturbed. What happened is
printed as JSON, one object a line.

Every run is a fork of this process, which has imported everything but done nothing, so that
hundreds of them take minutes. `PLACE/setup.json` may hold {"force_first": true}: then a complete
result is there before each run, and the run has --force. `PLACE/contour_models` makes it a place
of `carotid run`.
"""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tests.command import unfinished
from tests.faults.harness import Place, RunPlace

import carotid.cli
import carotid.cli.progress
import carotid.cli.transform
import carotid.cohort.runner
import carotid.network.fast.door
import carotid.stages.heatmap.task
import carotid.storage.metaimage.read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMITS = (0, 1, 64, 200, 400, 700, 1000, 1500, 2000, 4000, 8000, 16000, 32000, 64000, 128000)
WATCHED = {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.chmod", "os.truncate", "os.link"}
PROBE = ((16, 16, 32), 1.0)
"""A smaller window than usual to compare the fast forward pass with; the weights are known."""


class Disk:
    """Counts changes to the disk below one folder, and does something at the n-th.

    Args:
        root: The folder.
        at: Which change.
        kind: See above.
        log: Where the number of changes so far is kept, as bytes in memory shared with the parent.
    """

    def __init__(self, root: Path, at: int, kind: str) -> None:
        self._root = str(root)
        self._at = at
        self._kind = kind
        self.count = 0
        sys.addaudithook(self._audit)
        self._fsync, self._write, self._open = os.fsync, os.write, io.open
        for module, name in ((os, "fsync"), (os, "write"), (io, "open")):
            setattr(module, name, getattr(self, f"_watched_{name}"))

    def change(self) -> None:
        """A change is about to be made."""
        self.count += 1
        if self._kind in ("kill", "torn") and self.count == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._kind == "full" and self.count >= self._at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _below(self, path: object) -> bool:
        text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        return text.startswith(self._root)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in WATCHED and any(map(self._below, arguments)):
            self._change_unless_freeing(event)
        elif event == "open" and self._below(arguments[0]):
            flags = arguments[2]
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.change()

    def _change_unless_freeing(self, event: str) -> None:
        """A full disk still allows removals."""
        if self._kind == "full" and event in ("os.remove", "os.rmdir", "os.rename"):
            return
        self.change()

    def _watched_fsync(self, descriptor: int) -> None:
        self.change()
        self._fsync(descriptor)

    def _watched_write(self, descriptor: int, data: Any) -> int:
        self.change()
        return self._write(descriptor, data)

    def _watched_open(self, file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
        opened = self._open(file, mode, *rest, **more)
        if "b" in mode and set(mode) & set("wax+"):
            plainly = opened.write

            def write(data: Any) -> int:
                if self._kind == "torn" and self.count + 1 == self._at:
                    plainly(memoryview(data).cast("B")[: len(memoryview(data).cast("B")) // 2])
                    opened.flush()
                self.change()
                return int(plainly(data))

            setattr(opened, "write", write)  # noqa: B010 - mypy minds an assignment
        return opened


def command(place: Place, arguments: list[str], prepare: Callable[[], None]) -> dict[str, Any]:
    """Run the command in a fork of this process; how it ended and what it said."""
    said, told = place.root / "said", place.root / "told"
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        reader, writer = os.pipe()
        os.dup2(writer, 1)  # a pipe has no size that could be limited
        os.dup2(writer, 2)
        if os.fork():
            os.close(writer)
            os.close(1)
            os.close(2)
            os.write(descriptor, b"".join(iter(lambda: os.read(reader, 65536), b"")))
            _, status = os.wait()
            told.write_text(str(os.waitstatus_to_exitcode(status)))
            os._exit(0)
        os.close(reader)
        os.close(writer)
        torch.set_num_threads(1)
        sys.argv = ["carotid", *arguments]
        prepare()
        carotid.cli.main()
    os.waitpid(pid, 0)
    return {"code": int(told.read_text()), "said": said.read_bytes().decode(errors="replace")}


def prepared(place: Place, complete: dict[str, str] | None) -> None:
    """The output directory as it is before each run."""
    shutil.rmtree(place.out, ignore_errors=True)
    if complete is not None:
        shutil.copytree(place.root / "complete", place.out)


def trials(place: Place, kind: str, first: int, step: int) -> Iterator[dict[str, Any]]:
    """Run by run, what happened."""
    force = (place.root / "setup.json").is_file()
    counter = place.root / "count"
    arguments = [*place.arguments, *(["--force"] if force else [])]

    def count() -> None:
        disk = Disk(place.out, 0, "count")
        leave = os._exit

        def tell(code: int) -> None:
            counter.write_text(str(disk.count))
            leave(code)

        os._exit = tell  # type: ignore[assignment]

    prepared(place, None)
    undisturbed = command(place, place.arguments, lambda: None)
    complete = place.results()
    shutil.copytree(place.out, place.root / "complete")
    prepared(place, complete if force else None)
    counted = command(place, arguments, count)
    total = int(counter.read_text())
    yield {"total": total, "undisturbed": undisturbed, "counted": counted}
    points = LIMITS if kind == "limit" else range(first, total + 1, step)
    for n in points:
        prepared(place, complete if force else None)

        def spoil(n: int = n) -> None:
            if kind == "limit":
                resource.setrlimit(resource.RLIMIT_FSIZE, (n, n))
            else:
                Disk(place.out, n, kind)

        disturbed = command(place, arguments, spoil)
        halves = half_results(place)
        between = place.results()
        whole = {k: v for k, v in between.items() if "_transform/" in k}
        again = command(place, arguments if disturbed["code"] else place.arguments, lambda: None)
        yield {
            "n": n,
            "disturbed": disturbed,
            "half": halves,
            "foreign": [k for k, v in whole.items() if complete.get(k) != v],
            "again": again,
            "same": place.results() == complete,
            "left": left_behind(place.out),
        }


def left_behind(output_dir: Path) -> list[str]:
    """Hidden files that are no locks."""
    hidden = [path.name for path in output_dir.glob(".*") if path.name != ".carotid"]
    return sorted([*hidden, *unfinished(output_dir)])


def half_results(place: Place) -> str:
    """What is incomplete under a final name, or nothing."""
    try:
        place.complete()
    except AssertionError as error:
        return str(error)
    return ""


def run_all(words: list[str]) -> None:
    """See the module's description."""
    carotid.network.fast.door._PROBES = (PROBE,)  # type: ignore[assignment]
    root = Path(words[0])
    place = RunPlace(root) if (root / "contour_models").is_dir() else Place(root)
    for found in trials(place, words[1], int(words[2]), int(words[3])):
        print(json.dumps(found), flush=True)  # noqa: T201 - read by the test


if __name__ == "__main__":
    run_all(sys.argv[1:])
