"""The installed command in a process of its own, watched: time, memory, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.command import CAROTID, contents, environment
from tests.necks import write_scan
from tests.networks import write_models
from tests.polar_networks import write_version_1

from carotid.network.polar_cnn import Variant
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TIME_LIMIT_S = 400
"""Generous, because other things may run on the machine; a hang is a hang."""

MEMORY_LIMIT_BYTES = 1 << 30
"""Most resident memory of any run on the tiny scans of these tests; PyTorch alone has a third."""

CONFIG = "[heatmap_transform]\nroi_size = [32, 32, 32]\noverlap = 0\n"
AS_THEY_ARE = '{"rescale": false, "lower_percentile_rescaler": 0, "upper_percentile_rescaler": 100}'
QUIET = ("--device", "cpu", "--threads", "1")


def run_module(name: str, *arguments: object) -> tuple[list[Any], str]:
    """What a module of this folder prints, JSON line by line, and what it says beside that."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.faults.{name}", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-3000:])
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@dataclass(frozen=True)
class Ran:
    """How a command ended.

    Attributes:
        code: Exit code, or minus the signal that ended it.
        out: Standard output.
        err: Standard error.
        peak_bytes: Most memory that was resident.
    """

    code: int
    out: str
    err: str
    peak_bytes: int

    @property
    def said(self) -> str:
        """All that it said."""
        return self.out + self.err


@dataclass(frozen=True)
class Place:
    """Input, models, configuration and output of one command, in a folder of their own."""

    root: Path

    @classmethod
    def made(cls, root: Path, participants: Sequence[str] = ("good",), models: int = 2) -> Place:
        """A place where the command would succeed."""
        place = cls(root)
        for number, name in enumerate(participants):
            write_scan(place.raw / f"{name}.mha", 1 + 0.1 * number)
        place.raw.mkdir(parents=True, exist_ok=True)
        (place.raw / "parameters.json").write_text(AS_THEY_ARE)
        write_models(place.models, models)
        place.config.write_text(CONFIG)
        return place

    @property
    def raw(self) -> Path:
        """RAW_DIR."""
        return self.root / "raw"

    @property
    def models(self) -> Path:
        """HEATMAP_MODEL_DIR."""
        return self.root / "models"

    @property
    def out(self) -> Path:
        """OUTPUT_DIR."""
        return self.root / "out"

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.root / "config.toml"

    @property
    def arguments(self) -> list[str]:
        """The arguments of the heatmap command."""
        places = [str(path) for path in (self.raw, self.models, self.out)]
        return ["transform", "heatmap", *places, "--config_path", str(self.config), *QUIET]

    def inputs(self) -> dict[str, str]:
        """Hashes of all that is only read."""
        found = {f"raw/{name}": digest for name, digest in contents(self.raw).items()}
        return found | {f"models/{n}": digest for n, digest in contents(self.models).items()}

    def results(self) -> dict[str, str]:
        """Hashes of what lies under final names: all but hidden files and the summary."""
        if not self.out.is_dir():
            return {}
        return {
            name: digest
            for name, digest in contents(self.out).items()
            if not name.startswith(".") and name != "summary.json"
        }

    def complete(self) -> list[str]:
        """Participants whose heatmaps lie under their final names, all files of them."""
        names = ("mean.mha", "std.mha", "max_indices.npy")
        files = [f"{side}_heatmap/{name}" for side in ("left", "right") for name in names]
        folders = sorted(self.out.glob("*/heatmap_transform"))
        for folder in folders:
            for name in (*files, "provenance.json"):
                assert (folder / name).is_file(), f"half a result: {folder / name} is missing"
        return [folder.parent.name for folder in folders]


RUN_CONFIG = (
    CONFIG
    + '[centerline_transform]\nmethod = "sections"\nthreshold = -1e6\nstep_size = 10\n'
    + "[contour_transform]\ndelta_theta = 0.5\n"
    + '[measurement_transform]\nthickness = "radial"\n'
)
RUN_STEPS = ("centerline", "contour", "segmentation", "measurement")
"""What `carotid run` keeps of a participant."""


class RunPlace(Place):
    """A place for `carotid run`; its networks have random weights and see arteries everywhere."""

    @classmethod
    def made(cls, root: Path, participants: Sequence[str] = ("good",), models: int = 1) -> RunPlace:
        """A place where the command would succeed."""
        Place.made(root, participants, models)
        place = cls(root)
        place.config.write_text(RUN_CONFIG)
        write_version_1(root / "contour_models", Variant(2, dropout=False))
        return place

    @property
    def arguments(self) -> list[str]:
        """The arguments of the command."""
        models = ("--heatmap_model_dir", self.models, "--contour_model_dir", self.contour_models)
        places = ("run", self.raw, self.out, *models, "--config_path", self.config)
        return [*map(str, places), "--no_page", *QUIET]

    @property
    def contour_models(self) -> Path:
        """The weights of the contour networks."""
        return self.root / "contour_models"

    def complete(self) -> list[str]:
        """Participants with results of all steps; none of any step may be half there."""
        found: dict[str, int] = {}
        for folder in sorted(self.out.glob("*/*_transform")):
            assert read_record(folder) is not None, f"half a result: {folder}"
            found[folder.parent.name] = found.get(folder.parent.name, 0) + 1
        return [name for name, steps in found.items() if steps == len(RUN_STEPS)]


def start(
    arguments: Sequence[str | Path],
    folder: Path,
    *,
    before: Callable[[], None] | None = None,
    env: dict[str, str] | None = None,
    program: Sequence[str | Path] = (CAROTID,),
) -> subprocess.Popen[bytes]:
    """Start a command whose output goes to `folder/stdout` and `folder/stderr`."""
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        return subprocess.Popen(
            [str(word) for word in (*program, *arguments)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment() if env is None else env,
            preexec_fn=before,
        )


def resident_peak_bytes(pid: int) -> int:
    """Most memory that a process had since it began; `ru_maxrss` would count its parent's too."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) << 10
    except (OSError, IndexError, ValueError):
        return 0  # it has just ended


def finish(process: subprocess.Popen[bytes], folder: Path, limit_s: float = TIME_LIMIT_S) -> Ran:
    """Wait for a command that `start` started."""
    end = time.monotonic() + limit_s
    peak = 0
    while True:
        peak = max(peak, resident_peak_bytes(process.pid))
        pid, status, _ = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > end:
            os.kill(process.pid, signal.SIGKILL)
            os.wait4(process.pid, 0)
            message = f"still running after {limit_s} s: {process.args!r}"
            raise AssertionError(message)
        time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    out, err = ((folder / name).read_bytes() for name in ("stdout", "stderr"))
    return Ran(
        process.returncode,
        out.decode("utf-8", "backslashreplace"),
        err.decode("utf-8", "backslashreplace"),
        peak,
    )


def run(
    arguments: Sequence[str | Path],
    folder: Path,
    *,
    before: Callable[[], None] | None = None,
    env: dict[str, str] | None = None,
    program: Sequence[str | Path] = (CAROTID,),
) -> Ran:
    """Run a command to its end."""
    return finish(start(arguments, folder, before=before, env=env, program=program), folder)
