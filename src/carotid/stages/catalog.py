"""The only list of the pipeline's stages, and of the sections that a configuration may have.

Commands, sections, records, `carotid models` and the documentation's tests follow from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args

from carotid.errors import UsageError
from carotid.geometry.sides import Sides
from carotid.stages.stage import SCAN, SettingOption, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from carotid.config import Parameters

    P = TypeVar("P", bound=Parameters)

STAGES = (
    Stage(
        name="heatmap",
        needs=(SCAN,),
        arguments=("RAW_DIR", "HEATMAP_MODEL_DIR", "OUTPUT_DIR"),
        parameters="carotid.stages.heatmap.parameters:HeatmapParameters",
        models="carotid.network.unet:HEATMAP",
        load="carotid.storage.results.heatmap_slices:open_heatmaps",
        task="carotid.stages.heatmap.task:HeatmapTask",
        summary="Compute heatmaps with pre-trained U-Nets.",
        wishes="carotid.stages.heatmap.wishes:heatmap_settings",
        options=(
            SettingOption(
                "crop",
                metavar="BOX",
                help="Look at this part of scans only, in R-A-S mm: 'A -20 40 S -80 60'.",
            ),
            SettingOption(
                "sides",
                help="Which sides of the neck scans show.  [default: both]",
                choices=get_args(Sides),
            ),
        ),
        about="""Compute heatmaps of the internal and external carotid on both sides of the neck.

    RAW_DIR holds the scans: per participant a folder of DICOM files, or <id>.mha, <id>.mhd,
    <id>.nii, <id>.nii.gz. HEATMAP_MODEL_DIR holds the weights (*.pt). OUTPUT_DIR receives
    <id>/heatmap_transform with mean.mha, std.mha and max_indices.npy of either side.""",
    ),
    Stage(
        name="centerline",
        needs=("heatmap",),
        arguments=("OUTPUT_DIR",),
        parameters="carotid.stages.centerline.parameters:CenterlineParameters",
        models=None,
        load="carotid.storage.results.centerlines:load_centerlines",
        task="carotid.stages.centerline.task:centerline_task",
        summary="Find one center per artery and axial slice.",
        about="""Find the arteries in their heatmaps: one center per artery and axial slice.

    OUTPUT_DIR is where the heatmaps are, unless --heatmap_dir says another place. It receives
    <id>/centerline_transform/{left,right}_centerline.tsv.""",
    ),
    Stage(
        name="polar",
        needs=(SCAN, "centerline"),
        arguments=("OUTPUT_DIR",),
        parameters="carotid.stages.polar.parameters:PolarParameters",
        models=None,
        load="carotid.storage.results.polar:load_polar",
        task="carotid.stages.polar.task:polar_task",
        summary="Draw polar images around the centerlines.",
        about="""Draw polar images around the centers of the arteries, slice by slice.

    `carotid transform contour` draws them by itself and needs no files. OUTPUT_DIR is where the
    centerlines are, unless --centerline_dir says another place. It receives
    <id>/polar_transform/{left,right}_polar: two files for each center, some 0.65 GB a scan.""",
        transient=True,
    ),
    Stage(
        name="contour",
        needs=("polar",),
        arguments=("OUTPUT_DIR", "CONTOUR_MODEL_DIR"),
        parameters="carotid.stages.contour.parameters:ContourParameters",
        models="carotid.network.polar_cnn:CONTOUR",
        load="carotid.storage.results.contours:load_contours",
        task="carotid.stages.contour.task:contour_task",
        summary="Find the contours of lumen and outer wall.",
        wishes="carotid.network.contour_models:trained_with",
        looks="carotid.storage.model_description:looks_at_scans",
        about="""Find the contours of lumen and outer wall around the centerlines.

    OUTPUT_DIR is where the centerlines are, unless --polar_dir says another place.
    CONTOUR_MODEL_DIR holds the weights: networks on planes across the artery, which look at the
    scan itself, or networks on polar images. Polar images are drawn on the way, with
    [polar_transform] of the same configuration, where none are there. OUTPUT_DIR receives
    <id>/contour_transform/{left,right}_contour.tsv.""",
    ),
    Stage(
        name="segmentation",
        needs=("contour",),
        arguments=("OUTPUT_DIR",),
        parameters="carotid.stages.segmentation.parameters:SegmentationParameters",
        models=None,
        load="carotid.storage.results.segmentations:load_segmentation",
        task="carotid.stages.segmentation.task:segmentation_task",
        summary="Fill contours: masks of lumens and walls.",
        about="""Fill the contours: masks of lumens and walls on the scan's own grid.

    OUTPUT_DIR is where the contours are, unless --contour_dir says another place. It receives
    <id>/segmentation_transform/{left,right}_segmentation.mha and labels.mha.""",
    ),
    Stage(
        name="measurement",
        needs=("centerline", "contour"),
        arguments=("OUTPUT_DIR",),
        parameters="carotid.stages.measurement.parameters:MeasurementParameters",
        models=None,
        load="carotid.storage.results.measurements:load_measurements",
        task="carotid.stages.measurement.task:measurement_task",
        summary="Measure areas, thickness, volumes and stenoses.",
        about="""Measure the arteries: areas, thickness of the wall, volumes, stenoses, plaque.

    OUTPUT_DIR is where centerlines and contours are, unless --centerline_dir and --contour_dir say
    other places. It receives tables with data dictionaries: <id>/measurement_transform/
    {left,right}_slices.tsv, arteries.tsv and plaques.tsv, and for the whole cohort arteries.tsv
    and participants.tsv.""",
        closing="carotid.stages.measurement.task:write_cohort_tables",
    ),
)

_OTHER_SECTIONS = ("neck", "heatmap_training", "contour_training")


PIPELINE = ("heatmap", "centerline", "polar", "contour", "segmentation")
"""The stages that `carotid transform pipeline` goes through."""

WHOLE = (*PIPELINE, "measurement")
"""Those that `carotid run` goes through."""


def stage_named(name: str) -> Stage:
    """The stage of a name."""
    return next(stage for stage in STAGES if stage.name == name)


def up_to(name: str) -> tuple[Stage, ...]:
    """The stages from the first one to the one of a name."""
    return STAGES[: STAGES.index(stage_named(name)) + 1]


def made_on_the_way(stage: Stage) -> tuple[Stage, ...]:
    """The transient stages whose results a stage may make by itself."""
    return tuple(one for one in map(stage_named, stage.earlier) if one.transient)


def section_names() -> tuple[str, ...]:
    """All sections that some command reads, whatever the command: one file may serve them all."""
    return (*(stage.transform for stage in STAGES), *_OTHER_SECTIONS)


def read_sections(path: Path | None, known: dict[str, type[P]]) -> dict[str, P]:
    """The sections of a configuration file that a command uses; their defaults without a file.

    Raises:
        ConfigurationError: Names every mistake in the file.
    """
    from carotid.config import parse_sections, read_toml

    if path is None:
        return {name: kind() for name, kind in known.items()}
    return parse_sections(read_toml(path), known, path, others=section_names())


def read_settings(
    stages: Iterable[Stage], path: Path | None, options: Mapping[str, Any] | None = None
) -> dict[str, Parameters]:
    """The settings of several stages by name, from one configuration file and from options.

    Args:
        stages: Whose settings.
        path: The file; None takes the defaults.
        options: What options of a command say, by name: they win over the file.

    Raises:
        ConfigurationError: Names every mistake in the file.
        UsageError: The value of an option cannot be used.
    """
    named = {stage.transform: stage for stage in stages}
    found = read_sections(path, {key: one.parameters_class() for key, one in named.items()})
    return {
        named[key].name: _with_options(parameters, named[key], options or {})
        for key, parameters in found.items()
    }


def with_wishes(
    settings: Mapping[str, Parameters], stage: Stage, model_dir: Path
) -> dict[str, Parameters]:
    """The same settings, with what a stage's networks ask for where the configuration is silent.

    Args:
        settings: By stage; wishes for others are passed over.
        stage: Whose networks.
        model_dir: Where they are.

    Raises:
        ModelError: What they ask for cannot be read.
    """
    found = dict(settings)
    for name, wishes in stage.wishes_of(model_dir).items():
        if name in found:
            given = found[name].model_dump(exclude_unset=True)
            found[name] = type(found[name]).model_validate({**wishes, **given})
    return found


def _with_options(parameters: Parameters, stage: Stage, options: Mapping[str, Any]) -> Parameters:
    """Settings with what options say instead."""
    from pydantic import ValidationError

    names = [one.name for one in stage.options]
    given = {name: options[name] for name in names if options.get(name) is not None}
    if not given:
        return parameters
    try:
        return parameters.model_validate({**parameters.model_dump(exclude_unset=True), **given})
    except ValidationError as error:
        problem = error.errors()[0]
        raise UsageError(
            f"--{problem['loc'][0]} {problem['msg'].removeprefix('Value error, ')}",
            found=str(problem["input"])[:80],
        ) from error
