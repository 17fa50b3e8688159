"""The whole page and its table, from files on disk."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from tests.report.conftest import EVIL, small_grid
from tests.report.results import MemberView, write_heatmaps, write_scan

from carotid.artifacts import Centerline, SideCenterlines
from carotid.cli.report import print_page, report
from carotid.errors import UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.report.centerline_figures import centerline_figures
from carotid.report.rows import Row, worst_first
from carotid.report.write import write_report

if TYPE_CHECKING:
    from pathlib import Path


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_order_and_figures(made: Path, tmp_path: Path) -> None:
    done = write_report(made / "out", output_path=tmp_path / "page.html")
    assert [row.participant_id for row in done.rows] == [EVIL, "unrun", "poor", "fair", "good"]
    assert [row.group for row in done.rows[2:]] == [
        "doubtful", "check", "plausible"
    ]  # fmt: skip
    table = rows_of(done.table)
    dictionary = json.loads((tmp_path / "page_quality.json").read_text())
    assert list(table[0]) == list(dictionary)
    for name, entry in dictionary.items():
        assert entry["Description"], name
        assert entry.get("Units", "") == ("mm" if name.endswith("_mm") else ""), name
    told = {"done", "failed", "incomplete", "unreadable", "no result"}
    assert set(dictionary["result"]["Levels"]) == told >= {row["result"] for row in table}
    assert [r["participant_id"] for r in table[2:]] == [
        n for n in ("poor", "fair", "good") for _ in "lr"
    ]
    assert table[0]["result"] == "failed"
    assert table[0]["reason"] == "cut short <b>here</b>"
    assert table[1]["result"] == "no result"
    good = table[-1]
    assert float(good["internal_peak_share"]) == 1.0
    assert 47 < float(good["left_right_mm"]) < 60
    assert good["truth_median_mm"] == ""
    assert float(table[2]["internal_disagreement_p95_mm"]) > 3


def test_those_who_were_asked_for_are_counted(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = write_report(made / "out", output_path=tmp_path / "page.html")
    print_page(done)
    assert "    2 without results" in capsys.readouterr().out
    print_page(done, {"good", "unrun"})
    said = capsys.readouterr().out
    assert "    1 plausible" in said
    assert "    1 without results" in said
    assert "doubtful" not in said


def test_what_stands_out_behind_the_heatmaps_is_told(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = write_report(made / "out", output_path=tmp_path / "page.html")
    none = Centerline.of_points(np.empty((0, 3)))
    lost = centerline_figures(SideCenterlines(none, none), 1.0)
    good = replace(done.rows[-1], centerlines=dict.fromkeys(SIDE_NAMES, lost), why=("left: gone",))
    shown = replace(done, rows=[*done.rows[:-1], good])
    print_page(shown, {row.participant_id for row in shown.rows})
    said = capsys.readouterr().out
    assert "      good: left: gone\n" in said
    assert "      poor: " not in said  # the heatmaps' doubts stand in the table of the run above
    print_page(shown)
    said = capsys.readouterr().out
    assert "      good: left: gone\n" in said
    assert "      poor: " in said  # `carotid report` has no such table
    print_page(replace(done, rows=[replace(good, heatmap_score=np.nan)]))
    assert "      good: left: gone\n" in capsys.readouterr().out  # there are no heatmaps
    many = [replace(good, participant_id=f"p{k}") for k in range(12)]
    print_page(replace(done, rows=many))
    said = capsys.readouterr().out
    assert said.count("left: gone") == 10
    assert "      and 2 more: see the page\n" in said


def test_a_scan_unlike_training_comes_first_and_says_why(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "made")
    path = tmp_path / "made/out/good/heatmap_transform/provenance.json"
    record = json.loads(path.read_text())
    record["context"]["unlike_training"] = ["the field is 900 mm, in training 30 to 260", 3]
    path.write_text(json.dumps(record))
    done = write_report(tmp_path / "made/out", output_path=tmp_path / "page.html")
    assert [row.participant_id for row in done.rows][2:] == ["good", "poor", "fair"]
    assert done.rows[2].group == "doubtful"
    table = {row["participant_id"]: row["unlike_training"] for row in rows_of(done.table)}
    assert table["good"] == "the field is 900 mm, in training 30 to 260"
    assert table["poor"] == ""
    text = done.page.read_text()
    assert "trained on: the field is 900 mm" in text
    assert "1 scan is unlike those that the models were trained on" in text
    assert ">unlike training" in text


def test_same_files_make_the_same_bytes(made: Path, tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        done = write_report(made / "out", output_path=tmp_path / name / "page.html")
        digests.append(
            [hashlib.sha256(path.read_bytes()).hexdigest() for path in (done.page, done.table)]
        )
        made_files = sorted(p.name for p in (tmp_path / name).iterdir())
        assert made_files == ["page.html", "page_quality.json", "page_quality.tsv"]
    assert digests[0] == digests[1]


def test_page_is_small_and_escaped(made: Path, tmp_path: Path) -> None:
    done = write_report(made / "out", output_path=tmp_path / "page.html")
    text = done.page.read_text()
    assert len(text) / 3 < 200_000
    assert "<img src=x" not in text
    assert "<b>here</b>" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;&#34;&#39;&amp;" in text
    assert not re.search(r'(?:src|href)="(?!data:image/webp|#)', text)
    assert str(made) not in text


def test_truth_adds_columns_and_lines(made: Path, tmp_path: Path) -> None:
    done = write_report(
        made / "out", output_path=tmp_path / "p.html", annotation_dir=made / "annotations"
    )
    text = done.page.read_text()
    assert "Within 2 mm" in text
    assert "Error R" in text
    table = rows_of(done.table)
    good = [r for r in table if r["participant_id"] == "good"]
    assert all(float(r["truth_median_mm"]) < 1.0 for r in good)
    assert all(float(r["truth_within_2mm"]) > 0.99 for r in good)
    poor = [r for r in table if r["participant_id"] == "poor"]
    assert all(float(r["truth_median_mm"]) > 1.0 for r in poor)


def test_unusable_annotation_is_warned_of_and_left_out(
    made: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(made / "annotations", tmp_path / "a")
    bad = tmp_path / "a" / "good" / "centerline_transform" / "left_centerline.tsv"
    bad.write_text(bad.read_text() + "internal\tx\t1\t2\n")
    done = write_report(
        made / "out", output_path=tmp_path / "p.html", annotation_dir=tmp_path / "a", pictures=0
    )
    assert str(bad) in caplog.text
    truth = {r["side"]: r["truth_median_mm"] for r in rows_of(done.table)[-2:]}
    assert truth["left"] == ""
    assert float(truth["right"]) < 1.0


def test_pictures_only_of_the_worst(made: Path, tmp_path: Path) -> None:
    done = write_report(made / "out", output_path=tmp_path / "p.html", pictures=1)
    cards = re.split(r"(?=<article )", done.page.read_text())[1:]
    assert [("<img" in card) for card in cards] == [False, False, True, False, False]


def test_without_scans_the_heatmaps_are_shown(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(made / "out", out)
    (out / "parameters.json").unlink()
    text = write_report(out).page.read_text()
    assert "Scans are not shown" in text
    assert text.count("<img") > 3 * 16
    assert "unrun" not in text


def test_scan_that_is_not_the_heatmaps_own_is_said(made: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    shutil.copy(made / "raw" / "unrun.mha", raw / "good.mha")  # the same place, another file
    (raw / "poor.mha").write_bytes((made / "raw" / "poor.mha").read_bytes()[:900])
    other = small_grid("LPS")
    affine = other.affine.copy()
    affine[0, 3] += 1.0
    shifted = Grid(other.shape, affine)
    voxels = np.arange(np.prod(shifted.shape), dtype=np.int32).reshape(shifted.shape)
    write_scan(raw, "fair", Volume(voxels, shifted))
    page = write_report(made / "out", raw_dir=raw, output_path=tmp_path / "p.html").page
    parts = re.split(r"(?=<article )", page.read_text())[1:]
    cards = {re.findall(r'<a href="#c\d+">(.*?)</a>', part)[0]: part for part in parts}
    assert "The scan has changed" in cards["good"]
    assert "another grid" in cards["fair"]
    assert "The scan is not shown" in cards["poor"]


def test_damaged_results_are_on_the_page(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(made / "out", out)
    (out / "good" / "heatmap_transform" / "right_heatmap" / "std.mha").unlink()
    std = out / "fair" / "heatmap_transform" / "left_heatmap" / "mean.mha"
    broken = bytearray(std.read_bytes())
    broken[-200] ^= 0xFF
    std.write_bytes(broken)
    result = {row.participant_id: row.result for row in write_report(out).rows}
    assert result == {
        EVIL: "failed", "unrun": "no result", "good": "incomplete", "fair": "unreadable",
        "poor": "done",
    }  # fmt: skip
    assert CliRunner().invoke(report, [str(out)], standalone_mode=False).return_value == 1


def test_failed_again_keeps_its_pictures(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(made / "out", out)
    rows = [{"participant_id": "good", "result": "failed", "reason": "disk full"}]
    (out / "summary.json").write_text(json.dumps({"heatmap_transform": {"participants": rows}}))
    done = write_report(out)
    good = next(row for row in done.rows if row.participant_id == "good")
    assert good.result == "done"
    assert "the last one failed: disk full" in done.page.read_text()
    before = next(row for row in write_report(made / "out", output_path=tmp_path / "b.html").rows
                  if row.participant_id == "good")  # fmt: skip
    assert (before.group, good.group) == ("plausible", "check")
    assert good.score == before.score


def test_what_is_incomplete_comes_before_what_is_plausible() -> None:
    whole = Row("a", "done", "", 1, heatmap_score=3.0, shown=True)
    failed = replace(whole, participant_id="b", reason="the last one failed", heatmap_score=0.0)
    damaged = replace(whole, participant_id="c", result="unreadable", heatmap_score=math.nan)
    doubtful = replace(whole, participant_id="d", heatmap_score=40.0)
    rows = worst_first([whole, failed, damaged, doubtful])
    assert [one.participant_id for one in rows] == ["d", "b", "c", "a"]
    assert [one.group for one in rows] == ["doubtful", "check", "check", "plausible"]


@pytest.mark.parametrize(
    "content",
    ["[]", "{", '{"heatmap_transform": 3}', '{"heatmap_transform": {"participants": [1]}}'],
)
def test_unusable_summary_is_passed_over(made: Path, tmp_path: Path, content: str) -> None:
    out = tmp_path / "out"
    shutil.copytree(made / "out", out)
    (out / "summary.json").write_text(content)
    assert len(write_report(out, pictures=0).rows) == 4


def test_ids_of_a_summary_never_leave_the_folder(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    shutil.copytree(made / "out", out)
    shutil.copytree(made / "out" / "good", tmp_path / "a" / "good")
    rows = [{"participant_id": "../good", "result": "done", "reason": ""}]
    (out / "summary.json").write_text(json.dumps({"heatmap_transform": {"participants": rows}}))
    result = {row.participant_id: row.result for row in write_report(out, pictures=0).rows}
    assert result["../good"] == "no result"


def test_single_slice_single_member_no_peak(tmp_path: Path) -> None:
    grid = small_grid("RAS")
    flat = Grid((20, 10, 1), grid.affine)
    view = [MemberView(np.full((1, 2, 2), np.nan), np.ones((1, 2)))]
    write_heatmaps(tmp_path / "out", "flat", flat, {"left": view, "right": view})
    done = write_report(tmp_path / "out")
    assert done.rows[0].group == "doubtful"
    assert "one model" in done.page.read_text()


def test_pages_in_one_folder_keep_their_tables(made: Path, tmp_path: Path) -> None:
    first = write_report(made / "out", output_path=tmp_path / "report.html", pictures=0)
    assert first.table == tmp_path / "quality.tsv"
    before = first.table.read_bytes()
    other = write_report(
        made / "out", output_path=tmp_path / "strict.html", threshold=200.0, pictures=0
    )
    assert other.table == tmp_path / "strict_quality.tsv"
    assert other.table.read_bytes() != before == first.table.read_bytes()
    assert (tmp_path / "strict_quality.json").is_file()


def test_usage_errors_touch_nothing(made: Path, tmp_path: Path) -> None:
    for arguments in (
        {"output_dir": tmp_path / "none"},
        {"output_dir": tmp_path},
        {"output_dir": made / "out", "raw_dir": tmp_path / "none"},
        {"output_dir": made / "out", "annotation_dir": tmp_path / "none"},
        {"output_dir": made / "out", "output_path": tmp_path},
        {"output_dir": made / "out", "output_path": tmp_path / "none" / "p.html"},
        {"output_dir": made / "out", "output_path": tmp_path / "quality.tsv"},
        {"output_dir": made / "out", "output_path": tmp_path / "quality.json"},
        {"output_dir": made / "out", "output_path": tmp_path / "p.html", "threshold": 0.0},
    ):
        with pytest.raises(UsageError):
            write_report(**arguments)
    assert list(tmp_path.iterdir()) == []
    assert not (made / "out" / "report.html").exists()


def test_command(made: Path, tmp_path: Path) -> None:
    page = tmp_path / "p.html"
    arguments = [str(made / "out"), "--output_path", str(page), "--pictures", "0"]
    ran = CliRunner().invoke(report, arguments, standalone_mode=False)
    assert ran.return_value == 0
    assert "1 doubtful" in ran.output
    assert f"open {page}" in ran.output
    inside = [str(made / "out"), "--raw_dir", str(made / "raw"), "--output_path"]
    refused = CliRunner().invoke(
        report, [*inside, str(made / "raw" / "p.html")], standalone_mode=False
    )
    assert isinstance(refused.exception, UsageError)
