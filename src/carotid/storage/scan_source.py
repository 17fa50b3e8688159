"""Where the scans of a run are, as it was given, and as `parameters.json` keeps it for later steps.

Beside a folder of scans it may be a BIDS data set, one file, or one folder of DICOM slices.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.storage.bids import BidsChoice
from carotid.storage.participants import Place, find_scans_at
from carotid.storage.readers import FOLDER_KIND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScanSource:
    """A RAW_DIR, and what it takes to read it.

    Attributes:
        path: As it was given.
        bids_image: Which image of a BIDS session is meant, as `acq-bb_T1w`; None: the only one.
        series: Which series of each DICOM folder is meant, by its number, its UID or the end of
            it, or its description; None: the only one.
    """

    path: Path
    bids_image: str | None = None
    series: str | None = None

    def find(self) -> Place:
        """The scans there, and the folder whose `parameters.json` counts.

        Raises:
            UsageError: See `find_scans_at`; or `bids_image` names no image.
        """
        choice = None if self.bids_image is None else BidsChoice.parse(self.bids_image)
        place = find_scans_at(self.path, choice)
        if self.series is None:
            return place
        folders = {key for key, scan in place.scans.items() if _is_folder_of_series(scan)}
        if not folders:
            logger.warning("%s: no folder of DICOM files, so --series chooses nothing", self.path)
        chosen = {key: replace(place.scans[key], series=self.series) for key in folders}
        return replace(place, scans={**place.scans, **chosen})

    def as_record(self) -> dict[str, str]:
        """What `parameters.json` says of it."""
        chosen = {"bids_image": self.bids_image, "series": self.series}
        return {
            "raw_dir": str(self.path),
            **{name: one for name, one in chosen.items() if one is not None},
        }


def recorded_source(entry: Mapping[str, object]) -> ScanSource | None:
    """What a transform's object in `parameters.json` says of its scans; None where nothing."""
    place, *chosen = (entry.get(name) for name in ("raw_dir", "bids_image", "series"))
    if not isinstance(place, str) or not place:
        return None
    return ScanSource(Path(place), *(x if isinstance(x, str) and x else None for x in chosen))


def _is_folder_of_series(scan: RawScan) -> bool:
    return scan.kind == FOLDER_KIND and scan.path.is_dir()
