"""What is said above a participant's page: models, result and score, and where everyone is."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

import pytest

from carotid.network.shipped import shipped_checksums
from carotid.provenance import Input, Record
from carotid.storage.results.made_of import MadeOf, state_of_results
from carotid.viewer.standing import Standing, standing_of

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "order\tparticipant_id\tresult\treason\tscore\tside\tunlike_training\n"


def of(folder: Path, participant_id: str = "a", *, linked: bool = True) -> Standing:
    return standing_of(folder, participant_id, [None], linked=linked)


def table(folder: Path, *rows: str) -> None:
    (folder / "quality.tsv").write_text(HEADER + "".join(f"{row}\n" for row in rows))


@pytest.mark.parametrize(
    ("score", "badge"),
    [
        ("60.00", '"badge doubt">doubtful, 60 of 100<'),
        ("26.00", '"badge doubt">doubtful, 26 of 100<'),
        ("15.00", '"badge doubt">worth a check, 15 of 100<'),
        ("9.20", '"badge doubt">worth a check, 9 of 100<'),
        ("", '"badge doubt">worth a check<'),
    ],
)
def test_a_score_is_told_as_on_the_page_of_everyone(tmp_path: Path, score: str, badge: str) -> None:
    table(tmp_path, "1\tb\tdone\t\t99.00\tleft\t", f"2\ta\tdone\tbad <b>\t{score}\tleft\t")
    text = of(tmp_path).as_html()
    assert badge in text
    assert "bad &lt;b&gt;." in text
    assert "For research; not a medical device." in text


def test_without_a_reason_the_score_alone_counts(tmp_path: Path) -> None:
    table(tmp_path, "1\ta\tdone\t\t9.20\tleft\t", "2\tb\tdone\t\t\tleft\t")
    assert '"badge good">plausible, 9 of 100<' in of(tmp_path).as_html()
    assert '"badge doubt">without a score<' in of(tmp_path, "b").as_html()


def test_scans_unlike_those_of_training_and_failures_are_told(tmp_path: Path) -> None:
    table(tmp_path, "1\ta\tdone\t\t3.00\t\tspacing", "2\tb\tfailed\tno memory\t\t\t")
    text = of(tmp_path).as_html()
    assert "doubt" in text
    assert "unlike training, 3 of 100" in text
    assert "The scan is unlike those of training: spacing." in text
    text = of(tmp_path, "b").as_html()
    assert '"badge doubt">failed<' in text
    assert "no memory." in text


def test_a_score_of_results_that_are_gone_is_called_so(tmp_path: Path) -> None:
    table(tmp_path, "1\ta\tdone\t\t9.00\t\t")
    record = tmp_path / "a" / "measurement_transform" / "provenance.json"
    record.parent.mkdir(parents=True)
    record.write_text("first")
    made = MadeOf(state_of_results(tmp_path), [], 0, 100.0, 200, "", "")
    mark = html.escape(made.as_text())
    (tmp_path / "report.html").write_text(f'<meta name="carotid-made-of" content="{mark}">')
    assert "earlier results" not in of(tmp_path).as_html()
    record.write_text("second")
    assert "earlier results; carotid report says it of these." in of(tmp_path).as_html()


def test_the_page_of_everyone_is_linked_where_it_is_and_can_be_reached(tmp_path: Path) -> None:
    assert of(tmp_path) == Standing()
    (tmp_path / "report.html").touch()
    assert '<a href="../report.html">' in of(tmp_path).as_html()
    assert "<a" not in of(tmp_path, linked=False).as_html()


def test_models_behind_results_are_named(tmp_path: Path) -> None:
    models = {f"m{k}.pt": sha for k, sha in enumerate(sorted(shipped_checksums("heatmap")))}
    heatmap = Record("heatmap", {}, models=models)
    lines = Record("measurement", {}, inputs={"heatmap": Input.of_result(heatmap)})
    text = standing_of(tmp_path, "a", [lines, None], linked=False).as_html()
    assert "trained on simulated necks only, never validated on patients. For research" in text


def test_a_table_that_cannot_be_read_is_said_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "quality.tsv").write_text("order\tparticipant_id\n1\ta\n")
    assert of(tmp_path) == Standing()
    assert "the score is not shown" in caplog.text
    table(tmp_path, "1\ta\tdone\t\tmuch\t\t")
    assert math.isnan(of(tmp_path).score)
    table(tmp_path, "1\tb\tdone\t\t60\t\t")
    assert not of(tmp_path).word
