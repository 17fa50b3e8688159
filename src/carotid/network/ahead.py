"""The next item made in a thread while the last one is used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Generator

Item = TypeVar("Item")


def one_ahead(items: Generator[Item]) -> Generator[Item]:
    """Yield a generator's items, of which the next one is made in a thread, on one core.

    There is one item more in memory. When this is closed, the thread has ended, and `items` is
    closed as well. An error is raised where its item would have been.

    Args:
        items: None of them is None.
    """
    with closing(items), ThreadPoolExecutor(1, "ahead", torch.set_num_threads, (1,)) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
            del item  # the caller's alone
