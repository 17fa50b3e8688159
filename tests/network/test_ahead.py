"""Items come in their order, one is made ahead, and nothing is left running."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from carotid.network.ahead import one_ahead

if TYPE_CHECKING:
    from collections.abc import Generator


def test_the_next_item_is_made_while_the_last_one_is_used() -> None:
    made = [threading.Event() for _ in range(4)]

    def items() -> Generator[int]:
        for k, event in enumerate(made):
            event.set()
            yield k

    found = []
    for item in one_ahead(items()):
        found.append(item)
        assert made[min(item + 1, 3)].wait(30)
        assert not any(event.is_set() for event in made[item + 2 :])
    assert found == [0, 1, 2, 3]


def test_an_error_comes_in_its_place() -> None:
    def items() -> Generator[int]:
        yield 1
        raise OSError("the disk has gone")

    found = one_ahead(items())
    assert next(found) == 1
    with pytest.raises(OSError, match="has gone"):
        next(found)


def test_closed_in_the_middle_it_closes_the_items_and_ends_its_thread() -> None:
    closed = []

    def items() -> Generator[int]:
        try:
            yield from range(9)
        finally:
            closed.append(True)

    found = one_ahead(items())
    assert next(found) == 0
    found.close()
    assert closed == [True]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
