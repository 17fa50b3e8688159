"""A page knows which results it shows, and is made again as it was asked for."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from carotid.errors import UsageError
from carotid.report.again import write_again
from carotid.report.write import write_report
from carotid.storage.results.made_of import MadeOf, is_older, scored_earlier

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def out(staged: Path, tmp_path: Path) -> Path:
    """Centerlines alone, the scan, and a page."""
    place = tmp_path / "study" / "out"
    shutil.copytree(staged / "out" / "lines", place / "lines")
    shutil.copytree(staged / "raw", tmp_path / "study" / "raw")
    record = {"centerline_transform": {"raw_dir": str(tmp_path / "study" / "raw")}}
    (place / "parameters.json").write_text(json.dumps(record))
    write_report(place)
    return place


def test_a_page_is_older_than_results_that_changed(out: Path) -> None:
    page = out / "report.html"
    assert not is_older(out, page)
    corrected = out / "lines" / "centerline_transform" / "corrected" / "correction.json"
    corrected.parent.mkdir()
    corrected.write_text("{}")
    assert is_older(out, page)
    write_again(out, whole=True)
    assert not is_older(out, page)
    shutil.rmtree(corrected.parent)
    assert is_older(out, page), "taken back"
    page.write_text("<html>made by hand</html>")
    assert is_older(out, page)
    page.unlink()
    assert is_older(out, page)


def test_copies_are_not_older_whatever_their_dates(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out / "lines", tmp_path / "copy" / "lines", copy_function=shutil.copyfile)
    shutil.copyfile(out / "report.html", tmp_path / "copy" / "report.html")
    assert not is_older(tmp_path / "copy", tmp_path / "copy" / "report.html")


def test_it_is_told_whose_results_changed(out: Path) -> None:
    shutil.copytree(out / "lines", out / "other")
    assert scored_earlier(out, "other")
    assert not scored_earlier(out, "lines"), "someone else's results do not count"
    write_report(out)
    assert not scored_earlier(out, "other")
    (out / "views").mkdir()
    (out / "views" / "other.html").touch()
    assert not scored_earlier(out, "other"), "a view is no result"
    record = out / "other" / "centerline_transform" / "provenance.json"
    record.write_text(record.read_text() + " ")
    assert scored_earlier(out, "other")
    (out / "report.html").unlink()
    assert not scored_earlier(out, "other"), "nothing tells"


def test_views_beside_the_page_are_linked(out: Path) -> None:
    assert "views/" not in (out / "report.html").read_text()
    (out / "views").mkdir()
    (out / "views" / "lines.html").touch()
    assert is_older(out, out / "report.html")
    page = write_report(out).page.read_text()
    assert '<a href="views/lines.html">in 3D</a>' in page


def test_it_is_made_again_as_it_was_asked_for(out: Path) -> None:
    (out.parent / "annotations").mkdir()
    write_report(out, annotation_dir=out.parent / "annotations", threshold=80, pictures=0)
    text = (out / "report.html").read_text()
    write_again(out, whole=True)
    assert (out / "report.html").read_text() == text
    made = MadeOf.read(out / "report.html")
    assert made is not None
    assert (made.annotation_dir, made.threshold, made.pictures) == ("../annotations", 80, 0)
    assert str(out.parent) not in text


def test_a_page_that_would_show_less_stays(out: Path) -> None:
    before = (out / "report.html").read_bytes()
    shutil.rmtree(out.parent / "raw")
    with pytest.raises(UsageError, match=r"scans .* are elsewhere or gone.*--raw_dir RAW_DIR"):
        write_again(out, whole=True)
    assert (out / "report.html").read_bytes() == before
    write_again(out, whole=False)
    assert (out / "report.html").read_bytes() != before
    write_again(out, whole=True)  # it shows no scans: nothing is lost


def test_known_centers_elsewhere_are_asked_for(out: Path, tmp_path: Path) -> None:
    far = tmp_path / "far" / "away"
    far.mkdir(parents=True)
    write_report(out, annotation_dir=far)
    with pytest.raises(UsageError, match="--annotation_dir ANNOTATION_DIR"):
        write_again(out, whole=True)
