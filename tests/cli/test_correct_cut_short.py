"""Commands for corrections that were killed: given again, they leave what others leave."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.cli.test_correct import Study

from carotid.export import corrections
from carotid.export.begun import read_begun, write_begun
from carotid.export.corrections import Place, correct, undo
from carotid.export.removals import Removal
from carotid.storage.markups import Markup, markups_text, read_markups
from carotid.storage.results.layout import OutputLayout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A participant with corrections of both kinds, saved and not yet taken in."""
    one = Study.made(tmp_path_factory.mktemp("cut"))
    one.run("report", one.out)
    one.scale("left_internal_lumen_z0012", 1.25)
    path = one.slicer / "a" / "bifurcation.mrk.json"
    (markup,) = read_markups(path)
    moved = markup.points_mm - np.array([0, 0, 3.0])
    path.write_text(markups_text([Markup("bifurcation", "Fiducial", moved, markup.labels)]))
    return one


@pytest.fixture
def study(corrected: Study, tmp_path: Path) -> Study:
    place = tmp_path / "study"
    shutil.copytree(corrected.out.parent, place)
    return Study(place)


def take_in(study: Study) -> str:
    some = ("--contours", study.slicer / "a" / "contours")
    path = study.slicer / "a" / "bifurcation.mrk.json"
    return study.run("correct", study.out, "-p", "a", *some, "--bifurcation", path)


def files(study: Study) -> dict[str, str]:
    return {
        str(path.relative_to(study.out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(study.out.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def test_between_outlines_and_bifurcation(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outlines do not differ any more then, and still the masks are older than they are."""
    whole = Study(shutil.copytree(study.out.parent, tmp_path / "whole"))
    take_in(whole)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    place, slicer = Place(OutputLayout(study.out), "a"), study.slicer / "a"
    with monkeypatch.context() as patched:
        patched.setattr(corrections, "_save_bifurcations", killed)
        with pytest.raises(KeyboardInterrupt):
            correct(place, slicer / "bifurcation.mrk.json", slicer / "contours")
    assert read_begun(place.layout, "a") == ("centerline_transform", "contour_transform")
    said = take_in(study)
    assert "segmentation: done" in said
    assert files(study).keys() == files(whole).keys()
    for name in ("segmentation_transform/labels.mha", "measurement_transform/arteries.tsv"):
        assert files(study)[f"a/{name}"] == files(whole)[f"a/{name}"]
    assert read_begun(place.layout, "a") == ()


def test_before_the_tables_of_everybody_and_the_page(study: Study) -> None:
    older = {name: (study.out / name).read_bytes() for name in ("arteries.tsv", "report.html")}
    take_in(study)
    whole = files(study)
    for name, content in older.items():
        (study.out / name).write_bytes(content)
    write_begun(OutputLayout(study.out), "a", ["contour_transform"])
    assert "nothing differs from what is there; what is older than it is made" in take_in(study)
    assert files(study) == whole


def test_while_corrections_are_taken_back(study: Study) -> None:
    before = files(study)
    take_in(study)
    place = Place(OutputLayout(study.out), "a")
    assert undo(place) == ["centerline_transform", "contour_transform"]
    said = study.run("correct", study.out, "-p", "a", "--undo")
    assert "there were none" in said
    assert "measurement: done" in said
    tables = [name for name in before if name.endswith((".tsv", ".mha", ".html"))]
    assert {name: files(study)[name] for name in tables} == {name: before[name] for name in tables}


def test_settings_are_those_of_before(study: Study, tmp_path: Path) -> None:
    """The command that was cut short has taken the record of the measurements away."""
    config = tmp_path / "config.toml"
    config.write_text("[measurement_transform]\nplaque_thickness_mm = 1.7\n")
    study.run("transform", "measurement", study.out, "-c", config, "--force")
    correct(Place(OutputLayout(study.out), "a"), None, study.slicer / "a" / "contours")
    (study.out / "parameters.json").write_text("{}")
    said = take_in(study)
    assert "not on record" not in said
    assert study.measured("plaque_threshold_mm", segment="common") == 1.7


def test_outlines_that_are_gone_already(study: Study) -> None:
    """Given again, the command finds nothing to remove, and masks and tables still hold it."""
    correct(Place(OutputLayout(study.out), "a"), None, None, [Removal("left", "external")])
    said = study.run("correct", study.out, "-p", "a", "--remove", "left external")
    assert "nothing differs from what is there; what is older than it is made anew" in said
    assert "segmentation: done" in said
    assert np.isnan(study.measured("la_mean_mm2", segment="external"))


def test_steps_make_what_was_not_made_anew(study: Study) -> None:
    correct(Place(OutputLayout(study.out), "a"), None, None, [Removal("left", "external")])
    for step in ("segmentation", "measurement"):
        assert "1 done" in study.run("transform", step, study.out)
    assert np.isnan(study.measured("la_mean_mm2", segment="external"))
