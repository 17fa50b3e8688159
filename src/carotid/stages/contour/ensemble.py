"""From the models of a directory to networks that are ready to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.errors import ModelError
from carotid.network.polar_cnn import PolarCNN
from carotid.network.polar_pyramid import pyramid_or_plain
from carotid.stages.contour.find import PolarEnsemble
from carotid.stages.contour.fit import check_fit, decoding_of

if TYPE_CHECKING:
    import torch

    from carotid.geometry.polar import Rays
    from carotid.network.contour_models import ContourModels
    from carotid.network.polar_pyramid import PolarNetwork
    from carotid.network.weights import Weights
    from carotid.stages.contour.parameters import ContourParameters


def build_ensemble(
    models: ContourModels, rays: Rays, parameters: ContourParameters, device: torch.device
) -> PolarEnsemble:
    """Make networks from weights.

    Args:
        models: What was read; not to be changed from then on.
        rays: How the images are drawn.
        parameters: How contours are made.
        device: Where the networks shall compute.

    Raises:
        ConfigurationError: The networks cannot take such images.
        ModelError: A network gives no numbers.
    """
    check_fit(models, rays, "[polar_transform]")
    networks = [_network(one, device) for one in models.weights]
    return PolarEnsemble(networks, decoding_of(models, rays, parameters), device)


def _network(weights: Weights, device: torch.device) -> PolarNetwork:
    net = weights.architecture.without_numbers()
    if not isinstance(net, PolarCNN):
        raise ModelError("this is no network for polar images", where=weights.name)
    net.load_state_dict(weights.state, assign=True)
    try:
        return pyramid_or_plain(net, device)
    except ModelError as error:
        raise error.at(weights.name) from error
