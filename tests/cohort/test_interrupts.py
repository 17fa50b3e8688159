"""An interrupt that somebody swallows still ends the program, with the right exit code."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from tests.command import environment

PROGRAM = """
import signal, sys
import carotid.cli as cli

def swallowing():
    try:
        signal.raise_signal(signal.{name})
    except BaseException:
        pass

reached = []

@cli.cli.command()
def fails():
    swallowing()
    raise AttributeError("module 'numpy' has no attribute 'matrix'")

cli.train.add_command(cli.cli.commands["fails"])

@cli.cli.command()
def some_failed():
    swallowing()
    return 1

@cli.cli.command()
def all_done():
    swallowing()
    return 0

@cli.cli.command()
def goes_on():
    swallowing()
    from carotid.cli.cohort_progress import CohortProgress
    from carotid.cli.progress import Lines
    from carotid.cohort.outcome import Outcome
    progress = CohortProgress(Lines(3))
    reached.append("the step")
    progress.{step}
    print("too far")

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
sys.argv = ["carotid", *"{command}".split()]
leave = cli.os._exit
cli.os._exit = lambda code: (print(*reached, flush=True), leave(code))
cli.main()
"""


def ended(command: str, name: str = "SIGTERM", step: str = "advanced()") -> tuple[int, str]:
    program = PROGRAM.format(command=command, name=name, step=step)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "code"),
    [("SIGTERM", 143), ("SIGINT", 130), ("SIGHUP", 129), ("SIGUSR1", 138), ("SIGXCPU", 152)],
)
@pytest.mark.parametrize("command", ["fails", "some-failed", "goes-on"])
def test_what_fails_after_a_swallowed_interrupt_was_interrupted(
    command: str, name: str, code: int
) -> None:
    found, said = ended(command, name)
    assert found == code, said
    assert f"interrupted by {name}" in said
    assert "unexpected" not in said
    assert "too far" not in said
    assert ("the step" in said) == (command == "goes-on")


def test_what_is_kept_is_told() -> None:
    assert "Participants that are complete are kept; run the same" in ended("fails")[1]
    assert "Training is kept up to the last complete epoch; run the same" in ended("train fails")[1]


@pytest.mark.parametrize(
    "step",
    [
        "started('p1', 5)",
        "waiting('p1')",
        "finished(Outcome('p1', 'failed', '?'))",
    ],
)
def test_no_participant_is_begun_waited_for_or_reported(step: str) -> None:
    found, said = ended("goes-on", step=step)
    assert found == 128 + signal.SIGTERM, said
    assert "too far" not in said
    assert "the step" in said
    assert "p1" not in said


def test_what_was_done_all_the_same_is_done() -> None:
    assert ended("all-done") == (0, "\n")


CLEARING_UP = """
import os, signal
from carotid.cohort import interrupts

class Cleared:
    def __init__(self, act):
        self.act = act
    def __del__(self):
        self.act()

interrupts.listen()
Cleared(lambda: 1 / 0)
Cleared(lambda: signal.raise_signal(signal.SIGTERM))
interrupts.stop_if_asked()
"""


def test_an_interrupt_while_python_clears_up_is_remembered_and_not_printed() -> None:
    run = subprocess.run(
        [sys.executable, "-c", CLEARING_UP], capture_output=True, text=True, check=False
    )
    assert run.stderr.count("Exception ignored") == 1, "other exceptions are still shown"
    assert "ZeroDivisionError" in run.stderr
    assert run.stderr.rstrip().endswith("Interrupted: SIGTERM")


IGNORED = """
import signal
from carotid.cohort import interrupts
signal.signal(signal.SIGHUP, signal.SIG_IGN)
interrupts.listen()
signal.raise_signal(signal.SIGHUP)
interrupts.stop_if_asked()
print("went on")
"""


def test_a_hang_up_that_nohup_keeps_away_ends_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-c", IGNORED], capture_output=True, text=True, check=True
    )
    assert run.stdout == "went on\n"
