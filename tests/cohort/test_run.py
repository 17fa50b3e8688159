"""A run of any stage: what is done, refused and written down."""

from __future__ import annotations

import json
import logging
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, cast
from unittest.mock import MagicMock

import nibabel
import numpy as np
import pytest
from tests.cohort.stage_runs import entries, raw, run, status, write
from tests.command import contents, unfinished
from tests.dicom_series import write_classic
from tests.necks import affine_of, neck
from tests.toy_stages import BOTH, LAST, LENGTHS, WORDS, toys

from carotid.cohort.run import Request, run_stage
from carotid.errors import UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.storage.participants import find_scans
from carotid.storage.raw import hash_scan
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from carotid.cohort.runner import Progress


__all__ = ["raw", "toys"]

pytestmark = pytest.mark.usefixtures("toys")


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
    request = Request(stage=WORDS, output_dir=tmp_path / "out", raw_dir=raw)
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


def test_a_bids_image_is_chosen_and_known_to_later_steps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, factor in (("acq-bb_T1w", 1000), ("acq-wb_T1w", 10)):
        path = tmp_path / "data" / "sub-01" / "anat" / f"sub-01_{name}.nii"
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
    data = tmp_path / "data"
    assert status(run(WORDS, out, raw_dir=data, bids_image="acq-bb")) == ["skipped"]
    assert not caplog.records
    with pytest.raises(UsageError, match="has changed since"):  # of the same size and no younger
        run(WORDS, out, raw_dir=data, bids_image="acq-wb")
    assert "the last run had --bids_image 'acq-bb', this one has 'acq-wb'" in caplog.text
    (data / "sub-01" / "anat" / "sub-01_acq-bb_T1w.nii").unlink()
    with pytest.raises(UsageError, match="has changed since"):
        run(WORDS, out, raw_dir=data)


def test_scans_of_another_folder_are_not_taken_for_those_that_were_done(
    raw: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write(tmp_path / "later" / f"{name}.mha", 500)
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    with pytest.raises(UsageError, match=r"has changed since .found one: its scan, two: its scan"):
        run(WORDS, out, raw_dir=tmp_path / "later")
    (raw / "moved").mkdir()
    for path in raw.glob("*.mha"):
        path.rename(raw / "moved" / path.name)
    assert status(run(WORDS, out, raw_dir=raw / "moved")) == ["skipped", "skipped"]


def test_a_series_is_chosen_and_known_to_later_steps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for number, factor in ((2, 1000), (3, 10)):
        volume = Volume((neck() * factor).astype(np.int16), Grid(neck().shape, affine_of()))

        def edit(_: int, dataset: Dataset, number: int = number) -> None:
            dataset.SeriesNumber = number

        name = f"{number}-{{}}".format
        write_classic(volume, data / "sub-01", uid=f"{number}", name=name, edit=edit)
    (failed,) = run(WORDS, out, raw_dir=data)
    assert "there are 2 series" in failed.reason
    assert "--series" in failed.reason
    assert status(run(WORDS, out, raw_dir=data, series="2")) == ["done"]
    assert entries(out)["words_transform"]["series"] == "2"
    assert status(run(WORDS, out, raw_dir=data, series="2")) == ["skipped"]
    assert status(run(BOTH, out)) == ["done"]
    word = (out / "sub-01" / "both_transform" / "word.txt").read_text().split()[1]
    assert int(word) > 1000, "the bright one"
    assert "the last run" not in caplog.text
    assert status(run(BOTH, out, raw_dir=data, force=True)) == ["done"], "the one on record"
    assert "the last run" not in caplog.text
    for place in (None, data):
        (failed,) = run(BOTH, out, series="3", force=True, raw_dir=place)
        assert "not the one that the words step began with" in failed.reason
    for other, told in (("3", "has '3'"), (None, "has none")):
        with pytest.raises(UsageError, match="has changed since"):
            run(WORDS, out, raw_dir=data, series=other)
        assert f"the last run had --series '2', this one {told}" in caplog.text


def test_a_series_where_no_folder_has_any_is_named(
    raw: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert status(run(WORDS, tmp_path / "out", raw_dir=raw, series="2")) == ["done"] * 2
    assert "--series chooses nothing" in caplog.text


def test_an_image_where_there_is_no_bids_data_set_is_named(
    raw: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for place in (raw, raw / "one.mha"):
        run(WORDS, tmp_path / "out", raw_dir=place, bids_image="T1w")
        assert f"{place}: no BIDS data set, so --bids_image chooses nothing" in caplog.text


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
    with pytest.raises(UsageError, match="one was done differently: threshold is 400, was 500"):
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
