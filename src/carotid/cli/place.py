"""Kinds of arguments that several commands have: places, numbers, and numbers of threads.

An empty place is a mistake: it stands for the folder one is in, and comes from a shell variable
that was never set.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import os
    from collections.abc import Callable


class _Place(click.Path):
    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        if value == "":
            self.fail("the path is empty; a variable of the shell may not be set", param, ctx)
        return super().convert(value, param, ctx)


PLACE = _Place(path_type=Path)


def participants_option(default: str) -> Callable[[Any], Any]:
    """`-p`, which may be given several times; `default` says who is meant without it."""
    return click.option(
        "-p",
        "--participant",
        "participants",
        multiple=True,
        metavar="ID",
        help=f"Only this participant; may be given several times.  [default: {default}]",
    )


class FiniteRange(click.FloatRange):
    """A range of numbers that NaN, which is neither below nor above, is not in."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; fails where it is not finite or out of the range."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


THREADS = click.IntRange(1, 1024)
"""A slip of the finger must not make as many threads as it says."""
