"""Arguments that name places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from carotid.cli import cli
from carotid.cli.place import PLACE

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
