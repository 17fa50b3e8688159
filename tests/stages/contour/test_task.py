"""What a run does before the first participant's contours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.test_models import heatmap_models

from carotid.errors import ModelError
from carotid.stages.contour.parameters import ContourParameters
from carotid.stages.contour.task import ContourNetworks
from carotid.stages.stage import Setting

if TYPE_CHECKING:
    from pathlib import Path


def test_models_of_another_step_are_told_before_weights_are_read(tmp_path: Path) -> None:
    nothing: Any = None
    setting = Setting(ContourParameters(), nothing, heatmap_models(tmp_path / "models"))
    with pytest.raises(ModelError, match="these are heatmap models"):
        ContourNetworks(setting).prepare()
