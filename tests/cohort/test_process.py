"""What a process that only computes sets up, and leaves as it was."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.polar_networks import write_version_1

from carotid.cohort.process import large_import

if TYPE_CHECKING:
    from pathlib import Path

WATCHED = """
import os, sys
class Watch:
    def find_spec(self, name, *_):
        if name == "torch":
            print("torch, with", os.environ.get("OMP_WAIT_POLICY"), flush=True)
sys.meta_path.insert(0, Watch())
from carotid.cli import main
main()
"""


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


def test_threads_are_told_to_sleep_before_torch_is_imported(tmp_path: Path) -> None:
    """Where they spin, contours took six times as long on a machine that others use too."""
    models = write_version_1(tmp_path / "models", count=1)
    raw, out = tmp_path / "raw", tmp_path / "out"
    (tmp_path / "raw").mkdir()
    command = ["transform", "pipeline", str(raw), str(models), str(models), str(out)]
    without = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    found = subprocess.run(
        [sys.executable, "-c", WATCHED, *command],
        env=without,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert found.returncode == 2, found.stderr
    assert found.stdout.splitlines() == ["torch, with PASSIVE"], found.stderr
