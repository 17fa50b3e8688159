"""`carotid compare measurement`, `carotid repeatability`, `carotid follow-up`."""

from __future__ import annotations

import logging
from math import isnan
from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE
from carotid.counted import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.evaluation.common_range import Segments
    from carotid.evaluation.compare_measurements import Comparison
    from carotid.evaluation.measured_cohorts import Subject
    from carotid.measurements import MeasurementTable

logger = logging.getLogger(__name__)


_config = click.option(
    "-c",
    "--config_path",
    type=PLACE,
    help="TOML file with the section [measurement_transform], which says where segments are.  "
    "[default: where they were when it was measured]",
)

PRINTED = ("la_mean_mm2", "wt_mean_mm", "wt_max_mm", "wall_volume_mm3")
"""Measures that the terminal shows where no column was asked for."""

_PRINTED_FIGURES = {
    "subjects": "4.0f",
    "icc": "5.3f",
    "icc_low": "5.3f",
    "icc_high": "5.3f",
    "within_cv_percent": "5.1f",
    "bias": "8.3g",
    "least_change": "8.3g",
    "least_change_low": ".3g",
    "least_change_high": ".3g",
}
"""Columns of the summary that the terminal shows, and how numbers are spelt."""


@click.command("measurement", short_help="Agreement of the measurements of two directories.")
@click.argument("transform1_dir", type=PLACE)
@click.argument("transform2_dir", type=PLACE)
@click.argument("output_dir", type=PLACE)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="Only this column of arteries.tsv; may be given several times.  [default: all of numbers]",
)
def compare_measurement(
    transform1_dir: Path, transform2_dir: Path, output_dir: Path, columns: tuple[str, ...]
) -> int:
    """Compare the measurements of two directories, segment by segment, as they are.

    Both hold <id>/measurement_transform/arteries.tsv. OUTPUT_DIR receives compare_measurement.tsv
    with every pair of values, compare_measurement_summary.tsv with intraclass correlation,
    within-subject error, limits of agreement and least detectable change, and
    compare_measurement.svg, Bland and Altman's picture.
    """
    from carotid.evaluation.compare_measurements import compare_measurements
    from carotid.report.limits_picture import draw_limits
    from carotid.stages.measurement.parameters import default_settings

    found = compare_measurements(
        [transform1_dir, transform2_dir], output_dir, columns, default_settings()
    )
    draw_limits(output_dir / "compare_measurement.svg", found.repeated)
    print_agreement(found, columns or PRINTED)
    click.echo(f"all figures: {output_dir / 'compare_measurement_summary.tsv'}")
    return 0


@click.command("repeatability", short_help="How well measurements repeat.")
@click.argument("output_dir", type=PLACE)
@click.argument("transform_dirs", type=PLACE, nargs=-1, required=True)
@click.option(
    "--as_stored",
    is_flag=True,
    help="Take arteries.tsv as it is, instead of measuring over what all repetitions show.",
)
@_config
def repeatability(
    *, output_dir: Path, transform_dirs: tuple[Path, ...], as_stored: bool, config_path: Path | None
) -> int:
    """Judge how well measurements repeat: between runs, readers or scans.

    Each of TRANSFORM_DIRS holds the measurements of one repetition, for the same ids; of a single
    one, the sessions of each participant count (ids such as sub-01_ses-02). Arteries are laid
    over each other and measured over the stretch that all repetitions show. OUTPUT_DIR receives
    repeatability.tsv with a row per segment and measure, repeatability_values.tsv, and
    repeatability.svg where there are two repetitions.
    """
    from carotid.evaluation.compare_measurements import judge_repeatability, repetitions
    from carotid.report.limits_picture import draw_limits

    subjects, names = repetitions(transform_dirs)
    segments = segments_of(config_path, subjects, as_stored=as_stored)
    found = judge_repeatability(subjects, names, output_dir, segments, as_stored=as_stored)
    if len(found.repeated.repetitions) == 2:
        draw_limits(output_dir / "repeatability.svg", found.repeated)
    print_agreement(found, PRINTED)
    click.echo(f"all figures: {output_dir / 'repeatability.tsv'}")
    return 0


@click.command("follow-up", short_help="What changed between two scans of one person.")
@click.argument("transform_dir", type=PLACE)
@click.argument("output_dir", type=PLACE)
@click.option(
    "--later_dir",
    type=PLACE,
    help="Where later scans' measurements are, under the same ids.  [default: TRANSFORM_DIR]",
)
@click.option(
    "--pairs",
    type=PLACE,
    help="Table with the columns participant_id, baseline and follow_up.  "
    "[default: ids such as sub-01_ses-02]",
)
@click.option(
    "--repeatability",
    "repeatability_path",
    type=PLACE,
    help="repeatability.tsv, which tells the least detectable changes.",
)
@_config
def follow_up(
    transform_dir: Path,
    output_dir: Path,
    later_dir: Path | None,
    pairs: Path | None,
    repeatability_path: Path | None,
    config_path: Path | None,
) -> int:
    """Tell what changed in the arteries between a first and a later scan.

    The later scan is laid over the first one along the artery and in angle; what both show is
    compared. OUTPUT_DIR receives follow_up.tsv with a row per segment and measure, and
    <later id>_<side>_change.tsv with the change of thickness by position and direction.
    """
    from carotid.evaluation import follow_up as comparing
    from carotid.evaluation.measured_cohorts import (
        by_session,
        check_order_of_time,
        in_directories,
        in_pairs,
    )

    left_out: list[str] = []
    if pairs is not None:
        subjects = in_pairs(pairs, transform_dir, later_dir or transform_dir)
    elif later_dir is not None:
        subjects, others = in_directories([transform_dir, later_dir])
        left_out = sorted(others)
    else:
        subjects, left_out = by_session(
            transform_dir, "give the later scans as --later_dir, or a table of pairs as --pairs"
        )
        check_order_of_time(subjects)
    if left_out:
        logger.warning("without a second scan, and left out: %s", ", ".join(left_out))
    segments = segments_of(config_path, subjects)
    found = comparing.follow_up(subjects, output_dir, segments, repeatability_path)
    print_changes(found.changes)
    click.echo(f"all changes: {output_dir / 'follow_up.tsv'}")
    return 1 if found.failed else 0


def segments_of(
    config_path: Path | None, subjects: Sequence[Subject], *, as_stored: bool = False
) -> Segments:
    """Where segments are: as measured, unless the file says otherwise, of which a warning tells.

    A warning names settings of the file that do not count here, too.
    """
    from carotid.stages.catalog import read_sections
    from carotid.stages.measurement.parameters import MeasurementParameters
    from carotid.stages.measurement.recorded_segments import segments_as_measured
    from carotid.stages.measurement.stretches import COUNTING, segments

    name = "measurement_transform"
    given = read_sections(config_path, {name: MeasurementParameters})[name]
    idle = sorted(given.model_fields_set - {*(() if as_stored else COUNTING)})
    if idle:
        logger.warning(
            "%s: for `carotid transform measurement`; measurements are taken as they are, and it "
            "does not count here",
            ", ".join(idle),
        )
    if as_stored:
        return segments(given)
    return segments_as_measured([one for subject in subjects for one in subject.times], given)


def print_agreement(found: Comparison, measures: tuple[str, ...]) -> None:
    """The figures that matter, one line a segment and measure, on standard output."""
    table = found.summary
    click.echo(counted(found.participants, "participant"))
    click.echo(
        f"  {'segment':16} {'measure':24}    n    ICC (95 %)          within-subject    "
        "bias  least change (95 %)"
    )
    for row, (segment, measure) in enumerate(
        zip(table.words("segment"), table.words("measure"), strict=True)
    ):
        if measure not in measures:
            continue
        n, icc, low, high, cv, bias, least, *ends = (
            _told(float(table.numbers(name)[row]), spelling)
            for name, spelling in _PRINTED_FIGURES.items()
        )
        click.echo(
            f"  {segment:16} {measure:24} {n}    {icc} ({low}, {high})   CV {cv} %  {bias}  "
            f"{least} ({', '.join(ends)})"
        )


def _told(value: float, spelling: str) -> str:
    """A number as it is spelt; a dash as wide where it is unknown."""
    width = spelling.partition(".")[0]
    return f"{'-':>{width}}" if isnan(value) else f"{value:{spelling}}"


_LIMITS = {
    "repeatability": "the least detectable change",
    "stated_spread": "1.96 x the stated spread",
}
"""What a change is set against, by `least_change_source`."""


def print_changes(table: MeasurementTable) -> None:
    """How many changes are larger than their limit, by measure, on standard output."""
    rows = list(
        zip(
            table.words("measure"),
            table.words("least_change_source"),
            table.words("beyond"),
            strict=True,
        )
    )
    click.echo(counted(len(set(table.words("follow_up"))), "later scan"))
    for measure, source in dict.fromkeys(row[:2] for row in rows):
        known = [row[2] for row in rows if row[:2] == (measure, source) and row[2]]
        if known:
            of_all = f"{known.count('yes'):4d} of {counted(len(known), 'segment')}"
            click.echo(f"  {measure:24} {of_all} changed by more than {_LIMITS[source]}")
