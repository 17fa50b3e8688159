from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.training.stand_in import write_participant

from carotid.training.heatmap.validation import validate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows as large as the crops of `trainings.PHASE`."""
    small = partial(validate, window=(32, 32, 32))
    monkeypatch.setattr("carotid.training.heatmap.train.validate", small)
    monkeypatch.setattr("carotid.training.heatmap.crops.WINDOW", (32, 32, 32))


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """Three participants with scans and annotations of both sides."""
    for k in range(3):
        write_participant(tmp_path, f"P{k}", k)
    (tmp_path / "raw" / "parameters.json").write_text(
        '{"rescale": true, "lower_percentile_rescaler": 1, "upper_percentile_rescaler": 99}'
    )
    return tmp_path
