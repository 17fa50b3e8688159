"""Where the scans of a run are, as it was given, and as `parameters.json` keeps it for later steps.

Beside a folder of scans it may be a BIDS data set, one file, or one folder of DICOM slices.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.storage.bids import BidsChoice, is_bids_image
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
        doubted: Whether results may have been made from other scans of the same names.
    """

    path: Path
    bids_image: str | None = None
    series: str | None = None
    doubted: bool = False

    @classmethod
    def of(cls, place: Path | ScanSource) -> ScanSource:
        """A source as it is; a folder as one where nothing has to be chosen."""
        return cls(place) if isinstance(place, Path) else place

    def find(self) -> Place:
        """The scans there, and the folder whose `parameters.json` counts.

        Raises:
            UsageError: See `find_scans_at`; or `bids_image` names no image.
        """
        choice = None if self.bids_image is None else BidsChoice.parse(self.bids_image)
        place = find_scans_at(self.path, choice)
        scans = place.scans
        if choice is not None and not any(is_bids_image(scan) for scan in scans.values()):
            logger.warning("%s: no BIDS data set, so --bids_image chooses nothing", self.path)
        if self.doubted or self.bids_image is not None:
            scans = {key: replace(scan, doubted=True) for key, scan in scans.items()}
        if self.series is not None:
            scans = self._with_series(scans, self.series)
        return replace(place, scans=scans)

    def _with_series(self, scans: dict[str, RawScan], series: str) -> dict[str, RawScan]:
        """The scans, with the choice for all that are folders of series."""
        chosen = {
            key: replace(scan, series=series, doubted=True)
            for key, scan in scans.items()
            if _is_folder_of_series(scan)
        }
        if not chosen:
            logger.warning(
                "%s: no participant here is a folder of DICOM files, so --series chooses nothing",
                self.path,
            )
        return scans | chosen

    def choosing(self, bids_image: str | None, series: str | None) -> ScanSource:
        """The same with another choice; None leaves the one that there is."""
        return replace(
            self,
            bids_image=self.bids_image if bids_image is None else bids_image,
            series=self.series if series is None else series,
        )

    def doubted_after(self, before: ScanSource | None) -> ScanSource:
        """The same; its scans are doubted if those of an earlier run were found another way."""
        if before is not None and before.path.absolute() == self.path.absolute():
            before = replace(before, path=self.path)
        return replace(self, doubted=before != self)

    def as_record(self) -> dict[str, str]:
        """What `parameters.json` says of it."""
        chosen = {"bids_image": self.bids_image, "series": self.series}
        return {
            "raw_dir": str(self.path),
            **{name: one for name, one in chosen.items() if one is not None},
        }


def recorded_source(entry: Mapping[str, object]) -> ScanSource | None:
    """What a transform's object in `parameters.json` says of its scans; None where nothing."""
    given = (entry.get(name) for name in ("raw_dir", "bids_image", "series"))
    place, image, series = (one if isinstance(one, str) and one else None for one in given)
    return None if place is None else ScanSource(Path(place), image, series)


def _is_folder_of_series(scan: RawScan) -> bool:
    return scan.kind == FOLDER_KIND and scan.path.is_dir()
