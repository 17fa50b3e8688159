"""The polar stage at work: a scan and its centerlines in, images out, in one piece."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from carotid.stages.one_piece import one_piece
from carotid.stages.polar.draw import draw_polar_images
from carotid.storage.results.polar import save_polar

if TYPE_CHECKING:
    from carotid.artifacts import Centerlines, Scan
    from carotid.stages.polar.draw import DrawnPolarImages
    from carotid.stages.polar.parameters import PolarParameters


def polar_images(
    scan: Scan, centerlines: Centerlines, parameters: PolarParameters
) -> DrawnPolarImages:
    """Polar images around every center; see `draw_polar_images`."""
    return draw_polar_images(scan.volume, scan.intensities, centerlines, parameters)


polar_task = one_piece(polar_images, save_polar, grid_of=attrgetter("stored"))
