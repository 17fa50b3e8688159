"""What a pipeline goes through, and which settings it takes."""

from __future__ import annotations

import json
import logging
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import MagicMock

import pytest
from tests.cohort.stage_runs import run
from tests.command import contents, tree
from tests.necks import write_scan
from tests.toy_stages import LENGTHS, WORDS, toys  # noqa: F401 - a fixture

import carotid.provenance
from carotid.cohort import run_pipeline as running
from carotid.cohort.chain import left_to_make
from carotid.cohort.run_pipeline import PipelineRequest, run_pipeline, settings_of
from carotid.errors import ModelError, UsageError
from carotid.stages.catalog import PIPELINE, stage_named
from carotid.stages.one_piece import OnePiece
from carotid.storage.model_description import ModelDescription, write_model_description

if TYPE_CHECKING:
    from carotid.cohort.outcome import Outcome
    from carotid.cohort.runner import StepProgress
    from carotid.stages.stage import Made
    from carotid.storage.results.layout import OutputLayout

STAGES = [stage_named(name) for name in PIPELINE]
LAST_LENGTHS = replace(LENGTHS, name="last_lengths", needs=("lengths",))
USUAL = frozenset({"centerline", "contour", "segmentation"})


@pytest.mark.parametrize(
    ("written", "there", "left"),
    [
        (USUAL, "", "heatmap centerline polar contour segmentation"),
        (USUAL, "centerline", "polar contour segmentation"),
        (USUAL, "centerline contour", "segmentation"),
        (USUAL, "contour segmentation", "heatmap centerline"),
        (USUAL, "centerline segmentation", "polar contour"),
        (USUAL, "heatmap", "centerline polar contour segmentation"),
        (USUAL, "centerline contour segmentation", ""),
        (frozenset(PIPELINE), "centerline contour segmentation", "heatmap polar"),
        (frozenset({"segmentation"}), "contour", "segmentation"),
        (frozenset({"segmentation"}), "heatmap", "centerline polar contour segmentation"),
    ],
)
def test_only_what_is_needed_is_made(written: frozenset[str], there: str, left: str) -> None:
    present = {stage.name: stage.name in there.split() for stage in STAGES}
    found = left_to_make(STAGES, written, present)
    assert [stage.name for stage in found] == left.split()


@pytest.mark.parametrize(
    ("trained", "config", "expected"),
    [
        ({}, "", "linear"),
        ({"sampling": "compatible"}, "", "compatible"),
        ({"sampling": "compatible"}, '[polar_transform]\nsampling = "linear"\n', "linear"),
        ({"sampling": "linear"}, '[polar_transform]\nsampling = "compatible"\n', "compatible"),
        (None, "", "linear"),
    ],
)
def test_sampling_is_that_of_the_contour_networks_unless_set(
    trained: dict[str, str] | None, config: str, expected: str, tmp_path: Path
) -> None:
    if trained is not None:
        (tmp_path / "parameters.json").write_text(json.dumps(trained))
    (tmp_path / "config.toml").write_text(config)
    request = PipelineRequest(
        stages=STAGES,
        written=USUAL,
        raw_dir=tmp_path,
        model_dirs={"heatmap": tmp_path, "contour": tmp_path},
        output_dir=tmp_path / "out",
        config_path=tmp_path / "config.toml",
    )
    polar: Any = settings_of(request)["polar"]
    assert polar.sampling == expected


class Told:
    """Notes what a run tells, in its order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.progress = MagicMock()
        self.progress.finished = lambda one: self.events.append(
            f"{one.status} {one.participant_id}"
        )
        self.progress.entered = lambda who, step: self.events.append(f"{step} of {who}")

    def _finished(self, outcome: Outcome) -> None:
        self.events.append(f"{outcome.status} {outcome.participant_id}")

    def run(self, request: PipelineRequest) -> list[Outcome]:
        return run_pipeline(request, lambda _: nullcontext(cast("StepProgress", self.progress)))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """The toy stages in place of the pipeline's, in this process."""
    monkeypatch.setattr(running, "prepare_process", lambda: None)
    return Told()


def two_steps(raw_dir: Path, output_dir: Path) -> PipelineRequest:
    kept = frozenset({"words", "lengths"})
    return PipelineRequest(
        stages=[WORDS, LENGTHS], written=kept, raw_dir=raw_dir, model_dirs={}, output_dir=output_dir
    )


@pytest.mark.usefixtures("toys")
def test_results_do_not_come_to_lie_among_scans(told: Told, tmp_path: Path) -> None:
    """The output directory holds the folder of scans, and a scan is called as that folder."""
    for name in ("a", "raw"):
        write_scan(tmp_path / "raw" / f"{name}.mha", 10)
    before = contents(tmp_path)
    request = two_steps(tmp_path / "raw", tmp_path)
    with pytest.raises(UsageError, match="a participant's results would lie in an input directory"):
        told.run(request)
    assert contents(tmp_path) == before
    assert [one.status for one in told.run(replace(request, participants=["a"]))] == ["done"]


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("name", ["participants.tsv", "arteries.tsv"])
def test_tables_of_others_are_not_overwritten(told: Told, tmp_path: Path, name: str) -> None:
    """As of a BIDS data set, whose scans lie in its `sourcedata`."""
    write_scan(tmp_path / "sourcedata" / "a.mha", 10)
    (tmp_path / name).write_text("participant_id\tage\na\t61\n")
    before = contents(tmp_path)
    request = two_steps(tmp_path / "sourcedata", tmp_path)
    closing = replace(LENGTHS, closing="tests.cohort.test_run_pipeline:no_tables")
    with pytest.raises(UsageError, match=rf"{name}: a table that this program did not"):
        told.run(replace(request, stages=[WORDS, closing]))
    assert contents(tmp_path) == before
    assert [one.status for one in told.run(request)] == ["done"], "writes no tables"
    (tmp_path / name).write_text("participant_id\twt_method\n")
    again = told.run(replace(request, stages=[WORDS, closing], force=True))
    assert [one.status for one in again] == ["done"]


@pytest.mark.usefixtures("toys")
def test_a_table_that_cannot_be_read_is_named(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scan(tmp_path / "raw" / "a.mha", 10)
    table = tmp_path / "out" / "participants.tsv"
    table.parent.mkdir()
    table.touch()
    opened = Path.open

    def refused(path: Path, *given: Any) -> Any:
        if path == table:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *given)

    monkeypatch.setattr(Path, "open", refused)
    request = two_steps(tmp_path / "raw", table.parent)
    closing = replace(LENGTHS, closing="tests.cohort.test_run_pipeline:no_tables")
    with pytest.raises(UsageError, match=r"participants.tsv: a table .* cannot be read"):
        told.run(replace(request, stages=[WORDS, closing]))


def no_tables(_layout: OutputLayout) -> None:
    """What a stage may leave for all participants together."""


@pytest.mark.usefixtures("toys")
def test_scans_that_cannot_be_used_are_told_before_others_are_computed(
    told: Told, tmp_path: Path
) -> None:
    for k, name in enumerate(("a", "b", "c")):
        write_scan(tmp_path / "raw" / f"{name}.mha", 10 + k)
    (tmp_path / "raw" / "b.mha").write_bytes(b"ObjectType = Image\nNDims = 4\n")
    request = two_steps(tmp_path / "raw", tmp_path / "out")
    outcomes = told.run(request)
    assert [one.status for one in outcomes] == ["done", "failed", "done"]
    assert "b.mha" in outcomes[1].reason
    assert told.events[0] == "failed b"
    assert told.events.count("failed b") == 1
    assert (tmp_path / "out" / "c" / "lengths_transform" / "word.txt").exists()


@pytest.mark.usefixtures("toys")
def test_a_chain_that_is_complete_begins_nothing(told: Told, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_scan(tmp_path / "raw" / f"{name}.mha", 10)
    request = two_steps(tmp_path / "raw", tmp_path / "out")
    told.run(request)
    told.events.clear()
    outcomes = told.run(request)
    assert [one.status for one in outcomes] == ["skipped", "skipped"]
    assert told.events == []


@pytest.mark.usefixtures("toys")
def test_other_settings_of_a_step_that_is_not_kept_are_called_that(
    told: Told, tmp_path: Path
) -> None:
    """Not a change of what results were made from: nobody has touched that."""
    write_scan(tmp_path / "raw" / "a.mha", 10)
    request = replace(two_steps(tmp_path / "raw", tmp_path / "out"), written=frozenset({"lengths"}))
    told.run(request)
    before = tree(tmp_path / "out")
    (tmp_path / "config.toml").write_text("[words_transform]\nthreshold = 400\n")
    other = replace(request, config_path=tmp_path / "config.toml")
    with pytest.raises(UsageError, match=r"a was done differently: threshold is 400, was 500\."):
        told.run(other)
    assert tree(tmp_path / "out") == before
    assert [one.status for one in told.run(replace(other, force=True))] == ["done"]
    assert [one.status for one in told.run(other)] == ["skipped"]
    write_scan(tmp_path / "raw" / "a.mha", 11)
    with pytest.raises(UsageError, match=r"changed since \(found a: its words result\)"):
        told.run(other)


@pytest.mark.usefixtures("toys")
def test_a_summary_that_a_killed_run_could_not_write_is_written_by_the_next_one(
    told: Told, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write_scan(tmp_path / "raw" / f"{name}.mha", 10)
    out = tmp_path / "out"
    request = two_steps(tmp_path / "raw", out)
    told.run(request)
    summary, half = out / "summary.json", out / ".summary.json.part"
    for left in (True, False):
        summary.unlink()
        if left:
            half.write_text("{")
        told.run(request)
        rows = json.loads(summary.read_text())["pipeline"]["participants"]
        assert [row["participant_id"] for row in rows] == ["a", "b"]
        assert not half.exists()
    before = summary.stat().st_mtime_ns
    told.run(request)
    assert summary.stat().st_mtime_ns == before, "nothing to add"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", 128),
        ("[heatmap_transform]\noverlap = 0.5\n", 128),
        ("[heatmap_transform]\nmax_roi_depth = 96\n", 96),
    ],
)
def test_windows_are_as_deep_as_the_heatmap_networks_ask_unless_set(
    config: str, expected: int, tmp_path: Path
) -> None:
    described = ModelDescription("heatmap", "a U-Net", settings={"heatmap": {"max_roi_depth": 128}})
    write_model_description(tmp_path, described)
    (tmp_path / "config.toml").write_text(config)
    request = PipelineRequest(
        stages=STAGES,
        written=USUAL,
        raw_dir=tmp_path,
        model_dirs={"heatmap": tmp_path},
        output_dir=tmp_path / "out",
        config_path=tmp_path / "config.toml",
    )
    heatmap: Any = settings_of(request)["heatmap"]
    assert heatmap.max_roi_depth == expected
    assert heatmap.roi_size == (368, 64, 320)


def test_settings_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    described = ModelDescription("heatmap", "a U-Net", settings={"heatmap": {"max_roi_depth": 100}})
    write_model_description(tmp_path, described)
    with pytest.raises(ModelError, match=r"settings\.heatmap.*multiple of 16"):
        stage_named("heatmap").wishes_of(tmp_path)


@pytest.fixture
def remarked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads a scan has something to tell of it."""
    plainly = OnePiece.made

    def with_remarks(task: OnePiece, result: Any, sources: Any) -> Made:
        made = plainly(task, result, sources)
        return replace(made, remarks=("doubtful: a toy",)) if "scan" in sources else made

    monkeypatch.setattr(OnePiece, "made", with_remarks)


@pytest.mark.usefixtures("toys", "remarked")
@pytest.mark.parametrize("kept", [{"words", "lengths"}, {"lengths"}])
def test_a_run_that_goes_on_has_the_remarks_of_one_that_was_not_stopped(
    kept: set[str], told: Told, tmp_path: Path
) -> None:
    write_scan(tmp_path / "raw" / "a.mha", 10)
    out = tmp_path / "out"
    again = replace(two_steps(tmp_path / "raw", out), stages=[WORDS, LENGTHS, LAST_LENGTHS])
    first = replace(two_steps(tmp_path / "raw", out), written=frozenset(kept))
    assert [one.remark for one in told.run(first)] == ["doubtful: a toy"]
    again = replace(again, written=frozenset({*kept, "last_lengths"}))
    assert [one.remark for one in told.run(again)] == ["doubtful: a toy"]


@pytest.mark.usefixtures("toys", "remarked")
def test_a_run_that_goes_on_from_a_transform_has_its_remarks(told: Told, tmp_path: Path) -> None:
    write_scan(tmp_path / "raw" / "a.mha", 10)
    (first,) = run(WORDS, tmp_path / "out", raw_dir=tmp_path / "raw")
    (then,) = told.run(two_steps(tmp_path / "raw", tmp_path / "out"))
    assert first.remark == then.remark == "doubtful: a toy"


@pytest.mark.usefixtures("toys")
def test_results_of_other_versions_are_told_once_for_all_steps(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_scan(tmp_path / "raw" / "a.mha", 10)
    request = two_steps(tmp_path / "raw", tmp_path / "out")
    told.run(request)
    now = {**carotid.provenance.versions(), "torch": "99.1"}
    monkeypatch.setattr(carotid.provenance, "versions", lambda: now)
    with caplog.at_level(logging.WARNING):
        told.run(request)
    assert caplog.text.count("(now 99.1)") == 1


@pytest.mark.usefixtures("toys")
def test_scans_are_read_again_where_they_come_from_another_folder(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scan(tmp_path / "raw" / "a.mha", 10)
    write_scan(tmp_path / "later" / "a.mha", 20)
    request = two_steps(tmp_path / "raw", tmp_path / "out")
    told.run(request)
    with pytest.raises(UsageError, match="has changed since"):
        told.run(replace(request, raw_dir=tmp_path / "later"))
    monkeypatch.setattr("carotid.stages.inputs.hash_scan", None)  # it is not asked
    assert [one.status for one in told.run(request)] == ["skipped"]
