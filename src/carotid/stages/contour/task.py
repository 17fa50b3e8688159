"""The contour stage at work: polar images in, contours out, in one piece and with networks."""

from __future__ import annotations

import logging
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch

from carotid.errors import InputError
from carotid.network.contour_models import ContourModels, read_contour_models
from carotid.network.device import choose_device, describe_device
from carotid.stages.contour.ensemble import build_ensemble
from carotid.stages.contour.find import PolarEnsemble, find_contours
from carotid.stages.contour.fit import check_fit, tell_of_run, tell_of_scan
from carotid.stages.one_piece import one_piece
from carotid.stages.stage import Prepared
from carotid.storage.results.contours import save_contours
from carotid.storage.results.polar import load_polar

if TYPE_CHECKING:
    from carotid.artifacts import Contours, PolarImages
    from carotid.geometry.polar import Rays, Sampling
    from carotid.stages.contour.parameters import ContourParameters
    from carotid.stages.stage import Setting

logger = logging.getLogger(__name__)


class ContourNetworks:
    """The networks of a run; see `carotid.stages.stage.Networks`.

    Args:
        setting: What the run gives.
    """

    def __init__(self, setting: Setting[ContourParameters]) -> None:
        if setting.model_dir is None:
            message = "contours need a directory of models"
            raise ValueError(message)
        self._model_dir = setting.model_dir
        self._setting = setting
        self._device = torch.device("cpu")
        self._models: ContourModels | None = None
        self._ensembles: dict[Rays, PolarEnsemble] = {}

    @property
    def models(self) -> ContourModels:
        """The members, once they were read."""
        if self._models is None:
            message = "the networks have not been read"
            raise ValueError(message)
        return self._models

    def prepare(self) -> Prepared:
        """Choose a device, read the models, and see whether they fit the images.

        Raises:
            UsageError: The device that was asked for is not there.
            ModelError: A model cannot be used.
            ConfigurationError: The networks cannot take such images.
        """
        torch.set_num_threads(self._setting.cores)
        self._device = choose_device(self._setting.device)
        device = describe_device(self._device)
        logger.info("device: %s, %d threads", device, self._setting.cores)
        self._models = read_contour_models(self._model_dir, self._setting.parameters.split_list)
        names = {one.name: one.sha256 for one in self._models.weights}
        logger.info("%d models from %s", len(names), self._model_dir)
        known = self._images_of_the_run()
        if known is not None:
            check_fit(self._models, known[0], "[polar_transform]")
            tell_of_run(self._models, *known, self._setting.parameters)
        return Prepared(names, device, beside_gpu=self._device.type == "cuda")

    def get_ready(self) -> None:
        """Networks are built for the first images: these say what they are drawn like."""

    def ensemble(self, rays: Rays) -> PolarEnsemble:
        """Networks that are ready for images that are drawn in this way."""
        if rays not in self._ensembles:
            self._ensembles[rays] = build_ensemble(
                self.models, rays, self._setting.parameters, self._device
            )
        return self._ensembles[rays]

    def _images_of_the_run(self) -> tuple[Rays, Sampling | None] | None:
        """How the first participant's images are drawn; None where that cannot be seen."""
        inputs = self._setting.inputs
        if "polar" in inputs.on_the_way:
            drawn: Any = inputs.on_the_way["polar"].parameters
            return drawn.rays, drawn.sampling
        try:
            first = load_polar(inputs.folder("polar", inputs.participants()[0]))
        except (InputError, IndexError):
            return None  # this participant will fail, and perhaps others will not
        return first.rays, first.sampling


def contours(
    images: PolarImages, networks: ContourNetworks, parameters: ContourParameters
) -> Contours:
    """Contours of lumen and outer wall; see `find_contours`."""
    tell_of_scan(networks.models, images.rays, images.canonical, parameters)
    return find_contours(images, networks.ensemble(images.rays), parameters)


contour_task = one_piece(
    contours, save_contours, grid_of=attrgetter("stored"), networks=ContourNetworks
)
