"""A plain function as the task of a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.toy_stages import Word, WordParameters, save

from carotid.errors import ModelError
from carotid.provenance import Input
from carotid.stages.inputs import Inputs
from carotid.stages.one_piece import one_piece
from carotid.stages.stage import Brought, Made, Prepared, Setting

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {"words": Input("ab")}


class Voices:
    """Networks that say a word in their own way."""

    def __init__(self, setting: Setting[Any]) -> None:
        self.device = setting.device
        self.names: list[str] = []

    def prepare(self) -> Prepared:
        if self.device == "cuda":
            raise ModelError("no voice")
        return Prepared({"low": "cd"}, "cpu")

    def get_ready(self) -> None:
        self.names = ["low"]


def spoken(word: Word, networks: Voices, parameters: WordParameters) -> Word:
    return Word(f"{word.text} {networks.names} {parameters.threshold}")


def setting(device: str = "cpu") -> Setting[WordParameters]:
    return Setting(WordParameters(threshold=3), Inputs((), {}, {}), device=device)


def test_a_function_with_networks(tmp_path: Path) -> None:
    task = one_piece(spoken, save, networks=Voices)(setting())
    assert task.prepare() == Prepared({"low": "cd"}, "cpu")
    task.get_ready()
    loaded = Brought([Word("yes")], SOURCES)
    assert task.steps(loaded) == 1
    taken: list[None] = []
    made: list[Made] = []

    def jobs() -> Any:
        made.append((yield from task.compute(loaded, tmp_path, lambda: taken.append(None))))

    for job in jobs():
        job()
    assert (tmp_path / "word.txt").read_text() == "yes ['low'] 3"
    assert len(taken) == 1
    assert made == [Made(SOURCES, {})]


def test_networks_that_cannot_be_used_are_told_before_anything_is_done() -> None:
    task = one_piece(spoken, save, networks=Voices)(setting("cuda"))
    with pytest.raises(ModelError, match="no voice"):
        task.prepare()


def test_without_networks_there_is_nothing_to_prepare() -> None:
    def shout(word: Word, _parameters: WordParameters) -> Word:
        return Word(word.text.upper())

    task = one_piece(shout, save)(setting())
    assert task.prepare() == Prepared()
    task.get_ready()
    assert task.make(Brought([Word("no")], {})).text == "NO"
