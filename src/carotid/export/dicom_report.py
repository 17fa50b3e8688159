"""Measurements as a DICOM structured report: TID 1500, a group for each artery and its parts.

Names are the codes that DICOM has for ultrasound from inside a vessel, whose quantities are the
same: all inside the wall's outer outline is its "EEM", the wall its "plaque plus media". What has
no code there has one of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid import __version__
from carotid.export.dicom_segmentation import MAKER, MODEL, SERIES_NUMBER, code_of
from carotid.export.dicom_source import load_highdicom
from carotid.export.structures import SIDES, WALL, Code
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carotid.export.dicom_segmentation import DicomSegmentation
    from carotid.export.dicom_source import Source
    from carotid.measurements import MeasurementTable

MEAN = Code("373098007", "Mean")
MAXIMUM = Code("56851009", "Maximum")
MINIMUM = Code("255605001", "Minimum")
UNITS = {
    "mm": Code("mm", "millimeter", "UCUM"),
    "mm2": Code("mm2", "square millimeter", "UCUM"),
    "mm3": Code("mm3", "cubic millimeter", "UCUM"),
    "percent": Code("%", "percent", "UCUM"),
    "": Code("1", "no units", "UCUM"),
}


@dataclass(frozen=True)
class Quantity:
    """A column of the table of segments, as a report tells it.

    Attributes:
        column: Its name.
        name: What it is.
        unit: A key of `UNITS`.
        derivation: Which value of many; None where there is one.
        method: Who defined it so; None where that needs no words.
    """

    column: str
    name: Code
    unit: str
    derivation: Code | None = None
    method: Code | None = None


_LUMEN_AREA = Code("397415007", "Vessel lumen cross-sectional area")
_VESSEL_AREA = Code("122333", "EEM Cross-Sectional Area", "DCM")
_WALL_AREA = Code("122334", "Plaque plus Media Cross-Sectional Area", "DCM")
_THICKNESS = Code("122445", "Wall Thickness", "DCM")
_STENOSIS = Code("408715008", "Lumen Diameter Stenosis")

QUANTITIES: tuple[Quantity, ...] = (
    Quantity("la_mean_mm2", _LUMEN_AREA, "mm2", MEAN),
    Quantity("mla_mm2", _LUMEN_AREA, "mm2", MINIMUM),
    Quantity("mld_mm", Code("397413000", "Vessel lumen diameter"), "mm", MINIMUM),
    Quantity("tva_mean_mm2", _VESSEL_AREA, "mm2", MEAN),
    Quantity("wa_mean_mm2", _WALL_AREA, "mm2", MEAN),
    Quantity("wt_mean_mm", _THICKNESS, "mm", MEAN),
    Quantity("wt_max_mm", _THICKNESS, "mm", MAXIMUM),
    Quantity("nwi_mean", Code("nwi", "Normalised wall index", "99CAROTID"), "", MEAN),
    Quantity("lumen_volume_mm3", Code("122372", "Lumen Volume", "DCM"), "mm3"),
    Quantity("vessel_volume_mm3", Code("122371", "EEM Volume", "DCM"), "mm3"),
    Quantity("wall_volume_mm3", Code("wall-volume", "Vessel wall volume", "99CAROTID"), "mm3"),
    Quantity("percent_wall_volume", Code("122354", "Plaque Burden", "DCM"), "percent"),
    Quantity(
        "stenosis_nascet_percent", _STENOSIS, "percent", method=Code("122655", "NASCET", "DCM")
    ),
    Quantity("stenosis_ecst_percent", _STENOSIS, "percent", method=Code("122656", "ECST", "DCM")),
    Quantity("stenosis_area_percent", Code("408714007", "Lumen Area Stenosis"), "percent"),
    Quantity("remodelling_ratio", Code("122345", "Remodeling Index", "DCM"), ""),
    Quantity("plaque_volume_mm3", Code("122376", "Total Plaque Volume", "DCM"), "mm3"),
)
"""What a report tells of a segment, as far as the table knows it."""

SITES = {
    "common": Code("32062004", "Common carotid artery"),
    "internal": Code("86117002", "Internal carotid artery"),
    "external": Code("22286001", "External carotid artery"),
    "common_internal": Code("69105007", "Carotid Artery"),
}
"""The segments that are reported, and where each of them is."""

_DOUBT = Code("stenosis-doubt", "Doubt about stenosis and least lumen", "99CAROTID")

DOUBTS: Mapping[str, Code] = {
    name: Code(name, meaning, "99CAROTID")
    for name, meaning in {
        "unsure_lumen": "None is told: an unsure lumen may be much narrower",
        "thick_reference": "May be too small: the reference has a wall as thick as plaque",
        "narrow_reference": "May be too small: the reference is narrower than 3 mm",
        "wide_reference": "May be too large: the reference is wider than 7 mm",
    }.items()
}
"""The doubts of the table, in the 64 letters that a code's meaning may have."""

_OF_SEGMENT = {"common_internal": "internal", "external": "external"}
"""Segments of the table that are whole structures of the segmentation, and of which artery."""


def make_report(source: Source, segmentation: DicomSegmentation, segments: MeasurementTable) -> Any:
    """Measurements as a report on the series; None where the table has none.

    Args:
        source: The series.
        segmentation: The masks of the same outlines, to which the groups of whole arteries refer.
        segments: The participant's table of segments.
    """
    highdicom = load_highdicom()
    groups = [
        group
        for row in range(len(segments))
        if (group := _group(source, segmentation, segments, row)) is not None
    ]
    if not groups:
        return None
    sr = highdicom.sr
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=highdicom.UID(), name=MODEL, manufacturer_name=MAKER, model_name=MODEL
    )
    observer = sr.ObserverContext(
        observer_type=code_of(Code("121007", "Device", "DCM")),
        observer_identifying_attributes=device,
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=code_of(Code("25056-3", "MRI unspecified body region", "LN")),
        imaging_measurements=groups,
        title=code_of(Code("126000", "Imaging Measurement Report", "DCM")),
    )
    return sr.Comprehensive3DSR(
        evidence=[*source.headers, segmentation.data],
        content=content,
        series_instance_uid=highdicom.UID(),
        series_number=SERIES_NUMBER + 1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=MAKER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="Carotid arteries: measurements",
    )


def _group(
    source: Source, segmentation: DicomSegmentation, segments: MeasurementTable, row: int
) -> Any:
    """The measurements of one row; None where it has none, or is a part that is not reported."""
    sr = load_highdicom().sr
    side, segment = segments.words("side")[row], segments.words("segment")[row]
    measurements, doubts = _measurements(segments, row), _doubts(segments, row)
    if segment not in SITES or not (measurements or doubts):
        return None
    site = sr.FindingSite(
        code_of(SITES[segment]),
        laterality=code_of(next(SIDES[name] for name in SIDE_NAMES if name == side)),
    )
    tracking = sr.TrackingIdentifier(load_highdicom().UID(), f"{side} {segment}")
    algorithm = sr.AlgorithmIdentification(name=MODEL, version=__version__)
    number = _number(segmentation, side, segment)
    if number is None:
        return sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking,
            algorithm_id=algorithm,
            finding_sites=[site],
            measurements=measurements,
            qualitative_evaluations=doubts,
        )
    data = segmentation.data
    series = sr.SourceSeriesForSegmentation(source.headers[0].SeriesInstanceUID)
    referenced = sr.ReferencedSegment(
        data.SOPClassUID, data.SOPInstanceUID, number, source_series=series
    )
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking,
        referenced_segment=referenced,
        algorithm_id=algorithm,
        finding_type=code_of(WALL),
        finding_sites=[site],
        measurements=measurements,
        qualitative_evaluations=doubts,
    )


def _number(segmentation: DicomSegmentation, side: str, segment: str) -> int | None:
    """The wall's segment of a whole artery."""
    label = _OF_SEGMENT.get(segment)
    for structure, number in segmentation.numbers.items():
        if (structure.side, structure.label, structure.boundary) == (side, label, "wall"):
            return number
    return None


def _measurements(segments: MeasurementTable, row: int) -> Sequence[Any]:
    sr = load_highdicom().sr
    found = []
    for one in QUANTITIES:
        value = segments.numbers(one.column)[row] if one.column in segments.cells else np.nan
        if np.isfinite(value):
            found.append(
                sr.Measurement(
                    name=code_of(one.name),
                    value=float(value),
                    unit=code_of(UNITS[one.unit]),
                    derivation=None if one.derivation is None else code_of(one.derivation),
                    method=None if one.method is None else code_of(one.method),
                )
            )
    return found


def _doubts(segments: MeasurementTable, row: int) -> Sequence[Any]:
    """What speaks against the stenosis and the least lumen of one row."""
    told = segments.words("stenosis_doubts")[row] if "stenosis_doubts" in segments.cells else ""
    evaluation = load_highdicom().sr.QualitativeEvaluation
    names = told.split(",")
    return [
        evaluation(code_of(_DOUBT), code_of(code)) for name, code in DOUBTS.items() if name in names
    ]
