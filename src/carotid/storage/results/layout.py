"""The only place that spells the names of files and folders in an output directory.

<output_dir>
├── parameters.json
├── summary.json
├── .carotid/                     locks; unfinished results while a command runs
└── <participant_id>
    ├── heatmap_transform
    │   ├── provenance.json
    │   ├── left_heatmap
    │   │   ├── max_indices.npy
    │   │   ├── mean.mha
    │   │   └── std.mha
    │   └── right_heatmap …
    ├── centerline_transform
    │   ├── provenance.json
    │   ├── bifurcation.json
    │   ├── left_centerline.tsv
    │   └── right_centerline.tsv
    ├── polar_transform
    │   ├── provenance.json
    │   ├── left_polar
    │   │   ├── label-internal_slice-12_polar.npy
    │   │   ├── label-internal_slice-12_center.npy …
    │   │   └── parameters.json
    │   └── right_polar …
    ├── contour_transform
    │   ├── provenance.json
    │   ├── left_contour.tsv
    │   ├── right_contour.tsv
    │   ├── left_planes.tsv, left_rays.tsv …  of networks on planes
    │   └── spatial_metadata.json
    ├── segmentation_transform
    │   ├── provenance.json
    │   ├── labels.mha
    │   ├── left_segmentation.mha
    │   └── right_segmentation.mha
    └── measurement_transform
        ├── provenance.json
        ├── arteries.tsv, arteries.json
        ├── plaques.tsv, plaques.json
        ├── left_slices.tsv, left_slices.json
        ├── left_thickness.tsv, left_thickness.json
        └── right_slices.tsv …

Tables of the whole cohort, `arteries.tsv` and `participants.tsv`, lie beside `parameters.json`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.geometry.sides import SIDE_NAMES, SideName

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.artifacts import Label

PARAMETERS_FILE = "parameters.json"
SUMMARY_FILE = "summary.json"
WORK_FOLDER = ".carotid"
HEATMAP_TRANSFORM = "heatmap_transform"
CENTERLINE_TRANSFORM = "centerline_transform"
CONTOUR_TRANSFORM = "contour_transform"
SEGMENTATION_TRANSFORM = "segmentation_transform"
MEASUREMENT_TRANSFORM = "measurement_transform"
PROVENANCE_FILE = "provenance.json"
MEAN_FILE = "mean.mha"
STD_FILE = "std.mha"
MAX_INDICES_FILE = "max_indices.npy"
BIFURCATION_FILE = "bifurcation.json"
ARTERIES_FILE = "arteries.tsv"
CORRECTED_FOLDER = "corrected"
"""In a result's folder: what was corrected by hand, beside the record of how the rest was made."""

CORRECTION_FILE = "correction.json"
REPORT_FILE = "report.html"
"""The page of all participants."""

QUALITY_FILE = "quality.tsv"
"""Its figures, beside it."""

VIEWS_FOLDER = "views"
"""Pages of single participants in 3D, beside the page of all."""


@dataclass(frozen=True)
class OutputLayout:
    """Where things lie in an output directory."""

    root: Path

    @property
    def parameters(self) -> Path:
        """What ran here, one object per transform."""
        return self.root / PARAMETERS_FILE

    @property
    def summary(self) -> Path:
        """What the last run did for each participant."""
        return self.root / SUMMARY_FILE

    @property
    def arteries(self) -> Path:
        """Measurements of all participants' arteries, segment by segment."""
        return self.root / ARTERIES_FILE

    @property
    def participants_table(self) -> Path:
        """Measurements of all participants, a row each."""
        return self.root / "participants.tsv"

    @property
    def work(self) -> Path:
        """Locks and unfinished results."""
        return self.root / WORK_FOLDER

    def transform(self, participant_id: str, transform: str) -> Path:
        """The folder of one participant's finished transform."""
        return self.root / participant_id / transform

    def is_corrected(self, participant_id: str, transform: str) -> bool:
        """Whether a participant's result was corrected by hand."""
        return (self.transform(participant_id, transform) / CORRECTED_FOLDER).exists()

    def participants(self, transform: str) -> list[str]:
        """Ids for which the transform's folder is there, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(
            entry.name
            for entry in self.root.iterdir()
            if entry.name != WORK_FOLDER and (entry / transform).is_dir()
        )


@dataclass(frozen=True)
class HeatmapLayout:
    """Where things lie in one participant's `heatmap_transform` folder."""

    root: Path

    @property
    def provenance(self) -> Path:
        """What made these heatmaps."""
        return self.root / PROVENANCE_FILE

    def side(self, side: SideName) -> Path:
        """The folder of one side."""
        return self.root / f"{side}_heatmap"

    def mean(self, side: SideName) -> Path:
        """Mean over the members."""
        return self.side(side) / MEAN_FILE

    def std(self, side: SideName) -> Path:
        """Standard deviation over the members."""
        return self.side(side) / STD_FILE

    def max_indices(self, side: SideName) -> Path:
        """Each member's maxima."""
        return self.side(side) / MAX_INDICES_FILE

    def files(self) -> list[Path]:
        """All files of a complete result."""
        found = [self.provenance]
        for side in SIDE_NAMES:
            found += [self.mean(side), self.std(side), self.max_indices(side)]
        return found


@dataclass(frozen=True)
class CenterlineLayout:
    """Where things lie in one participant's `centerline_transform` folder."""

    root: Path

    @property
    def provenance(self) -> Path:
        """What made these centerlines."""
        return self.root / PROVENANCE_FILE

    @property
    def bifurcation(self) -> Path:
        """Where the common carotids divide."""
        return self.root / BIFURCATION_FILE

    @property
    def corrected_bifurcation(self) -> Path:
        """The same where somebody set it by hand; it counts for the sides that it names."""
        return self.root / CORRECTED_FOLDER / BIFURCATION_FILE

    def table(self, side: SideName) -> Path:
        """The centers of one side."""
        return self.root / f"{side}_centerline.tsv"

    def files(self) -> list[Path]:
        """All files of a complete result."""
        return [self.provenance, self.bifurcation, *(self.table(side) for side in SIDE_NAMES)]


def centerline_file(root: Path, participant_id: str, side: SideName) -> Path:
    """Where the centerline of one side is kept, below an output or annotation directory."""
    return CenterlineLayout(root / participant_id / CENTERLINE_TRANSFORM).table(side)


@dataclass(frozen=True)
class PolarLayout:
    """Where things lie in one participant's `polar_transform` folder."""

    root: Path

    def side(self, side: SideName) -> Path:
        """The folder of one side's images."""
        return self.root / f"{side}_polar"

    def parameters(self, side: SideName) -> Path:
        """How one side's images were drawn."""
        return self.side(side) / PARAMETERS_FILE

    def image(self, side: SideName, label: Label, z: int) -> Path:
        """The images of one slice, a center each."""
        return self.side(side) / f"label-{label}_slice-{z}_polar.npy"

    def center(self, side: SideName, label: Label, z: int) -> Path:
        """The centers of one slice's images."""
        return self.side(side) / f"label-{label}_slice-{z}_center.npy"

    def slices(self, side: SideName) -> list[tuple[Label, int]]:
        """The slices that have images: external first, then by z."""
        found: list[tuple[Label, int]] = []
        for path in self.side(side).iterdir():
            name = re.fullmatch(r"label-(internal|external)_slice-(-?\d+)_polar\.npy", path.name)
            if name is not None:
                found.append(("internal" if name[1] == "internal" else "external", int(name[2])))
        return sorted(found)


@dataclass(frozen=True)
class ContourLayout:
    """Where things lie in one participant's `contour_transform` folder."""

    root: Path

    def table(self, side: SideName) -> Path:
        """The outlines of one side."""
        return self.root / f"{side}_contour.tsv"

    def planes(self, side: SideName) -> Path:
        """The planes across the arteries of one side, where outlines were cut from them."""
        return self.root / f"{side}_planes.tsv"

    def rays(self, side: SideName) -> Path:
        """The radii in these planes."""
        return self.root / f"{side}_rays.tsv"

    def corrected(self, side: SideName) -> Path:
        """The outlines of one side after corrections by hand; they count where they are there."""
        return self.root / CORRECTED_FOLDER / f"{side}_contour.tsv"

    def removed(self, side: SideName) -> Path:
        """The outlines of one side that were taken away by hand, as they were then."""
        return self.root / CORRECTED_FOLDER / f"{side}_removed.tsv"

    @property
    def metadata(self) -> Path:
        """The grids that the outlines refer to."""
        return self.root / "spatial_metadata.json"


@dataclass(frozen=True)
class SegmentationLayout:
    """Where things lie in one participant's `segmentation_transform` folder."""

    root: Path

    def masks(self, side: SideName) -> Path:
        """The masks of one side, four components."""
        return self.root / f"{side}_segmentation.mha"

    @property
    def labels(self) -> Path:
        """Both sides in one label map."""
        return self.root / "labels.mha"


@dataclass(frozen=True)
class MeasurementLayout:
    """Where things lie in one participant's `measurement_transform` folder.

    Beside each table lies its data dictionary, with the ending `.json`.
    """

    root: Path

    @property
    def provenance(self) -> Path:
        """What made these measurements."""
        return self.root / PROVENANCE_FILE

    @property
    def arteries(self) -> Path:
        """Both sides' arteries, segment by segment."""
        return self.root / ARTERIES_FILE

    @property
    def plaques(self) -> Path:
        """Both sides' plaques."""
        return self.root / "plaques.tsv"

    def slices(self, side: SideName) -> Path:
        """The cross-sections of one side."""
        return self.root / f"{side}_slices.tsv"

    def thickness(self, side: SideName) -> Path:
        """Thickness by direction, for the rows of `slices`."""
        return self.root / f"{side}_thickness.tsv"

    def tables(self) -> list[Path]:
        """All tables."""
        sides = [place(side) for side in SIDE_NAMES for place in (self.slices, self.thickness)]
        return [self.arteries, self.plaques, *sides]

    def files(self) -> list[Path]:
        """All files of a complete result."""
        tables = self.tables()
        return [self.provenance, *tables, *(table.with_suffix(".json") for table in tables)]
