from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import torch
from tests.training.stand_in import tubes

from carotid.errors import InputError, UsageError
from carotid.training.engine.loop import (
    PhaseState,
    Stretch,
    follow_on,
    fresh_state,
    given_state,
    learning_rate,
    load_state,
    save_state,
    train_phase,
)
from carotid.training.heatmap.job import HeatmapJob, untrained
from carotid.training.heatmap.parameters import CropKind, Phase, TrainingParameters
from carotid.training.heatmap.validation import validate

if TYPE_CHECKING:
    from pathlib import Path

PHASE = Phase(epochs=3, peak_rate=5e-3, warmup_steps=2, crops=(CropKind(shape=(32, 32, 48)),))
WINDOW = (48, 32, 48)


def settings(
    workers: int = 0, precision: Literal["float32", "bfloat16"] = "float32"
) -> TrainingParameters:
    return TrainingParameters(
        member=PHASE,
        steps_per_epoch=4,
        workers=workers,
        crops_per_worker=2 if workers == 0 else 1,
        pool_size=3,
        steps_per_side=3,
        precision=precision,
        average_decay=0.8,
    )


def validated(network: Any) -> Any:
    return validate(network, [tubes(1000)], PHASE, window=WINDOW)


def stretch(
    parameters: TrainingParameters, draw: Any = tubes, phase: Phase = PHASE, check: Any = validated
) -> Stretch:
    return Stretch(HeatmapJob(draw, 7, phase, parameters), phase, parameters, check)


@pytest.mark.parametrize("damage", ["cut", "text", "other keys"])
def test_a_damaged_state_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.pt"
    save_state(path, fresh_state(untrained, 3))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "text":
        path.write_text("nothing")
    else:
        torch.save({"network": {}, "rows": []}, path)
    with pytest.raises(UsageError, match=r"state\.pt: .* cannot be read.*give --force"):
        load_state(path)


@dataclass
class Nothing:
    loss: float = 1.0
    metrics: dict[str, float] = field(default_factory=dict)


def train(
    folder: Path,
    parameters: TrainingParameters,
    phase: Phase = PHASE,
    check: Any = validated,
    **more: Any,
) -> PhaseState:
    folder.mkdir(exist_ok=True)
    work = stretch(parameters, phase=phase, check=check)
    return train_phase(folder, fresh_state(untrained, 3), work, identity="test", **more)


def same(one: PhaseState, other: PhaseState) -> bool:
    return all(torch.equal(one.network[key], other.network[key]) for key in one.network) and all(
        torch.equal(one.average[key], other.average[key]) for key in one.average
    )


class InterruptedHereError(Exception):
    pass


def stop_after(epoch: int) -> Any:
    def on_epoch(row: Any) -> Any:
        if row.epoch == epoch:
            raise InterruptedHereError

    return on_epoch


def test_loss_falls_and_the_best_epoch_is_kept(tmp_path: Path) -> None:
    phase = PHASE.model_copy(update={"epochs": 8})
    state = train(tmp_path, settings(), phase)
    losses = [row.training_loss for row in state.rows]
    validation = [row.validation_loss for row in state.rows]
    assert losses[-1] < 0.5 * losses[0]
    assert state.best_loss == min(validation)
    assert state.best is not None
    assert 0 <= state.rows[-1].metrics["within_2_mm"] <= 1


@pytest.mark.parametrize("workers", [0, 2])
def test_resumed_training_gives_the_weights_of_an_unbroken_run(
    tmp_path: Path, workers: int
) -> None:
    parameters = settings(workers)
    check = lambda network: Nothing()  # noqa: E731
    unbroken = train(tmp_path / "a", parameters, check=check)
    with pytest.raises(InterruptedHereError):
        train(tmp_path / "b", parameters, check=check, on_epoch=stop_after(2))
    saved = load_state(tmp_path / "b" / "state.pt")
    assert saved is not None
    assert saved.step == 8
    resumed = train(tmp_path / "b", parameters, check=check)
    assert same(unbroken, resumed)
    assert [row.step for row in resumed.rows] == [4, 8, 12]


def test_models_that_training_makes_worse_are_kept_as_they_were(tmp_path: Path) -> None:
    trained = train(tmp_path / "first", settings())
    work = stretch(settings(), phase=PHASE.model_copy(update={"peak_rate": 30.0}))
    with pytest.raises(InterruptedHereError):
        train_phase(
            tmp_path, given_state(trained.average), work, identity="x", on_epoch=stop_after(2)
        )
    worse = train_phase(tmp_path, given_state(trained.average), work, identity="x")
    assert [row.epoch for row in worse.rows] == [0, 1, 2, 3]
    assert worse.best_row.epoch == 0
    assert worse.best is not None
    assert all(torch.equal(worse.best[key], trained.average[key]) for key in worse.best)
    assert not same(worse, trained)


def test_half_precision_learns_too(tmp_path: Path) -> None:
    state = train(tmp_path, settings(precision="bfloat16"))
    assert state.rows[-1].training_loss < state.rows[0].training_loss
    assert {value.dtype for value in state.network.values()} == {torch.float32}


def test_state_of_another_training_is_refused(tmp_path: Path) -> None:
    train(tmp_path, settings(), check=lambda network: Nothing())
    start = fresh_state(untrained, 3)
    with pytest.raises(UsageError, match="other settings"):
        train_phase(tmp_path, start, stretch(settings()), identity="another one")


def failing(number: int, when: int) -> Any:
    if number >= when:
        raise InputError("row 7, column x of the annotation is wrong", where="left_centerline.tsv")
    return tubes(number)


def test_error_in_a_worker_reaches_the_caller(tmp_path: Path) -> None:
    work = stretch(settings(2), draw=partial(failing, when=7))
    with pytest.raises(InputError, match="row 7") as caught:
        train_phase(tmp_path, fresh_state(untrained, 3), work, identity="x")
    assert caught.value.where == "left_centerline.tsv"


def test_global_random_state_is_left_alone() -> None:
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    first, second = fresh_state(untrained, 1), fresh_state(untrained, 1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert same(first, second)
    assert not same(first, fresh_state(untrained, 2))


def test_next_phase_starts_from_the_last_weights(tmp_path: Path) -> None:
    state = train(tmp_path, settings(), check=lambda network: Nothing())
    following = follow_on(state)
    assert same(state, following)
    assert following.step == 0
    assert following.rows == []


def test_rate_rises_then_falls_to_the_final_rate() -> None:
    phase = PHASE.model_copy(update={"warmup_steps": 10, "final_rate": 1e-4})
    rates = [learning_rate(step, 100, phase) for step in range(100)]
    assert np.argmax(rates) == 10
    assert rates[10] == pytest.approx(phase.peak_rate)
    assert rates[0] < rates[5] < rates[10]
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(1e-4, rel=0.05)
