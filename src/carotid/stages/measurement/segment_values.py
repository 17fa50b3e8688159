"""The numbers of the table of segments: what each means, and how a segment gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.measurements import Column
from carotid.stages.measurement.slice_table import EXTREME_ERROR, INTRACRANIAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from carotid.stages.measurement.segments import Segment

_NEGATIVE = "Negative where the bulb is wider than the reference; not clipped."
_STENOSIS_SD = (
    "Standard deviation of {} as stated: of the narrowest slice and of what it is set against."
)


@dataclass(frozen=True)
class Value:
    """A column of numbers of the table of segments, and how a segment gives it."""

    name: str
    unit: str
    definition: str
    of: Callable[[Segment], float]
    source: str = ""

    @property
    def column(self) -> Column:
        """Its entry in the data dictionary."""
        return Column(self.name, self.unit, self.definition, self.source)


def _over(field: str) -> str:
    """The column that tells over which length: the lumen also counts where the wall does not."""
    return "lumen_covered_mm" if field == "la" else "covered_mm"


def _mean(field: str, name: str, unit: str, what: str) -> tuple[Value, Value]:
    end = f"_{unit}" if unit else ""
    return (
        Value(
            f"{name}{end}",
            unit,
            f"Mean of {what} along the artery, weighted by length, over {_over(field)}.",
            lambda s: s.mean(field).value,
        ),
        Value(
            f"{name}_sd{end}",
            unit,
            f"Standard deviation of {name}{end} as stated.",
            lambda s: s.mean(field).spread,
        ),
    )


def _volume(field: str, name: str, what: str) -> tuple[Value, Value]:
    return (
        Value(
            f"{name}_mm3",
            "mm3",
            f"Volume of {what}, over {_over(field)}: axial areas times slice distance.",
            lambda s: s.volume(field).value,
        ),
        Value(
            f"{name}_sd_mm3",
            "mm3",
            f"Standard deviation of {name}_mm3 as stated.",
            lambda s: s.volume(field).spread,
        ),
    )


def _direction(segment: Segment) -> float:
    row = segment.largest("wt_max").row
    return np.nan if segment.one is None or row < 0 else float(segment.one.across.wt_max_deg[row])


def _looked_for(segment: Segment, amount: float) -> float:
    """A count or a length; unknown, not 0, where nobody looked for the artery."""
    return amount if segment.searched else np.nan


VALUES: tuple[Value, ...] = (
    Value("slices", "", "Slices with an outline.", lambda s: _looked_for(s, s.slices)),
    Value(
        "corrected_slices",
        "",
        "Slices with an outline that was corrected by hand, or follows one that was.",
        lambda s: _looked_for(s, s.corrected_slices),
    ),
    Value(
        "removed_slices",
        "",
        "Slices whose outlines were taken away by hand; they are not among the others. Of an "
        "artery that is gone as a whole they count for the whole artery alone.",
        lambda s: _looked_for(s, s.removed_slices),
    ),
    Value(
        "covered_mm",
        "mm",
        "Length along the artery over which the wall could be read, with gaps of up to max_gap_mm.",
        lambda s: _looked_for(s, s.wall.length_mm),
    ),
    Value(
        "lumen_covered_mm",
        "mm",
        "Length along the artery over which the lumen could be read, with gaps of up to "
        "max_gap_mm; longer than covered_mm where the lumen alone counts.",
        lambda s: _looked_for(s, s.lumen.length_mm),
    ),
    Value(
        "readable_share",
        "",
        "Share of the slices with an outline in which the wall could be read, 0 to 1.",
        lambda s: float(s.wall.rows.sum() / s.slices) if s.slices else np.nan,
    ),
    Value(
        "unsure_slices",
        "",
        "Slices whose wall does not count as contours do not know where it, or the lumen, ends "
        "(flags unsure, unsure_lumen); the thickest wall may lie there.",
        lambda s: _looked_for(s, s.unsure_slices),
    ),
    *_mean("la", "la_mean", "mm2", "the lumen's area"),
    *_mean("tva", "tva_mean", "mm2", "the total vessel area"),
    *_mean("wa", "wa_mean", "mm2", "the wall's area"),
    *_mean("nwi", "nwi_mean", "", "the normalised wall index"),
    *_mean("wt_mean", "wt_mean", "mm", "the mean thickness of the wall"),
    Value(
        "wt_max_mm",
        "mm",
        "Largest thickness of the wall in any slice whose wall counts.",
        lambda s: s.largest("wt_max").value,
    ),
    Value(
        "wt_max_sd_mm",
        "mm",
        EXTREME_ERROR.format("wt_max_mm"),
        lambda s: s.largest_spread(),
    ),
    Value("wt_max_s_mm", "mm", "Where along the artery.", lambda s: s.largest("wt_max").s_mm),
    Value(
        "wt_max_deg",
        "deg",
        "In which direction: 0 anterior, 90 lateral, 180 posterior, 270 medial.",
        _direction,
    ),
    Value(
        "nwi_max",
        "",
        "Largest normalised wall index in any slice whose wall counts.",
        lambda s: s.largest("nwi").value,
    ),
    Value("nwi_max_s_mm", "mm", "Where along the artery.", lambda s: s.largest("nwi").s_mm),
    *_volume("la", "lumen_volume", "the lumen"),
    *_volume("tva", "vessel_volume", "all inside the wall's outer outline"),
    *_volume("wa", "wall_volume", "the wall"),
    Value(
        "percent_wall_volume",
        "percent",
        "100 wall volume / vessel volume: not the mean of the normalised wall index.",
        lambda s: s.percent_wall_volume().value,
        "Zhao et al., Stroke 2011",
    ),
    Value(
        "percent_wall_volume_sd",
        "percent",
        "Standard deviation of percent_wall_volume as stated.",
        lambda s: s.percent_wall_volume().spread,
    ),
    Value(
        "mla_mm2",
        "mm2",
        "Least lumen area in any slice whose lumen counts and that is without the flag "
        "both_lumens.",
        lambda s: s.smallest_area().value,
        INTRACRANIAL,
    ),
    Value(
        "mla_sd_mm2",
        "mm2",
        "Standard deviation of the area of that slice as stated.",
        lambda s: s.smallest_area().spread,
    ),
    Value("mla_s_mm", "mm", "Where along the artery.", lambda s: s.smallest_area().s_mm),
    Value(
        "mld_mm",
        "mm",
        "Least lumen diameter, likewise, of the kind that stenosis_diameter names.",
        lambda s: s.smallest_diameter().value,
        INTRACRANIAL,
    ),
    Value(
        "mld_sd_mm",
        "mm",
        "Standard deviation of the diameter of that slice as stated.",
        lambda s: s.smallest_diameter().spread,
    ),
    Value("mld_s_mm", "mm", "Where along the artery.", lambda s: s.smallest_diameter().s_mm),
    Value(
        "stenosis_nascet_percent",
        "percent",
        "100 (1 - least diameter / reference diameter) of the internal carotid. No valid measure "
        f"where it has collapsed beyond a near-occlusion. {_NEGATIVE}",
        lambda s: s.stenosis.nascet_percent,
        "Bartlett et al., AJNR 2006",
    ),
    Value(
        "stenosis_nascet_sd_percent",
        "percent",
        _STENOSIS_SD.format("stenosis_nascet_percent"),
        lambda s: s.stenosis.nascet_sd,
    ),
    Value(
        "stenosis_ecst_percent",
        "percent",
        "100 (1 - least diameter / equivalent diameter of the outer outline there). The outer "
        "outline stands for the lumen as it once was, so a healthy wall counts too.",
        lambda s: s.stenosis.ecst_percent,
    ),
    Value(
        "stenosis_ecst_sd_percent",
        "percent",
        _STENOSIS_SD.format("stenosis_ecst_percent"),
        lambda s: s.stenosis.ecst_sd,
    ),
    Value(
        "stenosis_area_percent",
        "percent",
        f"100 (1 - least lumen area / mean lumen area of the reference). {_NEGATIVE}",
        lambda s: s.stenosis.area_percent,
    ),
    Value(
        "stenosis_area_sd_percent",
        "percent",
        _STENOSIS_SD.format("stenosis_area_percent"),
        lambda s: s.stenosis.area_sd,
    ),
    Value(
        "stenosis_s_mm",
        "mm",
        "Where the least diameter of the stenoses is: at most stenosis_to_mm, a setting, above the "
        "bifurcation. mld_mm is that of the whole segment.",
        lambda s: s.stenosis.s_mm,
    ),
    Value(
        "reference_from_mm",
        "mm",
        "Where the reference begins along the artery; empty where it is not in the scan.",
        lambda s: s.stenosis.reference_from_mm,
    ),
    Value(
        "reference_to_mm",
        "mm",
        "Where the reference ends; the scan may end before it, by half of it at most.",
        lambda s: s.stenosis.reference_to_mm,
    ),
    Value(
        "reference_diameter_mm",
        "mm",
        "Mean diameter of the lumen there, of the kind that stenosis_diameter names.",
        lambda s: s.stenosis.reference_diameter_mm,
    ),
    Value(
        "reference_la_mm2",
        "mm2",
        "Mean area of the lumen there.",
        lambda s: s.stenosis.reference_area_mm2,
    ),
    Value(
        "remodelling_ratio",
        "",
        "Total vessel area at the largest thickness / (that at the reference + slope of the "
        "lumen's area where there is no plaque x distance). Above 1.05: outwards; below 0.95: "
        "inwards. Needs plaque. The bulb is wide by nature, so it may be above 1.05 there without "
        "remodelling.",
        lambda s: s.remodelling.ratio,
        INTRACRANIAL,
    ),
    Value(
        "remodelling_s_mm",
        "mm",
        "Where the thickness is largest.",
        lambda s: s.remodelling.s_mm,
    ),
    Value(
        "remodelling_reference_s_mm",
        "mm",
        "Where the mean thickness is least: the reference, on the same side of the bifurcation.",
        lambda s: s.remodelling.reference_s_mm,
    ),
    Value(
        "plaque_count",
        "",
        "Runs of slices whose largest thickness is at least plaque_threshold_mm; they may reach "
        "beyond the segment.",
        lambda s: float(len(s.plaques)) if s.wall.rows.any() else np.nan,
    ),
    Value(
        "plaque_length_mm",
        "mm",
        "Length of plaque within the segment.",
        lambda s: s.plaque_length_mm(),
    ),
    Value(
        "plaque_volume_mm3",
        "mm3",
        "Volume of the wall in plaque within the segment.",
        lambda s: s.plaque_volume_mm3(),
    ),
    Value(
        "plaque_threshold_mm",
        "mm",
        "Thickness from which on a slice counts as plaque.",
        lambda s: s.parameters.plaque_thickness_mm,
        "1.5 mm: Mannheim consensus, for ultrasound",
    ),
)
