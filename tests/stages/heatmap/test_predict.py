"""When a device's memory gives out, the numbers stay and the run goes on."""

from __future__ import annotations

import itertools
import logging
import operator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.necks import affine_of, neck
from tests.networks import stand_in, uneven, weights
from torch import Tensor

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.network import members
from carotid.network.members import Member, build_member
from carotid.network.unet import ARCHITECTURE
from carotid.network.weights import Weights
from carotid.network.windows.plan import WindowPlan, WindowWorkers
from carotid.network.windows.predict import WindowedImage, predict
from carotid.stages.heatmap import fold as ensemble
from carotid.stages.heatmap.compute import compute_heatmaps, predict_sides
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.predict import (
    AS_PLANNED,
    ON_THE_CPU,
    STEPS,
    WINDOWS_ALONE,
    Predictor,
)
from carotid.stages.heatmap.reading import prepare_scan

if TYPE_CHECKING:
    from collections.abc import Callable

CPU = torch.device("cpu")
PLAN = WindowPlan.of((20, 9, 23), (16, 16, 16), 0.5)
IMAGE = torch.linspace(0, 1, 20 * 9 * 23).reshape(20, 9, 23)
VIEW = WindowedImage(IMAGE, PLAN)
PARAMETERS = HeatmapParameters(roi_size=(32, 16, 16), overlap=0.3)


def in_memory(state: dict[str, Tensor]) -> Weights:
    return Weights("full", "", ARCHITECTURE, state)


class OutOfMemory:
    """A network that runs out of memory at some of its calls, and else is `uneven`."""

    def __init__(self, failing: Callable[[int], bool], seed: int = 1) -> None:
        self._failing = failing
        self._network = uneven(seed)
        self.calls = 0

    def __call__(self, window: Tensor) -> Tensor:
        self.calls += 1
        if self._failing(self.calls):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return self._network(window)


def alone(
    predictor: Predictor,
    member: Member,
    view: WindowedImage,
    on_window: Callable[[], None] | None = None,
) -> Tensor:
    """What one member predicts."""
    (found,) = predictor.predict_each([member], [view], 2, on_window)
    return found


def test_enough_memory_changes_nothing() -> None:
    predictor = Predictor()
    found = alone(predictor, stand_in(uneven(1)), VIEW)
    assert predictor.step == AS_PLANNED
    assert torch.equal(found, predict(uneven(1), IMAGE, PLAN, 2))


def test_out_of_memory_in_the_middle_gives_the_same_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    predictor = Predictor()
    windows: list[int] = []
    network = OutOfMemory(lambda call: call == 3)
    found = alone(predictor, stand_in(network), VIEW, on_window=lambda: windows.append(1))
    assert torch.equal(found, predict(uneven(1), IMAGE, PLAN, 2))
    assert predictor.step == WINDOWS_ALONE
    assert len(windows) == len(PLAN), "progress counts no window twice"
    assert network.calls == len(PLAN) + 3
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert STEPS[WINDOWS_ALONE] in record.getMessage()


def test_a_device_too_small_for_a_window_leaves_it_to_the_cpu() -> None:
    state = weights(3)
    on_cpu = Member.from_state(state)
    full = Member("full", "", OutOfMemory(lambda _: True), CPU, in_memory(state))
    predictor = Predictor()
    plan = WindowPlan.of((20, 9, 23), (32, 16, 16), 0.75)
    found = alone(predictor, full, WindowedImage(IMAGE, plan))
    expected = predict(on_cpu.network, IMAGE, plan, 2)
    assert torch.equal(found, expected)
    assert predictor.step == ON_THE_CPU
    assert predictor.in_words == STEPS[ON_THE_CPU]


def test_a_predictor_that_stepped_down_does_not_try_again() -> None:
    predictor = Predictor()
    alone(predictor, stand_in(OutOfMemory(lambda call: call == 1)), VIEW)
    second = OutOfMemory(lambda _: False)
    alone(predictor, stand_in(second), VIEW)
    assert predictor.step == WINDOWS_ALONE
    assert second.calls == len(PLAN)


def test_several_workers_share_one_network_on_the_cpu() -> None:
    state = weights(3)
    full = Member("full", "", OutOfMemory(lambda _: True), torch.device("meta"), in_memory(state))
    built: list[int] = []

    def counting(one: Weights) -> Member:
        built.append(1)
        return build_member(one)

    plan = WindowPlan.of((64, 9, 23), (32, 16, 16), 0)
    image = torch.linspace(0, 1, 64 * 9 * 23).reshape(64, 9, 23)
    expected = predict(Member.from_state(state).network, image, plan, 2)
    predictor = Predictor(WindowWorkers(3, 1))
    predictor.step = ON_THE_CPU
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members, "build_member", counting)
        found = alone(predictor, full, WindowedImage(image, plan))
    assert len(built) == 1
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5)


def test_no_memory_anywhere_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        alone(Predictor(), stand_in(OutOfMemory(lambda _: True)), VIEW)


def test_other_errors_go_out_as_they_are() -> None:
    def broken(_: Tensor) -> Tensor:
        raise RuntimeError("an illegal instruction")

    predictor = Predictor()
    with pytest.raises(RuntimeError, match="illegal"):
        alone(predictor, stand_in(broken), VIEW)
    assert predictor.step == AS_PLANNED


@pytest.mark.parametrize("failing_call", [1, 2, 5])
def test_an_ensemble_interrupted_by_lack_of_memory_is_the_same_ensemble(
    failing_call: int,
) -> None:
    plain = [stand_in(uneven(seed)) for seed in (1, 2, 3)]
    short = [*plain[:1], stand_in(OutOfMemory(lambda call: call == failing_call, 2)), *plain[2:]]
    expected = compute_heatmaps(neck(), affine_of(), plain, PARAMETERS)
    found = compute_heatmaps(neck(), affine_of(), short, PARAMETERS)
    for name in ("left", "right"):
        one, other = expected.side(name), found.side(name)
        np.testing.assert_array_equal(one.mean, other.mean)
        np.testing.assert_array_equal(one.std, other.std)
        np.testing.assert_array_equal(one.max_indices, other.max_indices)


@pytest.mark.parametrize("step", ["SideResult._raw_member", "mean_and_std"])
def test_no_memory_for_folding_leaves_it_to_the_cpu(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ensemble, "_SLAB_BYTES", 10_000)
    grid = Grid(neck().shape, affine_of())
    scan = prepare_scan(Volume(neck(), grid), percentiles=None, resample=PARAMETERS.spacing)
    members = [stand_in(uneven(seed)) for seed in (1, 2)]
    whole = next(predict_sides(scan, members, PARAMETERS))
    expected = list(whole.slabs())
    assert len(expected) > 3
    plainly = operator.attrgetter(step)(ensemble)
    calls = itertools.count(1)

    def once(*arguments: Any) -> Any:
        result = plainly(*arguments)  # which may use up what it was given
        if next(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return result

    monkeypatch.setattr(f"carotid.stages.heatmap.fold.{step}", once)
    again = next(predict_sides(scan, members, PARAMETERS))
    found = list(again.slabs())
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one.mean, other.mean)
        np.testing.assert_array_equal(one.std, other.std)
    np.testing.assert_array_equal(again.maxima.indices, whole.maxima.indices)
    assert "put together on the CPU" in caplog.text


@pytest.mark.parametrize(
    "text",
    ["GET was unable to find an engine to execute this computation", "CUDNN_STATUS_ALLOC_FAILED"],
)
def test_libraries_that_lack_memory_are_understood(text: str) -> None:
    def network(window: Tensor) -> Tensor:
        if predictor.step == AS_PLANNED:
            raise RuntimeError(text)
        return uneven(1)(window)

    predictor = Predictor()
    found = list(predictor.predict_each([stand_in(network)], [VIEW], 2))
    assert predictor.step == WINDOWS_ALONE
    torch.testing.assert_close(found[0], predict(uneven(1), IMAGE, PLAN, 2), rtol=0, atol=1e-6)


def test_another_error_is_not_taken_for_lack_of_memory() -> None:
    def network(window: Tensor) -> Tensor:
        raise RuntimeError(f"no such shape: {window.shape}")

    predictor = Predictor()
    with pytest.raises(RuntimeError, match="no such shape"):
        list(predictor.predict_each([stand_in(network)], [VIEW], 2))
    assert predictor.step == AS_PLANNED


def test_a_member_keeps_weights_for_the_cpu_only_beside_a_device() -> None:
    on_cpu = Member.from_state(weights(0))
    assert on_cpu.weights is None
    assert on_cpu.cpu_network is on_cpu.network


def test_several_images_and_one_interruption() -> None:
    """Each image is predicted by all members, whichever window runs out of memory."""
    shorter = IMAGE[:17].flip(0).contiguous()
    views = [VIEW, WindowedImage(shorter, WindowPlan.of((17, 9, 23), (16, 16, 16), 0.5))]
    expected = [predict(uneven(k), view.image, view.plan, 2) for view in views for k in (1, 2)]
    windows = 2 * sum(len(view.plan) for view in views)
    for failing_call in range(1, windows // 2 + 1):
        network = OutOfMemory(failing_call.__eq__, 2)
        told = itertools.count()
        predictor = Predictor(WindowWorkers(2, 1))
        found = list(
            predictor.predict_each(
                [stand_in(uneven(1)), stand_in(network)], views, 2, partial(next, told)
            )
        )
        assert predictor.step == WINDOWS_ALONE
        assert next(told) == windows, "progress counts no window twice"
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
