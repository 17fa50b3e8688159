"""Masks and measurements as DICOM objects of the study that the scan belongs to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from carotid.export.dicom_report import make_report
from carotid.export.dicom_segmentation import make_segmentation
from carotid.export.dicom_source import read_source
from carotid.export.studies import tell_of_others, whole_file
from carotid.storage.dicom.open import foreign_errors
from carotid.storage.raw import hash_scan
from carotid.storage.results.layout import (
    CONTOUR_TRANSFORM,
    MEASUREMENT_TRANSFORM,
    SEGMENTATION_TRANSFORM,
)
from carotid.storage.results.measurements import load_measurements
from carotid.storage.results.record import read_record
from carotid.storage.results.segmentations import load_segmentation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from carotid.export.studies import Study
    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)

WANTED = (SEGMENTATION_TRANSFORM, MEASUREMENT_TRANSFORM)

_REMEDY = "look at its headers, which the message names; other formats do without them"


def write_dicom_files(study: Study, folder: Path, scans: Mapping[str, RawScan]) -> list[Path]:
    """Write what there is of a participant.

    Args:
        study: The participant; without masks nothing is written.
        folder: Where files go; it is made.
        scans: The scans, among them the series that the results were made from.

    Returns:
        The files.

    Raises:
        InputError: A result or the series cannot be used.
        OutputError: A file cannot be written.
    """
    masks, tables = study.folder(SEGMENTATION_TRANSFORM), study.folder(MEASUREMENT_TRANSFORM)
    if masks is None:
        return []
    source = read_source(scans, study.participant_id)
    corrected = study.layout.is_corrected(study.participant_id, CONTOUR_TRANSFORM)
    _warn_of_other_series(scans[study.participant_id], masks)
    place = scans[study.participant_id].path
    with foreign_errors("DICOM cannot be made for this series", place, _REMEDY):
        segmentation = make_segmentation(source, load_segmentation(masks), corrected=corrected)
        report = None
        if tables is not None:
            report = make_report(source, segmentation, load_measurements(tables).segments)
            if report is None:
                logger.warning("%s: no artery was measured, so there is no report", tables)
        written = [_save(segmentation.data, folder / "segmentation.dcm")]
        if report is not None:
            written.append(_save(report, folder / "measurements.dcm"))
    tell_of_others(folder, written)
    return written


def _warn_of_other_series(scan: RawScan, masks: Path) -> None:
    """Say so where a series is not what masks were made from: they would be another patient's."""
    record = read_record(masks)
    made_from = None if record is None else record.scan()
    if made_from is None or made_from.sha256 in (None, hash_scan(scan)):
        return
    logger.warning(
        "%s: the results were not made from these very files; make sure that it is the same "
        "examination: patient and study are taken from here",
        scan.path,
    )


def _save(data: Any, path: Path) -> Path:
    with whole_file(path) as file:
        data.save_as(file)
    return path
