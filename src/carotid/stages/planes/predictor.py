"""Networks on planes as the contour stage asks them: weights and calibration in, contours out."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS, FromScan
from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.planes.find import PlaneEnsemble, find_plane_contours
from carotid.stages.planes.sharpen import sharpened
from carotid.storage.model_description import MODEL_JSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from carotid.artifacts import Centerlines, Contours, PolarImages
    from carotid.geometry.grid import Grid
    from carotid.network.contour_models import ContourModels
    from carotid.network.weights import Weights
    from carotid.stages.planes.predict import Network
    from carotid.storage.model_description import SpreadTable

logger = logging.getLogger(__name__)


class PlanePredictor:
    """Networks on planes; a `carotid.stages.contour.predictor.ContourPredictor`.

    Args:
        models: What was read; not to be changed from then on.
        spread: Calibration of spreads by boundary; empty where there is none.
        device: Where the networks shall compute.
        sharpen: Whether what smoothed the scan is undone before networks look at it.
    """

    def __init__(
        self,
        models: ContourModels,
        spread: Mapping[str, SpreadTable],
        device: torch.device,
        *,
        sharpen: bool = True,
    ) -> None:
        self._sharpen = sharpen
        self.ensemble = PlaneEnsemble([_network(one, device) for one in models.weights], spread)
        if not spread:
            logger.warning(
                "no %s calibrates the spread of these networks: the spread of contours is what "
                "networks say, and not tested against errors",
                MODEL_JSON,
            )

    def contours(self, images: PolarImages) -> Contours:
        """The contours of one participant; see `find_plane_contours`.

        Raises:
            InputError: Nothing is there but polar images.
        """
        if not isinstance(images, FromScan):
            raise InputError(
                "these networks look at the scan itself, and polar images are all that is known",
                expected=f"{MODEL_JSON} beside the weights, which says so before the run",
                remedy="remove the polar images, or copy model.json from where the weights are",
            )
        volume, smoothing = images.scan.volume, None
        if self._sharpen:
            volume, smoothing = sharpened(volume, _points_mm(images.centerlines, volume.grid))
        if smoothing is not None:
            logger.info("the scanner smoothed the scan (%s); undone for contours", smoothing)
        found = find_plane_contours(volume, images.centerlines, self.ensemble)
        return replace(found, smoothing=smoothing)


def _points_mm(lines: Centerlines, stored: Grid) -> NDArray[np.float64]:
    """(n, 3) R-A-S mm of all centers, of both sides."""
    arteries = [lines.side(side).artery(label) for side in SIDE_NAMES for label in LABELS]
    points = np.concatenate([one.points for one in arteries])
    return stored.reoriented(CANONICAL).world_from_index(points)


def tell_of_settings(given: Iterable[str]) -> None:
    """Say which settings do not count for networks on planes.

    Args:
        given: Keys of `[contour_transform]` that the configuration has.
    """
    idle = sorted(set(given) - {"sharpen", "split_list"})
    if idle:
        logger.warning(
            "%s: made for polar images; these networks look at planes across the artery, and it "
            "does not count",
            ", ".join(idle),
        )


def _network(weights: Weights, device: torch.device) -> Network:
    net = weights.architecture.without_numbers()
    net.load_state_dict(weights.state, assign=True)
    return on_device(net, device)


def on_device(net: nn.Module, device: torch.device) -> Network:
    """A network that computes on a device, and takes and gives tensors on the CPU."""
    placed = net.to(device).eval().requires_grad_(requires_grad=False)

    def network(image: Tensor) -> Tensor:
        found: Tensor = placed(image.to(device)).cpu()
        return found

    return network
