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
        self._env = env
        self._process: subprocess.Popen[str] | None = None
        atexit.register(self._end)

    def run(
        self, words: list[str], env: dict[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here, to its end, with these environment variables."""
        process = self._process = self._process or self._started()
        late = threading.Timer(timeout_s, process.kill)
        with TemporaryDirectory(prefix="carotid-fork-") as said:
            asked = {"words": words, "env": env, "folder": str(Path.cwd()), "said": said}
            late.start()
            try:
                answer = _answer(process, json.dumps(asked))
            except BaseException:
                process.kill()  # a later command shall not take this one's answer for its own
                self._end()
                raise
            finally:
                late.cancel()
            out, err = (Path(said, name).read_text() for name in ("out", "err"))
        return subprocess.CompletedProcess(words, answer, out, err)

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.forks"],
            cwd=ROOT,
            env=self._env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _end(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


def _answer(process: subprocess.Popen[str], asked: str) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    print(asked, file=process.stdin, flush=True)
    answer = process.stdout.readline()
    assert answer, "the process that forks has ended, or the command took too long"
    return int(answer)


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
