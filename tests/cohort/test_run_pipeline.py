"""What a pipeline goes through, and which settings it takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from carotid.cohort.chain import left_to_make
from carotid.cohort.run_pipeline import PipelineRequest, settings_of
from carotid.stages.catalog import PIPELINE, stage_named

if TYPE_CHECKING:
    from pathlib import Path

STAGES = [stage_named(name) for name in PIPELINE]
USUAL = frozenset({"centerline", "contour", "segmentation"})


@pytest.mark.parametrize(
    ("written", "there", "left"),
    [
        (USUAL, "", "heatmap centerline polar contour segmentation"),
        (USUAL, "centerline", "polar contour segmentation"),
        (USUAL, "centerline contour", "segmentation"),
        (USUAL, "contour segmentation", "heatmap centerline"),
        (USUAL, "centerline segmentation", "polar contour"),
        (USUAL, "heatmap", "centerline polar contour segmentation"),
        (USUAL, "centerline contour segmentation", ""),
        (frozenset(PIPELINE), "centerline contour segmentation", "heatmap polar"),
        (frozenset({"segmentation"}), "contour", "segmentation"),
        (frozenset({"segmentation"}), "heatmap", "centerline polar contour segmentation"),
    ],
)
def test_only_what_is_needed_is_made(written: frozenset[str], there: str, left: str) -> None:
    present = {stage.name: stage.name in there.split() for stage in STAGES}
    found = left_to_make(STAGES, written, present)
    assert [stage.name for stage in found] == left.split()


@pytest.mark.parametrize(
    ("trained", "config", "expected"),
    [
        ({}, "", "linear"),
        ({"sampling": "compatible"}, "", "compatible"),
        ({"sampling": "compatible"}, '[polar_transform]\nsampling = "linear"\n', "linear"),
        ({"sampling": "linear"}, '[polar_transform]\nsampling = "compatible"\n', "compatible"),
        (None, "", "linear"),
    ],
)
def test_sampling_is_that_of_the_contour_networks_unless_set(
    trained: dict[str, str] | None, config: str, expected: str, tmp_path: Path
) -> None:
    if trained is not None:
        (tmp_path / "parameters.json").write_text(json.dumps(trained))
    (tmp_path / "config.toml").write_text(config)
    request = PipelineRequest(
        stages=STAGES,
        written=USUAL,
        raw_dir=tmp_path,
        model_dirs={"heatmap": tmp_path, "contour": tmp_path},
        output_dir=tmp_path / "out",
        config_path=tmp_path / "config.toml",
    )
    polar: Any = settings_of(request)["polar"]
    assert polar.sampling == expected
