"""Signals, several processes at once, and surroundings that are not what programs are used to."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.command import CAROTID, environment, unfinished
from tests.faults.harness import MEMORY_LIMIT_BYTES, Place, finish, run, start
from tests.storage.nifti.files import content_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(3000)  # on a busy machine; seconds on a free one

TICKS_S = 1 / os.sysconf("SC_CLK_TCK")
STOP_S = 2.0
ENDLESS = "[heatmap_transform]\nroi_size = [32, 16, 16]\noverlap = 0.97\n"
"""Windows by the thousand: more than a run could do before it is stopped."""


def cpu_s(pid: int) -> float:
    """Seconds that a process has computed for; its children not counted."""
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICKS_S


def wait_until_computing(place: Place, process: subprocess.Popen[bytes]) -> None:
    """Until a participant's result is being put together."""
    end = time.monotonic() + 300
    while not list((place.out / ".carotid").glob("heatmap_transform-*[!k]")):
        assert process.poll() is None, (place.root / "stderr").read_text()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.faults),
        pytest.param(signal.SIGUSR1, 138, marks=pytest.mark.faults),
        pytest.param(signal.SIGXCPU, 152, marks=pytest.mark.faults),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_signal_ends_the_run_soon_and_says_how_to_go_on(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    place = Place.made(tmp_path, ["one", "two"], models=1)
    place.config.write_text(ENDLESS)

    def not_ignored() -> None:  # as SIGHUP is in tests that were started with nohup
        signal.signal(number, signal.SIG_DFL)

    process = start(place.arguments, tmp_path, before=not_ignored)
    wait_until_computing(place, process)
    time.sleep(0.3)
    before = cpu_s(process.pid)
    process.send_signal(number)
    pid, status, usage = os.wait4(process.pid, 0)
    assert pid == process.pid
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == code
    assert usage.ru_utime + usage.ru_stime - before < STOP_S, "on a free core it takes as long"
    said = (tmp_path / "stderr").read_text()
    assert f"interrupted by {number.name}" in said
    assert "run the same command again to go on" in said
    assert "Traceback" not in said
    assert place.complete() == []
    assert unfinished(place.out) == []


@pytest.mark.faults
@pytest.mark.parametrize("delay_s", [0.0, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_a_signal_at_any_time_leaves_whole_results(delay_s: float, tmp_path: Path) -> None:
    place = Place.made(tmp_path, [f"sub-{n}" for n in range(40)], models=1)
    process = start(place.arguments, tmp_path)
    begin = cpu_s(process.pid)
    while process.poll() is None and cpu_s(process.pid) < begin + 0.1 + delay_s:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    ran = finish(process, tmp_path)
    assert ran.code in (0, 143, -15)  # at the very beginning, Python itself is ended by it
    assert "Traceback" not in ran.said
    done = place.complete()
    again = run(place.arguments, tmp_path)
    assert again.code == 0, again.err
    assert len(place.complete()) == 40
    assert again.out.count(" done") >= (1 if len(done) < 40 else 0)


def lines_of(ran_out: str) -> dict[str, str]:
    """Participant and result, from the closing table."""
    return dict(re.findall(r"^(sub-\d+) +(done|skipped|failed)", ran_out, re.MULTILINE))


@pytest.mark.parametrize(
    "processes", [2, pytest.param(8, marks=pytest.mark.faults)], ids=["two", "eight"]
)
def test_processes_on_one_directory_share_the_work(processes: int, tmp_path: Path) -> None:
    names = [f"sub-{n:02}" for n in range(6)]
    place = Place.made(tmp_path, names, models=1)
    folders = [tmp_path / f"process {n}" for n in range(processes)]
    for folder in folders:
        folder.mkdir()
    running = [start(place.arguments, folder) for folder in folders]
    ended = [finish(one, folder) for one, folder in zip(running, folders, strict=True)]
    done: Counter[str] = Counter()
    for ran in ended:
        assert "Traceback" not in ran.said
        assert ran.code == 0, ran.said
        if "already holds the heatmap results of all 6 participants" in ran.out:
            continue
        table = lines_of(ran.out)
        assert sorted(table) == names
        assert "failed" not in table.values()
        done.update(name for name, result in table.items() if result == "done")
    assert done == Counter(names), "every participant is done once, by one process"
    assert place.complete() == names
    assert unfinished(place.out) == []
    alone = Place.made(tmp_path / "alone", names, models=1)
    assert run(alone.arguments, tmp_path).code == 0
    for name, digest in alone.results().items():
        if name.endswith((".mha", ".npy")):
            assert place.results()[name] == digest, name


def test_no_home_no_variables_and_an_ascii_locale(tmp_path: Path) -> None:
    place = Place.made(tmp_path, ["Müller", "sub 1"], models=1)
    env = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1"}
    ran = run(place.arguments, tmp_path, env=env)
    assert ran.code == 0, ran.err
    assert "Traceback" not in ran.said
    assert "2 done" in ran.out
    assert place.complete() == ["Müller", "sub 1"]
    table = json.loads((place.out / "summary.json").read_text("utf-8"))["heatmap_transform"][
        "participants"
    ]
    assert [row["participant_id"] for row in table] == ["Müller", "sub 1"]


@pytest.mark.faults
@pytest.mark.parametrize("closed", ["stdout", "stderr", "both", "stdin"])
def test_closed_streams_stop_nothing(closed: str, tmp_path: Path) -> None:
    place = Place.made(tmp_path, models=1)
    numbers = {"stdout": [1], "stderr": [2], "both": [1, 2], "stdin": [0]}[closed]

    def close() -> None:
        for number in numbers:
            os.close(number)

    ran = run(place.arguments, tmp_path, before=close)
    assert place.complete() == ["good"]
    assert ran.code == 0, ran.said
    assert place.inputs() == Place.made(tmp_path / "again", models=1).inputs()
    assert "Traceback" not in ran.said


@pytest.mark.faults
def test_a_reader_that_went_away_stops_nothing(tmp_path: Path) -> None:
    place = Place.made(tmp_path, models=1)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [CAROTID, *place.arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
        check=False,
        timeout=400,
    )
    os.close(writer)
    assert place.complete() == ["good"]
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.faults
def test_a_full_standard_output_stops_nothing(tmp_path: Path) -> None:
    place = Place.made(tmp_path, models=1)
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [CAROTID, *place.arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
            check=False,
            timeout=400,
        )
    assert place.complete() == ["good"]
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr


def test_a_scan_larger_than_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    place = Place.made(tmp_path, models=1)
    with (place.raw / "giant.nii").open("wb") as file:
        file.write(content_of(dim=[3, 32767, 32767, 512, 1, 1, 1, 1]))
        file.truncate(352 + 2 * 32767 * 32767 * 512)  # a hole: it takes no room on the disk
    ran = run(place.arguments, tmp_path)
    assert ran.code == 1, ran.said
    assert place.complete() == ["good"]
    (line,) = [line for line in ran.out.splitlines() if line.startswith("giant ")]
    assert "giant.nii: the scan needs more memory than there is" in line
    assert re.search(r"found \d+\.\d GiB available, expected about \d+\.\d GiB", line)
    assert ran.peak_bytes < MEMORY_LIMIT_BYTES
