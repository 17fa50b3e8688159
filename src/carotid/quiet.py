"""Muting what libraries warn of, in any thread."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_muted = threading.RLock()


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore warnings; one thread at a time, for Python keeps one list of filters for all."""
    with _muted, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
