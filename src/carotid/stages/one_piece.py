"""The task of a stage whose result is made in one piece: a plain function, and what saves it."""

from __future__ import annotations

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
    from carotid.stages.stage import Brought, Networks, Setting


def one_piece(
    verb: Callable[..., Any],
    save: Callable[[Any, Path], None],
    *,
    grid_of: Callable[[Any], Grid | None] = attrgetter("grid"),
    facts_of: Callable[[Any], Mapping[str, Any]] | None = None,
    networks: Callable[[Setting[Any]], Networks] | None = None,
) -> Callable[[Setting[Any]], OnePiece]:
    """What makes the task of a stage from a plain function.

    Args:
        verb: `verb(*inputs, parameters)` gives the result; inputs come in the order of the
            stage's needs. With networks it is `verb(*inputs, networks, parameters)`.
        save: `save(result, folder)` writes it and checks that it reads back as written.
        grid_of: The scan's stored grid that a result knows of.
        facts_of: What else of a result its record tells, as JSON.
        networks: Makes the stage's networks, where it has any.
    """
    return partial(OnePiece, verb, save, (grid_of, facts_of), networks)


class OnePiece:
    """A stage at work that needs a function alone; see `Task` for the methods that it shares."""

    def __init__(
        self,
        verb: Callable[..., Any],
        save: Callable[[Any, Path], None],
        told: tuple[Callable[[Any], Grid | None], Callable[[Any], Mapping[str, Any]] | None],
        networks: Callable[[Setting[Any]], Networks] | None,
        setting: Setting[Any],
    ) -> None:
        self._verb = verb
        self._grid_of, self._facts_of = told
        self._networks = None if networks is None else networks(setting)
        self._setting = setting
        self.save = save

    def prepare(self) -> Prepared:
        """Read and check the networks, where there are any."""
        return Prepared() if self._networks is None else self._networks.prepare()

    def get_ready(self) -> None:
        """Build the networks, where there are any."""
        if self._networks is not None:
            self._networks.get_ready()

    def load(self, participant_id: str) -> Brought:
        """Read what a participant brings."""
        return self._setting.inputs.read(participant_id)

    def steps(self, _loaded: Brought) -> int:
        """One."""
        return 1

    def make(self, brought: Brought) -> Any:
        """The result of what a participant brings."""
        networks = () if self._networks is None else (self._networks,)
        return self._verb(*brought.values, *networks, self._setting.parameters)

    def made(self, result: Any, sources: Mapping[str, Input]) -> Made:
        """What the record says of a result."""
        grid = self._grid_of(result)
        facts = {} if self._facts_of is None else self._facts_of(result)
        return Made(sources, {**({} if grid is None else grid_facts(grid)), **facts})

    def compute(
        self, loaded: Brought, folder: Path, advance: Callable[[], None]
    ) -> Generator[Callable[[], None], None, Made]:
        """Make the result, and give out that it is to be saved."""
        result = self.make(loaded)
        advance()
        yield partial(self.save, result, folder)
        return self.made(result, loaded.sources)
