"""`carotid transform`: stages of the pipeline over a folder of scans."""

from __future__ import annotations

import gc
import logging
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carotid.cli.interrupts import stop_if_asked
from carotid.cohort.outputs import check_output_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from carotid.cohort.runner import Outcome
    from carotid.network.weights import Weights

logger = logging.getLogger(__name__)

_SHORT_S = 1e-4
"""Python's own interval is 5 ms."""

_MAX_DEFLATE_THREADS = 8
"""Beside a GPU, which is done sooner than two threads."""

folder = click.Path(path_type=Path)


@click.group()
def transform() -> None:
    """Take scans through a step of the pipeline."""


@transform.command(short_help="Compute heatmaps with pre-trained U-Nets.")
@click.argument("raw_dir", type=folder)
@click.argument("heatmap_model_dir", type=folder)
@click.argument("output_dir", type=folder)
@click.option(
    "--config_path",
    type=folder,
    help="TOML file with the section [heatmap_transform]: roi_size (default [368, 64, 320], in Z, "
    "Y, X), spacing (default true), overlap (default 0.6).",
)
@click.option(
    "--participant",
    "participants",
    multiple=True,
    metavar="ID",
    help="Only this participant; may be given several times.  [default: all that have a scan]",
)
@click.option(
    "--device",
    type=click.Choice(["cuda", "cpu"]),
    help="Where the networks compute.  [default: cuda where there is one, else cpu]",
)
@click.option("--force", is_flag=True, help="Do participants again that are complete already.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads to compute with.  [default: the cores this process was given]",
)
def heatmap(
    raw_dir: Path,
    heatmap_model_dir: Path,
    output_dir: Path,
    config_path: Path | None,
    participants: tuple[str, ...],
    device: str | None,
    force: bool,  # noqa: FBT001 - click gives a flag like this
    threads: int | None,
) -> int:
    """Compute heatmaps of the internal and external carotid on both sides of the neck.

    RAW_DIR holds the scans: per participant a folder of DICOM files, or <id>.mha, <id>.mhd,
    <id>.nii, <id>.nii.gz. HEATMAP_MODEL_DIR holds the weights (*.pt). OUTPUT_DIR receives
    <id>/heatmap_transform/{left,right}_heatmap/{mean.mha,std.mha,max_indices.npy}.

    A run that was cut short goes on when the same command is given again.
    """
    begin = time.monotonic()
    outcomes = run_heatmap_transform(
        raw_dir,
        heatmap_model_dir,
        output_dir,
        config_path=config_path,
        participants=participants,
        device=device,
        force=force,
        threads=threads,
    )
    from carotid.cli.progress import print_table

    with suppress(OSError, ValueError):  # whoever read the output may have gone
        print_table(outcomes, time.monotonic() - begin)
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


def run_heatmap_transform(
    raw_dir: Path,
    model_dir: Path,
    output_dir: Path,
    *,
    config_path: Path | None = None,
    participants: Sequence[str] = (),
    device: str | None = None,
    force: bool = False,
    threads: int | None = None,
) -> list[Outcome]:
    """Check everything, then compute; see the command `heatmap` for the arguments.

    Raises:
        UsageError: Before anything was touched.
    """
    from carotid.cli.progress import choose_progress
    from carotid.cohort.cores import given_cores
    from carotid.cohort.memory import expect_gpu
    from carotid.config import read_heatmap_parameters
    from carotid.network.model_files import find_models
    from carotid.network.windows.plan import WindowWorkers
    from carotid.provenance import TransformRecord
    from carotid.stages.heatmap.reading import ScanReader
    from carotid.storage.participants import find_scans, select_participants
    from carotid.storage.rescaling import read_rescaling
    from carotid.storage.results.atomic import write_json
    from carotid.storage.results.heatmaps import record_of
    from carotid.storage.results.layout import HEATMAP_TRANSFORM, OutputLayout
    from carotid.storage.results.parameters import record_transform

    inputs = [raw_dir, model_dir]
    parameters = read_heatmap_parameters(config_path)
    scans = select_participants(find_scans(raw_dir), participants or None)
    rescaling = read_rescaling(raw_dir)
    check_output_dir(output_dir, inputs)
    layout = OutputLayout(output_dir)
    cores = threads or given_cores()
    workers = WindowWorkers.of(cores)
    count = len(find_models(model_dir))
    beside_gpu = expect_gpu(device)
    reader = ScanReader(parameters, rescaling, count, workers.count, beside_gpu=beside_gpu)
    prepare_process()
    for scan in scans:
        if force or record_of(layout, scan.participant_id) is None:
            reader.begin(scan)  # while PyTorch is imported
            break
    models, chosen = start_network(model_dir, device, cores)

    import torch

    from carotid.cohort.runner import Runner
    from carotid.network.device import describe_device
    from carotid.network.members import begin_members, build_members
    from carotid.stages.heatmap.task import HeatmapTask, others_made_differently, refuse_unfit

    record = TransformRecord(
        settings={
            "roi_size": list(parameters.roi_size),
            "spacing": parameters.spacing,
            "overlap": parameters.overlap,
            "raw_dir": str(raw_dir),
            "model_dir": str(model_dir),
            "device": describe_device(chosen),
        },
        models={model.name: model.sha256 for model in models},
        rescaling=asdict(rescaling),
    )
    if not force:
        refuse_unfit(layout, scans, record)
    check_output_dir(output_dir, inputs, make=True)
    for other in others_made_differently(layout, scans, record):
        logger.warning("%s was made with other parameters or models and stays as it is", other)
    record_transform(layout, HEATMAP_TRANSFORM, record.as_json())
    on_cpu = chosen.type == "cpu"
    build = (
        partial(begin_members, models, cores) if on_cpu else partial(build_members, models, chosen)
    )
    del models  # the task lets them go when the networks are built
    task = HeatmapTask(
        layout,
        build,
        parameters,
        reader,
        record,
        force=force,
        workers=workers,
        deflate_threads=2 if on_cpu else max(2, min(cores // 2, _MAX_DEFLATE_THREADS)),
    )
    del build
    with choose_progress(len(scans)) as progress:
        one_thread = partial(torch.set_num_threads, 1)
        runner = Runner(task, layout, progress, one_thread, load_aside=not on_cpu)
        outcomes = runner.run(scans)
    table = [
        {"participant_id": o.participant_id, "result": o.status, "reason": o.reason}
        for o in outcomes
    ]
    write_json(layout.summary, {"transform": HEATMAP_TRANSFORM, "participants": table})
    return outcomes


def prepare_process() -> None:
    """Set up memory and threads for computing; to be called before torch is imported."""
    from carotid.cohort.allocator import keep_freed_memory
    from carotid.cohort.cores import wait_without_spinning

    keep_freed_memory()
    wait_without_spinning()


@contextmanager
def large_import() -> Iterator[None]:
    """Import a large package without looking for garbage, and let other threads wait less for it.

    There is hardly any, and looking for it takes a tenth of the time. A thread that reads a scan
    meanwhile needs the interpreter for a moment for every megabyte, and would wait for it 5 ms each
    time, which is as long as it works.
    """
    usual_s, collects = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(_SHORT_S)
    gc.disable()
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)
        if collects:
            gc.enable()


def start_network(
    model_dir: Path, device: str | None, cores: int
) -> tuple[list[Weights], torch.device]:
    """Import torch, choose a device, and read and check the models."""
    with large_import():
        import torch

    from carotid.network.device import choose_device, describe_device
    from carotid.network.unet import HEATMAP
    from carotid.network.weights import read_models

    stop_if_asked()
    torch.set_num_threads(cores)
    chosen = choose_device(device)
    logger.info("device: %s, %d threads", describe_device(chosen), cores)
    models = read_models(model_dir, HEATMAP)
    logger.info("%d models from %s", len(models), model_dir)
    if len(models) == 1:
        logger.warning("one model only: the standard deviation will be zero everywhere")
    return models, chosen
