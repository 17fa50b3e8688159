"""Whatever a process has chosen for itself, our numbers are those of float32."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.necks import affine_of, neck
from tests.networks import random_window, weights, write_models

from carotid import HeatmapParameters, compute_heatmaps, load_members
from carotid.network.exact import Exactly, exact
from carotid.network.fast.cpu_unet import FastUNet
from carotid.network.members import Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import Tensor

    from carotid.artifacts import Heatmaps

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
PARAMETERS = HeatmapParameters(roi_size=(32, 32, 32), overlap=0.3)


@contextmanager
def default_device() -> Iterator[None]:
    """One on which nothing can be computed, so that whatever lands there is noticed."""
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def default_type() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def matrix_units() -> Iterator[None]:
    """bfloat16 in matrix units, where a processor has some."""
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision("highest")


@contextmanager
def onednn_in_bfloat16() -> Iterator[None]:
    onednn: Any = torch.backends.mkldnn
    if not hasattr(onednn, "conv"):
        pytest.skip("this PyTorch has no such switch")
    onednn.conv.fp32_precision = onednn.matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        onednn.conv.fp32_precision = onednn.matmul.fp32_precision = "none"


CHOSEN: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default device": default_device,
    "default type": default_type,
    "matmul precision": matrix_units,
    "oneDNN's precision": onednn_in_bfloat16,
}


def computed(members: list[Member]) -> Heatmaps:
    array = np.asarray(neck() * 100, np.int16)
    return compute_heatmaps(array, affine_of(), members, PARAMETERS, percentiles=(5, 95))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def expected(models: Path) -> Heatmaps:
    return computed(load_members(models))


@pytest.mark.parametrize("around", ["loading", "calling", "both"])
@pytest.mark.parametrize("choice", CHOSEN)
def test_the_same_heatmaps(
    choice: str, around: str, models: Path, expected: Heatmaps, caplog: pytest.LogCaptureFixture
) -> None:
    if around == "calling":
        members = load_members(models)
    else:
        with CHOSEN[choice]():
            members = load_members(models, "cpu")
    if around == "loading":
        found = computed(members)
    else:
        with CHOSEN[choice]():
            found = computed(members)
    assert caplog.records == []
    for name in ("left", "right"):
        one, other = found.side(name), expected.side(name)
        np.testing.assert_array_equal(one.mean, other.mean)
        np.testing.assert_array_equal(one.std, other.std)
        np.testing.assert_array_equal(one.max_indices, other.max_indices)


@pytest.mark.parametrize("choice", CHOSEN)
@pytest.mark.parametrize("plain", [True, False])
def test_a_single_network_called_as_it_is(choice: str, *, plain: bool) -> None:
    member = Member.from_state(weights(1), plain=plain)
    assert isinstance(member.network, Exactly)
    assert isinstance(member.network.network, FastUNet) != plain
    window = random_window(32, 32, 48)
    before = member.network(window)
    with CHOSEN[choice]():
        assert torch.equal(member.network(window), before)


def test_choices_are_as_they_were_also_after_an_error() -> None:
    def network(_: Tensor) -> Tensor:
        raise ValueError("no such window")

    with torch.autocast("cpu", dtype=torch.bfloat16):
        with pytest.raises(ValueError, match="no such window"):
            Exactly(network, CPU)(torch.zeros(1))
        assert torch.is_autocast_enabled("cpu")
    before = switches()
    with pytest.raises(ValueError, match="no such window"):
        Exactly(network, CUDA)(torch.zeros(1))
    assert switches() == before


def switches() -> tuple[object, bool, bool]:
    """Precision of convolutions, in the words of this PyTorch, benchmark and deterministic."""
    cudnn: Any = torch.backends.cudnn
    precision = cudnn.conv.fp32_precision if hasattr(cudnn, "conv") else cudnn.allow_tf32
    return precision, cudnn.benchmark, cudnn.deterministic


EXACT = ("ieee" if hasattr(torch.backends.cudnn, "conv") else False, False, True)


@pytest.fixture
def process_switches() -> Iterator[None]:
    """What a test chooses for its process is undone."""
    before = switches()
    yield
    cudnn: Any = torch.backends.cudnn
    precision, cudnn.benchmark, cudnn.deterministic = before
    if hasattr(cudnn, "conv"):
        torch.backends.fp32_precision = "none"  # type: ignore[attr-defined]
        cudnn.fp32_precision = "none"
        cudnn.conv.fp32_precision = precision


CHOICES = ["", "cudnn.allow_tf32 = True", "cudnn.allow_tf32 = False", "cudnn.benchmark = True"]
if hasattr(torch.backends.cudnn, "conv"):
    CHOICES += [
        f"{place}fp32_precision = '{value}'"
        for place in ("", "cudnn.", "cudnn.conv.")
        for value in ("ieee", "tf32")
    ]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.usefixtures("process_switches")
def test_tensorfloat_is_off_for_the_time_of_a_call_only(choice: str) -> None:
    exec(choice, vars(torch.backends))
    before = switches()
    seen = []

    def network(window: Tensor) -> Tensor:
        with exact(CUDA):  # as when weights are loaded
            seen.append(switches())
        seen.append(switches())
        return window

    Exactly(network, CUDA)(torch.zeros(1))
    assert seen == [EXACT, EXACT]
    assert switches() == before


def test_threads_do_not_undo_each_others_switches() -> None:
    before = switches()
    seen = []

    def network(window: Tensor) -> Tensor:
        time.sleep(0.01 * float(window))
        seen.append(switches())
        return window

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Exactly(network, CUDA), torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0, 2.0])))
    assert seen == [EXACT] * 6
    assert switches() == before


def test_switches_stay_until_the_last_thread_has_left() -> None:
    before = switches()
    entered, leave = threading.Event(), threading.Event()

    def inside() -> None:
        with exact(CUDA):
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=inside)
    thread.start()
    entered.wait(30)
    with exact(CUDA):
        pass
    assert switches() == EXACT, "the other thread is still there"
    leave.set()
    thread.join()
    assert switches() == before
