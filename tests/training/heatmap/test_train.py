from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.dicom_series import series_uid, write_classic
from tests.training.stand_in import tubes, write_participant

from carotid.errors import InputError, ModelError, UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.network.members import load_members
from carotid.network.model_files import find_models
from carotid.network.unet import UNet
from carotid.storage.metaimage.read import open_metaimage
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.model_description import (
    ModelDescription,
    read_model_description,
    write_model_description,
)
from carotid.storage.rescaling import Rescaling
from carotid.storage.results.layout import centerline_file
from carotid.storage.scan_source import ScanSource
from carotid.training.engine.run import TrainingRequest
from carotid.training.heatmap.parameters import CropKind, Phase, TrainingParameters
from carotid.training.heatmap.samples import read_subset
from carotid.training.heatmap.train import _windows, train_from_simulator, train_heatmap
from carotid.training.heatmap.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carotid.geometry.sides import SideName

PHASE = Phase(epochs=2, peak_rate=3e-3, warmup_steps=1, crops=(CropKind(shape=(32, 32, 32)),))


def settings(**changes: Any) -> TrainingParameters:
    values = {
        "member": PHASE,
        "steps_per_epoch": 2,
        "workers": 0,
        "pool_size": 2,
        "precision": "float32",
        "n_splits": 2,
        "members": 2,
        "validation_sides": 1,
        **changes,
    }
    return TrainingParameters(**values)


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    small = partial(validate, window=(32, 32, 32))
    monkeypatch.setattr("carotid.training.heatmap.train.validate", small)
    monkeypatch.setattr("carotid.training.heatmap.crops.WINDOW", (32, 32, 32))


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    for k in range(3):
        write_participant(tmp_path, f"P{k}", k)
    (tmp_path / "raw" / "parameters.json").write_text(
        '{"rescale": true, "lower_percentile_rescaler": 1, "upper_percentile_rescaler": 99}'
    )
    return tmp_path


def train(root: Path, output: str = "out", **more: Any) -> list[Path]:
    parameters = more.pop("parameters", settings())
    source = more.pop("source", root / "raw")
    subset = more.pop("centerline_tsv", None)
    request = TrainingRequest(root / output, device="cpu", **more)
    return train_heatmap(request, source, root / "annotations", parameters, centerline_tsv=subset)


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


class StopHereError(Exception):
    pass


def interrupt(event: Any, part: str, epoch: int) -> None:
    if event.part == part and event.epoch is not None and event.epoch.epoch == epoch:
        raise StopHereError


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


def test_bad_annotation_is_refused_with_its_row_before_anything_is_trained(annotated: Path) -> None:
    path = centerline_file(annotated / "annotations", "P1", "right")
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace("12.0000", "twelve")
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="row 5, column y") as caught:
        train(annotated)
    assert str(path) in str(caught.value)
    assert not (annotated / "out").exists()


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


def test_scans_with_absurd_voxels_are_all_named_before_training(annotated: Path) -> None:
    shape = (60, 24, 30)
    array = np.random.default_rng(5).uniform(0, 900, shape).astype(np.float32)
    grid = Grid(shape, np.diag([0.6, 0.6, 0.6, 1.0]))
    for name, value in (("P1", 1e20), ("P2", 1e19)):
        array[1, 2, 3] = value
        write_metaimage(annotated / "raw" / f"{name}.mha", Volume(array.copy(), grid))
    with pytest.raises(InputError, match=r"2 of 3 scans cannot be trained on") as caught:
        train(annotated)
    for name in ("P1.mha", "P2.mha"):
        assert f"{name}: the scan has voxels too large to compute with" in str(caught.value)
    assert not (annotated / "out").exists()
    write_participant(annotated, "P2", 2)
    kept = annotated / "out" / "parameters.json"
    kept.parent.mkdir()
    kept.write_text("{}")
    with pytest.raises(InputError, match=r"P1\.mha: the scan has voxels too large"):
        train(annotated, force=True)
    assert kept.read_text() == "{}", "nothing is removed before"


def _rows(root: Path, name: str, side: SideName, change: Callable[[list[str]], list[str]]) -> Path:
    """Change the cells of each row of an annotation."""
    path = centerline_file(root / "annotations", name, side)
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *("\t".join(change(row.split("\t"))) for row in rows)]))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: [row[0], str(float(row[1]) + 50), *row[2:]], r"found x = \d+ at z = 3"),
        (lambda row: [*row[:2], str(float(row[2]) + 20), row[3]], r"found y = \d+ at z = 3"),
        (lambda row: [*row[:3], str(float(row[3]) + 9)], "column z of the annotation is wrong"),
        (lambda row: [row[0], "55", *row[2:]], "no annotated center lies in this side"),
    ],
)
def test_centers_that_do_not_fit_the_scan_are_refused_before_training(
    annotated: Path, change: Callable[[list[str]], list[str]], message: str
) -> None:
    path = _rows(annotated, "P1", "left", change)
    centerline_file(annotated / "annotations", "P1", "right").unlink()
    with pytest.raises(InputError, match=message) as caught:
        train(annotated)
    assert str(path) in str(caught.value)
    assert not (annotated / "out").exists()


def test_many_centers_outside_of_their_side_are_told(
    annotated: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def half(row: list[str]) -> list[str]:
        return [row[0], "50" if int(row[3]) < 10 else row[1], *row[2:]]

    path = _rows(annotated, "P1", "left", half)
    train(annotated, parameters=settings(steps_per_epoch=1))
    assert f"{path}: 29 % of the centers lie outside of the left two thirds" in caplog.text


def test_sides_exchanged_are_refused_by_name(annotated: Path) -> None:
    left, right = (centerline_file(annotated / "annotations", "P1", side) for side in SIDE_NAMES)
    texts = left.read_text(), right.read_text()
    right.write_text(texts[0])
    left.write_text(texts[1])
    with pytest.raises(InputError, match="found P1: the left side lies to the right of the right"):
        train(annotated)
    assert not (annotated / "out").exists()


@pytest.mark.parametrize(("x", "refused"), [(36.0, True), (32.0, False)])
def test_one_side_alone_in_the_other_half_of_a_wide_scan(
    annotated: Path, x: float, refused: bool
) -> None:
    """A scan may be centered on an artery; far beyond the middle there is no left one."""
    voxels = np.random.default_rng(0).integers(0, 900, (60, 24, 30)).astype(np.int16)
    grid = Grid(voxels.shape, np.diag([2.0, 0.6, 0.6, 1.0]))
    write_metaimage(annotated / "raw" / "P1.mha", Volume(voxels, grid))
    _rows(annotated, "P1", "left", lambda row: [row[0], str(x), *row[2:]])
    centerline_file(annotated / "annotations", "P1", "right").unlink()
    if not refused:
        assert len(train(annotated, parameters=settings(steps_per_epoch=1))) == 2
        return
    with pytest.raises(InputError, match=r"P1: all of the left side .*13 mm.*annotate both sides"):
        train(annotated)


def test_centers_closer_than_slices_are_named(
    annotated: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As where all indices were halved."""
    train(annotated, parameters=settings(steps_per_epoch=1))
    assert "several rows to a slice" not in caplog.text
    _rows(annotated, "P1", "left", lambda row: [row[0], *(str(float(v) / 2) for v in row[1:])])
    train(annotated, parameters=settings(steps_per_epoch=1), force=True)
    told = [one.getMessage() for one in caplog.records if "several rows" in one.getMessage()]
    assert len(told) == 1
    assert told[0].endswith("voxel indices of the scan: P1 left")


def test_annotations_without_a_scan_are_named(
    annotated: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (annotated / "annotations" / "P1").rename(annotated / "annotations" / "P01")
    train(annotated, parameters=settings(steps_per_epoch=1))
    assert "without a scan of this name, so left out: P01" in caplog.text
    assert "1 of 3 scans have no annotation: P1" in caplog.text


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
