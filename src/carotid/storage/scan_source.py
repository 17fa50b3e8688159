"""Where the scans of a run are, as it was given, and as `parameters.json` keeps it for later steps.

Beside a folder of scans it may be a BIDS data set, one file, or one folder of DICOM slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.storage.bids import BidsChoice
from carotid.storage.participants import Place, find_scans_at

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ScanSource:
    """A RAW_DIR, and what it takes to read it.

    Attributes:
        path: As it was given.
        bids_image: Which image of a BIDS session is meant, as `acq-bb_T1w`; None: the only one.
    """

    path: Path
    bids_image: str | None = None

    def find(self) -> Place:
        """The scans there, and the folder whose `parameters.json` counts.

        Raises:
            UsageError: See `find_scans_at`; or `bids_image` names no image.
        """
        choice = None if self.bids_image is None else BidsChoice.parse(self.bids_image)
        return find_scans_at(self.path, choice)

    def as_record(self) -> dict[str, str]:
        """What `parameters.json` says of it."""
        image = {} if self.bids_image is None else {"bids_image": self.bids_image}
        return {"raw_dir": str(self.path), **image}


def recorded_source(entry: Mapping[str, object]) -> ScanSource | None:
    """What a transform's object in `parameters.json` says of its scans; None where nothing."""
    place, image = entry.get("raw_dir"), entry.get("bids_image")
    if not isinstance(place, str) or not place:
        return None
    return ScanSource(Path(place), image if isinstance(image, str) and image else None)
