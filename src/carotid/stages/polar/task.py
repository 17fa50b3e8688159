"""The polar stage at work: a scan and its centerlines in, images out, in one piece."""

from __future__ import annotations

import logging
import shutil
from operator import attrgetter
from typing import TYPE_CHECKING

from carotid.errors import ResourceError
from carotid.stages.one_piece import one_piece
from carotid.stages.polar.draw import draw_polar_images
from carotid.storage.results.polar import save_polar

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.stages.polar.draw import DrawnPolarImages

logger = logging.getLogger(__name__)


def save(images: DrawnPolarImages, folder: Path) -> None:
    """Draw all images and write them, if there is room.

    Raises:
        ResourceError: The disk has not so much room.
        OutputError: A file cannot be written, or does not read back as written.
    """
    needed, free = images.stored_bytes, shutil.disk_usage(folder).free
    logger.info("polar images take %.1f MB, %.1f MB are free", needed / 1e6, free / 1e6)
    if needed > free:
        raise ResourceError(
            "there is not enough room for the polar images",
            where=folder,
            found=f"{free / 1e6:.0f} MB free",
            expected=f"{needed / 1e6:.0f} MB",
            remedy="free space, or do without: contours are made without polar images on disk",
        )
    save_polar(images, folder)


polar_task = one_piece(draw_polar_images, save, grid_of=attrgetter("stored"))
