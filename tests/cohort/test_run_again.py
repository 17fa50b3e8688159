"""A run of any stage on results that are there: what stays, is done again, or is refused."""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.cohort.stage_runs import raw, run, status, write
from tests.command import contents, tree
from tests.toy_stages import LENGTHS, WORDS, toys

import carotid.provenance
from carotid.errors import UsageError
from carotid.storage.raw import hash_scan

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.storage.raw import RawScan

__all__ = ["raw", "toys"]

pytestmark = pytest.mark.usefixtures("toys")


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
    write(raw / "one.mha", 999)
    assert (raw / "one.mha").stat().st_size == size
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
