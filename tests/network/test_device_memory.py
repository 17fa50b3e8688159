"""When a device's memory gives out, the numbers stay and the run goes on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.necks import affine_of, neck
from tests.networks import stand_in, uneven, weights
from torch import Tensor

from carotid.config import HeatmapParameters
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.network.checkpoint import Member
from carotid.network.device_memory import (
    AS_PLANNED,
    ON_THE_CPU,
    STEPS,
    WINDOWS_ALONE,
    Predictor,
)
from carotid.network.ensemble import SideResult
from carotid.network.windows import Crew, WindowPlan, predict
from carotid.stages.heatmap import compute_heatmaps, predict_side, prepare_scan

if TYPE_CHECKING:
    from collections.abc import Callable

CPU = torch.device("cpu")
PLAN = WindowPlan.of((20, 9, 23), (16, 16, 16), 0.5)
IMAGE = torch.linspace(0, 1, 20 * 9 * 23).reshape(20, 9, 23)
PARAMETERS = HeatmapParameters(roi_size=(32, 16, 16), overlap=0.3)


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


def alone(predictor: Predictor, member: Member, *rest: Any, **more: Any) -> Tensor:
    """What one member predicts."""
    (found,) = predictor.predict_each([member], *rest, **more)
    return found


def test_enough_memory_changes_nothing() -> None:
    predictor = Predictor()
    found = alone(predictor, stand_in(uneven(1)), IMAGE, PLAN, 2)
    assert predictor.step == AS_PLANNED
    assert torch.equal(found, predict(uneven(1), IMAGE, PLAN, 2))


def test_out_of_memory_in_the_middle_gives_the_same_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    predictor = Predictor()
    windows: list[int] = []
    network = OutOfMemory(lambda call: call == 3)
    found = alone(predictor, stand_in(network), IMAGE, PLAN, 2, on_window=lambda: windows.append(1))
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
    full = Member("full", "", OutOfMemory(lambda _: True), CPU, state)
    predictor = Predictor()
    found = alone(predictor, full, IMAGE, WindowPlan.of((20, 9, 23), (32, 16, 16), 0), 2)
    expected = predict(on_cpu.network, IMAGE, WindowPlan.of((20, 9, 23), (32, 16, 16), 0), 2)
    assert torch.equal(found, expected)
    assert predictor.step == ON_THE_CPU
    assert predictor.in_words == STEPS[ON_THE_CPU]


def test_a_predictor_that_stepped_down_does_not_try_again() -> None:
    predictor = Predictor()
    alone(predictor, stand_in(OutOfMemory(lambda call: call == 1)), IMAGE, PLAN, 2)
    second = OutOfMemory(lambda _: False)
    alone(predictor, stand_in(second), IMAGE, PLAN, 2)
    assert predictor.step == WINDOWS_ALONE
    assert second.calls == len(PLAN)


def test_several_workers_share_one_network_on_the_cpu() -> None:
    state = weights(3)
    full = Member("full", "", OutOfMemory(lambda _: True), torch.device("meta"), state)
    built: list[int] = []
    from_state = Member.from_state.__func__  # type: ignore[attr-defined]

    def counting(*args: Any, **more: Any) -> Member:
        built.append(1)
        made: Member = from_state(Member, *args, **more)
        return made

    plan = WindowPlan.of((64, 9, 23), (32, 16, 16), 0)
    image = torch.linspace(0, 1, 64 * 9 * 23).reshape(64, 9, 23)
    expected = predict(Member.from_state(state).network, image, plan, 2)
    predictor = Predictor(Crew(3, 1))
    predictor.step = ON_THE_CPU
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Member, "from_state", counting)
        found = alone(predictor, full, image, plan, 2)
    assert len(built) == 1
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5)


def test_no_memory_anywhere_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        alone(Predictor(), stand_in(OutOfMemory(lambda _: True)), IMAGE, PLAN, 2)


def test_other_errors_go_out_as_they_are() -> None:
    def broken(_: Tensor) -> Tensor:
        raise RuntimeError("an illegal instruction")

    predictor = Predictor()
    with pytest.raises(RuntimeError, match="illegal"):
        alone(predictor, stand_in(broken), IMAGE, PLAN, 2)
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


def test_no_memory_for_folding_leaves_it_to_the_cpu(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    grid = Grid(neck().shape, affine_of())
    scan = prepare_scan(Volume(neck(), grid), PARAMETERS, percentiles=None)
    side = scan.frame.sides[0]
    members = [stand_in(uneven(seed)) for seed in (1, 2)]
    whole = predict_side(scan.frame, side, scan.side_image(side), members, PARAMETERS)
    expected = list(whole.slabs())
    plainly, calls = SideResult._raw_member, 0

    def once(self: SideResult, member: int, sampling: list[object]) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return plainly(self, member, sampling)  # type: ignore[arg-type]

    monkeypatch.setattr(SideResult, "_raw_member", once)
    again = predict_side(scan.frame, side, scan.side_image(side), members, PARAMETERS)
    found = list(again.slabs())
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one.mean, other.mean)
        np.testing.assert_array_equal(one.std, other.std)
    np.testing.assert_array_equal(again.maxima.indices, whole.maxima.indices)
    assert "put together on the CPU" in caplog.text


def test_a_member_keeps_weights_for_the_cpu_only_beside_a_device() -> None:
    on_cpu = Member.from_state(weights(0))
    assert on_cpu.state is None
    assert on_cpu.cpu_network is on_cpu.network
