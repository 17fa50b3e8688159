"""Arguments that name places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from carotid.cli import cli
from carotid.cli.place import PLACE, FiniteRange

if TYPE_CHECKING:
    from collections.abc import Iterator


def all_commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for one in command.commands.values():
            yield from all_commands(one)


def test_an_empty_place_is_not_the_folder_one_is_in() -> None:
    with pytest.raises(click.BadParameter, match="the path is empty"):
        PLACE.convert("", None, None)
    assert PLACE.convert(".", None, None) == Path()


def test_all_commands_take_places_like_that() -> None:
    kinds = [(one.name, param) for one in all_commands(cli) for param in one.params]
    places = [(name, param) for name, param in kinds if isinstance(param.type, click.Path)]
    assert len(places) > 60
    assert [(name, param.name) for name, param in places if param.type is not PLACE] == []


def test_a_number_has_to_be_finite() -> None:
    finite = FiniteRange(min=0, min_open=True)
    assert finite.convert("2.5", None, None) == 2.5
    for text in ("nan", "inf", "-1", "0", "five"):
        with pytest.raises(click.BadParameter):
            finite.convert(text, None, None)


def test_all_commands_take_numbers_like_that() -> None:
    numbers = [
        (one.name, param.name, param.type)
        for one in all_commands(cli)
        for param in one.params
        if isinstance(param.type, click.FloatRange)
    ]
    assert len(numbers) >= 3
    assert [one[:2] for one in numbers if not isinstance(one[2], FiniteRange)] == []
