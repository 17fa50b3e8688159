"""Small stages, to see what a run does with any stage: no networks, no heatmaps.

`words` counts a scan's bright voxels, `lengths` measures the word, `both` needs scan and word,
`last` makes that on the way where it is not there. `slow` is `words` with a wait.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydantic import Field, StrictInt

from carotid.config import Parameters
from carotid.errors import InputError
from carotid.stages import catalog
from carotid.stages.one_piece import one_piece
from carotid.stages.stage import SCAN, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.artifacts import Scan
    from carotid.geometry.grid import Grid


WAIT_S = 0.2
"""How long `slow` waits for nothing with each participant."""


@dataclass(frozen=True)
class Word:
    """A noun."""

    text: str
    grid: Grid | None = None


class WordParameters(Parameters):
    """Settings of the toy stages."""

    threshold: StrictInt = Field(default=500, description="what is bright")


def count(scan: Scan, parameters: WordParameters) -> Word:
    """How many voxels are bright."""
    bright = np.asarray(scan.volume.array, np.float64) > parameters.threshold
    if not bright.any():
        raise InputError("there are no bright voxels")
    return Word(str(bright.sum()), scan.volume.grid)


def count_slowly(scan: Scan, parameters: WordParameters) -> Word:
    """The same, taking its time."""
    time.sleep(WAIT_S)
    return count(scan, parameters)


def measure(word: Word, parameters: WordParameters) -> Word:
    """How long a word is."""
    return Word(str(len(word.text) + parameters.threshold))


def both(scan: Scan, word: Word, _parameters: WordParameters) -> Word:
    """Size of the scan, and the word."""
    return Word(f"{scan.volume.array.size} {word.text}", scan.volume.grid)


def save(word: Word, folder: Path) -> None:
    """Write a word."""
    (folder / "word.txt").write_text(word.text)


def load(folder: Path) -> Word:
    """Read a word."""
    return Word((folder / "word.txt").read_text())


words = one_piece(count, save)
slow_words = one_piece(count_slowly, save)
lengths = one_piece(measure, save)
pairs = one_piece(both, save)


def _stage(
    name: str,
    needs: tuple[str, ...],
    arguments: tuple[str, ...],
    task: str,
    *,
    transient: bool = False,
) -> Stage:
    return Stage(
        name=name,
        needs=needs,
        arguments=arguments,
        parameters="tests.toy_stages:WordParameters",
        models=None,
        load="tests.toy_stages:load",
        task=f"tests.toy_stages:{task}",
        summary="A toy.",
        about="A toy.",
        transient=transient,
    )


WORDS = _stage("words", (SCAN,), ("RAW_DIR", "OUTPUT_DIR"), "words")
LENGTHS = _stage("lengths", ("words",), ("OUTPUT_DIR",), "lengths")
SLOW = _stage("slow", (SCAN,), ("RAW_DIR", "OUTPUT_DIR"), "slow_words")
BOTH = _stage("both", (SCAN, "words"), ("OUTPUT_DIR",), "pairs", transient=True)
LAST = _stage("last", ("both",), ("OUTPUT_DIR",), "lengths")


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy stages instead of the pipeline's."""
    monkeypatch.setattr(catalog, "STAGES", (WORDS, LENGTHS, BOTH, LAST, SLOW))
