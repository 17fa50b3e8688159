"""The contour stage at work: polar images in, contours out, in one piece and with networks.

Networks on planes look behind the images, at the scan that they are drawn from.

PyTorch is imported when the networks are prepared, and not before: the first scan is read
meanwhile.
"""

from __future__ import annotations

import logging
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from carotid.counted import counted
from carotid.errors import InputError
from carotid.stages.one_piece import one_piece
from carotid.stages.stage import Prepared
from carotid.storage.checksums import sha256_of_file
from carotid.storage.described_models import check_described, check_kind
from carotid.storage.model_description import MODEL_JSON, read_model_description
from carotid.storage.results.contours import save_contours
from carotid.storage.results.polar import load_polar

if TYPE_CHECKING:
    import torch

    from carotid.artifacts import Contours, PolarImages
    from carotid.geometry.polar import Rays
    from carotid.network.contour_models import ContourModels
    from carotid.stages.contour.parameters import ContourParameters
    from carotid.stages.contour.predictor import ContourPredictor
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
        self._device: torch.device | None = None
        self._models: ContourModels | None = None
        self._predictor: ContourPredictor | None = None

    def prepare(self) -> Prepared:
        """Choose a device, read the models, and see whether they fit the images.

        Raises:
            UsageError: The device that was asked for is not there.
            ModelError: A model cannot be used.
            ConfigurationError: The networks cannot take such images.
        """
        import torch

        from carotid.network.contour_models import read_contour_models
        from carotid.network.device import choose_device, describe_device
        from carotid.stages.contour.fit import check_fit
        from carotid.stages.planes.predictor import tell_of_settings

        torch.set_num_threads(self._setting.cores)
        self._device = choose_device(self._setting.device)
        device = describe_device(self._device)
        logger.info("device: %s, %s", device, counted(self._setting.cores, "thread"))
        check_kind(self._model_dir, "contour")
        self._models = read_contour_models(self._model_dir, self._setting.parameters.split_list)
        names = {one.name: one.sha256 for one in self._models.weights}
        check_described(self._model_dir, "contour", names)
        kind = "on planes" if self._models.on_planes else f"of version {self._models.version}"
        logger.info("%s %s from %s", counted(len(names), "model"), kind, self._model_dir)
        if self._models.on_planes:
            tell_of_settings(self._setting.parameters.model_fields_set)
            description = self._model_dir / MODEL_JSON
            if description.exists():  # the spread's calibration is part of what is computed
                names[MODEL_JSON] = sha256_of_file(description)
            return Prepared(names, device, beside_gpu=self._device.type == "cuda")
        rays = self._rays_of_the_run()
        if rays is not None:
            check_fit(self._models, rays, self._model_dir)
        return Prepared(names, device, beside_gpu=self._device.type == "cuda")

    def get_ready(self) -> None:
        """Build the networks, and let the weights go that they are built from."""
        from carotid.stages.contour.predictor import PolarPredictor
        from carotid.stages.planes.predictor import PlanePredictor

        if self._models is None or self._device is None:
            return
        if self._models.on_planes:
            described = read_model_description(self._model_dir)
            spread = {} if described is None else described.spread
            self._predictor = PlanePredictor(
                self._models, spread, self._device, sharpen=self._setting.parameters.sharpen
            )
        else:
            parameters = self._setting.parameters
            self._predictor = PolarPredictor(
                self._models, parameters, self._device, self._model_dir
            )
        self._models = None

    def contours(self, images: PolarImages) -> Contours:
        """The contours of one participant."""
        if self._predictor is None:
            message = "the networks are not built"
            raise ValueError(message)
        return self._predictor.contours(images)

    def _rays_of_the_run(self) -> Rays | None:
        """How the first participant's images are drawn; None where that cannot be seen."""
        inputs = self._setting.inputs
        if "polar" in inputs.on_the_way:
            drawn: Any = inputs.on_the_way["polar"].parameters
            rays: Rays = drawn.rays
            return rays
        try:
            return load_polar(inputs.folder("polar", inputs.participants()[0])).rays
        except (InputError, IndexError):
            return None  # this participant will fail, and perhaps others will not


def contours(
    images: PolarImages, networks: ContourNetworks, _parameters: ContourParameters
) -> Contours:
    """Outlines of lumen and outer wall in every slice that has a center."""
    return networks.contours(images)


def _smoothing(found: Contours) -> dict[str, str]:
    return {} if found.smoothing is None else {"smoothing_undone": found.smoothing}


contour_task = one_piece(
    contours,
    save_contours,
    grid_of=attrgetter("stored"),
    facts_of=_smoothing,
    networks=ContourNetworks,
)
