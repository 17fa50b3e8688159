"""`carotid demo`: `carotid run` on simulated necks, with a word on how good it was."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE, THREADS
from carotid.cohort.outputs import check_output_dir
from carotid.counted import counted, shortened
from carotid.errors import UsageError
from carotid.network.shipped import given_or_shipped
from carotid.stages.catalog import STAGES, WHOLE, stage_named
from carotid.storage.results.layout import OutputLayout

if TYPE_CHECKING:
    from pathlib import Path

_NECK = re.compile(r"neck-\d{3,6}")

WARNING = (
    "The models were trained with necks of this very simulator. They have not been validated\n"
    "on patients, where they will be worse by an amount that nobody has measured. Look at\n"
    "every result."
)


@dataclass(frozen=True)
class _Places:
    """Where a demo keeps what.

    Attributes:
        root: The folder that was given.
    """

    root: Path

    @property
    def raw(self) -> Path:
        """The scans."""
        return self.root / "raw"

    @property
    def truth(self) -> Path:
        """What was made."""
        return self.root / "truth"

    @property
    def annotations(self) -> Path:
        """Known centers and outlines."""
        return self.root / "annotations"

    @property
    def results(self) -> Path:
        """What `carotid run` makes of the scans."""
        return self.root / "results"

    @property
    def comparison(self) -> Path:
        """Results against the truth, slice by slice."""
        return self.root / "comparison"


@click.command(short_help="See it work: simulated necks, all steps, figures, a page.")
@click.argument("output_dir", type=PLACE)
@click.option(
    "--participants",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="How many necks.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=2026, show_default=True, help="Which necks."
)
@click.option("-d", "--device", type=click.Choice(["cuda", "cpu"]), help="As in `carotid run`.")
@click.option("--threads", type=THREADS, help="As in `carotid run`.")
@click.option("-f", "--force", is_flag=True, help="Start again where a demo has run already.")
def demo(
    output_dir: Path,
    participants: int,
    seed: int,
    device: str | None,
    threads: int | None,
    force: bool,  # noqa: FBT001 - click gives a flag like this
) -> int:
    """Make simulated necks, find their carotids, and measure how far off the result is.

    Everything goes to OUTPUT_DIR: scans in raw/, known centerlines and contours in annotations/,
    what `carotid run` makes of the scans in results/, the comparison of both in comparison/, and
    a page to look at, results/report.html.
    """
    from carotid.cli.cohort_progress import choose_progress
    from carotid.cli.demo_figures import print_truth, truth_rows
    from carotid.cli.progress import duration
    from carotid.cohort.run_pipeline import PipelineRequest, run_pipeline
    from carotid.evaluation.compare_centerlines import compare_centerlines
    from carotid.evaluation.compare_contours import compare_contours
    from carotid.report.write import write_report
    from carotid.simulation.cohort import simulate_cohort
    from carotid.simulation.recipes import ORDINARY_RECIPE

    begin = time.monotonic()
    models = {kind: given_or_shipped(kind, None) for kind in ("heatmap", "contour")}
    check_output_dir(output_dir, [])
    places = _Places(output_dir)
    _check_own(places)
    necks = counted(participants, "simulated neck")
    click.echo(f"1 of 4  making {necks} with known carotids")
    simulate_cohort(output_dir, participants, seed, ORDINARY_RECIPE, force=force)
    click.echo(f"2 of 4  carotid run {places.raw} {places.results}")
    request = PipelineRequest(
        stages=[stage_named(name) for name in WHOLE],
        written=frozenset(WHOLE) - {"heatmap", "polar"},
        raw_dir=places.raw,
        model_dirs=models,
        output_dir=places.results,
        device=device,
        threads=threads,
        force=force,
    )
    outcomes = run_pipeline(request, choose_progress)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    for outcome in failed:
        click.echo(f"        {outcome.participant_id} failed: {outcome.reason}")
    if len(failed) == len(outcomes):
        return 1
    click.echo("3 of 4  comparing the results with the truth")
    places.comparison.mkdir(exist_ok=True)
    centers = compare_centerlines(places.results, places.annotations, places.comparison)
    contours = compare_contours(places.results, places.annotations, places.comparison)
    print_truth(truth_rows(centers, contours))
    click.echo("4 of 4  making a page to look at")
    report = write_report(places.results, annotation_dir=places.annotations)
    click.echo("")
    click.echo(f"Done in {duration(time.monotonic() - begin)}. Open {report.page} in a browser.")
    _say_more(places, next(one.participant_id for one in outcomes if one.status == "done"))
    click.echo(WARNING)
    return 1 if failed else 0


def _check_own(places: _Places) -> None:
    """Refuse a folder with results that no demo has made.

    Raises:
        UsageError: Names some of them.
    """
    others = []
    for root in (places.root, places.results):
        ids = {one for stage in STAGES for one in OutputLayout(root).participants(stage.transform)}
        others += [root / one for one in sorted(ids) if not _NECK.fullmatch(one)]
    if not any(places.truth.glob("neck-*.json")):
        others += [
            path
            for place in (places.results, places.comparison)
            for path in sorted(place.glob("*"))
        ]
    if others:
        raise UsageError(
            "the folder holds results that no demo has made",
            where=places.root,
            found=shortened([str(path.relative_to(places.root)) for path in others]),
            remedy="choose a folder of its own for the demo",
        )


def _say_more(places: _Places, participant_id: str) -> None:
    """Where measurements and masks are."""
    click.echo(f"Measurements of all arteries: {places.results / 'arteries.tsv'}.")
    click.echo("To see masks over a scan in a viewer, load")
    masks = places.results / participant_id / "segmentation_transform" / "labels.mha"
    click.echo(f"{places.raw / participant_id}.mha and {masks}.")
