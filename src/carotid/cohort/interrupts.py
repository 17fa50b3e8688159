"""Being asked to stop: an exception where the main thread is, and a memory of it.

Code of others may swallow the exception: some libraries catch everything while they are being
imported, and go on with half of what they need, and Python itself only prints what is raised while
it clears up. Whoever has a good place to stop therefore calls
`stop_if_asked`, and the exit code tells the truth in any case.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGXCPU)
"""Ctrl-C; a batch system's end; a terminal that was closed; warnings of a batch system that the
time is nearly over, and of the system that the limit of CPU time is reached."""

_asked: list[int] = []


class Interrupted(BaseException):
    """The process was asked to stop."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


def listen() -> None:
    """At the first of these signals, raise `Interrupted` in the main thread; ignore others.

    A hang-up that is ignored already stays ignored: that is what `nohup` is for.
    """
    for number in _SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    sys.unraisablehook = _swallowed


def stop_if_asked() -> None:
    """Raise `Interrupted` again where it was raised before and did not end the program."""
    if _asked:
        raise Interrupted(_asked[0])


def _swallowed(what: sys.UnraisableHookArgs) -> None:
    """Print what Python has to ignore, as it would do itself, but for an interrupt."""
    if not isinstance(what.exc_value, Interrupted):
        sys.__unraisablehook__(what)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    _asked.append(number)
    raise Interrupted(number)
