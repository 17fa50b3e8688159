"""`carotid algorithm`: one scan on a platform for challenges, in its directories."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE

if TYPE_CHECKING:
    from carotid.storage.results.layout import OutputLayout


@click.command(short_help="One scan in the directories of a platform for challenges.")
@click.argument("input_dir", type=PLACE, default=Path("/input"))
@click.argument("output_dir", type=PLACE, default=Path("/output"))
@click.option(
    "--model_dir",
    type=PLACE,
    default=Path("/opt/ml/model"),
    show_default=True,
    help="May hold weights in heatmap and contour, and config.toml; else the package's own.",
)
@click.option("--socket", metavar="SLUG", help="Which image is the scan, where there are several.")
def algorithm(input_dir: Path, output_dir: Path, model_dir: Path, socket: str | None) -> int:
    """Find the carotids in the scan that INPUT_DIR/inputs.json names.

    OUTPUT_DIR receives images/carotid-segmentation/<file>.mha, the label map on the scan's grid,
    and carotid-measurements.json. Everything else is kept in a temporary folder and removed. This
    is what the container does when it is given no other command.
    """
    from carotid.cli.cohort_progress import choose_progress
    from carotid.cohort.outputs import check_output_dir
    from carotid.cohort.run_pipeline import PipelineRequest, run_pipeline
    from carotid.network.shipped import given_or_shipped
    from carotid.stages.catalog import WHOLE, stage_named
    from carotid.storage.results.layout import OutputLayout
    from carotid.storage.sockets import find_image, hand_out

    scan, config = find_image(input_dir, socket), model_dir / "config.toml"
    check_output_dir(output_dir, [input_dir], make=True)
    with tempfile.TemporaryDirectory(prefix="carotid-") as work:
        layout = OutputLayout(Path(work) / "results")
        request = PipelineRequest(
            stages=[stage_named(name) for name in WHOLE],
            written=frozenset({"centerline", "contour", "segmentation", "measurement"}),
            raw_dir=scan,
            model_dirs={
                kind: given_or_shipped(kind, _own(model_dir / kind))
                for kind in ("heatmap", "contour")
            },
            output_dir=layout.root,
            config_path=config if config.is_file() else None,
        )
        (outcome,) = run_pipeline(request, choose_progress)
        if outcome.status == "failed":
            click.echo(f"carotid: error: {outcome.reason}", err=True)
            return 1
        labels, rows = _results(layout, outcome.participant_id)
        hand_out(output_dir, scan.name, labels, rows)
    with suppress(OSError, ValueError):
        click.echo(f"{scan.name}: done")
        if outcome.remark:
            click.echo(outcome.remark)
    return 0


def _own(folder: Path) -> Path | None:
    """A folder of weights, where there is one."""
    return folder if folder.is_dir() else None


def _results(layout: OutputLayout, participant_id: str) -> tuple[Path, object]:
    """Where the label map lies, and the arteries' measurements, a row each."""
    from carotid.storage.results.layout import (
        MEASUREMENT_TRANSFORM,
        SEGMENTATION_TRANSFORM,
        MeasurementLayout,
        SegmentationLayout,
    )
    from carotid.storage.results.measurement_tables import load_table, table_rows

    masks = SegmentationLayout(layout.transform(participant_id, SEGMENTATION_TRANSFORM))
    tables = MeasurementLayout(layout.transform(participant_id, MEASUREMENT_TRANSFORM))
    return masks.labels, table_rows(load_table(tables.arteries))
