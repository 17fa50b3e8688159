"""No network, nothing outside the output, no patient data, the same bytes, and containers."""

from __future__ import annotations

import json
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from tests.command import CAROTID, contents, environment
from tests.dicom_series import PATIENT, make_volume, write_classic, write_enhanced
from tests.faults.harness import QUIET, Place, Ran, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom import Dataset

ROOT = Path(__file__).parents[2]

WATCHMAN = """
import json, os, sys
allowed = tuple(json.loads(os.environ["MAY_WRITE"]))
def watch(event, arguments):
    if event.startswith("socket.") or event in ("urllib.Request", "ftplib.connect"):
        os.write(2, f"WATCHMAN network {event} {arguments}\\n".encode())
    if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "os.startfile"):
        os.write(2, f"WATCHMAN process {event} {arguments}\\n".encode(errors="replace"))
    if event == "open" and isinstance(arguments[0], str):
        path, _, flags = arguments
        changes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        path = os.path.abspath(path)
        if changes and not path.startswith(allowed):
            os.write(2, f"WATCHMAN write {path}\\n".encode(errors="replace"))
    if event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link"):
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if not path.startswith(allowed):
            os.write(2, f"WATCHMAN change {event} {path}\\n".encode(errors="replace"))
sys.addaudithook(watch)
sys.modules["requests"] = None
import carotid.cli
carotid.cli.main()
"""


"""`requests` is no dependency of ours. Where other packages brought it, pydicom imports it, and on
import it tries whether it may bind a socket to the loopback address; nothing is sent."""


def watched(arguments: Sequence[str | Path], folder: Path, *may_write: Path) -> Ran:
    """Run a command while something looks at every file and connection that it opens."""
    allowed = [*map(str, may_write), "/dev/null", "/proc/self"]
    env = environment(MAY_WRITE=json.dumps(allowed), PYTHONDONTWRITEBYTECODE="1")
    return run(arguments, folder, env=env, program=[sys.executable, "-c", WATCHMAN])


def test_the_watchman_sees_what_he_shall_see(tmp_path: Path) -> None:
    """Else the tests below could not fail."""
    code = WATCHMAN.replace(
        "import carotid.cli\ncarotid.cli.main()",
        "import socket, pathlib\nsocket.socket()\npathlib.Path(sys.argv[1]).write_text('x')\n"
        "pathlib.Path(sys.argv[1] + '-2').mkdir()\nos.system('true')",
    )
    ran = run(
        [tmp_path / "x"],
        tmp_path,
        env=environment(MAY_WRITE=json.dumps([str(tmp_path / "out")])),
        program=[sys.executable, "-c", code],
    )
    for kind in ("network socket", "write ", "change os.mkdir", "process os.system"):
        assert f"WATCHMAN {kind}" in ran.err


def test_no_connection_and_no_write_outside_the_output(tmp_path: Path) -> None:
    place = Place.made(tmp_path, models=2)
    write_classic(make_volume(), place.raw / "dicom")
    ran = watched(["-vv", *place.arguments], tmp_path, place.out)
    assert ran.code == 0, ran.err
    assert "WATCHMAN" not in ran.said
    page = watched(["report", place.out, "--raw_dir", place.raw], tmp_path, place.out)
    assert page.code == 0, page.err
    assert "WATCHMAN" not in page.said


@pytest.mark.faults
@pytest.mark.parametrize("words", [["--help"], ["models", "list"], ["models", "path", "heatmap"]])
def test_no_connection_by_small_commands(words: list[str], tmp_path: Path) -> None:
    ran = watched(words, tmp_path, tmp_path / "out")
    assert "WATCHMAN" not in ran.said, ran.said
    assert "Traceback" not in ran.said


@pytest.mark.faults
def test_no_connection_by_the_simulation(tmp_path: Path) -> None:
    ran = watched(["simulate", tmp_path / "out", "--participants", "1"], tmp_path, tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "WATCHMAN" not in ran.said


def everything_said_and_written(place: Path, *ran: Ran) -> str:
    """All text of outputs and file names; compressed voxels hold no text."""
    said = [one.said for one in ran]
    for path in place.rglob("*"):
        said.append(str(path.relative_to(place)))
        if path.is_file():
            said.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(said)


def test_no_patient_data_anywhere(tmp_path: Path) -> None:
    def more(_: int, dataset: Dataset) -> None:
        dataset.PatientComments = "Zyxwv^Quiteunique"
        dataset.InstitutionName = "Hospital Zyxwv^Quiteunique"
        dataset.ReferringPhysicianName = "PID-77345"

    place = Place.made(tmp_path, models=1)
    write_classic(make_volume(), place.raw / "classic", edit=more)
    write_enhanced(make_volume(), place.raw / "enhanced" / "x.dcm")
    broken = write_classic(make_volume(), place.raw / "broken", edit=more)
    broken[1].unlink()
    cut = write_classic(make_volume(), place.raw / "cut", edit=more)
    cut[1].write_bytes(cut[1].read_bytes()[:-20])
    odd = write_classic(make_volume(), place.raw / "odd", edit=more)
    content = odd[0].read_bytes()
    odd[0].write_bytes(content.replace(b"0010", b"0x10").replace(b"LO", b"??"))
    ran = run(["-vv", *place.arguments], tmp_path)
    assert ran.code == 1
    assert "classic" in place.complete()
    report = run(["-vv", "report", place.out, "--raw_dir", place.raw], tmp_path)
    text = everything_said_and_written(place.out, ran, report)
    assert "broken" in text
    for secret in (*PATIENT.values(), "Zyxwv", "Quiteunique", "77345"):
        assert secret not in text


def test_two_runs_give_the_same_bytes_and_say_what_made_them(tmp_path: Path) -> None:
    first, second = (Place.made(tmp_path / name, ["one", "two"]) for name in ("a", "b"))
    for place in (first, second):
        write_classic(make_volume(), place.raw / "dicom", shuffle_seed=2)
    (tmp_path / "a" / "raw").rename(tmp_path / "raw")
    (tmp_path / "a" / "models").rename(tmp_path / "models")
    digests = []
    for place in (first, second):
        folders = (tmp_path / "raw", tmp_path / "models", place.out)
        words = ["transform", "heatmap", *map(str, folders), "--config_path", str(place.config)]
        ran = run([*words, *QUIET], tmp_path)
        assert ran.code == 0, ran.err
        digests.append(contents(place.out))
    assert digests[0] == digests[1]
    record = json.loads((first.out / "one" / "heatmap_transform" / "provenance.json").read_text())
    assert record["context"]["device"] == "cpu"
    assert {"carotid", "python", "torch", "numpy", "isal"} <= set(record["versions"])
    assert list(record["models"]) == ["unet_0.pt", "unet_1.pt"]
    for digest in (record["inputs"]["scan"]["sha256"], *record["models"].values()):
        assert re.fullmatch("[0-9a-f]{64}", digest)
    assert record["context"]["forward_pass"] == "all on the device"


def can(*words: str) -> bool:
    """Whether a helper program works here."""
    if shutil.which(words[0]) is None:
        return False
    done = subprocess.run([*words, "true"], capture_output=True, check=False)
    return done.returncode == 0


STRANGER = (
    *("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)
"""A user whom nobody knows, who may read everything and write nowhere but where told."""

OWN_WORLD = ("unshare", "--mount", "--net", "--ipc", "--uts")

needs_own_world = pytest.mark.skipif(
    not (can(*OWN_WORLD) and can(*STRANGER)), reason="needs root, unshare and setpriv"
)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may look into, as those of pytest are not."""
    with TemporaryDirectory(prefix="carotid-test-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.faults
@needs_own_world
def test_a_container_with_nothing_but_an_output(open_folder: Path) -> None:
    """A read-only root, a user without name or home, no network, little shared memory."""
    place = Place.made(open_folder, models=2)
    place.out.mkdir()
    check = f"find {place.out} -name '*.mha' | wc -l"
    script = "\n".join(
        [
            "set -e",
            "mount --make-rprivate /",
            f"mount -t tmpfs -o size=8m,mode=777 none {place.out}",
            "mount -t tmpfs -o size=128m,mode=1777 none /dev/shm",
            "mount -o remount,ro,bind /",
            "if touch /in-the-way 2>/dev/null; then echo 'the root can be written'; exit 99; fi",
            f"env -i {' '.join(STRANGER)} {CAROTID} {' '.join(place.arguments)}",
            check,
        ]
    )
    ran = run(["sh", "-c", script], open_folder, program=OWN_WORLD)
    assert ran.code == 0, ran.said
    assert "1 done" in ran.out
    assert ran.out.split()[-1] == "4", "two sides, mean and standard deviation"
    assert "Traceback" not in ran.said
    assert not list(place.out.iterdir()), "it was written to the container's own disk"


@pytest.mark.faults
@needs_own_world
def test_an_output_that_a_user_may_not_write(open_folder: Path) -> None:
    place = Place.made(open_folder, models=1)
    place.out.mkdir(mode=0o755)
    ran = run(place.arguments, open_folder, program=[*STRANGER, CAROTID])
    assert ran.code == 2
    assert "the output directory cannot be written" in ran.err
    assert "no permission to write" in ran.err
    assert not list(place.out.iterdir())


@pytest.mark.faults
@needs_own_world
def test_a_scan_that_a_user_may_not_read(open_folder: Path) -> None:
    place = Place.made(open_folder, ["good", "secret"], models=1)
    (place.raw / "secret.mha").chmod(0)
    place.out.mkdir(mode=0o777)
    place.out.chmod(0o777)
    plain = [word for word in STRANGER if "caps" not in word]
    if subprocess.run([*plain, CAROTID, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("this Python cannot be run by other users")
    ran = run(place.arguments, open_folder, program=[*plain, CAROTID])
    assert ran.code == 1, ran.said
    assert "not readable" in ran.out
    assert place.complete() == ["good"]


@pytest.mark.faults
@needs_own_world
@pytest.mark.parametrize("kib", [8, 40, 80, 120, 160, 200, 240, 320])
def test_a_small_disk_that_runs_full(kib: int, tmp_path: Path) -> None:
    place = Place.made(tmp_path, ["one", "two"], models=1)
    for path in place.raw.iterdir():
        shutil.copy(path, place.raw / f"{path.stem}-2.mha")
    place.out.mkdir()
    report = tmp_path / "found"
    script = "\n".join(
        [
            "mount --make-rprivate /",
            f"mount -t tmpfs -o size={kib}k none {place.out}",
            f"{CAROTID} {' '.join(place.arguments)}",
            "code=$?",
            f"find {place.out} -type f > {report}",
            "exit $code",
        ]
    )
    ran = run(["sh", "-c", script], tmp_path, program=OWN_WORLD)
    assert ran.code in (0, 1), ran.said
    assert "Traceback" not in ran.said
    assert "unexpected" not in ran.said
    if ran.code == 1:
        assert "No space left on device" in ran.said
    files = [Path(line).relative_to(place.out) for line in report.read_text().splitlines()]
    unfinished = [path for path in files if path.parts[0] == ".carotid" and path.suffix != ".lock"]
    assert not unfinished
    files = [path for path in files if path.suffix != ".lock"]
    per_participant = {
        path.parts[0]: sum(one.parts[0] == path.parts[0] for one in files)
        for path in files
        if len(path.parts) > 1
    }
    assert set(per_participant.values()) <= {7}, "a participant is complete or absent"
    for name in per_participant:
        assert re.search(rf"^{re.escape(name)} +done", ran.out, re.MULTILINE)


@pytest.mark.parametrize("limit_gib", [8, pytest.param(36, marks=pytest.mark.faults)])
def test_a_limit_on_virtual_memory_stops_nothing(limit_gib: int, tmp_path: Path) -> None:
    """The command reserves addresses by the GiB, but does without where they are counted."""
    place = Place.made(tmp_path / "limited", models=1)
    limit = limit_gib << 30

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    ran = run(place.arguments, tmp_path, before=limited)
    assert ran.code == 0, ran.said
    free = Place.made(tmp_path / "free", models=1)
    assert run(free.arguments, tmp_path).code == 0
    for name, digest in free.results().items():
        if name.endswith((".mha", ".npy")):
            assert place.results()[name] == digest, name
