from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.training.stand_in import tubes

from carotid.training.engine.run import TrainingRequest
from carotid.training.heatmap.sources import STREAM_LENGTH, VALIDATION_STREAM
from carotid.training.heatmap.train import train_from_simulator

from .trainings import PHASE, StopHereError, interrupt, settings

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.training.heatmap.stream import StoredSide


def test_simulated_training_shares_a_trunk_and_needs_no_files(tmp_path: Path) -> None:
    parameters = settings(trunk=(PHASE, PHASE), members=2)
    models = train_from_simulator(
        TrainingRequest(tmp_path / "out", device="cpu"), parameters, tubes
    )
    assert len({path.read_bytes() for path in models}) == 2
    assert (tmp_path / "out" / "trunk-1" / "training.tsv").is_file()
    record = json.loads((tmp_path / "out" / "parameters.json").read_text())["heatmap_training"]
    assert record["simulator"].endswith("stand_in.tubes")


def test_phases_with_slabs_draw_from_the_simulator_of_slabs(tmp_path: Path) -> None:
    whole, slabs = _Noted(), _Noted()
    parameters = settings(
        trunk=(PHASE.model_copy(update={"slabs": True}),), members=1, validation_sides=1
    )
    train_from_simulator(
        TrainingRequest(tmp_path / "out", device="cpu"), parameters, whole, simulate_slab=slabs
    )
    streams = [{seed // STREAM_LENGTH for seed in noted.seeds} for noted in (slabs, whole)]
    assert streams == [{0}, {1, VALIDATION_STREAM}]


class _Noted:
    """A simulator that remembers what it was asked for."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def __call__(self, seed: int) -> StoredSide:
        self.seeds.append(seed)
        return tubes(seed)


def test_simulated_training_resumes_within_the_trunk(tmp_path: Path) -> None:
    parameters = settings(trunk=(PHASE, PHASE), members=1)
    whole, part = (TrainingRequest(tmp_path / name, device="cpu") for name in ("a", "b"))
    unbroken = train_from_simulator(whole, parameters, tubes)
    stop = partial(interrupt, part="trunk-1", epoch=1)
    with pytest.raises(StopHereError):
        train_from_simulator(replace(part, on_progress=stop), parameters, tubes)
    resumed = train_from_simulator(part, parameters, tubes)
    assert resumed[0].read_bytes() == unbroken[0].read_bytes()
