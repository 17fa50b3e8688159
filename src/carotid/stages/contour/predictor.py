"""Contours of a participant by the networks of a model directory.

A `ContourPredictor` is what the contour stage asks; which one it gets depends on what the model
directory holds. `PolarPredictor` is the one for networks on polar images.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from carotid.errors import ModelError
from carotid.network.polar_cnn import PolarCNN
from carotid.network.polar_pyramid import pyramid_or_plain
from carotid.stages.contour.find import PolarEnsemble, find_contours
from carotid.stages.contour.fit import check_fit, decoding_of, tell_of_run, tell_of_scan

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from carotid.artifacts import Contours, PolarImages
    from carotid.geometry.polar import Rays, Sampling
    from carotid.network.contour_models import ContourModels
    from carotid.network.polar_pyramid import PolarNetwork
    from carotid.network.weights import Weights
    from carotid.stages.contour.parameters import ContourParameters

logger = logging.getLogger(__name__)


class ContourPredictor(Protocol):
    """Makes contours; networks are built with it."""

    def contours(self, images: PolarImages) -> Contours:
        """The contours of one participant.

        Args:
            images: Its polar images. Where these are drawn as they are asked for, the scan and the
                centerlines are theirs to give, for networks that look at something else.

        Raises:
            CarotidError: The images do not fit the networks, or something is wrong with them.
        """


class PolarPredictor:
    """Networks on polar images.

    Args:
        models: What was read; not to be changed from then on.
        parameters: How contours are made.
        device: Where the networks shall compute.
        where: The model directory, for messages.

    Raises:
        ModelError: A network gives no numbers.
    """

    def __init__(
        self,
        models: ContourModels,
        parameters: ContourParameters,
        device: torch.device,
        where: Path | str = "the networks",
    ) -> None:
        self._models = models
        self._parameters = parameters
        self._device = device
        self._where = where
        self._networks = [_network(one, device) for one in models.weights]
        self._told: set[tuple[Rays, Sampling | None]] = set()

    def ensemble(self, rays: Rays) -> PolarEnsemble:
        """The networks, ready for images of such rays.

        Raises:
            ConfigurationError: The networks cannot take them.
        """
        check_fit(self._models, rays, self._where)
        decoding = decoding_of(self._models, rays, self._parameters)
        return PolarEnsemble(self._networks, decoding, self._device)

    def contours(self, images: PolarImages) -> Contours:
        """The contours of one participant; see `find_contours`."""
        ensemble = self.ensemble(images.rays)
        kind = (images.rays, images.sampling)
        if kind not in self._told:
            tell_of_run(self._models, *kind, self._parameters)
            self._told.add(kind)
        tell_of_scan(self._models, images.rays, images.canonical, self._parameters)
        return find_contours(images, ensemble, self._parameters)


def _network(weights: Weights, device: torch.device) -> PolarNetwork:
    net = weights.architecture.without_numbers()
    if not isinstance(net, PolarCNN):
        raise ModelError("this is no network for polar images", where=weights.name)
    net.load_state_dict(weights.state, assign=True)
    try:
        return pyramid_or_plain(net, device)
    except ModelError as error:
        raise error.at(weights.name) from error
