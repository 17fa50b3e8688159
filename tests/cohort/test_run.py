"""A run of any stage: what is done, kept, refused and written down."""

from __future__ import annotations

import json
import logging
import os
import shutil
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import MagicMock

import nibabel
import numpy as np
import pytest
from tests.command import contents, tree, unfinished
from tests.necks import affine_of, neck
from tests.toy_stages import BOTH, LAST, LENGTHS, WORDS, toys

import carotid.provenance
from carotid.cohort.run import Request, run_stage
from carotid.errors import UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.participants import find_scans
from carotid.storage.raw import hash_scan
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.cohort.outcome import Outcome
    from carotid.cohort.runner import Progress
    from carotid.stages.stage import Stage
    from carotid.storage.raw import RawScan

__all__ = ["toys"]

pytestmark = pytest.mark.usefixtures("toys")


def write(path: Path, factor: float = 1000) -> None:
    """A scan whose file has the same size whatever the factor."""
    path.parent.mkdir(exist_ok=True)
    array = (neck() * factor).astype(np.int16)
    write_metaimage(path, Volume(array, Grid(array.shape, affine_of())))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        write(tmp_path / "raw" / f"{name}.mha")
    return tmp_path / "raw"


def run(stage: Stage, output_dir: Path, **more: Any) -> list[Outcome]:
    request = replace(Request(stage, output_dir), **more)
    return run_stage(request, lambda _: nullcontext(cast("Progress", MagicMock())))


def status(outcomes: list[Outcome]) -> list[str]:
    return [one.status for one in outcomes]


def entries(output_dir: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output_dir / "parameters.json").read_text())
    return content


def test_a_stage_of_scans(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert status(run(WORDS, out, raw_dir=raw)) == ["done", "done"]
    record = read_record(out / "one" / "words_transform")
    assert record is not None
    scan = record.inputs["scan"]
    assert scan.sha256 == hash_scan(find_scans(raw)["one"])
    assert scan.size_bytes == (raw / "one.mha").stat().st_size
    assert record.parameters["threshold"] == 500
    assert record.context["shape"] == list(neck().shape)
    own = entries(out)["words_transform"]
    assert (own["raw_dir"], own["threshold"]) == (str(raw), 500)
    assert "models" not in own
    summary = json.loads((out / "summary.json").read_text())
    assert [row["result"] for row in summary["words_transform"]["participants"]] == ["done"] * 2
    assert unfinished(out) == []


def test_what_cannot_be_used_is_said_before_the_first_scan_is_done(
    raw: Path, tmp_path: Path
) -> None:
    (raw / "zero.mha").write_bytes(b"no MetaImage at all")
    progress = MagicMock()
    request = Request(WORDS, tmp_path / "out", raw_dir=raw)
    outcomes = run_stage(request, lambda _: nullcontext(cast("Progress", progress)))
    assert status(outcomes) == ["done", "done", "failed"]
    told = [call.args[0].participant_id for call in progress.finished.call_args_list]
    assert told == ["zero", "one", "two"]
    assert "zero.mha" in outcomes[2].reason


def test_a_stage_of_results_beside_them_and_elsewhere(raw: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    run(WORDS, out, raw_dir=raw)
    assert status(run(LENGTHS, out)) == ["done", "done"]
    assert status(run(LENGTHS, other, input_dirs={"words": out})) == ["done", "done"]
    name = "two/lengths_transform"
    assert contents(out / name) == contents(other / name), "a record knows no directories"
    record = read_record(out / name)
    words = read_record(out / "two/words_transform")
    assert record is not None
    assert words is not None
    assert record.inputs["words"].sha256 == words.sha256
    assert record.scan() == words.inputs["scan"]
    assert entries(other)["words_transform"] == entries(out)["words_transform"]
    assert entries(other)["lengths_transform"]["words_dir"] == str(out)
    assert entries(out)["lengths_transform"]["words_dir"] == str(out)
    assert entries(out)["lengths_transform"]["dir"] == str(out)
    summary = json.loads((out / "summary.json").read_text())
    assert sorted(summary) == ["lengths_transform", "words_transform"]


def test_one_file_may_stand_for_the_folder_of_scans(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert [one.participant_id for one in run(WORDS, out, raw_dir=raw / "two.mha")] == ["two"]
    assert entries(out)["words_transform"]["raw_dir"] == str(raw / "two.mha")
    assert status(run(BOTH, out)) == ["done"], "found again where it was"


def test_a_bids_image_is_chosen_and_known_to_later_steps(tmp_path: Path) -> None:
    for name, factor in (("acq-bb_T1w", 1000), ("acq-wb_T1w", 10)):
        path = tmp_path / "data" / "sub-01" / "anat" / f"sub-01_{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        array = (neck() * factor).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(array, affine_of()), path)  # type: ignore[no-untyped-call]
    out = tmp_path / "out"
    with pytest.raises(UsageError, match=r"several images.*--bids_image"):
        run(WORDS, out, raw_dir=tmp_path / "data")
    run(WORDS, out, raw_dir=tmp_path / "data", bids_image="acq-bb")
    assert entries(out)["words_transform"]["bids_image"] == "acq-bb"
    assert status(run(BOTH, out)) == ["done"]
    word = (out / "sub-01" / "both_transform" / "word.txt").read_text().split()[1]
    assert int(word) > 1000, "the bright one"


def test_what_other_transforms_say_of_themselves_stays(raw: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    run(WORDS, out, raw_dir=raw)
    run(WORDS, other, raw_dir=raw, participants=["one"])
    path = other / "parameters.json"
    mine = {**entries(other), "polar_transform": {"n": 1}}
    mine["words_transform"]["threshold"] = 7
    path.write_text(json.dumps(mine))
    run(LENGTHS, other, input_dirs={"words": out})
    assert entries(other)["polar_transform"] == {"n": 1}
    assert entries(other)["words_transform"]["threshold"] == 7, "its results are here"


def test_a_stage_that_needs_both_finds_the_scans(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    assert status(run(BOTH, out)) == ["done", "done"]
    raw.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match=r"not where it was.*--raw_dir"):
        run(BOTH, out, force=True)
    assert status(run(BOTH, out, raw_dir=tmp_path / "moved", force=True)) == ["done", "done"]
    (out / "parameters.json").unlink()
    with pytest.raises(UsageError, match="not on record"):
        run(BOTH, out)


def test_a_scan_that_is_another_one_is_refused(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    write(raw / "two.mha", 990)
    outcomes = run(BOTH, out)
    assert status(outcomes) == ["done", "failed"]
    assert "not the one that the words step began with" in outcomes[1].reason


def test_one_without_a_scan_fails_and_the_others_are_done(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    (raw / "one.mha").unlink()
    outcomes = run(BOTH, out)
    assert status(outcomes) == ["failed", "done"]
    assert "there is no scan of this participant" in outcomes[0].reason


def test_a_directory_without_results_is_refused_untouched(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such folder.*carotid transform words"):
        run(LENGTHS, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match=r"holds no results of the words step.*--words_dir"):
        run(LENGTHS, raw)


def test_results_of_others_are_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "theirs" / "one" / "words_transform"
    folder.mkdir(parents=True)
    (folder / "word.txt").write_text("abc")
    out = tmp_path / "out"
    with caplog.at_level(logging.WARNING):
        assert status(run(LENGTHS, out, input_dirs={"words": tmp_path / "theirs"})) == ["done"]
    assert "was not written by carotid, or was changed since" in caplog.text
    assert (out / "one/lengths_transform/word.txt").read_text() == "503"
    assert entries(out).keys() == {"lengths_transform"}
    again = run(LENGTHS, out, input_dirs={"words": tmp_path / "theirs"})
    assert status(again) == ["skipped"]
    (folder / "word.txt").write_text("abd")
    with pytest.raises(UsageError, match="one: its words result"):
        run(LENGTHS, out, input_dirs={"words": tmp_path / "theirs"})


def test_a_result_that_was_changed_by_hand_is_read_with_a_warning(
    raw: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    (out / "one/words_transform/word.txt").write_text("corrected by hand")
    with caplog.at_level(logging.WARNING):
        assert status(run(LENGTHS, out)) == ["done", "done"]
    assert caplog.text.count("was changed since") == 1


def test_what_is_complete_stays_and_the_rest_is_done(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    before = tree(out)
    assert status(run(WORDS, out, raw_dir=raw)) == ["skipped", "skipped"]
    assert tree(out) == before
    shutil.rmtree(out / "two")
    assert status(run(WORDS, out, raw_dir=raw)) == ["skipped", "done"]
    assert contents(out / "two") == {
        name.removeprefix("two/"): digest
        for name, (digest, _) in before.items()
        if name.startswith("two/")
    }
    assert status(run(WORDS, out, raw_dir=raw, force=True, participants=["two"])) == ["done"]
    assert tree(out / "one") == {
        name.removeprefix("one/"): found
        for name, found in before.items()
        if name.startswith("one/")
    }


def test_other_parameters_are_refused(raw: Path, tmp_path: Path) -> None:
    out, config = tmp_path / "out", tmp_path / "config.toml"
    run(WORDS, out, raw_dir=raw)
    config.write_text("[words_transform]\nthreshold = 400\n[lengths_transform]\n")
    before = tree(out)
    with pytest.raises(UsageError, match="threshold is 400, was 500"):
        run(WORDS, out, raw_dir=raw, config_path=config)
    assert tree(out) == before


def test_others_made_differently_are_told(
    raw: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out, config = tmp_path / "out", tmp_path / "config.toml"
    run(WORDS, out, raw_dir=raw, participants=["one"])
    config.write_text("[words_transform]\nthreshold = 400\n")
    with caplog.at_level(logging.WARNING):
        run(WORDS, out, raw_dir=raw, config_path=config, participants=["two"])
    assert "one was made with other parameters or models and stays as it is" in caplog.text


@pytest.mark.parametrize("verify", [False, True])
def test_a_scan_that_was_replaced_by_one_of_the_same_size_is_noticed(
    *, verify: bool, raw: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write(raw / "one.mha", 1000)
    size = (raw / "one.mha").stat().st_size
    run(WORDS, out, raw_dir=raw)
    array = (neck() * 1000).astype(np.int16)
    array[0, 0, 0] += 1
    write_metaimage(raw / "one.mha", Volume(array, Grid(array.shape, affine_of())))
    content = (raw / "one.mha").read_bytes()
    (raw / "one.mha").write_bytes(content[:size].ljust(size, b"\0"))
    os.utime(raw / "one.mha", (1, 1))
    with pytest.raises(UsageError, match=r"changed since.*one: its scan"):
        run(WORDS, out, raw_dir=raw, verify=verify)


def test_a_scan_that_was_only_copied_is_the_same(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    shutil.copytree(raw, tmp_path / "copy")
    assert status(run(WORDS, out, raw_dir=tmp_path / "copy")) == ["skipped", "skipped"]


def test_scans_are_not_read_again_unless_asked(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    read: list[str] = []

    def noted(scan: RawScan) -> str:
        read.append(scan.participant_id)
        return hash_scan(scan)

    monkeypatch.setattr("carotid.stages.inputs.hash_scan", noted)
    assert status(run(WORDS, out, raw_dir=raw)) == ["skipped", "skipped"]
    assert read == []
    assert status(run(WORDS, out, raw_dir=raw, verify=True)) == ["skipped", "skipped"]
    assert read == ["one", "two"]


def test_an_earlier_result_that_was_made_anew_makes_later_ones_stale(
    raw: Path, tmp_path: Path
) -> None:
    out, config = tmp_path / "out", tmp_path / "config.toml"
    run(WORDS, out, raw_dir=raw)
    run(LENGTHS, out)
    run(WORDS, out, raw_dir=raw, force=True)
    assert status(run(LENGTHS, out)) == ["skipped", "skipped"], "the same was made again"
    config.write_text("[words_transform]\nthreshold = 400\n")
    run(WORDS, out, raw_dir=raw, config_path=config, force=True, participants=["two"])
    with pytest.raises(
        UsageError, match=r"\(found two: its words result\).*--force and --participant"
    ):
        run(LENGTHS, out)
    assert status(run(LENGTHS, out, force=True, participants=["two"])) == ["done"]
    assert status(run(LENGTHS, out)) == ["skipped", "skipped"]


@pytest.mark.parametrize("package", ["carotid", "torch"])
def test_results_of_another_version_are_told(
    package: str,
    raw: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    versions = carotid.provenance.versions()
    now = {**versions, package: "99.1"}
    monkeypatch.setattr(carotid.provenance, "versions", lambda: now)
    with caplog.at_level(logging.WARNING):
        assert status(run(WORDS, out, raw_dir=raw)) == ["skipped", "skipped"]
    was = versions[package]
    assert f"2 complete results made with {package} {was} (now 99.1)" in caplog.text


def test_files_that_were_changed_by_hand_are_not_replaced_in_silence(
    raw: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    folder = out / "two" / "words_transform"
    (file,) = [path for path in folder.iterdir() if path.name != "provenance.json"]
    file.write_text(file.read_text() + "changed by hand")
    with caplog.at_level(logging.WARNING):
        assert status(run(WORDS, out, raw_dir=raw)) == ["skipped", "done"]
    assert "files of the words results were changed or lost since they were written" in caplog.text
    assert "made again: two" in caplog.text
    caplog.clear()
    run(WORDS, out, raw_dir=raw)
    assert not caplog.text


def test_a_folder_of_others_is_not_replaced(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "one" / "words_transform").mkdir(parents=True)
    (out / "one" / "words_transform" / "thesis").write_text("ten years")
    outcomes = run(WORDS, out, raw_dir=raw)
    assert status(outcomes) == ["failed", "done"]
    assert "was not written by carotid and is not changed" in outcomes[0].reason
    assert (out / "one" / "words_transform" / "thesis").exists()


def test_a_failure_is_summed_up(raw: Path, tmp_path: Path) -> None:
    write(raw / "two.mha", 1)
    outcomes = run(WORDS, tmp_path / "out", raw_dir=raw)
    assert status(outcomes) == ["done", "failed"]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    row = summary["words_transform"]["participants"][1]
    assert row == {
        "participant_id": "two",
        "result": "failed",
        "reason": "there are no bright voxels",
    }


def test_names_with_accents_are_found_in_either_form(raw: Path, tmp_path: Path) -> None:
    decomposed, composed = "Mu\u0308ller", "M\u00fcller"
    write(raw / f"{decomposed}.mha")
    outcomes = run(WORDS, tmp_path / "out", raw_dir=raw, participants=[composed])
    assert [one.participant_id for one in outcomes] == [decomposed]
    assert status(run(LENGTHS, tmp_path / "out", participants=[composed, composed])) == ["done"]


def test_a_transient_result_is_made_on_the_way(raw: Path, tmp_path: Path) -> None:
    """The result is the same, and so is what its record says of it."""
    out, other = tmp_path / "out", tmp_path / "other"
    for folder in (out, other):
        run(WORDS, folder, raw_dir=raw)
    run(BOTH, out)
    assert status(run(LAST, out)) == ["done", "done"]
    assert status(run(LAST, other)) == ["done", "done"]
    assert not (other / "one" / "both_transform").exists()
    assert contents(out / "one/last_transform") == contents(other / "one/last_transform")
    written, entry = entries(out)["both_transform"], entries(other)["both_transform"]
    assert {**written, "words_dir": "", "dir": ""} == {**entry, "words_dir": "", "dir": ""}
    assert entries(other)["last_transform"]["both_dir"] == str(other)
    assert "raw_dir" not in entries(other)["last_transform"]
    assert status(run(LAST, other)) == ["skipped", "skipped"]


def test_what_is_made_on_the_way_is_looked_after_too(raw: Path, tmp_path: Path) -> None:
    out, config = tmp_path / "out", tmp_path / "config.toml"
    run(WORDS, out, raw_dir=raw)
    run(LAST, out)
    config.write_text("[both_transform]\nthreshold = 400\n")
    with pytest.raises(UsageError, match="one: its both result"):
        run(LAST, out, config_path=config)
    os.utime(raw / "two.mha")  # the same bytes
    assert status(run(LAST, out)) == ["skipped", "skipped"]
    write(raw / "two.mha", 990)
    with pytest.raises(UsageError, match=r"found two: its both result\)"):
        run(LAST, out)
    config.write_text("[both_transform]\nthreshhold = 400\n[last_transform]\nx = 1\n")
    with pytest.raises(UsageError, match="2 mistakes"):
        run(LAST, out, config_path=config)


def test_a_scan_that_does_not_fit_into_memory_is_refused_before_it_is_read(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carotid.cohort.memory.available_bytes", lambda: 0)
    monkeypatch.setattr("carotid.cohort.memory.resident_bytes", lambda: 0)
    outcomes = run(WORDS, tmp_path / "out", raw_dir=raw)
    assert status(outcomes) == ["failed", "failed"]
    assert "the scan needs more memory than there is" in outcomes[0].reason
