"""`carotid demo`: the whole job on simulated necks, with a word on how good it was."""

from __future__ import annotations

import time
from pathlib import Path

import click

from carotid.cohort.outputs import check_output_dir
from carotid.network.shipped import shipped_models


@click.command(short_help="See it work: simulate, transform, compare, report.")
@click.argument("output_dir", type=click.Path(path_type=Path))
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
@click.option("--device", type=click.Choice(["cuda", "cpu"]), help="As in `transform heatmap`.")
@click.option("--threads", type=click.IntRange(min=1), help="As in `transform heatmap`.")
@click.option("--force", is_flag=True, help="Start again where a demo has run already.")
def demo(
    output_dir: Path,
    participants: int,
    seed: int,
    device: str | None,
    threads: int | None,
    force: bool,  # noqa: FBT001 - click gives a flag like this
) -> int:
    """Make simulated necks, find their carotids, and measure how far off the result is.

    Everything goes to OUTPUT_DIR: scans in raw/, known centerlines in annotations/, results in
    heatmaps/, the comparison in comparison.tsv, and a page to look at, heatmaps/report.html.
    """
    from carotid.cli.cohort_progress import choose_progress
    from carotid.cli.compare import print_participants
    from carotid.cli.progress import duration
    from carotid.cohort.run import Request, run_stage
    from carotid.errors import UsageError
    from carotid.evaluation.compare_heatmaps import compare_heatmaps
    from carotid.report.write import write_report
    from carotid.simulation.cohort import simulate_cohort
    from carotid.simulation.recipes import ORDINARY_RECIPE
    from carotid.stages.catalog import stage_named

    begin = time.monotonic()
    models = shipped_models("heatmap")
    if not any(models.glob("*.pt")):
        raise UsageError("this package holds no models to show", where=models)
    check_output_dir(output_dir, [])
    raw, annotations = output_dir / "raw", output_dir / "annotations"
    heatmaps, table = output_dir / "heatmaps", output_dir / "comparison.tsv"

    click.echo(f"1 of 4  making {participants} simulated necks with known carotids")
    simulate_cohort(output_dir, participants, seed, ORDINARY_RECIPE, force=force)
    click.echo("2 of 4  computing heatmaps with the models that come with the package")
    request = Request(
        stage=stage_named("heatmap"),
        raw_dir=raw,
        model_dir=models,
        output_dir=heatmaps,
        device=device,
        threads=threads,
        force=force,
    )
    outcomes = run_stage(request, choose_progress)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    for outcome in failed:
        click.echo(f"        {outcome.participant_id} failed: {outcome.reason}")
    click.echo("3 of 4  comparing them with the truth")
    print_participants(compare_heatmaps(heatmaps, annotations, table))
    click.echo("4 of 4  making a page to look at")
    report = write_report(heatmaps, raw_dir=raw, annotation_dir=annotations)
    click.echo("")
    click.echo(f"Done in {duration(time.monotonic() - begin)}. Open {report.page} in a browser.")
    click.echo(f"Slice by slice: {table}. To see the heatmaps over a scan in a viewer, load")
    click.echo(f"{raw}/neck-001.mha and {heatmaps}/neck-001/heatmap_transform/*/mean.mha.")
    click.echo(
        "The models were trained on simulated necks only; they have not been validated on patients."
    )
    return 1 if failed else 0
