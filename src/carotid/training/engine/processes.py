"""Processes that answer numbers: a step's number with its loss, or a draw's with its samples.

They are spawned, so that none inherits threads or what a GPU was told, and killed in every case
when the block that uses them is left. Answers come in files in memory, which are handed over
whole: through a pipe, a draw of 30 MB would come in hundreds of small reads.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
from contextlib import suppress
from multiprocessing.reduction import recv_handle, send_handle
from typing import TYPE_CHECKING, Any, Self

from carotid.errors import CarotidError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection


class Processes:
    """Processes that have been started; use as a context.

    Args:
        work: What each of them runs; calls `serve` with the link that is its first argument.
        arguments: Its further arguments, for each of the processes; picklable.
    """

    def __init__(self, work: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> None:
        context = multiprocessing.get_context("spawn")
        self._links: list[Connection] = []
        self._processes: list[multiprocessing.process.BaseProcess] = []
        try:
            for further in arguments:
                ours, theirs = context.Pipe()
                self._links.append(ours)
                with theirs:
                    process = context.Process(target=work, args=(theirs, *further), daemon=True)
                    process.start()
                self._processes.append(process)
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Kill them all: they keep nothing that would be lost."""
        for link in self._links:
            link.close()
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()

    def ask(self, process: int, number: int) -> None:
        """Ask one of them for the answer to a number; several may be asked for ahead."""
        with suppress(OSError):  # where it has ended, `answer` says so
            self._links[process].send(number)

    def answer(self, process: int) -> Any:
        """Wait for the answer to the oldest number that is open.

        Raises:
            CarotidError: What went wrong in the process, or that it has ended.
        """
        try:
            answer = _receive(self._links[process])
        except (EOFError, OSError) as error:
            raise ResourceError(
                "a training process ended unexpectedly",
                remedy="check the memory, lower pool_size or workers, and run the same command "
                "again; training goes on from its last epoch",
            ) from error
        if isinstance(answer, BaseException):
            raise answer
        return answer


def serve(link: Connection, answer: Callable[[int], Any]) -> None:
    """A process's life: answer numbers one by one until the other end is gone."""
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            _send(link, _answer_or_error(answer, link.recv()))


def _answer_or_error(answer: Callable[[int], Any], number: int) -> Any:
    try:
        return answer(number)
    except CarotidError as error:
        return error
    except Exception as error:  # noqa: BLE001 - crosses to the main process
        return RuntimeError(f"{type(error).__name__}: {error}")


def _send(link: Connection, answer: Any) -> None:
    with os.fdopen(os.memfd_create("carotid"), "wb") as file:
        pickle.dump(answer, file, protocol=5)
        file.flush()
        send_handle(link, file.fileno(), None)


def _receive(link: Connection) -> Any:
    with os.fdopen(recv_handle(link), "rb") as file:
        file.seek(0)
        return pickle.load(file)  # noqa: S301 - our own process wrote it
