"""The path of GPUs, on a CPU: the same crops, targets and gradients as the path of CPUs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.training.stand_in import SHAPE, tubes

from carotid.errors import InputError, ResourceError
from carotid.training.engine.ahead import DrawsAhead
from carotid.training.engine.loop import PhaseState, Stretch, fresh_state, load_state, train_phase
from carotid.training.engine.workers import gradients_on
from carotid.training.heatmap.crops import _varied, crop_shape, cut_crop, random_start
from carotid.training.heatmap.job import HeatmapJob, mean_loss, untrained
from carotid.training.heatmap.on_device import (
    CropBatch,
    DeviceSide,
    DeviceStream,
    choose_alike,
    cut_crops,
    targets_from_centers,
    vary,
)
from carotid.training.heatmap.parameters import CropKind, Phase, TrainingParameters

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.training.heatmap.stream import StoredSide

CPU = torch.device("cpu")
KINDS = (CropKind(shape=(32, 32, 48), batch=3), CropKind(shape=(64, 48, 32)))
PHASE = Phase(epochs=2, peak_rate=5e-3, warmup_steps=2, empty_weight=3.0, crops=KINDS)


def settings(**changes: Any) -> TrainingParameters:
    values = {
        "member": PHASE,
        "steps_per_epoch": 3,
        "workers": 2,
        "pool_size": 4,
        "steps_per_side": 2,
        "precision": "float32",
        "average_decay": 0.8,
        **changes,
    }
    return TrainingParameters(**values)


def on_device(side: StoredSide) -> DeviceSide:
    return DeviceSide(torch.from_numpy(side.image), side.centers, side.annotated)


def half_annotated(seed: int) -> StoredSide:
    """A side without annotations in some slices, and without external carotid in others."""
    side = tubes(seed)
    side.centers[: 10 + seed, 1] = np.nan
    return replace(side, annotated=np.arange(SHAPE[0]) > 5 * seed)


@pytest.mark.parametrize("shape", [(32, 32, 32), (64, 48, 64)])
def test_crops_are_those_of_the_other_path(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(2)
    sides = [half_annotated(k) for k in range(4)]
    starts = [random_start(side, shape, rng) for side in sides]
    batch = cut_crops([on_device(side) for side in sides], shape, starts)
    for k, (side, start) in enumerate(zip(sides, starts, strict=True)):
        crop = cut_crop(side, shape, start)
        np.testing.assert_array_equal(batch.images[k, 0], crop.image)
        np.testing.assert_allclose(batch.targets[k], crop.target, rtol=3e-6, atol=1e-5)
        np.testing.assert_array_equal(batch.counted[k], crop.counted)
    assert len(set(starts)) > 1
    assert batch.targets.max() > 100


def test_centers_beyond_a_crop_draw_what_reaches_into_it() -> None:
    centers = torch.full((1, 3, 2, 2), torch.nan)
    centers[0, 1, 0] = torch.tensor([-5.0, 8.0])
    target = targets_from_centers(centers, (3, 16, 16))[0]
    assert target[0, 1, 0, 8] == pytest.approx(np.expm1(6 - 6 / 32 * 5), rel=1e-5)
    assert torch.count_nonzero(target) == torch.count_nonzero(target[0, 1])


def test_contrast_is_varied_alike_and_noise_is_as_strong() -> None:
    crop = cut_crop(tubes(3), (64, 32, 48), (-8, 0, 0)).image
    same = noisy = 0
    for seed in range(24):
        expected = _varied(crop, np.random.default_rng(seed))
        image = torch.from_numpy(crop.copy())
        vary(image, np.random.default_rng(seed))
        assert not image[:8].any()
        assert 0 <= image.min() <= image.max() <= 1
        if np.allclose(image, expected, atol=1e-6):
            same += 1
            continue
        noisy += 1
        smooth = np.diff(image.numpy(), axis=2).std(), np.diff(expected, axis=2).std()
        assert smooth[0] == pytest.approx(smooth[1], rel=0.15)
    assert same > 12
    assert noisy > 2


def test_crops_of_a_step_have_one_shape() -> None:
    deep = [replace(tubes(k), image=np.zeros((48, 100, 48), np.float16)) for k in range(3)]
    sides = [on_device(side) for side in [*deep, tubes(4), tubes(5)]]
    seen = set()
    for seed in range(8):
        chosen, shape = choose_alike(sides, (32, 96, 32), 3, np.random.default_rng(seed))
        assert len(chosen) == 3
        assert {crop_shape(side, (32, 96, 32), 32) for side in chosen} == {shape}
        seen.add(shape)
        if shape == (32, 96, 32):
            assert len(set(map(id, chosen))) == 3
    assert seen == {(32, 96, 32), (32, 64, 32)}


def test_a_kind_says_how_many_crops_and_the_step_which() -> None:
    parameters = settings(crops_per_worker=2, pool_size=5)
    draw = HeatmapJob(half_annotated, 7, PHASE, parameters).draw
    unbroken, late = (DeviceStream(draw, 7, CPU, parameters, PHASE) for _ in range(2))  # type: ignore[arg-type]
    sizes = set()
    for step in range(9):
        torch.manual_seed(step)
        one = unbroken.crops(step)
        sizes.add((len(one.images), one.images.shape[2]))
    torch.manual_seed(8)
    other = late.crops(8)
    assert torch.equal(one.images, other.images)
    assert torch.equal(one.targets, other.targets)
    assert sizes == {(3, 32), (2, 64)}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_gradients_are_the_mean_over_crops(precision: str) -> None:
    """Crops at once give what crops one by one give, though they count in other slices."""
    job = HeatmapJob(tubes, 7, PHASE, settings(precision=precision))
    shape = (64, 32, 48)
    rng = np.random.default_rng(0)
    sides = [half_annotated(k) for k in range(3)]
    starts = [random_start(side, shape, rng) for side in sides]
    torch.manual_seed(0)
    network = untrained().train()
    loss = mean_loss(network, cut_crops([on_device(side) for side in sides], shape, starts), job)
    at_once = torch.autograd.grad(loss, job.trained(network))
    total, one_by_one = 0.0, [torch.zeros_like(one) for one in at_once]
    for side, start in zip(sides, starts, strict=True):
        crop = cut_crop(side, shape, start)
        image, target = torch.from_numpy(crop.image), torch.from_numpy(crop.target)
        batch = CropBatch(image[None, None], target[None], torch.from_numpy(crop.counted)[None])
        alone = mean_loss(network, batch, job)
        total += float(alone.detach()) / 3
        for sum_, one in zip(
            one_by_one, torch.autograd.grad(alone, job.trained(network)), strict=True
        ):
            sum_ += one / 3
    close = 1e-4 if precision == "float32" else 3e-2
    assert float(loss.detach()) == pytest.approx(total, rel=close)
    found, expected = (torch.cat([one.reshape(-1) for one in g]) for g in (at_once, one_by_one))
    assert (found - expected).norm() < close * expected.norm()


@dataclass
class Nothing:
    loss: float = 1.0
    metrics: dict[str, float] = field(default_factory=dict)


class InterruptedHereError(Exception):
    pass


def train(
    folder: Path, parameters: TrainingParameters, draw: Any = tubes, **more: Any
) -> PhaseState:
    folder.mkdir(exist_ok=True)
    work = Stretch(HeatmapJob(draw, 7, PHASE, parameters), PHASE, parameters, lambda _: Nothing())
    return train_phase(folder, fresh_state(untrained, 3), work, identity="x", device=CPU, **more)


@pytest.fixture
def _as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carotid.training.engine.loop.gradients", gradients_on)


@pytest.mark.usefixtures("_as_on_a_gpu")
def test_resumed_training_with_processes_sees_what_unbroken_training_sees(tmp_path: Path) -> None:
    def stop(row: Any) -> None:
        if row.epoch == 1:
            raise InterruptedHereError

    unbroken = train(tmp_path / "a", settings(workers=0))
    with pytest.raises(InterruptedHereError):
        train(tmp_path / "b", settings(), on_epoch=stop)
    saved = load_state(tmp_path / "b" / "state.pt")
    assert saved is not None
    assert saved.step == 3
    resumed = train(tmp_path / "b", settings())
    for name, value in unbroken.network.items():
        assert torch.equal(value, resumed.network[name]), name
        assert torch.equal(unbroken.average[name], resumed.average[name]), name
    assert unbroken.rows[-1].training_loss < unbroken.rows[0].training_loss


def failing(number: int) -> StoredSide:
    if number >= 3:
        raise InputError("row 7, column x of the annotation is wrong", where="left_centerline.tsv")
    return tubes(number)


@pytest.mark.usefixtures("_as_on_a_gpu")
def test_error_in_a_draw_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 7"):
        train(tmp_path, settings(workers=1), draw=failing)


def too_much(number: int) -> StoredSide:
    raise torch.cuda.OutOfMemoryError


@pytest.mark.usefixtures("_as_on_a_gpu")
def test_a_card_that_is_too_small_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="memory is not enough"):
        train(tmp_path, settings(workers=0), draw=too_much)
    assert not torch.backends.cudnn.benchmark


def test_what_processes_make_is_stored_in_half_precision() -> None:
    with DrawsAhead(0) as ahead:
        batches = HeatmapJob(partial(tubes), 7, PHASE, settings()).batches_on(CPU, ahead)
    (side, *_) = batches._stream._pool.at(0)
    assert side.image.dtype == torch.float16
