"""Windows against arrays that a reader checks by eye, and against MONAI's inferer."""

from __future__ import annotations

import threading
from functools import partial
from mmap import PAGESIZE
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.inferers.utils import sliding_window_inference
from torch import Tensor

from carotid.network.windows.plan import WindowPlan, WindowWorkers, axis_starts
from carotid.network.windows.predict import WindowedImage, predict, predict_each


def seen_from_the_window(x: Tensor) -> Tensor:
    """A network whose answer depends on where in the window a voxel lies."""
    place = torch.arange(x[0, 0].numel(), dtype=torch.float32).view(x.shape[2:])
    return torch.cat([x * place.sin(), x + place.cos()], dim=1)


@pytest.mark.parametrize(
    ("size", "window", "overlap", "starts"),
    [
        (7, 4, 0.5, [0, 2, 3]),
        (4, 4, 0.9, [0]),
        (8, 4, 0.0, [0, 4]),
        (9, 4, 0.0, [0, 4, 5]),
        (5, 4, 0.99, [0, 1]),
        (640, 320, 0.6, [0, 128, 256, 320]),
        (960, 320, 0.6, [0, 128, 256, 384, 512, 640]),
    ],
)
def test_axis_starts(size: int, window: int, overlap: float, starts: list[int]) -> None:
    assert axis_starts(size, window, overlap) == starts


def test_overlaps_are_averaged() -> None:
    ones = predict(lambda x: x, torch.ones(1, 4, 4), WindowPlan.of((1, 4, 4), (1, 2, 2), 0.5), 1)
    assert torch.equal(ones, torch.ones(1, 1, 4, 4))
    calls = iter(range(1, 10))
    plan = WindowPlan.of((1, 4, 4), (1, 2, 4), 0.5)
    rows = predict(lambda x: torch.full_like(x, next(calls)), torch.zeros(1, 4, 4), plan, 1)
    assert plan.corners == [(0, 0, 0), (0, 1, 0), (0, 2, 0)]
    assert plan.counts(1) == [1, 2, 2, 1]
    expected = [[1] * 4, [1.5] * 4, [2.5] * 4, [3] * 4]
    assert rows[0, 0].tolist() == expected


def test_a_large_volume_has_pages_of_its_own() -> None:
    plan = WindowPlan.of((40, 160, 320), (40, 160, 160), 0)
    image = torch.ones(plan.shape)
    views = [WindowedImage(image, plan, order) for order in ((0, 1, 2, 3), (2, 0, 1, 3))]
    for heatmaps in predict_each([(seen_from_the_window, view) for view in views], 2):
        assert heatmaps.data_ptr() % PAGESIZE == 0  # those of the heap begin behind its notes
        assert heatmaps.shape == (2, 40, 160, 320)


def test_a_small_volume_lies_in_the_middle_of_zeros() -> None:
    shown: list[Any] = []

    def network(x: Tensor) -> Tensor:
        shown.append(x[0, 0, 0].tolist())
        return x

    plan = WindowPlan.of((1, 1, 2), (1, 4, 4), 0.6)
    result = predict(network, torch.tensor([[[5.0, 7.0]]]), plan, 1)
    assert shown == [[[0, 0, 0, 0], [0, 5, 7, 0], [0, 0, 0, 0], [0, 0, 0, 0]]]
    assert result.tolist() == [[[[5, 7]]]]


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 13)] * 3),
    window=st.tuples(*[st.integers(1, 9)] * 3),
    overlap=st.sampled_from([0.0, 0.25, 0.5, 0.6, 0.75, 0.9]),
)
def test_predictions_equal_monai(
    shape: tuple[int, int, int], window: tuple[int, int, int], overlap: float
) -> None:
    image = torch.from_numpy(np.random.default_rng(1).normal(size=shape).astype(np.float32))
    plan = WindowPlan.of(shape, window, overlap)
    calls = []
    ours = predict(seen_from_the_window, image, plan, 2, lambda: calls.append(1))
    theirs = sliding_window_inference(
        image[None, None], window, 1, seen_from_the_window, overlap=overlap
    )
    assert len(calls) == len(plan)
    torch.testing.assert_close(ours, theirs[0], rtol=0, atol=1e-5)


def test_no_gradients_are_kept() -> None:
    weight = torch.ones(1, requires_grad=True)
    plan = WindowPlan.of((2, 2, 2), (2, 2, 2), 0.6)
    assert not predict(lambda x: x * weight, torch.ones(2, 2, 2), plan, 1).requires_grad


def test_the_next_network_works_while_the_caller_is_busy_with_the_last_one() -> None:
    plan = WindowPlan.of((8, 4, 4), (4, 4, 4), 0)
    begun = [threading.Event(), threading.Event()]

    def network(k: int, window: torch.Tensor) -> torch.Tensor:
        begun[k].set()
        return window + k

    image = torch.rand(8, 4, 4)
    view = WindowedImage(image, plan, memory_order=(1, 0, 2, 3))
    passes = [(partial(network, k), view) for k in range(2)]
    predicted = predict_each(passes, 1, workers=WindowWorkers(2, 1))
    first = next(predicted)
    assert begun[1].wait(30), "nobody has asked for the second one's heatmaps yet"
    assert torch.equal(first, image[None])
    assert first.permute(1, 0, 2, 3).is_contiguous(), "in memory as it was asked for"
    assert torch.equal(next(predicted), image[None] + 1)
    with pytest.raises(StopIteration):
        next(predicted)


def test_networks_may_be_left_in_the_middle() -> None:
    plan = WindowPlan.of((16, 4, 4), (4, 4, 4), 0)
    begun: list[int] = []
    go_on = threading.Event()

    def network(window: torch.Tensor) -> torch.Tensor:
        begun.append(1)
        if len(begun) > len(plan):
            go_on.wait(30)
        return window

    passes = [(network, WindowedImage(torch.rand(16, 4, 4), plan))] * 9
    predicted = predict_each(passes, 1, workers=WindowWorkers(2, 1))
    next(predicted)
    predicted.close()
    waiting = [thread for thread in threading.enumerate() if thread.name.startswith("window")]
    at_most = len(plan) + 2  # those that both workers are at; what waited in the queue is forgotten
    go_on.set()
    for thread in waiting:
        thread.join(30)
    assert len(begun) <= at_most


def test_threads_have_ended_when_all_is_taken() -> None:
    plan = WindowPlan.of((16, 4, 4), (4, 4, 4), 0)
    passes = [(torch.neg, WindowedImage(torch.rand(16, 4, 4), plan))] * 2
    predicted = predict_each(passes, 1, workers=WindowWorkers(3, 1))
    for _ in range(2):
        next(predicted)
    predicted.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("window")]
