"""Which image of a BIDS data set each result was made from, and how another data set refers to it.

A data set names others by links, `DatasetLinks`, and their files by URIs, `bids:<link>:<path>`.
Links are relative to the data set that has them, so that both can be moved together.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from carotid.cohort.places import scans_on_record
from carotid.errors import UsageError, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from carotid.storage.results.layout import OutputLayout

logger = logging.getLogger(__name__)

DESCRIPTION = "dataset_description.json"
LINK = "raw"


@dataclass(frozen=True)
class RawDataSet:
    """The BIDS data set that scans come from.

    Attributes:
        folder: Where it is.
        images: The image of each participant's session, below the folder, by id.
    """

    folder: Path
    images: Mapping[str, str]

    def linked_from(self, export_dir: Path, links: Mapping[str, str]) -> LinkedDataSet:
        """The same, with a name that a data set in `export_dir` has for it or can give to it.

        Args:
            export_dir: The other data set.
            links: The links that it has already.
        """
        way = quote(os.path.relpath(self.folder.resolve(), export_dir.resolve()))
        number, name = 1, LINK
        while links.get(name, way) != way:
            number += 1
            name = f"{LINK}{number}"
        return LinkedDataSet(name, way, self.images)


@dataclass(frozen=True)
class LinkedDataSet:
    """A data set of scans, as another data set refers to it.

    Attributes:
        name: Of the link.
        location: Relative to the other data set, with what is special in URIs escaped.
        images: As in `RawDataSet`.
    """

    name: str
    location: str
    images: Mapping[str, str]

    def uri(self, participant_id: str) -> str | None:
        """The URI of a participant's image; None where it has none."""
        image = self.images.get(participant_id)
        return None if image is None else f"bids:{self.name}:{quote(image)}"


def find_raw_data_set(layout: OutputLayout, raw_dir: Path | None = None) -> RawDataSet | None:
    """The data set of the scans behind results; None where their folder is no BIDS data set.

    Args:
        layout: Where results are.
        raw_dir: Where scans are; None takes the folder on record, if it is still there.

    Raises:
        UsageError: `raw_dir` was given and cannot be used.
    """
    try:
        place = scans_on_record(layout, raw_dir).find()
    except UsageError as error:
        if raw_dir is not None:
            raise
        logger.warning("label maps do not name their scans: %s", one_line(error))
        return None
    if not (place.folder / DESCRIPTION).is_file():
        return None
    images = {
        key: scan.path.relative_to(place.folder).as_posix()
        for key, scan in place.scans.items()
        if scan.path.parent.name == "anat"
    }
    return RawDataSet(place.folder, images) if images else None
