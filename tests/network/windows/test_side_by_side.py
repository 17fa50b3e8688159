import threading
from collections.abc import Callable, Iterable, Iterator

import pytest
import torch
from torch import Tensor

from carotid.network.fast.cpu_unet import FastUNet
from carotid.network.unet import UNet
from carotid.network.windows.plan import WindowWorkers
from carotid.network.windows.side_by_side import side_by_side


def numbered(count: int, taken: list[int] | None = None) -> Iterator[Tensor]:
    for k in range(count):
        if taken is not None:
            taken.append(k)
        yield torch.full((2,), float(k))


def to(
    network: Callable[[Tensor], Tensor], windows: Iterable[Tensor]
) -> Iterator[tuple[Callable[[Tensor], Tensor], Tensor]]:
    return ((network, window) for window in windows)


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_results_come_in_order(workers: int, count: int) -> None:
    def slowest_first(x: Tensor) -> Tensor:
        threading.Event().wait(0.01 * (7 - float(x[0])))
        return x + 1

    found = [
        float(x[0])
        for x in side_by_side(to(slowest_first, numbered(count)), WindowWorkers(workers, 1))
    ]
    assert found == [k + 1 for k in range(count)]


def test_as_many_at_a_time_as_asked_for() -> None:
    meeting = threading.Barrier(3, timeout=30)

    def together(x: Tensor) -> Tensor:
        meeting.wait()  # breaks unless three are here at once
        return x

    assert len(list(side_by_side(to(together, numbered(6)), WindowWorkers(3, 1)))) == 6


def test_windows_are_made_when_needed() -> None:
    taken: list[int] = []
    results = side_by_side(to(lambda x: x, numbered(9, taken)), WindowWorkers(2, 1))
    next(results)
    assert taken == [0, 1, 2]
    next(results)
    assert taken == [0, 1, 2, 3]
    results.close()
    assert taken == [0, 1, 2, 3]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_stops_it(workers: int) -> None:
    taken: list[int] = []

    def network(x: Tensor) -> Tensor:
        if x[0] == 2:
            raise RuntimeError("out of memory")
        return x

    results = side_by_side(to(network, numbered(50, taken)), WindowWorkers(workers, 1))
    assert [float(next(results)[0]) for _ in range(2)] == [0, 1]
    with pytest.raises(RuntimeError, match="out of memory"):
        next(results)
    assert len(taken) <= 3 + workers


def test_each_worker_computes_in_one_thread() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        counts = list(
            side_by_side(
                to(lambda _x: torch.tensor(torch.get_num_threads()), numbered(4)),
                WindowWorkers(2, 1),
            )
        )
        assert [int(n) for n in counts] == [1] * 4
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_one_network_works_on_several_windows_at_once() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = FastUNet(UNet().eval())
    generator = torch.Generator().manual_seed(1)
    windows = [torch.rand((1, 1, 48, 32, 32), generator=generator) for _ in range(4)]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = [network(window) for window in windows]
    finally:
        torch.set_num_threads(before)
    found = list(side_by_side(to(network, windows), WindowWorkers(3, 1)))
    assert all(torch.equal(a, b) for a, b in zip(alone, found, strict=True))
    assert not any(x.requires_grad for x in found)
