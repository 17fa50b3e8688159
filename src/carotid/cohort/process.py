"""Setting up a process that does nothing else than compute: memory, threads, large imports.

This belongs to the command line's process alone; programs that import the package are left as they
are.
"""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carotid.cohort.allocator import keep_freed_memory
from carotid.cohort.cores import wait_without_spinning

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORT_S = 1e-4
"""Python's own interval is 5 ms."""


def prepare_process() -> None:
    """Set up memory and threads for computing; to be called before torch is imported."""
    keep_freed_memory()
    wait_without_spinning()


@contextmanager
def large_import() -> Iterator[None]:
    """Import a large package without looking for garbage, and let other threads wait less for it.

    There is hardly any, and looking for it takes a tenth of the time. A thread that reads a scan
    meanwhile needs the interpreter for a moment for every megabyte, and would wait for it 5 ms each
    time, which is as long as it works.
    """
    usual_s, collects = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(_SHORT_S)
    gc.disable()
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)
        if collects:
            gc.enable()


def import_torch() -> None:
    """Import PyTorch, so that later imports of it are instant."""
    with large_import():
        import torch  # noqa: F401
