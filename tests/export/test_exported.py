"""An export given again takes no work away, and leaves nothing of the earlier one behind."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.cli.test_measurement import annotate

from carotid.errors import InputError, OutputError, UsageError
from carotid.export.corrections import Place, correct
from carotid.export.drawn_contours import left_told
from carotid.export.slicer_scene import WANTED, Slices, write_scene
from carotid.export.studies import studies
from carotid.storage.markups import markups_text, read_markups
from carotid.storage.results.layout import OutputLayout

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.artifacts import Boundary, Label
    from carotid.export.studies import Study
    from carotid.geometry.sides import SideName


@pytest.fixture
def study(tmp_path: Path) -> Study:
    annotate(tmp_path / "out", "a", 1.0)
    (one,) = studies(OutputLayout(tmp_path / "out"), tmp_path / "to", [], WANTED)
    return one


def outlines(folder: Path) -> set[str]:
    return {path.name for path in (folder / "contours").iterdir()}


def move(path: Path, mm: float) -> None:
    """What a reader does in Slicer."""
    (one,) = read_markups(path)
    path.write_text(markups_text([replace(one, points_mm=one.points_mm + mm)]))


def test_what_was_changed_by_hand_is_not_overwritten(study: Study, tmp_path: Path) -> None:
    to = tmp_path / "to"
    written = write_scene(study, to, Slices(4))
    assert all(path.is_file() for path in written)
    for name in ("contours/left_internal_lumen_z0012.mrk.json", "bifurcation.mrk.json"):
        write_scene(study, to, Slices(4))  # again, without harm
        first = (to / name).read_bytes()
        move(to / name, 1.0)
        moved = (to / name).read_bytes()
        for slices in (Slices(4), Slices(3)):
            with pytest.raises(OutputError, match=rf"changed by hand .*{name}.*--force"):
                write_scene(study, to, slices)
        assert (to / name).read_bytes() == moved
        write_scene(study, to, Slices(4), force=True)
        assert (to / name).read_bytes() == first


def test_swapped_names_of_points_are_a_change(study: Study, tmp_path: Path) -> None:
    write_scene(study, tmp_path / "to", Slices(4))
    path = tmp_path / "to" / "bifurcation.mrk.json"
    path.write_text(path.read_text().replace('"left"', '"right"'))
    with pytest.raises(OutputError, match="changed by hand"):
        write_scene(study, tmp_path / "to", Slices(4))


def test_what_slicer_saves_unmoved_is_no_change(study: Study, tmp_path: Path) -> None:
    write_scene(study, tmp_path / "to", Slices(4))
    path = tmp_path / "to" / "contours" / "left_internal_wall_z0012.mrk.json"
    content = json.loads(path.read_text())
    for point in content["markups"][0]["controlPoints"]:
        point["position"] = [v + 1e-12 for v in point["position"]]
        point["label"] = "C-1"
    path.write_text(json.dumps(content))
    write_scene(study, tmp_path / "to", Slices(4))


def test_a_correction_that_was_taken_in_is_no_change(study: Study, tmp_path: Path) -> None:
    """Few points that somebody drew come back as the curve that Slicer shows through them."""
    to, name = tmp_path / "to", "contours/left_internal_wall_z0012.mrk.json"
    write_scene(study, to, Slices(4))
    (one,) = read_markups(to / name)
    turn = 2 * np.pi * np.arange(9) / 9
    ring = np.column_stack([4 * np.cos(turn), 4 * np.sin(turn), 0 * turn])
    drawn = replace(one, points_mm=one.points_mm.mean(axis=0) + ring, labels=("",) * 9)
    (to / name).write_text(markups_text([drawn]))
    correct(Place(study.layout, "a"), None, to / "contours")
    write_scene(study, to, Slices(4))
    (again,) = read_markups(to / name)
    assert len(again.points_mm) == 64


def test_leftovers_of_an_earlier_export_go(study: Study, tmp_path: Path) -> None:
    write_scene(study, tmp_path / "other", Slices(3))
    write_scene(study, tmp_path / "to", Slices(5))
    assert outlines(tmp_path / "to") - outlines(tmp_path / "other")
    write_scene(study, tmp_path / "to", Slices(3))
    assert outlines(tmp_path / "to") == outlines(tmp_path / "other")


def test_curves_that_somebody_has_added_stay_and_are_named(
    study: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    to = tmp_path / "to"
    write_scene(study, to, Slices(4))
    assert not caplog.text
    new = to / "contours" / "left external wall.mrk.json"
    new.write_text(markups_text([]))
    write_scene(study, to, Slices(4), force=True)
    assert new.is_file()
    assert "left external wall.mrk.json" in caplog.text


def test_a_record_of_strangers_removes_nothing_elsewhere(study: Study, tmp_path: Path) -> None:
    to, mine = tmp_path / "to", tmp_path / "mine.txt"
    write_scene(study, to, Slices(4))
    mine.touch()
    (to / "exported.json").write_text('{"files": {"../mine.txt": "x", "/etc/none": "x"}}')
    write_scene(study, to, Slices(4))
    assert mine.is_file()


def test_an_export_of_another_participant_is_not_taken_in(study: Study, tmp_path: Path) -> None:
    annotate(tmp_path / "out", "b", 1.0)
    write_scene(study, tmp_path / "to", Slices(4))
    move(tmp_path / "to" / "bifurcation.mrk.json", 1.0)
    move(tmp_path / "to" / "contours" / "left_internal_wall_z0012.mrk.json", 0.1)
    other = Place(study.layout, "b")
    message = r"another participant's results .found a, expected b"
    with pytest.raises(UsageError, match=message):
        correct(other, tmp_path / "to" / "bifurcation.mrk.json", None)
    for contours in ("contours", "contours/left_internal_wall_z0012.mrk.json"):
        with pytest.raises(UsageError, match=message):
            correct(other, None, tmp_path / "to" / contours)
    (tmp_path / "to" / "exported.json").write_text("[]")  # not on record: places alone tell
    assert correct(other, tmp_path / "to" / "bifurcation.mrk.json", None).bifurcations == ("left",)


@pytest.mark.parametrize(
    ("slices", "message"),
    [
        (Slices(5, 9000, 9100), "the scan has no such slices .found 9000, expected slices 0 to"),
        (Slices(500, 1, 20), "no outline lies in these slices .*every 500 mm"),
    ],
)
def test_slices_without_outlines_are_refused(
    slices: Slices, message: str, study: Study, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        write_scene(study, tmp_path / "to", slices)
    assert not (tmp_path / "to").exists()


def test_curves_that_somebody_has_removed_are_named(
    study: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who deletes a wrong outline shall not believe that it is gone."""
    contours = tmp_path / "to" / "contours"
    write_scene(study, tmp_path / "to", Slices(4))
    move(contours / "left_internal_lumen_z0012.mrk.json", 0.1)
    renamed = contours / "left_internal_wall_z0020.mrk.json"
    renamed.rename(contours / "left_internal_wall_z0020_1.mrk.json")
    (contours / "left_internal_wall_z0016.mrk.json").unlink()
    place = Place(study.layout, "a")
    before = place.folder("contour_transform") / "left_contour.tsv"
    rows = before.read_text().count("\n")
    assert correct(place, None, contours).drawn == 1
    assert "removed since the export: left_internal_wall_z0016. Their outlines stay" in caplog.text
    after = before.parent / "corrected" / before.name
    assert after.read_text().count("\n") == rows


def test_outlines_that_could_not_follow_are_told_in_one_line() -> None:
    left: list[tuple[SideName, Label, Boundary, int]] = [("left", "external", "lumen", 7)]
    left += [("left", "internal", "wall", z) for z in (5, 3, 4, 8)]
    assert left_told(left) == (
        "left external lumen, slice 7",
        "left internal wall, slices 3 to 5, 8",
    )
