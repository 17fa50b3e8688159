"""What a run over a cohort tells while it works, and the table at its end."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import click

from carotid.cli import logs
from carotid.cli.progress import choose_teller, duration
from carotid.cohort.interrupts import stop_if_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from carotid.cli.progress import Teller
    from carotid.cohort.outcome import Outcome

_ALL_ROWS = 30


class CohortProgress:
    """Hands on to a teller what the runner says; a good place to stop when asked to.

    Args:
        teller: Tells people.
    """

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._taken, self._steps = 0, 1

    def __enter__(self) -> Self:
        self._teller.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._teller.__exit__(*details)

    def started(self, participant_id: str, steps: int) -> None:
        """A participant is being computed."""
        stop_if_asked()
        self._taken, self._steps = 0, steps
        self._teller.begin(participant_id, steps, "step")

    def entered(self, participant_id: str, step: str) -> None:
        """A step of the pipeline is begun."""
        stop_if_asked()
        self._teller.begin(f"{participant_id}, {step}", self._steps, "step", done=self._taken)

    def advanced(self) -> None:
        """One step was taken."""
        stop_if_asked()
        self._taken += 1
        self._teller.step(self._taken)

    def waiting(self, participant_id: str) -> None:
        """Another process has this participant."""
        stop_if_asked()
        logs.say(f"{participant_id}: another process is working on it; waiting for it to finish")

    def finished(self, outcome: Outcome) -> None:
        """A participant is done, skipped or has failed."""
        failed = outcome.status == "failed"
        if failed:
            stop_if_asked()
        text = f"{outcome.participant_id}: {outcome.status}"
        if outcome.reason or outcome.remark:
            text += f" - {outcome.reason or outcome.remark}"
        self._teller.end(text, counts=outcome.status == "done", failed=failed)


def choose_progress(participants: int) -> CohortProgress:
    """What fits standard error."""
    return CohortProgress(choose_teller(participants, "participants"))


def run_and_tell(
    name: str, output_dir: Path, run: Callable[[Callable[[int], CohortProgress]], list[Outcome]]
) -> list[Outcome]:
    """Run over a cohort, and say at its end what became of everyone.

    Args:
        name: What is done, such as "heatmap".
        output_dir: Where results are.
        run: Does it, with what makes its progress.
    """
    begin = time.monotonic()
    outcomes = run(choose_progress)
    with suppress(OSError, ValueError):  # whoever read the output may have gone
        report_outcomes(name, output_dir, outcomes, time.monotonic() - begin)
    return outcomes


def report_outcomes(
    name: str, output_dir: Path, outcomes: Sequence[Outcome], seconds: float
) -> None:
    """Say on standard output what became of everyone.

    Args:
        name: What was done, such as "heatmap".
        output_dir: Where results are.
        outcomes: What became of each participant.
        seconds: How long it took.
    """
    if not outcomes:
        click.echo("There is no participant in this part of the cohort; nothing was done.")
        return
    if any(outcome.status != "skipped" for outcome in outcomes):
        print_table(outcomes, seconds)
        return
    who = f"all {len(outcomes)} participants" if len(outcomes) > 1 else outcomes[0].participant_id
    click.echo(
        f"{output_dir} already holds the {name} results of {who}; nothing was changed. "
        "To do them again, add --force."
    )


def print_table(outcomes: Sequence[Outcome], seconds: float) -> None:
    """The closing table on standard output: who is done, who is not, and why."""
    few = len(outcomes) <= _ALL_ROWS
    shown = [o for o in outcomes if few or o.status == "failed" or o.remark]
    if shown:
        width = max(len("participant"), *(len(o.participant_id) for o in shown))
        click.echo(f"{'participant':{width}}  result   reason")
        for outcome in shown:
            told = outcome.reason or outcome.remark
            row = f"{outcome.participant_id:{width}}  {outcome.status:7}  {told}"
            click.echo(row.rstrip())
    count = {s: sum(o.status == s for o in outcomes) for s in ("done", "skipped", "failed")}
    click.echo(
        f"{count['done']} done, {count['skipped']} skipped, {count['failed']} failed "
        f"in {duration(seconds)}"
    )
    if count["failed"]:
        click.echo("Fix what failed and run the same command again; what is done is kept.")
