"""Participants on the workers of a cluster: on this machine alone, and stopped by the test."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.cohort.stage_runs import run
from tests.command import contents, unfinished
from tests.documentation import DOCS, blocks
from tests.necks import affine_of, neck
from tests.toy_stages import SLOW, WORDS, toys

from carotid.cohort.cluster import for_workers
from carotid.cohort.cluster_worker import Job, do_participant
from carotid.cohort.run import Request, open_stage
from carotid.cohort.shard import Shard
from carotid.errors import ResourceError, UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.storage.metaimage.write import write_metaimage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carotid.cohort.outcome import Outcome

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

__all__ = ["toys"]

pytestmark = [
    pytest.mark.usefixtures("toys"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]

IDS = [f"sub-{number:02}" for number in range(24)]
BAD = "sub-07"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes with one slot each, which come again where they are killed."""
    made = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 small scans, one of them empty."""
    folder = tmp_path_factory.mktemp("cluster") / "raw"
    folder.mkdir()
    for number, name in enumerate(IDS):
        array = (neck() * (0 if name == BAD else 900 + number)).astype(np.int16)
        write_metaimage(folder / f"{name}.mha", Volume(array, Grid(array.shape, affine_of())))
    return folder


def without_hosts(outcomes: list[Outcome]) -> list[tuple[str, str, str]]:
    """Failures on a cluster say on which host."""
    return [(o.participant_id, o.status, o.reason.split(" (on ")[0]) for o in outcomes]


def test_a_worker_killed_in_the_middle_costs_nothing(
    cluster: Any, raw: Path, tmp_path: Path
) -> None:
    """Each participant takes a moment; a worker is killed while it has one in hand."""
    here, there = tmp_path / "here", tmp_path / "there"
    alone = run(SLOW, here, raw_dir=raw)
    killed: list[int] = []

    def kill_one() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not killed:
            if len(list(there.glob("*/slow_transform"))) >= 4:
                client = distributed.Client(cluster.scheduler_address, set_as_default=False)
                pids = client.run(os.getpid)
                client.close()
                killed.append(next(iter(pids.values())))
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    together = run(SLOW, there, raw_dir=raw, scheduler=cluster.scheduler_address)
    killer.join()
    assert killed, "the run was over before a worker could be killed"
    assert [o.status for o in alone].count("done") == 23
    assert without_hosts(together) == without_hosts(alone)
    assert "nothing to see in it" in together[7].reason
    assert together[7].reason.count(" (on ") == 1
    same = contents(there)
    reference = contents(here)
    for told in ("parameters.json", "summary.json"):  # directories, hosts
        same.pop(told)
        reference.pop(told)
    assert same == reference
    assert unfinished(there) == []
    rows = [
        [
            (row["participant_id"], row["result"])
            for row in summary["slow_transform"]["participants"]
        ]
        for summary in (json.loads((out / "summary.json").read_text()) for out in (here, there))
    ]
    assert rows[0] == rows[1]


def test_complete_ones_are_not_given_out_and_parts_are_kept(
    cluster: Any, raw: Path, tmp_path: Path
) -> None:
    out, part = tmp_path / "out", Shard(1, 3)
    first = run(WORDS, out, raw_dir=raw, scheduler=cluster.scheduler_address, shard=part)
    assert [o.participant_id for o in first] == part.of(IDS)
    again = run(WORDS, out, raw_dir=raw, scheduler=cluster.scheduler_address)
    skipped = [o.participant_id for o in again if o.status == "skipped"]
    assert skipped == [o.participant_id for o in first if o.status == "done"]
    assert [o.status for o in again].count("done") == 23 - len(skipped)


def test_a_scheduler_file_and_a_folder_elsewhere(
    cluster: Any, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths that hold here alone reach workers as they are meant."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").symlink_to(raw)
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps(cluster.scheduler_info | {"address": cluster.scheduler_address}))
    outcomes = run(
        WORDS, Path("out"), raw_dir=Path("raw"), scheduler=str(file), participants=IDS[:3]
    )
    assert [o.status for o in outcomes] == ["done"] * 3
    assert (tmp_path / "out" / "sub-00" / "words_transform").is_dir()


def test_no_scheduler_is_one_line(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carotid.cohort.cluster._CONNECT_S", 1)
    with pytest.raises(UsageError, match="no scheduler answers there"):
        run(WORDS, tmp_path / "out", raw_dir=raw, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(UsageError, match="no scheduler answers there"):
        run(WORDS, tmp_path / "out", raw_dir=raw, scheduler="no such file.json")


def test_a_scheduler_that_ends_loses_nothing(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what a user sees whose own job with the scheduler runs out of time."""
    monkeypatch.setattr("carotid.cohort.cluster._CONNECT_S", 5)
    out = tmp_path / "out"

    def end(cluster: Any) -> None:
        deadline = time.monotonic() + 60
        while len(list(out.glob("*/slow_transform"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        cluster.close()

    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as own:
        ending = threading.Thread(target=end, args=(own,))
        ending.start()
        with pytest.raises(ResourceError, match="scheduler was lost"):
            run(SLOW, out, raw_dir=raw, scheduler=own.scheduler_address)
        ending.join()
    done = list(out.glob("*/slow_transform"))
    assert 0 < len(done) < 23
    left = run(SLOW, out, raw_dir=raw)
    assert [o.status for o in left].count("skipped") == len(done)


def test_a_scheduler_that_ends_while_a_result_is_fetched(
    cluster: Any, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A participant is finished, and the connection is lost before it is told."""

    def result(future: Any, timeout: float | None = None) -> None:
        raise distributed.client.FutureCancelledError(future.key, "scheduler-connection-lost")

    monkeypatch.setattr(distributed.Future, "result", result)
    with pytest.raises(ResourceError, match="scheduler was lost"):
        run(WORDS, tmp_path / "out", raw_dir=raw, scheduler=cluster.scheduler_address)


def test_workers_are_told_whole_paths_and_options_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = {"crop": "A -20 40", "none": None}
    request = Request(
        stage=WORDS, output_dir=Path("out"), input_dirs={"lines": Path("in")}, options=options
    )
    found = for_workers(replace(request, shard=Shard(1, 2), scheduler="tcp://here"))
    assert (found.output_dir, found.input_dirs) == (tmp_path / "out", {"lines": tmp_path / "in"})
    assert (found.options, found.shard, found.scheduler) == (options, None, None)


def test_options_of_a_command_do_not_stop_a_cluster(
    cluster: Any, raw: Path, tmp_path: Path
) -> None:
    here = {"raw_dir": raw, "options": {"crop": None}, "participants": IDS[:2]}
    outcomes = run(WORDS, tmp_path / "out", scheduler=cluster.scheduler_address, **here)
    assert [one.status for one in outcomes] == ["done", "done"]


def test_a_worker_that_sees_something_else_fails_its_participants(
    raw: Path, tmp_path: Path
) -> None:
    request = Request(stage=WORDS, output_dir=tmp_path / "out", raw_dir=raw)
    records = open_stage(request).records()
    job = Job("one", open_stage, for_workers(request), records)
    assert do_participant(job, IDS[0]).status == "done"
    other = {k: replace(r, parameters={**r.parameters, "threshold": 7}) for k, r in records.items()}
    outcome = do_participant(replace(job, name="two", records=other), IDS[1])
    assert outcome.status == "failed"
    assert "does not see the settings or models" in outcome.reason
    assert "threshold" in outcome.reason
    outcome = do_participant(replace(job, name="three", version="0.0"), IDS[1])
    assert "another version of carotid (found" in outcome.reason
    assert not (tmp_path / "out" / IDS[1]).exists()
    gone = replace(job.request, raw_dir=tmp_path / "gone")
    outcome = do_participant(replace(job, name="four", request=gone), IDS[1])
    assert outcome.status == "failed"
    assert "gone" in outcome.reason


def test_the_script_that_the_page_shows_is_the_one_that_is_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("dask_jobqueue")
    (example,) = [b.text for b in blocks(DOCS / "cohorts.md") if "SLURMCluster" in b.text]
    names: dict[str, Any] = {}
    with dask.config.set({"jobqueue.slurm.interface": "lo"}):
        exec(compile(example, "cohorts.md", "exec"), names)
    names["cluster"].close()
    script = capsys.readouterr().out
    (shown,) = [b.text for b in blocks(DOCS / "cohorts.md") if "#SBATCH -p" in b.text]
    for line in shown.splitlines():
        for part in re.split(r"tcp://… |…", line):
            assert part.strip() in script, part
