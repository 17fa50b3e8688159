"""The heatmap stage at work: the only one whose result is streamed to disk while it is computed.

PyTorch is imported when the task is prepared, and not before: the first scan is read meanwhile.
"""

from __future__ import annotations

import logging
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from carotid.counted import counted
from carotid.errors import InputError
from carotid.network.model_files import find_models
from carotid.network.windows.plan import WindowWorkers
from carotid.stages.heatmap.forecast import expect_gpu, foresee
from carotid.stages.heatmap.impression import impression
from carotid.stages.heatmap.reading import read_prepared
from carotid.stages.heatmap.wishes import heatmap_settings
from carotid.stages.stage import SCAN, Made, Prepared
from carotid.storage.described_models import check_described, check_kind
from carotid.storage.model_description import MODEL_JSON, read_model_description
from carotid.storage.raw import open_scan
from carotid.storage.results.heatmaps import SideSlabs, write_side
from carotid.storage.results.layout import HeatmapLayout
from carotid.storage.results.record import grid_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from carotid.geometry.grid import Grid
    from carotid.network.members import Member
    from carotid.network.weights import Weights
    from carotid.stages.heatmap.fold import SideResult
    from carotid.stages.heatmap.parameters import HeatmapParameters
    from carotid.stages.heatmap.reading import LoadedScan
    from carotid.stages.stage import Setting

logger = logging.getLogger(__name__)

_MAX_DEFLATE_THREADS = 8
"""Beside a GPU, which is done sooner than two threads."""


class HeatmapTask:
    """From scans to heatmaps.

    Args:
        setting: What the run gives.

    Raises:
        ModelError: There are no models, or `model.json` beside them cannot be used.
    """

    def __init__(self, setting: Setting[HeatmapParameters]) -> None:
        if setting.model_dir is None:
            message = "heatmaps need a directory of models"
            raise ValueError(message)
        self._setting = setting
        self._model_dir = setting.model_dir
        self._size = len(find_models(setting.model_dir))
        self._workers = WindowWorkers.of(setting.cores)
        self._beside_gpu = expect_gpu(setting.device)
        self._deflate_threads = 2
        self._planned_device = ""
        self._weights: list[Weights] = []
        self._build: Callable[[list[Weights]], Sequence[Member]] | None = None
        self._members: Sequence[Member] = ()
        described = read_model_description(setting.model_dir)
        self._seen = {} if described is None else described.seen
        self._wishes = heatmap_settings(setting.model_dir).get("heatmap", {})

    def prepare(self) -> Prepared:
        """Choose a device, and read and check the models.

        Raises:
            UsageError: The device that was asked for is not there.
            ModelError: A model cannot be used.
        """
        import torch

        from carotid.network.device import choose_device, describe_device
        from carotid.network.members import begin_members, build_members
        from carotid.network.unet import HEATMAP
        from carotid.network.weights import read_models

        cores = self._setting.cores
        torch.set_num_threads(cores)
        device = choose_device(self._setting.device)
        self._planned_device = describe_device(device)
        logger.info("device: %s, %s", self._planned_device, counted(cores, "thread"))
        check_kind(self._model_dir, "heatmap")
        self._tell_wishes()
        self._weights = read_models(self._model_dir, HEATMAP)
        check_described(self._model_dir, "heatmap", {m.name: m.sha256 for m in self._weights})
        self._size = len(self._weights)
        logger.info("%s from %s", counted(self._size, "model"), self._model_dir)
        if self._size == 1:
            logger.warning("one model only: the standard deviation will be zero everywhere")
        on_cpu = device.type == "cpu"
        if on_cpu:
            self._build = partial(begin_members, workers=cores)
        else:
            self._build = partial(build_members, device=device)
            self._deflate_threads = max(2, min(cores // 2, _MAX_DEFLATE_THREADS))
        return Prepared(
            models={model.name: model.sha256 for model in self._weights},
            device=self._planned_device,
            beside_gpu=not on_cpu,
        )

    def _tell_wishes(self) -> None:
        """Say so where the networks are used with other windows than `model.json` asks for."""
        used = self._setting.parameters.model_dump(mode="json")
        for key, asked in self._wishes.items():
            if used.get(key) != asked:
                logger.info(
                    "%s asks for %s = %s, and %s is used; the section [heatmap_transform] of a "
                    "configuration sets it",
                    self._model_dir / MODEL_JSON,
                    key,
                    asked,
                    used.get(key, "none"),
                )

    def get_ready(self) -> None:
        """Build the networks, and let the weights go that they are built from."""
        weights, self._weights = self._weights, []
        if self._build is not None:
            self._members = self._build(weights)

    def load(self, participant_id: str) -> LoadedScan:
        """Read a scan and prepare it for the networks, if memory is enough.

        Raises:
            ResourceError: Memory is not enough.
            InputError: The scan cannot be used.
        """
        inputs, parameters = self._setting.inputs, self._setting.parameters
        scan = inputs.scan(participant_id)
        opened = open_scan(scan)
        try:
            forecast = foresee(
                opened.grid,
                opened.dtype,
                self._size,
                parameters,
                self._workers.count,
                beside_gpu=self._beside_gpu,
            )
        except InputError as error:  # the crop
            raise error.at(scan.path) from error
        self._setting.check_memory(scan.path, forecast)
        return read_prepared(scan, opened, parameters, inputs.rescaling)

    def steps(self, loaded: LoadedScan) -> int:
        """How many windows a scan takes."""
        from carotid.stages.heatmap.compute import count_windows

        return count_windows(loaded.prepared.frame, self._size, self._setting.parameters)

    def compute(
        self, loaded: LoadedScan, folder: Path, advance: Callable[[], None]
    ) -> Generator[Callable[[], None], None, Made]:
        """Predict side after side; each is folded and written while the next one is predicted."""
        from carotid.network.device import describe_device
        from carotid.stages.heatmap.compute import predict_sides
        from carotid.stages.heatmap.predict import ON_THE_CPU, Predictor

        place = HeatmapLayout(folder)
        scan, grid = loaded.prepared, loaded.prepared.frame.grid
        predictor = Predictor(self._workers)
        if describe_device(self._members[0].device) != self._planned_device:
            predictor.step = ON_THE_CPU  # there was no room even for the networks
        results = predict_sides(
            scan,
            self._members,
            self._setting.parameters,
            advance,
            predictor=predictor,
            scratch_folder=folder,
        )
        traces = {}
        with closing(results):
            for result in results:
                if result.side.width:
                    traces[result.side] = result.traces
                yield partial(_write, place, result, grid, self._deflate_threads)
        (height, *_), *_ = (scan.frame.side_shape(side) for side in traces)
        repeated = any(self._setting.parameters.ends(height))
        found = impression(scan, traces, self._seen, repeated=repeated, faults=loaded.faults)
        context = {**grid_facts(grid), "forward_pass": predictor.in_words, **found.as_context()}
        return Made({SCAN: loaded.source}, context, found.remarks)


def _write(place: HeatmapLayout, result: SideResult, grid: Grid, threads: int) -> None:
    """Fold a side on the stored grid and write it."""
    with closing(result.slabs()) as slabs:
        pairs = ((slab.mean, slab.std) for slab in slabs)
        made = SideSlabs(pairs, lambda: result.maxima.indices)
        write_side(place, result.side.name, grid, made, threads)
