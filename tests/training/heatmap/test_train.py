from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tests.dicom_series import series_uid, write_classic
from tests.training.stand_in import tubes

from carotid.errors import InputError, ModelError, UsageError
from carotid.network.members import load_members
from carotid.network.model_files import find_models
from carotid.network.shipped import shipped_models
from carotid.network.unet import UNet
from carotid.storage.metaimage.read import open_metaimage
from carotid.storage.model_description import (
    ModelDescription,
    read_model_description,
    write_model_description,
)
from carotid.storage.rescaling import Rescaling
from carotid.storage.scan_source import ScanSource
from carotid.training.engine.run import TrainingRequest
from carotid.training.heatmap.parameters import CropKind
from carotid.training.heatmap.samples import read_subset
from carotid.training.heatmap.train import _windows, train_from_simulator

from .trainings import PHASE, StopHereError, interrupt, settings, train

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("small_windows")


def test_folder_is_a_model_directory_with_its_records(annotated: Path) -> None:
    events: list[Any] = []
    models = train(annotated, on_progress=events.append)
    out = annotated / "out"
    assert models == [out / "split-0" / "model.pt", out / "split-1" / "model.pt"]
    assert find_models(out) == models
    assert len(load_members(out)) == 2
    record = json.loads((out / "parameters.json").read_text())["heatmap_training"]
    assert sorted(record["models"]) == ["split-0/model.pt", "split-1/model.pt"]
    assert record["annotated_sides"] == 6
    assert (out / "training.png").read_bytes().startswith(b"\x89PNG")
    rows = (out / "split-1" / "training.tsv").read_text().splitlines()
    assert rows[0].split("\t")[0] == "epoch"
    assert [row.split("\t")[:2] for row in rows[1:]] == [["1", "2"], ["2", "4"]]
    metrics = (out / "split-1" / "validation_metrics.tsv").read_text().splitlines()
    assert "both_right" in metrics[0].split("\t")
    assert not list(out.rglob("state.pt"))
    assert [event.step for event in events if event.epoch is None] == [1, 2, 3, 4, 1, 2, 3, 4]


def test_finished_training_is_kept_unless_forced(annotated: Path) -> None:
    models = train(annotated)
    before = [path.read_bytes() for path in models]
    with pytest.raises(UsageError, match="finished training"):
        train(annotated)
    assert [path.read_bytes() for path in models] == before
    again = train(annotated, force=True)
    assert [path.read_bytes() for path in again] == before


@pytest.mark.parametrize(("depth", "asked"), [(64, {}), (96, {"heatmap": {"max_roi_depth": 96}})])
def test_models_ask_for_windows_as_deep_as_their_crops(
    depth: int, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carotid.training.heatmap.train.WINDOW", (368, 64, 320))
    flat, deep = (CropKind(shape=(32, d, 32)) for d in (32, depth))
    last = PHASE.model_copy(update={"crops": (flat, deep)})
    found = _windows(settings(variants=(PHASE, last)))
    assert found == asked
    tuned = _windows(settings(variants=(PHASE, last)), shipped_models("heatmap"))
    assert tuned == {"heatmap": {**asked.get("heatmap", {}), "min_height": 120}}


@pytest.mark.parametrize(
    ("part", "epoch"), [("split-1", 1), pytest.param("split-0", 1, marks=pytest.mark.slow)]
)
def test_interrupted_training_goes_on_to_the_same_models(
    annotated: Path, part: str, epoch: int
) -> None:
    unbroken = [path.read_bytes() for path in train(annotated, "a")]
    with pytest.raises(StopHereError):
        train(annotated, "b", on_progress=partial(interrupt, part=part, epoch=epoch))
    with pytest.raises(UsageError, match="steps_per_epoch"):
        train(annotated, "b", parameters=settings(steps_per_epoch=3))
    resumed = [path.read_bytes() for path in train(annotated, "b")]
    assert resumed == unbroken


def test_training_goes_on_with_the_series_that_it_began_with(annotated: Path) -> None:
    raw = annotated / "raw"
    scan = open_metaimage(raw / "P1.mha").read().volume
    (raw / "P1.mha").unlink()
    for series in ("2", "3"):
        write_classic(scan, raw / "P1", uid=series, name=f"{series}-{{}}".format)
    with pytest.raises(InputError, match="there are 2 series"):
        train(annotated)
    began = partial(interrupt, part="split-1", epoch=1)
    with pytest.raises(StopHereError):
        train(annotated, source=ScanSource(raw, series=series_uid("2")), on_progress=began)
    record = json.loads((annotated / "out" / "parameters.json").read_text())["heatmap_training"]
    assert (record["raw_dir"], record["series"]) == (str(raw), series_uid("2"))
    with pytest.raises(UsageError, match="found series"):
        train(annotated, source=ScanSource(raw, series=series_uid("3")))
    assert len(train(annotated, source=ScanSource(raw, series=series_uid("2")))) == 2


@pytest.mark.parametrize("key", ["rescaling", "scan_names_and_sizes_sha256"])
def test_interrupted_training_does_not_go_on_with_other_intensities(
    annotated: Path, key: str
) -> None:
    with pytest.raises(StopHereError):
        train(annotated, on_progress=partial(interrupt, part="split-0", epoch=1))
    if key == "rescaling":
        path = annotated / "raw" / "parameters.json"
        path.write_text(path.read_text().replace("99", "70"))
    else:
        scan = annotated / "raw" / "P1.mha"
        scan.write_bytes(scan.read_bytes().replace(b"MET_SHORT", b"MET_SHORT "))
    with pytest.raises(UsageError, match=f"found {key}"):
        train(annotated)


def test_a_side_that_is_listed_twice_counts_once(annotated: Path) -> None:
    subset = annotated / "subset.tsv"
    subset.write_text("participant_id\tside\nP0\tleft\nP2\tright\nP0\tleft\n")
    assert read_subset(subset) == [("P0", "left"), ("P2", "right")]


def test_subset_file_chooses_sides(annotated: Path) -> None:
    subset = annotated / "subset.tsv"
    subset.write_text("participant_id\tside\nP0\tleft\nP2\tright\n")
    train(annotated, centerline_tsv=subset)
    record = json.loads((annotated / "out" / "parameters.json").read_text())
    assert record["heatmap_training"]["annotated_sides"] == 2
    subset.write_text("participant_id\tside\nP0\tleft\nP2\tmiddle\n")
    with pytest.raises(InputError, match="row 3"):
        train(annotated, "other", centerline_tsv=subset)
    subset.write_text("participant_id\tside\nP7\tleft\n")
    with pytest.raises(UsageError, match="P7 left"):
        train(annotated, "other", centerline_tsv=subset)


def test_too_few_participants_for_the_folds(annotated: Path) -> None:
    with pytest.raises(UsageError, match="too few"):
        train(annotated, parameters=settings(n_splits=4))


def test_scans_are_rescaled_as_the_models_expect_that_training_begins_with(
    annotated: Path,
) -> None:
    """Where nobody says how; else they would be shown what they never saw."""
    (annotated / "raw" / "parameters.json").unlink()
    five = Rescaling(rescale=True, lower_percentile=5, upper_percentile=95)
    models = annotated / "models"
    models.mkdir()
    write_model_description(models, ModelDescription("heatmap", "a U-Net", rescaling=five))
    torch.save(UNet().state_dict(), models / "a.pt")
    train(annotated, start_from=models)
    described = read_model_description(annotated / "out")
    assert described is not None
    assert described.rescaling == five


def test_shared_phases_that_do_not_count_are_named(
    annotated: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parameters = settings(trunk=(PHASE, PHASE))
    with pytest.raises(ModelError, match="does not exist"):
        train_from_simulator(
            TrainingRequest(tmp_path / "out", tmp_path / "none", "cpu"), parameters, tubes
        )
    assert "begins with other models has no shared phases: the 2 of [[heatmap" in caplog.text
    caplog.clear()
    with pytest.raises(UsageError, match="too few"):
        train(annotated, parameters=settings(trunk=(PHASE,), n_splits=4))
    assert "with folds has no shared phases: the 1 of [[heatmap" in caplog.text
