"""`carotid simulate`: necks with known centerlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE
from carotid.cohort.outputs import check_output_dir
from carotid.counted import counted

if TYPE_CHECKING:
    from pathlib import Path


@click.command(short_help="Make simulated necks with known centerlines.")
@click.argument("output_dir", type=PLACE)
@click.option(
    "--participants", type=click.IntRange(1), default=3, show_default=True, help="How many necks."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Neck k of a seed is the same neck on every run.",
)
@click.option(
    "--config_path",
    "-c",
    type=PLACE,
    help="TOML file with the section [neck]: the ranges that necks are drawn from.",
)
@click.option("--force", "-f", is_flag=True, help="Replace necks that are there already.")
def simulate(
    output_dir: Path,
    participants: int,
    seed: int,
    config_path: Path | None,
    force: bool,  # noqa: FBT001 - click gives a flag like this
) -> int:
    """Make black-blood MRI of necks whose carotids are known exactly.

    OUTPUT_DIR receives raw/<id>.mha (a RAW_DIR for `carotid transform heatmap`),
    annotations/<id>/ with the true centerlines and contours, and truth/<id>.json.
    """
    from carotid.cli.progress import choose_teller
    from carotid.simulation.cohort import simulate_cohort
    from carotid.simulation.recipe import NeckRecipe
    from carotid.stages.catalog import read_sections

    recipe = read_sections(config_path, {"neck": NeckRecipe})["neck"]
    check_output_dir(output_dir, [])
    with choose_teller(participants, "necks") as teller:
        ids = simulate_cohort(
            output_dir, participants, seed, recipe, lambda *_: teller.end(), force=force
        )
    what = counted(len(ids), "neck")
    click.echo(f"{what} in {output_dir}: raw/, annotations/, truth/")
    return 0
