"""Directories of contour networks: versions that must not be mixed up, and files that lie."""

from __future__ import annotations

import json
import os
import sys
import types
from typing import TYPE_CHECKING

import pytest
import torch
from tests.polar_networks import seeded, write_version_1, write_version_2

from carotid.errors import ConfigurationError, ModelError
from carotid.network.contour_models import find_contour_models, read_contour_models
from carotid.network.polar_cnn import VARIANTS, Variant

if TYPE_CHECKING:
    from pathlib import Path

IN_3D = Variant(3, dropout=False)


def known_tools_class(monkeypatch: pytest.MonkeyPatch, name: str) -> type:
    """A class that is pickled by this name, in a module that nobody can import afterwards."""
    module = types.ModuleType("carotid.transform.contour.utils")
    made = type(name, (), {"__module__": module.__name__})
    setattr(module, name, made)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return made


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_both_versions_of_every_variant_are_read(variant: Variant, tmp_path: Path) -> None:
    first = read_contour_models(write_version_1(tmp_path / "a", variant))
    assert (first.version, len(first.weights), first.variant) == (1, 2, variant)
    assert not first.lacks_half_a_sample
    second = read_contour_models(write_version_2(tmp_path / "b", variant))
    assert (second.version, len(second.weights), second.variant) == (2, 2, variant)
    assert second.lacks_half_a_sample
    for name, value in seeded(variant).state_dict().items():
        assert torch.equal(second.weights[0].state[name], value)


def test_a_class_by_name_is_not_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_version_2(tmp_path, count=1)
    with monkeypatch.context() as patch:
        content = {
            "model": seeded(IN_3D).state_dict(),
            "class": known_tools_class(patch, "ContourNet"),
        }
        torch.save(content, folder / "split-0" / "model.pt")
    assert b"ContourNet" in (folder / "split-0" / "model.pt").read_bytes()
    assert read_contour_models(folder).version == 2


@pytest.mark.parametrize("name", ["Other", "system"])
def test_any_other_name_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_version_2(tmp_path, count=1)
    with monkeypatch.context() as patch:
        wanted = os.system if name == "system" else known_tools_class(patch, name)
        content = {"model": seeded(IN_3D).state_dict(), "class": wanted}
        torch.save(content, folder / "split-0" / "model.pt")
    with pytest.raises(ModelError, match="run code"):
        read_contour_models(folder)


def test_half_precision_is_read(tmp_path: Path) -> None:
    for dtype in (torch.float16, torch.bfloat16):
        state = {
            name: value.to(dtype) if value.is_floating_point() else value
            for name, value in seeded(IN_3D).state_dict().items()
        }
        torch.save(state, tmp_path / "half.pt")
        (one,) = read_contour_models(tmp_path).weights
        assert all(v.dtype in (torch.float32, torch.int64) for v in one.state.values())


def test_what_training_wrote_is_known(tmp_path: Path) -> None:
    folder = write_version_2(
        tmp_path,
        polar_transform={"n_angles": 31, "length": 7},
        sampling="linear",
        radius="exact",
        voxel_mm=0.35,
    )
    models = read_contour_models(folder)
    assert models.polar == {"n_angles": 31, "length": 7}
    assert (models.sampling, models.voxel_mm) == ("linear", 0.35)
    assert not models.lacks_half_a_sample


def test_what_training_did_not_write_is_unknown(tmp_path: Path) -> None:
    folder = write_version_2(tmp_path, polar_transform=[], sampling=3, voxel_mm=True)
    models = read_contour_models(folder)
    assert (models.polar, models.sampling, models.voxel_mm) == ({}, None, None)


def test_splits_can_be_chosen(tmp_path: Path) -> None:
    folder = write_version_2(tmp_path, count=3)
    models = read_contour_models(folder, ["split-2", "split-0"])
    assert [one.name for one in models.weights] == ["split-0/model.pt", "split-2/model.pt"]
    with pytest.raises(ConfigurationError, match="'split-9'") as caught:
        read_contour_models(folder, ["split-1", "split-9"])
    assert "split-0, split-1, split-2" in str(caught.value)


def test_networks_of_two_versions_in_one_folder_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Those of one version count: an ensemble does not shrink in silence."""
    folder = write_version_2(tmp_path, count=2)
    read_contour_models(folder, ["split-1"])
    assert not caplog.records  # a split that was not chosen is no surprise
    torch.save(seeded(IN_3D).state_dict(), folder / "other.pt")
    assert len(read_contour_models(folder).weights) == 2
    assert "not used as models: other.pt; those that are: split-0/model.pt, split" in caplog.text
    assert [path.parent.name for path in find_contour_models(folder)] == ["split-0", "split-1"]
    caplog.clear()
    (folder / "parameters.json").unlink()
    assert read_contour_models(folder).version == 1
    assert "not used as models: split-0/, split-1/; those that are: other.pt" in caplog.text
    assert find_contour_models(folder) == [folder / "other.pt"]


def test_splits_are_for_version_2(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="version 2"):
        read_contour_models(write_version_1(tmp_path), ["split-0"])


def test_version_2_without_its_parameters_is_refused(tmp_path: Path) -> None:
    folder = write_version_2(tmp_path)
    (folder / "parameters.json").unlink()
    with pytest.raises(ModelError, match="weights of version 2"):
        read_contour_models(folder)
    for number in range(2):
        (folder / f"split-{number}" / "model.pt").rename(folder / f"{number}.pt")
    with pytest.raises(ModelError, match="weights of version 2"):
        read_contour_models(folder)


def test_version_1_beside_parameters_is_refused(tmp_path: Path) -> None:
    folder = write_version_1(tmp_path)
    (folder / "parameters.json").write_text("{}")
    with pytest.raises(ModelError, match="no model in this directory"):
        read_contour_models(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "3", "null"])
def test_parameters_that_cannot_be_read_are_named(text: str, tmp_path: Path) -> None:
    folder = write_version_2(tmp_path)
    (folder / "parameters.json").write_text(text)
    with pytest.raises(ModelError, match=r"parameters\.json"):
        read_contour_models(folder)


def test_members_of_two_variants_are_refused(tmp_path: Path) -> None:
    folder = write_version_1(tmp_path, count=1)
    torch.save(seeded(Variant(2, dropout=True)).state_dict(), folder / "z.pt")
    with pytest.raises(ModelError, match="one architecture"):
        read_contour_models(folder)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    state = dict(seeded(IN_3D).state_dict())
    for change, message in (
        ({"model.6.weight": torch.zeros(48, 32, 3, 3, 3)}, "model.6.weight has another shape"),
        ({"model.22.weight": torch.zeros(3)}, "1 unexpected, such as model.22.weight"),
        ({"model.3.bias": torch.full((32,), torch.nan)}, "NaN or infinity in model.3.bias"),
    ):
        torch.save(state | change, tmp_path / "a.pt")
        with pytest.raises(ModelError, match=message):
            read_contour_models(tmp_path)
    del state["model.21.bias"]
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(ModelError, match=r"missing, such as model\.21\.bias"):
        read_contour_models(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS"),
        (b"<!DOCTYPE html><html>", "web page"),
        (json.dumps({"model": 1}).encode(), "a JSON text, not weights"),
    ],
)
def test_files_that_are_no_models_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_contour_models(tmp_path)


def test_an_empty_or_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model"):
        read_contour_models(tmp_path)
    with pytest.raises(ModelError, match="does not exist"):
        read_contour_models(tmp_path / "nowhere")
