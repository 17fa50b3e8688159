"""The heatmap stage's part in a run; the whole of it is tested through the command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.necks import affine_of, neck
from tests.networks import write_models

from carotid.errors import InputError, ModelError, ResourceError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.network import members
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.task import HeatmapTask
from carotid.stages.inputs import Inputs
from carotid.stages.stage import SCAN, Setting
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.model_description import ModelDescription, write_model_description
from carotid.storage.participants import find_scans
from carotid.storage.raw import hash_scan
from carotid.storage.results.heatmaps import load_heatmaps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.network.members import Member
    from carotid.network.weights import Weights
    from carotid.stages.stage import Forecast, Made

PARAMETERS = HeatmapParameters(roi_size=(32, 16, 16), overlap=0.3)


@pytest.fixture
def setting(tmp_path: Path) -> Setting[HeatmapParameters]:
    raw = tmp_path / "raw"
    raw.mkdir()
    array = (neck() * 1000).astype(np.int16)
    write_metaimage(raw / "one.mha", Volume(array, Grid(array.shape, affine_of())))
    (raw / "torn.mha").write_bytes((raw / "one.mha").read_bytes()[:500])
    write_models(tmp_path / "models", 2)
    return Setting(
        parameters=PARAMETERS,
        inputs=Inputs((SCAN,), {}, find_scans(raw)),
        model_dir=tmp_path / "models",
        device="cpu",
        cores=torch.get_num_threads(),
    )


def computed(task: HeatmapTask, folder: Path) -> tuple[Made, int]:
    """Take participant `one` through; what the task says of it, and how many steps it took."""
    loaded = task.load("one")
    folder.mkdir()
    taken: list[None] = []
    made: list[Made] = []

    def noting() -> None:
        taken.append(None)

    work = task.compute(loaded, folder, noting)
    while True:
        try:
            next(work)()
        except StopIteration as end:
            made.append(end.value)
            break
    assert len(taken) == task.steps(loaded)
    return made[0], len(taken)


def test_a_scan_becomes_heatmaps_on_its_grid(
    setting: Setting[HeatmapParameters], tmp_path: Path
) -> None:
    task = HeatmapTask(setting)
    prepared = task.prepare()
    assert list(prepared.models) == ["unet_0.pt", "unet_1.pt"]
    assert (prepared.device, prepared.beside_gpu) == ("cpu", False)
    task.get_ready()
    made, steps = computed(task, tmp_path / "heatmap_transform")
    assert steps > 2
    scan = setting.inputs.scan("one")
    assert made.inputs[SCAN].sha256 == hash_scan(scan)
    assert made.inputs[SCAN].size_bytes == scan.path.stat().st_size
    assert made.context["forward_pass"] == "all on the device"
    found = load_heatmaps(tmp_path / "heatmap_transform")
    assert found.grid.agrees_with(Grid(neck().shape, affine_of()))
    assert made.context["shape"] == list(found.grid.shape)
    assert found.left.max_indices.shape[0] == 2
    assert np.ptp(found.left.mean) > 0


@pytest.mark.parametrize(("asked", "lines"), [(128, 1), (None, 0)])
def test_windows_that_the_models_ask_for_and_do_not_get_are_told_once(
    setting: Setting[HeatmapParameters],
    asked: int | None,
    lines: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert setting.model_dir is not None
    wishes = {} if asked is None else {"heatmap": {"max_roi_depth": asked}}
    described = ModelDescription("heatmap", "a U-Net", settings=wishes)
    write_model_description(setting.model_dir, described)
    with caplog.at_level("INFO"):
        HeatmapTask(setting).prepare()
    said = "model.json asks for max_roi_depth = 128, and none is used; the section [heatmap_trans"
    assert caplog.text.count(said) == lines
    caplog.clear()
    meant = setting.parameters.model_copy(update={"max_roi_depth": asked})
    with caplog.at_level("INFO"):
        HeatmapTask(replace(setting, parameters=meant)).prepare()
    assert "asks for" not in caplog.text


def test_a_scan_is_prepared_without_torch_and_before_the_models(
    setting: Setting[HeatmapParameters],
) -> None:
    loaded = HeatmapTask(setting).load("one")
    assert loaded.prepared.images[0].any()


def test_the_record_tells_when_there_was_no_room_for_the_networks(
    setting: Setting[HeatmapParameters], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU was there when the run began, and the networks ended up on the CPU all the same."""
    build = members.build_members

    def on_the_cpu(models: Sequence[Weights], device: torch.device) -> list[Member]:
        assert device.type == "meta"
        return build(models, torch.device("cpu"))

    monkeypatch.setattr("carotid.network.device.choose_device", lambda _: torch.device("meta"))
    monkeypatch.setattr(members, "build_members", on_the_cpu)
    task = HeatmapTask(setting)
    assert task.prepare().device == "meta"
    task.get_ready()
    made, _ = computed(task, tmp_path / "heatmap_transform")
    assert made.context["forward_pass"] == "networks on the CPU"


def test_memory_is_looked_at_before_the_voxels(setting: Setting[HeatmapParameters]) -> None:
    def refuse(where: str | Path, forecast: Forecast) -> None:
        assert forecast.total_bytes > 1 << 20
        raise ResourceError("the scan needs more memory than there is", where=where)

    task = HeatmapTask(replace(setting, check_memory=refuse))
    with pytest.raises(ResourceError, match=r"one\.mha"):
        task.load("one")


def test_a_torn_scan_is_named(setting: Setting[HeatmapParameters]) -> None:
    with pytest.raises(InputError, match=r"torn\.mha"):
        HeatmapTask(setting).load("torn")


def test_models_of_another_step_are_told_before_weights_are_read(
    setting: Setting[HeatmapParameters],
) -> None:
    assert setting.model_dir is not None
    write_model_description(setting.model_dir, ModelDescription("contour", "a network"))
    (setting.model_dir / "unet_0.pt").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="these are contour models"):
        HeatmapTask(setting).prepare()


def test_one_model_is_told(
    setting: Setting[HeatmapParameters], caplog: pytest.LogCaptureFixture
) -> None:
    assert setting.model_dir is not None
    (setting.model_dir / "unet_1.pt").unlink()
    HeatmapTask(setting).prepare()
    assert "one model only" in caplog.text
    (setting.model_dir / "unet_0.pt").unlink()
    with pytest.raises(ModelError, match="no model"):
        HeatmapTask(setting)


def test_slices_that_are_stored_twice_are_told(
    setting: Setting[HeatmapParameters], tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).integers(0, 9, neck().shape)
    array = (neck() * 1000 + noise).astype(np.int16)
    array[:, :, 12] = array[:, :, 11]
    write_metaimage(tmp_path / "raw" / "one.mha", Volume(array, Grid(array.shape, affine_of())))
    setting = replace(setting, inputs=Inputs((SCAN,), {}, find_scans(tmp_path / "raw")))
    task = HeatmapTask(setting)
    task.prepare()
    task.get_ready()
    made, _ = computed(task, tmp_path / "made")
    words = "the same as the one below: stored twice, or filled in"
    assert any(one.endswith(words) for one in made.remarks)
    assert any(one.endswith(words) for one in made.context["unlike_training"])
