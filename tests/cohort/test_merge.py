"""Parts of a cohort, and what closes it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.cohort.stage_runs import run
from tests.command import contents, run_carotid
from tests.necks import affine_of, neck
from tests.toy_stages import LENGTHS, WORDS, load, toys

from carotid.cohort.merge import merge
from carotid.cohort.shard import Shard
from carotid.errors import OutputError, UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.stages import catalog
from carotid.storage.metaimage.write import write_metaimage

if TYPE_CHECKING:
    from carotid.storage.results.layout import OutputLayout

__all__ = ["toys"]

pytestmark = pytest.mark.usefixtures("toys")

CLOSED = replace(WORDS, closing="tests.cohort.test_merge:write_all")
IDS = [f"sub-{number:02}" for number in range(12)]
EMPTY = IDS[3]


def write_all(layout: OutputLayout) -> None:
    """All participants' words in one file."""
    name = CLOSED.transform
    found = [load(layout.transform(one, name)).text for one in layout.participants(name)]
    (layout.root / "words.txt").write_text("\n".join(found))


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("merge") / "raw"
    folder.mkdir()
    for number, name in enumerate(IDS):
        array = (neck() * (0 if name == EMPTY else 700 + 10**number % 977)).astype(np.int16)
        write_metaimage(folder / f"{name}.mha", Volume(array, Grid(array.shape, affine_of())))
    return folder


def test_all_parts_together_are_one_run(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, tables of the whole cohort among them, whatever the order of the parts."""
    monkeypatch.setattr(catalog, "STAGES", (CLOSED, LENGTHS))
    one, parts = tmp_path / "one" / "out", tmp_path / "parts" / "out"
    for out in (one, parts):
        out.parent.mkdir()
        monkeypatch.chdir(out.parent)  # settings on record name directories as they were given
        for stage, given in ((CLOSED, {"raw_dir": raw}), (LENGTHS, {})):
            shards = [None] if out is one else [Shard(n, 4) for n in (3, 1, 4, 2)]
            for shard in shards:
                run(stage, Path("out"), shard=shard, **given)
    assert (one / "words.txt").is_file()
    assert not (parts / "words.txt").exists(), "a part leaves tables of everybody alone"
    closed = merge(parts)
    assert contents(parts) == contents(one)
    assert [(m.name, len(m.outcomes), m.missing) for m in closed] == [
        ("words", 12, []),
        ("lengths", 11, []),
    ]
    assert [o.participant_id for o in closed[0].outcomes if o.status == "failed"] == [EMPTY]
    assert contents(parts) == contents(one)


def test_a_part_that_did_not_run_is_missed(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in (1, 3):
        run(WORDS, out, raw_dir=raw, shard=Shard(number, 3))
    (closed,) = merge(out)
    assert closed.missing == Shard(2, 3).of(IDS)
    run(WORDS, out, raw_dir=raw, shard=Shard(2, 3))
    (closed,) = merge(out)
    assert closed.missing == []
    run(LENGTHS, out, shard=Shard(1, 2))
    assert merge(out)[1].missing == [one for one in Shard(2, 2).of(IDS) if one != EMPTY]


def test_a_part_without_participants_is_no_mistake(raw: Path, tmp_path: Path) -> None:
    count = 500
    empty = next(n for n in range(1, count) if not Shard(n, count).of(IDS))
    out = tmp_path / "out"
    assert run(WORDS, out, raw_dir=raw, shard=Shard(empty, count)) == []
    assert not out.exists()


def test_a_part_done_again_replaces_its_rows_alone(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in (1, 2):
        run(WORDS, out, raw_dir=raw, shard=Shard(number, 2))
    before = {o.participant_id: o.status for o in merge(out)[0].outcomes}
    again = run(WORDS, out, raw_dir=raw, shard=Shard(1, 2), force=True)
    assert {o.status for o in again} <= {"done", "failed"}
    assert {o.participant_id: o.status for o in merge(out)[0].outcomes} == before


@pytest.mark.parametrize("shard", [None, Shard(1, 1)])
def test_one_done_by_name_leaves_the_rows_of_all_others(
    shard: Shard | None, raw: Path, tmp_path: Path
) -> None:
    """Whoever failed elsewhere is still told, and nobody counts as missing who is there."""
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=raw)
    before = {o.participant_id: o.status for o in merge(out)[0].outcomes}
    run(WORDS, out, raw_dir=raw, participants=[IDS[0]], force=True, shard=shard)
    (closed,) = merge(out)
    assert {o.participant_id: o.status for o in closed.outcomes} == before
    assert before[EMPTY] == "failed"
    assert closed.missing == []


def test_scans_that_have_gone_are_a_warning(
    raw: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    moved, out = tmp_path / "raw", tmp_path / "out"
    shutil.copytree(raw, moved)
    run(WORDS, out, raw_dir=moved, shard=Shard(1, 2))
    shutil.rmtree(moved)
    (closed,) = merge(out)
    assert closed.missing is None
    assert f"words: who is missing cannot be told: {moved}: this folder is not where" in caplog.text


def test_a_relative_folder_of_scans_is_not_taken_for_one_without_scans(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is said to be there where nobody has looked."""
    monkeypatch.chdir(raw.parent)
    out = tmp_path / "out"
    run(WORDS, out, raw_dir=Path("raw"), shard=Shard(1, 2))
    assert merge(out)[0].missing == Shard(2, 2).of(IDS)
    monkeypatch.chdir(tmp_path)
    assert merge(out)[0].missing is None


def test_a_directory_without_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no part of a cohort has ended here"):
        merge(tmp_path)
    (tmp_path / "summary.json").write_text("[]")
    with pytest.raises(OutputError, match="it is not an object"):
        merge(tmp_path)


def test_rows_that_are_none_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"x": 1}, 7, {"participant_id": "a", "result": "?"}]
    (tmp_path / "summary.json").write_text(
        json.dumps({"words_transform": {"participants": rows}, "other": 1, "lengths_transform": []})
    )
    (tmp_path / "parameters.json").write_text('{"words_transform": 7}')
    assert [(m.name, m.outcomes) for m in merge(tmp_path)] == [("words", []), ("lengths", [])]
    assert "who is missing" in caplog.text


def test_the_command_says_who_needs_a_look(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("a", "b", "c"):
        array = (neck() * 900).astype(np.int16)
        write_metaimage(raw / f"{name}.mha", Volume(array, Grid(array.shape, affine_of())))
    rows = [
        {"participant_id": "a", "result": "done", "reason": ""},
        {"participant_id": "b", "result": "failed", "reason": "it is broken"},
    ]
    (out / "summary.json").write_text(json.dumps({"heatmap_transform": {"participants": rows}}))
    (out / "parameters.json").write_text(json.dumps({"heatmap_transform": {"raw_dir": str(raw)}}))
    found = run_carotid("merge", out)
    assert found.returncode == 1, found.stderr
    assert found.stdout.splitlines() == [
        "heatmap: 1 done, 0 skipped, 1 failed, 1 missing",
        "  failed   b: it is broken",
        "  missing  c",
    ]
    assert run_carotid("merge", tmp_path / "raw").returncode == 2
    raw.rename(tmp_path / "elsewhere")
    (out / "summary.json").write_text(json.dumps({"heatmap_transform": {"participants": rows[:1]}}))
    found = run_carotid("merge", out)
    assert found.returncode == 1
    assert found.stdout == "heatmap: 1 done, 0 skipped, 0 failed, missing unknown\n"
    assert "give the command where the parts were run" in found.stderr.lower()


def test_parts_made_otherwise_are_named(
    raw: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One table must not hold numbers of two kinds without a word."""
    out, config = tmp_path / "out", tmp_path / "config.toml"
    few, *most = sorted((Shard(number, 3) for number in (1, 2, 3)), key=lambda s: len(s.of(IDS)))
    for shard in most:
        run(WORDS, out, raw_dir=raw, shard=shard)
    run(LENGTHS, out)
    merge(out)
    assert "otherwise" not in caplog.text
    config.write_text("[words_transform]\nthreshold = 400\n")
    run(WORDS, out, raw_dir=raw, shard=few, config_path=config)
    run(LENGTHS, out)
    caplog.clear()
    merge(out)
    others = [one for one in few.of(IDS) if one != EMPTY]
    (told,) = [r.getMessage() for r in caplog.records if "otherwise" in r.getMessage()]
    assert f"the words step was done otherwise for {', '.join(others)} than for most" in told
    assert "threshold is 500, was 400" in told
