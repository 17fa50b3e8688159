from __future__ import annotations

import csv
import functools
import itertools
import json
import operator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from carotid.errors import ConfigurationError, ModelError, UsageError
from carotid.network.contour_models import read_contour_models
from carotid.stages.polar.parameters import PolarParameters
from carotid.storage.model_description import read_model_description
from carotid.training.contour import members
from carotid.training.contour.parameters import ContourTraining
from carotid.training.contour.sources import AnnotatedPlanes
from carotid.training.contour.train import train_contour, train_from_simulator
from carotid.training.engine import loop
from carotid.training.engine.run import TrainingRequest

from .scans import write_participant
from .test_plane_job import ring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from carotid.training.contour.plane_samples import PlaneSample
    from carotid.training.engine.run import Progress

SMALL = {
    "n_epochs": 2,
    "steps_per_epoch": 2,
    "batch_size": 1,
    "planes": 6,
    "pool_size": 2,
    "n_splits": 2,
    "members": 2,
    "warmup_steps": 0,
    "workers": 0,
    "precision": "float32",
    "validation_draws": 1,
}
POLAR = {**SMALL, "network": "polar", "dropout": False, "average_decay": 0.0, "weight_decay": 0.0}


def settings(**changes: Any) -> ContourTraining:
    return ContourTraining(**{**SMALL, **changes})


@pytest.fixture(scope="module", autouse=True)
def _few_samples() -> Iterator[None]:
    """To draw them takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members, "AnnotatedPlanes", partial(AnnotatedPlanes, count=2))
        yield


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("annotated")
    for k, name in enumerate(("a", "b", "c")):
        write_participant(root, name, 1.8 + 0.3 * k)
    return root


def train(root: Path, output: Path, parameters: ContourTraining, **more: Any) -> list[Path]:
    polar = more.pop("polar", PolarParameters())
    tsv = more.pop("contour_tsv", None)
    request = TrainingRequest(output, **more)
    return train_contour(request, root / "raw", root / "annotations", parameters, polar, tsv)


def stop_at(part: str, step: int) -> Callable[[Progress], None]:
    """Interrupts a training after a step."""

    def stop(progress: Progress) -> None:
        if (progress.part, progress.step) == (part, step):
            raise KeyboardInterrupt

    return stop


@pytest.fixture(scope="module")
def trained(annotated: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Models of a training that nothing disturbed; to be read alone."""
    return train(annotated, tmp_path_factory.mktemp("trained"), settings())


def test_planes_from_annotations(trained: list[Path]) -> None:
    models, out = trained, trained[0].parents[1]
    assert [m.relative_to(out).as_posix() for m in models] == [
        "split-0/model.pt",
        "split-1/model.pt",
    ]
    described = read_model_description(out)
    assert described is not None
    assert described.kind == "contour"
    assert described.rescaling is None
    assert set(described.files) == {"split-0/model.pt", "split-1/model.pt"}
    loaded = read_contour_models(out)
    assert "planes" in loaded.weights[0].architecture.name
    record = json.loads((out / "parameters.json").read_text())["contour_training"]
    held_out = record["validation_participants"]
    assert sorted(functools.reduce(operator.iadd, held_out, [])) == ["a", "b", "c"]
    with (out / "split-0/validation_metrics.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 2
    assert float(rows[0]["lumen_median_mm"]) > 0


def test_the_same_seed_gives_the_same_bytes_and_no_warning(
    annotated: Path, trained: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    again = train(annotated, tmp_path / "again", settings())
    assert not caplog.records
    assert [m.read_bytes() for m in again] == [m.read_bytes() for m in trained]
    with pytest.raises(KeyboardInterrupt):
        train(annotated, tmp_path / "other", settings(seed=5), on_progress=stop_at("split-1", 1))
    other = tmp_path / "other" / "split-0" / "model.pt"
    assert other.read_bytes() != trained[0].read_bytes()


def test_polar_from_annotations_writes_the_known_tools_tables(
    annotated: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    subset = tmp_path / "some.tsv"
    rows = [f"{p}\tleft\tinternal\t{z}" for p in "abc" for z in (6, 12, 18)]
    subset.write_text("participant_id\tside\tlabel\tz\n" + "\n".join(rows) + "\n")
    models = train(annotated, out, settings(**POLAR), contour_tsv=subset)
    content = torch.load(models[0], weights_only=True)
    assert set(content) == {"model", "epoch", "validation_loss", "train_loss"}
    loaded = read_contour_models(out)
    assert loaded.version == 2
    assert loaded.sampling == "linear"
    assert not loaded.lacks_half_a_sample
    assert loaded.voxel_mm == pytest.approx((0.5 * 0.6) ** 0.5, abs=1e-3)
    held_out = json.loads((out / "parameters.json").read_text())["contour_training"]
    held_out = held_out["validation_participants"][0]
    tables = {}
    for group in ("train", "validation"):
        with (out / f"split-0/group-{group}_prediction.tsv").open() as file:
            tables[group] = list(csv.DictReader(file, delimiter="\t"))
        with (out / f"split-0/group-{group}_metrics.tsv").open() as file:
            means = next(csv.DictReader(file, delimiter="\t"))
        losses = [float(row["SmoothL1"]) for row in tables[group]]
        assert float(means["SmoothL1"]) == pytest.approx(np.mean(losses), rel=1e-4)
    assert {row["participant_id"] for row in tables["validation"]} == set(held_out)
    assert len(tables["train"]) + len(tables["validation"]) == 9
    # Metrics are in evaluation mode: those of the kept state equal the loss it was kept for.
    losses = [float(row["SmoothL1"]) for row in tables["validation"]]
    assert np.mean(losses) == pytest.approx(content["validation_loss"], rel=1e-4)


def test_compatible_weights_lack_the_known_tools_half_sample(
    annotated: Path, tmp_path: Path
) -> None:
    subset = tmp_path / "some.tsv"
    rows = [f"{p}\tleft\tinternal\t9" for p in "abc"]
    subset.write_text("participant_id\tside\tlabel\tz\n" + "\n".join(rows) + "\n")
    parameters = settings(**{**POLAR, "n_epochs": 1, "compatible": True})
    train(annotated, tmp_path / "out", parameters, contour_tsv=subset)
    loaded = read_contour_models(tmp_path / "out")
    assert loaded.lacks_half_a_sample
    assert loaded.sampling == "compatible"


def test_interrupted_training_goes_on_as_if_nothing_had_happened(
    annotated: Path, trained: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(annotated, tmp_path / "cut", settings(), on_progress=stop_at("split-0", 4))
    cut = train(annotated, tmp_path / "cut", settings())
    assert [m.read_bytes() for m in cut] == [m.read_bytes() for m in trained]


def test_training_goes_on_from_models(annotated: Path, trained: list[Path], tmp_path: Path) -> None:
    start = trained[0].parents[1]
    parameters = settings(
        n_epochs=1, steps_per_epoch=1, learning_rate=1e-9, final_rate=1e-9, average_decay=0.0
    )
    second = train(annotated, tmp_path / "second", parameters, start_from=start)
    before, after = (torch.load(m[0], weights_only=True) for m in (trained, second))
    name = "last.weight"
    torch.testing.assert_close(before[name].float(), after[name].float(), atol=2e-3, rtol=0)
    record = json.loads((tmp_path / "second/parameters.json").read_text())["contour_training"]
    assert set(record["start_from"]) == {"split-0/model.pt", "split-1/model.pt"}
    with pytest.raises(ModelError, match="another architecture"):
        train(annotated, tmp_path / "x", settings(**POLAR), start_from=start)


def test_it_is_said_where_training_made_models_no_better(
    annotated: Path,
    trained: list[Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rising = itertools.count()

    def worse_and_worse(*given: Any) -> Any:
        return replace(validated(*given), loss=float(next(rising)))

    validated: Any = loop._validated
    monkeypatch.setattr(loop, "_validated", worse_and_worse)
    start = trained[0].parent
    parameters = settings(n_epochs=1, steps_per_epoch=1)
    second = train(annotated, tmp_path / "second", parameters, start_from=start)
    before, after = (torch.load(m[0], weights_only=True) for m in (trained, second))
    assert all(torch.equal(before[name], after[name]) for name in before)
    told = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert [one.split(":")[0] for one in told] == ["split-0", "split-1"]
    assert "no epoch had a lower validation loss" in told[0]
    assert str(second[0]) in told[0]


def test_more_folds_than_participants(annotated: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too few"):
        train(annotated, tmp_path / "out", settings(n_splits=4))
    assert not (tmp_path / "out").exists()


def test_contours_beyond_their_rays_are_refused(annotated: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="beyond the rays"):
        train(
            annotated,
            tmp_path / "out",
            settings(**POLAR),
            polar=PolarParameters(cartesian_ray=10),
        )


class _Rings:
    """Stands in for the simulator."""

    def __init__(self, stream: int, count: int = 5) -> None:
        self.stream, self.count = stream, count

    def __call__(self, number: int) -> list[PlaneSample]:
        return [ring(1000 * self.stream + 10 * number + k) for k in range(self.count)]


@pytest.mark.parametrize(("key", "dimension"), [("n_angles", 2), ("polar_ray", 3), ("length", 3)])
def test_images_that_networks_cannot_take_are_refused(
    key: str, dimension: int, annotated: Path, tmp_path: Path
) -> None:
    """Before scans are read, and before anything is written."""
    drawn = PolarParameters.model_validate({key: 5})
    settings = ContourTraining.model_validate({**SMALL, "network": "polar", "dimension": dimension})
    request = TrainingRequest(tmp_path / "models")
    with pytest.raises(ConfigurationError, match=rf"another {key} .*Set {key} = \d+ in"):
        train_from_simulator(request, settings, drawn)
    with pytest.raises(ConfigurationError, match=rf"another {key} "):
        train_contour(request, annotated / "raw", annotated / "annotations", settings, drawn)
    assert not (tmp_path / "models").exists()


def test_members_from_the_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carotid.training.contour.members.SimulatedPlanes", _Rings)
    models = train_from_simulator(
        TrainingRequest(tmp_path), settings(validation_draws=2), PolarParameters()
    )
    assert len(models) == 2
    assert models[0].read_bytes() != models[1].read_bytes()
    assert (tmp_path / "training.png").exists()
    with pytest.raises(UsageError, match="annotated scans"):
        train_from_simulator(
            TrainingRequest(tmp_path), settings(compatible=True), PolarParameters()
        )


def test_the_known_architecture_learns_from_close_ups(tmp_path: Path) -> None:
    parameters = settings(**{**POLAR, "members": 1, "n_epochs": 1, "pool_size": 1})
    models = train_from_simulator(TrainingRequest(tmp_path), parameters, PolarParameters())
    loaded = read_contour_models(tmp_path)
    assert len(models) == 1
    assert not loaded.lacks_half_a_sample
