"""The list of stages: all that it names is there, and each needs what comes before it."""

from __future__ import annotations

import inspect

import pytest

from carotid.config import Parameters
from carotid.stages.catalog import STAGES, made_on_the_way, section_names, stage_named, up_to
from carotid.stages.one_piece import OnePiece
from carotid.stages.stage import SCAN, Stage, named

EACH = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def test_names_are_unique_and_sections_too() -> None:
    assert len({stage.name for stage in STAGES}) == len(STAGES)
    assert len(set(section_names())) == len(section_names())


@EACH
def test_a_stage_needs_what_comes_before_it(stage: Stage) -> None:
    before = [one.name for one in up_to(stage.name)[:-1]]
    assert stage.needs
    assert set(stage.earlier) <= set(before)
    assert (SCAN in stage.needs) == (len(stage.earlier) < len(stage.needs))


@EACH
def test_all_that_a_stage_names_is_there(stage: Stage) -> None:
    assert issubclass(stage.parameters_class(), Parameters)
    assert callable(named(stage.load))
    assert callable(named(stage.task))
    assert stage.arguments[-1] == "OUTPUT_DIR" or stage.arguments[0] == "OUTPUT_DIR"
    if stage.models is not None:
        assert f"{stage.name.upper()}_MODEL_DIR" in stage.arguments
        assert stage.model_kind().name == stage.name
    assert stage.summary.endswith(".")
    assert len(stage.summary) < 60


@EACH
def test_a_transient_stage_is_made_in_one_piece(stage: Stage) -> None:
    for one in made_on_the_way(stage):
        task = named(stage_named(one.name).task)
        assert inspect.isclass(getattr(task, "func", None))
        assert task.func is OnePiece
