"""A page of whatever stages have left: all of them, some, damaged ones."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.evaluation.models_told import models_told
from carotid.network.shipped import shipped_checksums
from carotid.provenance import Input, Record
from carotid.report.measured import Value, all_figures, told
from carotid.report.measurement_case import measurement_section
from carotid.report.write import write_report
from carotid.storage.results.measurements import load_measurements
from carotid.storage.results.record import write_record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def page(staged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    return write_report(staged / "out", output_path=path).page


def cards_of(page: Path) -> dict[str, str]:
    parts = re.split(r"(?=<article )", page.read_text())[1:]
    return {re.findall(r'<a href="#c\d+">(.*?)</a>', part)[0]: part for part in parts}


def headings(card: str) -> list[str]:
    return re.findall(r"<h3>(.*?)</h3>", card)


def test_each_stage_has_its_section(page: Path) -> None:
    cards = cards_of(page)
    assert headings(cards["whole"]) == ["Measurements", "Contours", "Centerlines", "Heatmaps"]
    assert headings(cards["narrow"]) == ["Measurements", "Contours", "Centerlines"]
    assert headings(cards["lines"]) == ["Centerlines"]
    assert headings(cards["outlines"]) == ["Contours"]


def test_contours_order_the_page(staged: Path, tmp_path: Path) -> None:
    done = write_report(staged / "out", output_path=tmp_path / "p.html")
    groups = {row.participant_id: row.group for row in done.rows}
    assert groups["narrow"] == "doubtful"
    assert groups["outlines"] == "plausible"
    assert groups["lines"] == "plausible"
    assert done.rows[0].participant_id == "narrow"
    with done.table.open(newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    narrow = {r["side"]: r for r in table if r["participant_id"] == "narrow"}
    assert float(narrow["left"]["centerline_unsure_share"]) == 0
    assert float(narrow["left"]["contour_touch_share"]) > 0.2
    assert float(narrow["left"]["contour_jump_mm"]) == pytest.approx(5, abs=0.1)
    assert float(narrow["left"]["contour_hole_mm"]) == 12.0
    assert float(narrow["right"]["contour_score"]) == 0
    assert narrow["left"]["internal_peak_share"] == ""


def test_what_stands_out_is_said(page: Path) -> None:
    card = cards_of(page)["narrow"]
    assert "left: lumen and outer wall touch in" in card
    assert "left: contours jump by 5 mm" in card
    assert "left: no contours over 12 mm" in card
    assert "To check first" in card
    assert "To check first" not in cards_of(page)["outlines"]


def test_bifurcation_and_uncertainty_are_shown(page: Path) -> None:
    card = cards_of(page)["lines"]
    assert "Right: internal over 74 mm, external over 36 mm, bifurcation 39 mm" in card
    assert "± 1.5 mm" in card
    assert card.count('class="fork"') == 4
    assert "± R, mm" in card


def test_key_numbers_are_those_of_the_tables(staged: Path, page: Path) -> None:
    folder = staged / "out" / "whole" / "measurement_transform"
    figures = all_figures(load_measurements(folder))
    assert figures["left"].narrowest.value == pytest.approx(np.pi * 2.6**2, rel=0.15)
    assert figures["left"].mean_thickness.value == pytest.approx(1.4, abs=0.1)
    assert figures["left"].narrowest.sd > 0
    card = cards_of(page)["whole"]
    for side in ("right", "left"):
        value, _ = told(figures[side].wall_volume, "mm³", 0)
        assert f"<td>{value}</td>" in card
    assert card.count('class="view map"') == 2
    assert len(re.findall(r"<summary>(?:left|right), (?:narrowest|thickest):", card)) == 4


def test_what_was_corrected_by_hand_is_said(staged: Path) -> None:
    found = load_measurements(staged / "out" / "whole" / "measurement_transform")
    assert "Corrected by hand" not in measurement_section(found, None, [])
    table = found.segments
    left = np.array([side == "left" for side in table.words("side")])
    words = {"left": "corrected", "right": "found"}
    cells = {
        **table.cells,
        "corrected_slices": np.where(left, 7.0, 0.0),
        "removed_slices": np.where(left, 2.0, 1.0),
        "bifurcation": tuple(words[side] for side in table.words("side")),
    }
    corrected = replace(found, segments=replace(table, cells=cells))
    page = measurement_section(corrected, None, [])
    told = page.partition("Corrected by hand")[2]
    cells_told = re.findall("<td>(.*?)</td>", told)
    assert cells_told[:2] == [
        "1 slice removed",  # right, left
        "7 slices<small>2 slices removed, bifurcation</small>",
    ]


def test_measurements_are_told_with_spread_and_place() -> None:
    assert told(Value(26.648, 1.22, 62.3), "mm²", 1) == ("26.6 ± 1.2 mm²", "at +62 mm")
    assert told(Value(-12.4), "%", 0) == ("\u221212 %", "")
    assert told(Value(float("nan"), 1.0, 2.0), "%", 0) == ("\u2013", "")


def test_damaged_stage_is_said_and_the_others_are_shown(staged: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(staged / "out", out)
    table = out / "whole" / "contour_transform" / "left_contour.tsv"
    text = table.read_text()
    table.write_text(text.replace("lumen", "<img>", 1))
    record = out / "whole" / "heatmap_transform" / "provenance.json"
    told = json.loads(record.read_text())
    told["context"]["unlike_training"] = ["<script>alert(2)</script>"]
    record.write_text(json.dumps(told))
    (out / "narrow" / "measurement_transform" / "plaques.tsv").unlink()
    done = write_report(out, output_path=tmp_path / "p.html")
    result = {row.participant_id: row.result for row in done.rows}
    assert result["whole"] == "unreadable"
    cards = cards_of(done.page)
    assert headings(cards["whole"]) == ["Measurements", "Centerlines", "Heatmaps"]
    assert "The contour result cannot be read" in cards["whole"]
    assert str(tmp_path) not in cards["whole"]
    assert "&lt;img&gt;" in cards["whole"]
    assert "<img>" not in done.page.read_text()
    assert "<script>alert" not in done.page.read_text()
    assert "&lt;script&gt;alert(2)" in cards["whole"]
    assert headings(cards["narrow"]) == ["Contours", "Centerlines"]
    assert "measurement: files of the result are missing" in cards["narrow"]


def test_contours_of_other_programs_are_shown(staged: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = staged / "out" / "outlines" / "contour_transform"
    shutil.copytree(source, out / "other" / "contour_transform")
    (out / "other" / "contour_transform" / "provenance.json").unlink()
    done = write_report(out, raw_dir=None)
    assert [row.result for row in done.rows] == ["done"]
    assert headings(cards_of(done.page)["other"]) == ["Contours"]


def test_smoothing_that_was_undone_is_said(staged: Path, page: Path, tmp_path: Path) -> None:
    assert "Smoothing by the scanner" not in page.read_text()
    out = tmp_path / "out"
    for name, undone in (
        ("across", "R 0.50 -> 0.88 mm, A 0.69 -> 1.00 mm"),
        ("all", "L 0.50 -> 0.88 mm, P 0.69 -> 1.00 mm, S 1.00 -> 2.13 mm"),
        ("little", "less than by half"),
        ("spoilt", ["<img>"]),
    ):
        folder = out / name / "contour_transform"
        shutil.copytree(staged / "out" / "outlines" / "contour_transform", folder)
        (folder / "provenance.json").unlink()
        write_record(folder, Record("contour", {}, context={"smoothing_undone": undone}))
    cards = cards_of(write_report(out).page)
    words = "Smoothing by the scanner was undone before the arteries were outlined"
    as_stored = "Pictures show the scan as it is stored.</p>"
    across = "about 0.9 mm right to left (stored 0.50 mm) and about 1.0 mm front to back"
    size = "in truth voxels were"
    assert f"{words}: {size} {across} (stored 0.69 mm). {as_stored}" in cards["across"]
    assert "(stored 0.69 mm) and about 2.1 mm along the neck (stored 1.00 mm)." in cards["all"]
    assert f"{words}. {as_stored}" in cards["little"]
    assert "Smoothing by the scanner" not in cards["spoilt"]


def test_models_are_named_for_what_they_are() -> None:
    shipped = {f"m{k}.pt": sha for k, sha in enumerate(sorted(shipped_checksums("heatmap")))}
    heatmap = Record("heatmap", {}, models=shipped)
    lines = Record("centerline", {}, inputs={"heatmap": Input.of_result(heatmap)})
    (words,) = models_told([lines])
    assert words.startswith("Heatmaps come from the models in the carotid package")
    assert "simulated necks only" in words
    own = Record("heatmap", {}, models={"a.pt": "0" * 64, "model.json": "1" * 64})
    (words,) = models_told([own])
    assert "1 model that" in words
    assert "not part of the carotid package" in words
    (words,) = models_told([own, lines])
    assert "different models" in words
    contours = Record(
        "contour",
        {},
        inputs={"centerline": Input.of_result(lines)},
        models={"a.pt": next(iter(shipped_checksums("contour")))},
    )
    (words,) = models_told([contours])
    assert words.startswith("Heatmaps and contours come from the models in the carotid package")


def test_heatmaps_that_were_not_kept_count_too(staged: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(staged / "out" / "outlines", out / "outlines")
    folder = out / "outlines" / "contour_transform"
    context = {
        "score": 55.0,
        "score_parts": [
            {"points": 35.0, "words": "members disagree by up to 4 mm, right external"},
            {"points": 12.0, "words": "3 jumps along 100 mm, right external"},
            {"points": 8.0, "words": "a third part"},
            "spoilt",
        ],
        "unlike_training": ["it is a foot"],
    }
    heatmap = Record("heatmap", {}, context=context)
    lines = Record("centerline", {}, inputs={"heatmap": Input.of_result(heatmap)})
    (folder / "provenance.json").unlink()
    write_record(folder, Record("contour", {}, inputs={"centerline": Input.of_result(lines)}))
    done = write_report(out)
    (row,) = done.rows
    assert row.score == 55.0
    assert row.unlike == ("it is a foot",)
    text = done.page.read_text()
    why = "members disagree by up to 4 mm, right external; 3 jumps along 100 mm, right external"
    assert f"heatmaps, which were not kept, had a score of 55: {why}</li>" in text
    assert f"\tdone\t{why}\t55.00\t" in done.table.read_text()
    assert "trained on: it is a foot" in text
