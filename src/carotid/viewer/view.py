"""A participant's page by its output directory: shown in a notebook, or written to a file."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.cohort.places import scans_for_pictures
from carotid.errors import UsageError
from carotid.storage.results.atomic import write_atomically
from carotid.storage.results.centerlines import load_centerlines
from carotid.storage.results.contours import load_contours
from carotid.storage.results.layout import (
    CENTERLINE_TRANSFORM,
    CONTOUR_TRANSFORM,
    MEASUREMENT_TRANSFORM,
    OutputLayout,
)
from carotid.storage.results.measurements import load_measurements
from carotid.storage.results.record import read_record
from carotid.storage.results.scan_behind import load_for_pictures
from carotid.viewer.page import page_of, plotly_script
from carotid.viewer.scene import Seen
from carotid.viewer.standing import standing_of

if TYPE_CHECKING:
    from carotid.storage.raw import RawScan

HEIGHT_PX = 900


@dataclass(frozen=True)
class View:
    """A participant's page.

    Attributes:
        participant_id: Whose.
        page: The whole of it, as HTML.
    """

    participant_id: str
    page: str

    def save(self, path: Path) -> None:
        """Write the page.

        Raises:
            OutputError: The file cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, self.page.encode())

    def __repr__(self) -> str:
        return f"View({self.participant_id!r}, {len(self.page) / 1e6:.1f} MB)"

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame of its own."""
        return (
            f'<iframe srcdoc="{html.escape(self.page, quote=True)}" width="100%" '
            f'height="{HEIGHT_PX}" style="border:0" title="{html.escape(self.participant_id)}">'
            "</iframe>"
        )


def view(output_dir: str | Path, participant_id: str, raw_dir: str | Path | None = None) -> View:
    """A participant's page for a notebook: it is shown when it is a cell's last value.

    Args:
        output_dir: Where results are.
        participant_id: Whose.
        raw_dir: Where scans are; None takes the folder on record.

    Raises:
        UsageError: There is nothing to view, or plotly is not installed.
        InputError: A result or the scan cannot be read, or the scan lies on another grid.
    """
    root = Path(output_dir)
    scans = scans_for_pictures(root, None if raw_dir is None else Path(raw_dir))
    return view_of(Sources(root, root, root), participant_id, scans.get(participant_id))


@dataclass(frozen=True)
class Sources:
    """Where the results of participants are.

    Attributes:
        output_dir: Their measurements.
        contour_dir: Their outlines.
        centerline_dir: Their centerlines; those of participants without any are not shown.
    """

    output_dir: Path
    contour_dir: Path
    centerline_dir: Path


def view_of(
    sources: Sources, participant_id: str, scan: RawScan | None, *, linked: bool = False
) -> View:
    """Make a participant's page.

    Args:
        sources: Where results are.
        participant_id: Whose.
        scan: Where the scan is; None shows outlines alone.
        linked: Whether the page will lie among the output directory's views, from where it leads to
            the page of all participants, if there is one.

    Raises:
        UsageError: There are no measurements or outlines, or plotly is not installed.
        InputError: A result or the scan cannot be read, or the scan lies on another grid.
    """
    plotly_script()  # said first if it is missing
    measured = OutputLayout(sources.output_dir).transform(participant_id, MEASUREMENT_TRANSFORM)
    outlines = OutputLayout(sources.contour_dir).transform(participant_id, CONTOUR_TRANSFORM)
    for folder, command in ((measured, "measurement"), (outlines, "contour")):
        if not folder.is_dir():
            raise UsageError(
                f"there is nothing to view of {participant_id}",
                where=folder,
                expected=f"what `carotid transform {command}` wrote",
            )
    lines = OutputLayout(sources.centerline_dir).transform(participant_id, CENTERLINE_TRANSFORM)
    contours = load_contours(outlines)
    seen = Seen(
        participant_id,
        load_measurements(measured),
        contours,
        load_centerlines(lines) if lines.is_dir() else None,
        load_for_pictures(scan, contours.canonical, (measured, outlines)),
        standing_of(
            sources.output_dir,
            participant_id,
            (read_record(measured), read_record(outlines)),
            linked=linked,
        ),
    )
    return View(participant_id, page_of(seen))
