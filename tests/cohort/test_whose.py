"""Warnings of a run name the participant that they are about."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.cli.test_measurement import annotate
from tests.command import run_carotid

from carotid.cohort.whose import named, speaking_of, with_name

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path


def test_work_and_its_jobs_are_named_and_what_lies_between_is_not() -> None:
    said: list[str] = []

    def work() -> Generator[Callable[[], None], None, int]:
        said.append(with_name("begun"))
        yield lambda: said.append(with_name("written"))
        said.append(with_name("ended"))
        return 7

    def whole() -> Generator[None, None, int]:
        running = named(work(), "a")
        for _ in range(1):
            job = next(running)
            said.append(with_name("between"))
            thread = threading.Thread(target=job)
            thread.start()
            thread.join()
            yield
        with pytest.raises(StopIteration) as end:
            next(running)
        return int(end.value.value)

    running = whole()
    next(running)
    with pytest.raises(StopIteration) as end:
        next(running)
    assert end.value.value == 7
    assert said == ["a: begun", "between", "a: written", "a: ended"]


def test_work_that_is_given_up_is_closed() -> None:
    closed = []

    def work() -> Generator[Callable[[], None], None, None]:
        try:
            yield lambda: None
        finally:
            closed.append(with_name("closed"))

    running = named(work(), "a")
    next(running)
    running.close()
    assert closed


def test_a_name_is_not_said_twice() -> None:
    with speaking_of("sub-01"):
        assert with_name("raw/sub-01/x: is damaged") == "raw/sub-01/x: is damaged"
    assert with_name("nobody's") == "nobody's"


def test_a_run_over_several_participants(tmp_path: Path) -> None:
    for name in ("sub-01", "sub-02"):
        annotate(tmp_path / "out", name, 1.0)
    run = run_carotid("transform", "segmentation", tmp_path / "out", "-v")
    assert run.returncode == 0, run.stderr
    for name in ("sub-01", "sub-02"):
        assert f"{name}: right: no contours; its masks are empty" in run.stderr
    assert run.stderr.count("right: no contours") == 2
