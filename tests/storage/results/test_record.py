"""Records: complete or not, what serves as an input, and grids that come back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.necks import affine_of

from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.provenance import Input, Record
from carotid.storage.results.record import (
    grid_facts,
    has_record,
    input_of,
    read_record,
    stored_grid,
    write_record,
)

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid((4, 5, 6), affine_of())
RECORD = Record(
    "letters",
    {"size": [1, 2]},
    inputs={"scan": Input("ab", 3)},
    models={"one.pt": "cd"},
    context=grid_facts(GRID),
)
FILES = ("left/a.txt", "left/b.txt", "right/a.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "letters_transform"
    for name in FILES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    write_record(place, RECORD)
    return place


def test_a_record_reads_back(folder: Path) -> None:
    assert read_record(folder) == RECORD
    content = json.loads((folder / "provenance.json").read_text())
    assert content["file_bytes"] == {name: len(name) for name in FILES}


def test_a_record_holds_those_of_its_inputs(folder: Path) -> None:
    later = Record("words", {}, inputs={"letters": input_of(folder)})
    (folder.parent / "words").mkdir()
    write_record(folder.parent / "words", later)
    assert read_record(folder.parent / "words") is None, "nothing was made"
    (folder.parent / "words" / "w").write_text("w")
    write_record(folder.parent / "words", later)
    found = read_record(folder.parent / "words")
    assert found == later
    assert found is not None
    assert found.scan() == Input("ab", 3)


@pytest.mark.parametrize("name", [*FILES, "provenance.json"])
@pytest.mark.parametrize("way", ["absent", "cut", "empty"])
def test_a_result_with_a_broken_file_is_incomplete(name: str, way: str, folder: Path) -> None:
    path = folder / name
    if way == "absent":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-2] if way == "cut" else b"")
    assert read_record(folder) is None
    assert has_record(folder) == (name != "provenance.json" or way != "absent")


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "null", '{"file_bytes": 3}', "[" * 10_000, "{}", '{"file_bytes": {}}']
)
def test_a_record_that_is_none(text: str, folder: Path) -> None:
    (folder / "provenance.json").write_text(text)
    assert read_record(folder) is None


@pytest.mark.parametrize("key", ["transform", "parameters", "inputs", "models", "versions"])
def test_a_record_that_lacks_something(key: str, folder: Path) -> None:
    content = json.loads((folder / "provenance.json").read_text())
    del content[key]
    (folder / "provenance.json").write_text(json.dumps(content))
    assert read_record(folder) is None


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname"])
def test_a_record_that_names_files_elsewhere(name: str, folder: Path) -> None:
    (folder.parent / "secret").write_text("12345")
    content = json.loads((folder / "provenance.json").read_text())
    content["file_bytes"][name] = 5
    (folder / "provenance.json").write_text(json.dumps(content))
    assert read_record(folder) is None


def test_an_input_with_a_record_is_known_by_it(folder: Path) -> None:
    assert input_of(folder) == Input(RECORD.sha256, record=RECORD)


def test_an_input_without_a_record_is_known_by_its_files(folder: Path) -> None:
    (folder / "provenance.json").unlink()
    first = input_of(folder)
    assert first.record is None
    (folder / FILES[0]).write_text("x" * len(FILES[0]))
    assert first.sha256 != input_of(folder).sha256


def test_the_grid_comes_back_also_where_files_were_changed(folder: Path, tmp_path: Path) -> None:
    (folder / FILES[0]).write_text("corrected by hand")
    found = stored_grid(folder)
    assert found is not None
    assert found.shape == GRID.shape
    np.testing.assert_array_equal(found.affine, GRID.affine)
    assert stored_grid(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"context": {"shape": [1, 2], "affine_ras_mm": []}}', "[" * 10_000]
)
def test_a_record_without_a_grid_is_told(text: str, folder: Path) -> None:
    (folder / "provenance.json").write_text(text)
    with pytest.raises(InputError, match="does not tell the scan's grid"):
        stored_grid(folder)
