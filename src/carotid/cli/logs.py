"""Log lines on standard error: warnings always, more with -v and -vv."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from carotid.cohort.whose import with_name

if TYPE_CHECKING:
    from collections.abc import Callable

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)

_writer: Callable[[str], None] | None = None
_verbosity = 0


class _Handler(logging.Handler):
    """Prints each record as one line, above a progress bar where there is one.

    A warning is printed once: headers are read before a run, for a scan's turn, and by later steps,
    and what is odd in them is the same each time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if record.levelno >= logging.WARNING:
            if hash(line) in self._told:
                return
            self._told.add(hash(line))
        say(line)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = with_name(super().format(record))
        if record.levelno >= logging.WARNING:
            return f"carotid: {record.levelname.lower()}: {text}"
        return f"carotid: {text}"


def set_up_logging(verbose: int) -> None:
    """Show this package's log records on standard error.

    Args:
        verbose: 0 shows warnings, 1 INFO, 2 DEBUG with tracebacks.
    """
    global _verbosity
    _verbosity = verbose
    logger = logging.getLogger("carotid")
    handler = _Handler()
    handler.setFormatter(_Formatter("%(message)s"))
    logger.handlers[:] = [handler]
    logger.setLevel(_LEVELS[min(verbose, 2)])
    logger.propagate = False


def verbosity() -> int:
    """How often -v was given."""
    return _verbosity


def say(line: str) -> None:
    """Print a line on standard error, above a progress bar where there is one.

    A standard error that nobody reads any more does not end the run.
    """
    with suppress(OSError, ValueError):
        if _writer is None:
            click.echo(line, err=True)
        else:
            _writer(line)


def redirect(writer: Callable[[str], None] | None) -> None:
    """Let `writer` print lines from now on; None goes back to standard error itself."""
    global _writer
    _writer = writer
