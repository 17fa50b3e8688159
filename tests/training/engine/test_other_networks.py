"""The engine trains whatever a job brings: here, a small network with norms that measure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from carotid.training.engine.loop import PhaseState, Stretch, fresh_state, load_state, train_phase
from carotid.training.engine.settings import EngineSettings, RateCurve

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.training.engine.ahead import DrawsAhead

SETTINGS = EngineSettings(steps_per_epoch=20, workers=0, weight_decay=0, average_decay=0.0)
CURVE = RateCurve(epochs=4, peak_rate=0.05, warmup_steps=0)


def small_network() -> nn.Module:
    return nn.Sequential(
        nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 1)
    )


def points(step: int, worker: int) -> tuple[Tensor, Tensor]:
    x = torch.rand((16, 2), generator=torch.Generator().manual_seed(1000 * worker + step))
    return x, x[:, :1] - 2 * x[:, 1:]


@dataclass(frozen=True)
class SlopeJob:
    """Learns a plane from points."""

    seed: int = 5

    def build(self) -> nn.Module:
        return small_network()

    def trained(self, network: nn.Module) -> list[nn.Parameter]:
        return list(network.parameters())

    def batches(self, worker: int, workers: int) -> PointBatches:
        assert worker < workers
        return PointBatches(worker)

    def batches_on(self, device: torch.device, ahead: DrawsAhead) -> PointBatches:
        return PointBatches(0)


class PointBatches:
    def __init__(self, worker: int) -> None:
        self._worker = worker

    def add_gradients(self, network: nn.Module, step: int) -> Tensor:
        assert network.training
        x, y = points(step, self._worker)
        loss = nn.functional.mse_loss(network(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


@dataclass
class Found:
    loss: float
    metrics: dict[str, float] = field(default_factory=dict)


def validated(network: nn.Module) -> Found:
    assert not network.training
    x, y = points(0, 77)
    return Found(float(nn.functional.mse_loss(network(x), y)))


def trained(folder: Path, workers: int, epochs: int = 4) -> PhaseState:
    folder.mkdir(exist_ok=True)
    settings = SETTINGS.model_copy(update={"workers": workers})
    curve = CURVE.model_copy(update={"epochs": epochs, "rate_epochs": 4})
    stretch = Stretch(SlopeJob(), curve, settings, validated)
    return train_phase(folder, fresh_state(small_network, 3), stretch, identity="slope")


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_it_learns_and_goes_on_where_it_was_cut_short(tmp_path: Path, workers: int) -> None:
    unbroken = trained(tmp_path / "whole", workers)
    losses = [row.validation_loss for row in unbroken.rows]
    assert losses[-1] < 0.5 * losses[0]
    trained(tmp_path / "half", workers, epochs=2)
    resumed = trained(tmp_path / "half", workers)
    assert len(resumed.rows) == 4
    for name, value in unbroken.network.items():
        assert torch.equal(value, resumed.network[name]), name


@pytest.mark.parametrize("workers", [0, 2])
def test_what_norms_measure_comes_back(tmp_path: Path, workers: int) -> None:
    state = trained(tmp_path, workers)
    start = fresh_state(small_network, 3)
    for name in ("1.running_mean", "1.running_var"):
        assert not torch.equal(state.network[name], start.network[name])
        assert torch.equal(state.average[name], state.network[name])
    saved = load_state(tmp_path / "state.pt")
    assert saved is not None
    assert saved.best is not None
    assert saved.best["1.num_batches_tracked"].dtype == torch.int64
