"""Model directories: which files are members, and which ones only look like members."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import pytest

from carotid.errors import ModelError
from carotid.network.model_files import find_models, unused_models, warn_of_unused

if TYPE_CHECKING:
    from pathlib import Path


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_any_case_of_the_extension_is_a_member(tmp_path: Path) -> None:
    touch(tmp_path, "a.pt", "C.PT", "b.Pt", ".hidden.pt")
    assert [path.name for path in find_models(tmp_path)] == ["C.PT", "a.pt", "b.Pt"]
    assert unused_models(tmp_path, find_models(tmp_path)) == []


@pytest.mark.parametrize(
    "name",
    [
        *("b.pth", "B.PTH", "b.ckpt", "b.pt.crdownload", "b.pt.part", "b.pt.tmp", "b.pt (1)"),
        *(".b.pt.Ab3dEf", ".b.pt.icloud", ".syncthing.b.pt.tmp", "b.jit", "b.pt2"),
        *("b.pt~", "b.pt.bak", "b.pt.zip", "b.safetensors", "b.pkl", "b.pth.tar", "b.download"),
    ],
)
def test_what_looks_like_a_member_is_named(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "a.pt", name)
    found = find_models(tmp_path)
    assert [path.name for path in found] == ["a.pt"]
    warn_of_unused(tmp_path, found)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"not used as models: {name}; those that are: a.pt" in record.getMessage()


def test_splits_without_a_model_and_splits_beside_members(tmp_path: Path) -> None:
    touch(tmp_path, "split-0/model.pt", "split-10/model.pt", "split-2/training.tsv", "trunk-1/x")
    found = find_models(tmp_path)
    assert [path.parent.name for path in found] == ["split-0", "split-10"]
    assert unused_models(tmp_path, found) == ["split-2/"]
    touch(tmp_path, "Split-3/model.pt", "split_4/model.pt")
    assert unused_models(tmp_path, found) == ["Split-3/", "split-2/", "split_4/"]
    shutil.rmtree(tmp_path / "Split-3")
    shutil.rmtree(tmp_path / "split_4")
    touch(tmp_path, "a.pt")
    assert unused_models(tmp_path, find_models(tmp_path)) == ["split-0/", "split-10/", "split-2/"]


def test_what_lies_beside_models_needs_no_word(tmp_path: Path) -> None:
    beside = ("README.md", "model.json", "parameters.json", "training.png", "LICENSE", "old/a.pt")
    touch(tmp_path, "a.pt", *beside, "rows.tsv", ".a.pt.swp")
    assert unused_models(tmp_path, find_models(tmp_path)) == []


def test_a_directory_of_other_files_names_them(tmp_path: Path) -> None:
    touch(tmp_path, "a.pth", "b.ckpt", "split-3/x")
    with pytest.raises(ModelError, match=r"no model.*found a\.pth, b\.ckpt, split-3/"):
        find_models(tmp_path)
    with pytest.raises(ModelError, match="does not exist"):
        find_models(tmp_path / "gone")


def test_places_of_models_that_are_not_looked_into_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "split-0/model.pt", "fold_1/best.pt", "logs/a.txt", "trunk-0/state.pt")
    (tmp_path / "split-1").symlink_to("/mnt/gone/split-1")
    found = find_models(tmp_path)
    assert unused_models(tmp_path, found) == ["fold_1/", "split-1"]


def test_weights_without_an_extension_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.pt", "README")
    (tmp_path / "member_1").write_bytes(b"PK\x03\x04" + bytes(99))
    assert unused_models(tmp_path, find_models(tmp_path)) == ["member_1"]
