"""The task of a stage whose result is made in one piece: a plain function, and what saves it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from carotid.stages.stage import Made, Prepared
from carotid.storage.results.record import grid_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from carotid.geometry.grid import Grid
    from carotid.provenance import Input
    from carotid.stages.stage import Setting, Task


def one_piece(
    verb: Callable[..., Any],
    save: Callable[[Any, Path], None],
    grid_of: Callable[[Any], Grid | None] = attrgetter("grid"),
) -> Callable[[Setting[Any]], Task[Any]]:
    """What makes the task of a stage from a plain function.

    Args:
        verb: `verb(*inputs, parameters)` gives the result; inputs come in the order of the
            stage's needs.
        save: `save(result, folder)` writes it and checks that it reads back as written.
        grid_of: The scan's stored grid that a result knows of.
    """
    return partial(_OnePiece, verb, save, grid_of)


@dataclass(frozen=True, eq=False)
class _Read:
    """What one participant brings.

    Attributes:
        values: The inputs, in the order of the stage's needs.
        sources: What they are, by need.
    """

    values: list[Any]
    sources: Mapping[str, Input]


class _OnePiece:
    def __init__(
        self,
        verb: Callable[..., Any],
        save: Callable[[Any, Path], None],
        grid_of: Callable[[Any], Grid | None],
        setting: Setting[Any],
    ) -> None:
        self._verb = verb
        self._save = save
        self._grid_of = grid_of
        self._setting = setting

    def prepare(self) -> Prepared:
        return Prepared()

    def get_ready(self) -> None:
        return

    def load(self, participant_id: str) -> _Read:
        return _Read(*self._setting.inputs.read(participant_id))

    def steps(self, _loaded: _Read) -> int:
        return 1

    def compute(
        self, loaded: _Read, folder: Path, advance: Callable[[], None]
    ) -> Generator[Callable[[], None], None, Made]:
        result = self._verb(*loaded.values, self._setting.parameters)
        advance()
        yield partial(self._save, result, folder)
        grid = self._grid_of(result)
        return Made(loaded.sources, {} if grid is None else grid_facts(grid))
