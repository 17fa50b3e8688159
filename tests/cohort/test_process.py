"""What a process that only computes sets up, and leaves as it was."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress

from carotid.cohort.process import large_import


def test_after_a_large_import_the_interpreter_is_as_it_was() -> None:
    before = sys.getswitchinterval()
    with suppress(ImportError), large_import():
        assert not gc.isenabled()
        assert sys.getswitchinterval() < before
        raise ImportError
    assert gc.isenabled()
    assert sys.getswitchinterval() == before
    gc.disable()
    try:
        with large_import():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
