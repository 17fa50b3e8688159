"""The command in forks of one process, in which other people's packages are imported already.

    python -m tests.forks

To import them takes longer than most commands do on the tiny scans of tests. Of `carotid` itself
nothing is imported before the fork. Each line of standard input, a JSON object, is one command; the
answer is its exit code, or minus the signal that ended it, on a line of standard output.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

ROOT = Path(__file__).parents[1]
OTHERS = (
    *("click", "contourpy", "filelock", "isal.igzip", "jinja2", "matplotlib.figure", "numpy"),
    *("nibabel", "pydantic", "pydicom", "rich.console", "rich.progress", "scipy.interpolate"),
    *("scipy.ndimage", "scipy.optimize", "scipy.sparse.csgraph", "scipy.spatial", "scipy.stats"),
    "torch",
)


class Forks:
    """The process that forks; it ends with this one."""

    def __init__(self, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forks"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._end)

    def run(
        self, words: list[str], env: dict[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here, to its end, with these environment variables."""
        with TemporaryDirectory(prefix="carotid-fork-") as said:
            asked = {"words": words, "env": env, "folder": str(Path.cwd()), "said": said}
            late = threading.Timer(timeout_s, self._process.kill)
            late.start()
            print(json.dumps(asked), file=self._pipe(self._process.stdin), flush=True)
            answer = self._pipe(self._process.stdout).readline()
            late.cancel()
            out, err = (Path(said, name).read_text() for name in ("out", "err"))
        assert answer, f"longer than {timeout_s} s: {words}; it said {out}{err}"
        return subprocess.CompletedProcess(words, int(answer), out, err)

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe

    def _end(self) -> None:
        self._process.communicate()


def serve() -> None:
    """Run one command after another, each in a fork."""
    for name in OTHERS:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become(**asked)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer


def become(words: list[str], env: dict[str, str], folder: str, said: str) -> None:
    """Be the command from here on."""
    new = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for descriptor, (path, how) in enumerate(
        ((os.devnull, os.O_RDONLY), (f"{said}/out", new), (f"{said}/err", new))
    ):
        os.dup2(os.open(path, how), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = words
    from carotid.cli import main

    main()


if __name__ == "__main__":
    serve()
