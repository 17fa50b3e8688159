"""Who is exported, what is said of what is missing, and that nobody stops the others."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
from tests.export.marked import write_results

from carotid.errors import InputError, OutputError, UsageError
from carotid.export.nifti import WANTED, label_table, write_nifti_files
from carotid.export.studies import export_each, studies, whole_file
from carotid.export.vtk import WANTED as VTK
from carotid.export.vtk import write_vtk_files
from carotid.storage.results.layout import OutputLayout

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.export.studies import Study


def test_what_is_missing_is_known(tmp_path: Path) -> None:
    write_results(tmp_path / "out", "LPS", "a", steps=("segmentation",))
    layout = write_results(tmp_path / "out", "LPS", "b", steps=("contour",))
    (study,) = studies(layout, tmp_path / "to", [], WANTED)
    assert study.participant_id == "a"
    assert study.missing == ("heatmap_transform",)
    assert study.folder("heatmap_transform") is None
    files = write_nifti_files(study, tmp_path / "to")
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == sorted(
        path.name for path in files
    )


@pytest.mark.parametrize(
    ("folder", "participants", "message"),
    [
        ("nothing", [], "no such folder"),
        ("out", ["b"], "of that name with masks or heatmaps .*found 'b', expected ids among a"),
        ("empty", [], "no result to export"),
    ],
)
def test_nothing_to_export(
    folder: str, participants: list[str], message: str, tmp_path: Path
) -> None:
    write_results(tmp_path / "out", "LPS", "a", steps=("segmentation",))
    write_results(tmp_path / "empty", "LPS", "a", steps=("contour",))
    with pytest.raises(UsageError) as caught:
        studies(OutputLayout(tmp_path / folder), tmp_path / "to", participants, WANTED)
    assert re.search(message, str(caught.value))


def test_accents_may_be_typed_in_either_way(tmp_path: Path) -> None:
    layout = write_results(tmp_path / "out", "LPS", "Mu\u0308ller", steps=("segmentation",))
    (study,) = studies(layout, tmp_path / "to", ["M\u00fcller"], WANTED)
    assert study.participant_id == "Mu\u0308ller"


def test_results_are_not_mixed_with_exports(tmp_path: Path) -> None:
    layout = write_results(tmp_path / "out", "LPS", "a", steps=("segmentation",))
    with pytest.raises(UsageError, match="among the results"):
        studies(layout, tmp_path / "to" / ".." / "out", [], WANTED)


def test_one_that_fails_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b"):
        layout = write_results(tmp_path / "out", "LPS", name, steps=("segmentation",))
    found = studies(layout, tmp_path / "to", [], WANTED)

    def write(study: Study) -> list[Path]:
        if study.participant_id == "a":
            raise InputError("is damaged")
        return [tmp_path / "x"]

    with caplog.at_level(logging.WARNING):
        first, second = export_each(found, write)
    assert str(first.error) == "a: is damaged"
    assert second.files == (tmp_path / "x",)
    assert "a: the masks were not written by carotid" in caplog.text


def fill(path: Path, error: Exception) -> None:
    with whole_file(path) as file:
        file.write(b"half")
        raise error


def test_a_file_is_complete_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with pytest.raises(InputError, match="broke"):
        fill(path, InputError("broke"))
    assert not list((tmp_path / "new").iterdir())
    with pytest.raises(OutputError):
        fill(path, OSError(28, "No space left on device"))
    assert not list((tmp_path / "new").iterdir())
    with whole_file(path) as file:
        file.write(b"whole")
    assert path.read_bytes() == b"whole"


def test_what_an_earlier_export_has_left_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An artery that a correction took away, and a file of somebody's own."""
    layout = write_results(tmp_path / "out", "LPS", "a", ("contour", "segmentation"))
    for wanted, write, left in (
        (VTK, write_vtk_files, "right_external_wall.vtp"),
        (WANTED, write_nifti_files, "left_internal_heatmap.nii.gz"),
    ):
        (study,) = studies(layout, tmp_path / "to", [], wanted)
        folder = tmp_path / left
        write(study, folder)
        (folder / "notes.txt").touch()
        caplog.clear()
        write(study, folder)
        assert "not of this export" not in caplog.text
        (folder / left.replace("right", "middle")).touch()
        write(study, folder)
        assert f"perhaps of results that are no more: {left.replace('right', 'middle')}" in (
            caplog.text
        )


def test_the_names_of_labels() -> None:
    rows = [line.split("\t") for line in label_table().splitlines()]
    assert rows[0] == ["index", "name", "color"]
    assert [row[:2] for row in rows[1:]] == [
        ["0", "background"],
        ["1", "left lumen"],
        ["2", "left wall"],
        ["3", "right lumen"],
        ["4", "right wall"],
    ]
    assert all(len(row[2]) == 7 for row in rows[1:])
