"""DICOM SEG and SR of a made-up study, read by pydicom's and highdicom's readers."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from tests.dicom_series import PATIENT, write_classic, write_enhanced
from tests.export.marked import mask_centers, neck, write_results
from tests.necks import ORDERS, ORDERS_OF_FILES

from carotid.errors import InputError, UsageError
from carotid.export.dicom import WANTED, write_dicom_files
from carotid.export.dicom_report import DOUBTS
from carotid.export.dicom_source import load_highdicom
from carotid.export.structures import STRUCTURES
from carotid.export.studies import studies
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.provenance import Input, Record
from carotid.stages.measurement import stenosis
from carotid.storage.participants import find_scans
from carotid.storage.raw import hash_scan, open_scan
from carotid.storage.results.measurement_tables import load_table, save_table
from carotid.storage.results.record import write_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

highdicom = pytest.importorskip("highdicom")
WITHIN_MM = 0.01
LPS = np.array([-1, -1, 1])


def volume(order: str) -> Volume:
    grid = neck().stored(order)
    array = np.arange(np.prod(grid.shape)).reshape(grid.shape) % 997
    return Volume(array.astype(np.uint16), grid)


def export(
    tmp_path: Path, steps: Sequence[str] = ("segmentation", "measurement"), name: str = "sub-01"
) -> list[Path]:
    """Results on the grid as the series is read, exported."""
    scans = find_scans(tmp_path / "raw")
    grid = open_scan(scans[name]).grid
    layout = write_results(tmp_path / "out", grid, name, tuple(steps))
    (study,) = studies(layout, tmp_path / "to", [], WANTED)
    return write_dicom_files(study, tmp_path / "to", scans)


def centers(path: Path) -> dict[str, NDArray[np.float64]]:
    """R-A-S mm: the center of each segment, by positions of frames alone (PS3.3, C.7.6.2)."""
    data = pydicom.dcmread(path)
    names = {one.SegmentNumber: one.TrackingID for one in data.SegmentSequence}
    shared = data.SharedFunctionalGroupsSequence[0]
    row, column = np.reshape(shared.PlaneOrientationSequence[0].ImageOrientationPatient, (2, 3))
    down, across = shared.PixelMeasuresSequence[0].PixelSpacing
    places: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names.values()}
    for frame, pixels in zip(data.PerFrameFunctionalGroupsSequence, data.pixel_array, strict=True):
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        j, i = np.nonzero(pixels)
        corner = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, np.float64)
        place = corner + i[:, None] * across * row + j[:, None] * down * column
        places[names[number]].append(place * LPS)
    return {name: np.concatenate(found).mean(axis=0) for name, found in places.items()}


@pytest.mark.parametrize("order", ORDERS_OF_FILES)
def test_segments_lie_on_the_vessel(order: str, tmp_path: Path) -> None:
    write_classic(volume(order), tmp_path / "raw" / "sub-01", shuffle_seed=5)
    (path,) = export(tmp_path, ["segmentation"])
    found = centers(path)
    assert set(found) == set(mask_centers())
    for name, center in mask_centers().items():
        np.testing.assert_allclose(found[name], center, atol=WITHIN_MM)


@pytest.mark.parametrize("order", ["LPS", "RAS", "LSA", "PSR"])
@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_highdicom_reads_what_was_written(kind: str, order: str, tmp_path: Path) -> None:
    """Axial, upside down and mirrored, coronal, sagittal; all of them tilted."""
    if kind == "classic":
        write_classic(volume(order), tmp_path / "raw" / "sub-01", shuffle_seed=5)
    else:
        write_enhanced(volume(order), tmp_path / "raw" / "sub-01" / "all.dcm", shuffle_seed=5)
    segmentation, report = export(tmp_path)
    read = highdicom.seg.segread(segmentation)
    assert [one.SegmentLabel for one in read.SegmentSequence] == [s.name for s in STRUCTURES]
    for number, structure in enumerate(STRUCTURES, 1):
        told = read.get_segment_description(number)
        assert told.segmented_property_category.value == "85756007"
        assert told.segmented_property_type.value == structure.kind.value
        (region,) = told.anatomic_regions
        assert region.AnatomicRegionModifierSequence[0].CodeMeaning.lower() == structure.side
        solid = read.get_volume(segment_numbers=[number], combine_segments=True)
        index = np.argwhere(solid.array != 0).mean(axis=0)
        place = (solid.affine @ [*index, 1])[:3] * LPS
        np.testing.assert_allclose(place, mask_centers()[structure.key], atol=WITHIN_MM)
    check_report(highdicom.sr.srread(report), read)


def check_report(report: Any, segmentation: Any) -> None:
    table = neck().measurements.segments
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 4  # two whole arteries on each side
    names = {one.SegmentLabel: one.SegmentNumber for one in segmentation.SegmentSequence}
    for side in ("left", "right"):
        group = next(g for g in groups if g.tracking_identifier == f"{side} common_internal")
        row = next(
            k
            for k, key in enumerate(zip(table.words("side"), table.words("segment"), strict=True))
            if key == (side, "common_internal")
        )
        found = {
            (m.name.value, m.derivation.value if m.derivation else ""): (m.value, m.unit.value)
            for m in group.get_measurements()
        }
        for code, column, unit in (
            (("122445", "56851009"), "wt_max_mm", "mm"),
            (("122445", "373098007"), "wt_mean_mm", "mm"),
            (("397415007", "255605001"), "mla_mm2", "mm2"),
            (("122372", ""), "lumen_volume_mm3", "mm3"),
            (("122371", ""), "vessel_volume_mm3", "mm3"),
        ):
            value = table.numbers(column)[row]
            assert found[code] == (pytest.approx(value, rel=1e-5), unit)
        (site,) = group.finding_sites
        assert site.value.value == "69105007"
        assert site.laterality.meaning.lower() == side
        referenced = group.referenced_segment[0].ReferencedSOPSequence[0]
        assert referenced.ReferencedSOPInstanceUID == segmentation.SOPInstanceUID
        number = names[f"{side} common and internal carotid wall"]
        assert referenced.ReferencedSegmentNumber == number
    parts = report.content.get_image_measurement_groups()
    assert {g.tracking_identifier for g in parts} == {
        f"{side} {part}" for side in ("left", "right") for part in ("common", "internal")
    }


def test_doubts_about_a_stenosis_are_told_with_it(tmp_path: Path) -> None:
    write_classic(volume("LPS"), tmp_path / "raw" / "sub-01")
    scans = find_scans(tmp_path / "raw")
    layout = write_results(tmp_path / "out", "LPS", "sub-01", ("segmentation", "measurement"))
    path = layout.transform("sub-01", "measurement_transform") / "arteries.tsv"
    table = load_table(path)
    told = {("left", "internal"): "thick_reference,narrow_reference",
            ("right", "common_internal"): "unsure_lumen"}  # fmt: skip
    rows = zip(table.words("side"), table.words("segment"), strict=True)
    doubts = tuple(told.get(row, "") for row in rows)
    save_table(path, replace(table, cells={**table.cells, "stenosis_doubts": doubts}))
    (study,) = studies(layout, tmp_path / "to", [], WANTED)
    _, report = write_dicom_files(study, tmp_path / "to", scans)
    content = highdicom.sr.srread(report).content
    groups = [*content.get_image_measurement_groups(),
              *content.get_volumetric_roi_measurement_groups()]  # fmt: skip
    found = {
        group.tracking_identifier: [one.value.value for one in group.get_qualitative_evaluations()]
        for group in groups
    }
    assert found.pop("left internal") == ["thick_reference", "narrow_reference"]
    assert found.pop("right common_internal") == ["unsure_lumen"]
    assert not any(found.values())
    assert set(DOUBTS) == set(stenosis.DOUBTS)
    assert all(len(one.value) <= 16 and len(one.meaning) <= 64 for one in DOUBTS.values())


def test_patient_and_study_are_those_of_the_series(tmp_path: Path) -> None:
    paths = write_classic(volume("LPS"), tmp_path / "raw" / "sub-01")
    source = pydicom.dcmread(paths[0])
    for path in export(tmp_path):
        data = pydicom.dcmread(path)
        for keyword, value in PATIENT.items():
            assert str(data.get(keyword)) == value
        assert data.StudyInstanceUID == source.StudyInstanceUID
        assert data.SeriesInstanceUID != source.SeriesInstanceUID
        assert not data.get("PatientSex")  # the series does not say
        assert not data.get("AccessionNumber")
    assert data.Modality == "SR"


@pytest.mark.parametrize(
    ("sets", "name"),
    [
        ("ISO_IR 100", "M\u00fcller^J\u00fcrgen"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"),
        (["ISO 2022 IR 6", "ISO 2022 IR 149"], "Hong^Gildong=\u6d2a^\u5409\u6d1e"),
    ],
)
def test_names_in_any_set_of_characters(sets: str | list[str], name: str, tmp_path: Path) -> None:
    """As scanners in Germany, Japan and Korea write them (PS3.5, annexes H and I)."""
    folder = tmp_path / "raw" / "sub-01"
    write_classic(volume("LPS"), folder)
    for path in folder.iterdir():
        header = pydicom.dcmread(path)
        header.SpecificCharacterSet = sets
        header.PatientName = name
        header.save_as(path)
    for path in export(tmp_path):
        assert str(pydicom.dcmread(path).PatientName) == name


def test_series_that_nothing_can_refer_to(tmp_path: Path) -> None:
    write_classic(volume("LPS"), tmp_path / "raw" / "sub-01", frame_of_reference=False)
    with pytest.raises(InputError, match="no FrameOfReferenceUID"):
        export(tmp_path)
    assert not (tmp_path / "to").exists()


def test_without_highdicom_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(UsageError, match="needs highdicom") as caught:
        load_highdicom()
    assert "pip install 'carotid[dicom]'" in str(caught.value)


@pytest.mark.parametrize("order", ORDERS[::5])
def test_results_of_the_series_in_another_format(order: str, tmp_path: Path) -> None:
    """What turns series into NIfTI changes the order of axes; the voxels are the same."""
    write_classic(volume("LPS"), tmp_path / "raw" / "sub-01")
    layout = write_results(tmp_path / "out", order, "sub-01", ("segmentation",))
    (study,) = studies(layout, tmp_path / "to", [], WANTED)
    (path,) = write_dicom_files(study, tmp_path / "to", find_scans(tmp_path / "raw"))
    found = centers(path)
    for name, center in mask_centers().items():
        np.testing.assert_allclose(found[name], center, atol=WITHIN_MM)


def test_another_series_is_refused(tmp_path: Path) -> None:
    made = volume("LPS")
    affine = made.grid.affine.copy()
    affine[0, 3] += 0.5
    moved = Volume(made.array, Grid(made.grid.shape, affine))
    write_classic(moved, tmp_path / "raw" / "sub-01")
    scans = find_scans(tmp_path / "raw")
    layout = write_results(tmp_path / "out", "RAS", "sub-01", ("segmentation",))
    (study,) = studies(layout, tmp_path / "to", [], WANTED)
    told = r"do not lie on the grid of the series.*the first at .* the first at .* L-P-S mm"
    with pytest.raises(InputError, match=told):
        write_dicom_files(study, tmp_path / "to", scans)
    assert not (tmp_path / "to").exists()


def test_files_that_results_were_not_made_from_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another patient's series of the same protocol may lie on the same grid."""
    write_classic(volume("LPS"), tmp_path / "raw" / "sub-01")
    scans = find_scans(tmp_path / "raw")
    grid = open_scan(scans["sub-01"]).grid
    layout = write_results(tmp_path / "out", grid, "sub-01", ("segmentation",))
    for sha256 in (hash_scan(scans["sub-01"]), "ab" * 32):
        made = Record("segmentation_transform", {}, {"scan": Input(sha256, 5)})
        write_record(layout.transform("sub-01", "segmentation_transform"), made)
        caplog.clear()
        (study,) = studies(layout, tmp_path / "to", [], WANTED)
        write_dicom_files(study, tmp_path / "to", scans)
        assert ("not made from these very files" in caplog.text) == (sha256 == "ab" * 32)


def test_masks_without_a_measurement_have_no_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_classic(volume("LPS"), tmp_path / "raw" / "sub-01")
    scans = find_scans(tmp_path / "raw")
    layout = write_results(tmp_path / "out", "LPS", "sub-01", ("segmentation", "measurement"))
    table = layout.transform("sub-01", "measurement_transform") / "arteries.tsv"
    table.write_text(table.read_text().splitlines()[0] + "\n")
    (study,) = studies(layout, tmp_path / "to", [], WANTED)
    (path,) = write_dicom_files(study, tmp_path / "to", scans)
    assert path.name == "segmentation.dcm"
    assert "no artery was measured" in caplog.text


def test_scans_that_are_no_dicom(tmp_path: Path) -> None:
    from tests.necks import write_scan

    write_scan(tmp_path / "raw" / "sub-01.mha")
    scans = find_scans(tmp_path / "raw")
    layout = write_results(tmp_path / "out", "RAS", "sub-01", ("segmentation",))
    (study,) = studies(layout, tmp_path / "to", [], WANTED)
    with pytest.raises(InputError, match="is no DICOM series"):
        write_dicom_files(study, tmp_path / "to", scans)
    with pytest.raises(InputError, match="no scan of this participant"):
        write_dicom_files(study, tmp_path / "to", {})
