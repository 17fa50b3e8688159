"""BIDS: names from any ids, what the files say, and exports into one data set after the other."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import nibabel
import numpy as np
import pytest
from tests.export.marked import mask_centers, write_results

from carotid.errors import UsageError
from carotid.export.bids import WANTED, check_data_set, names_in, write_data_set, write_session
from carotid.export.bids_names import bids_names
from carotid.export.bids_sources import find_raw_data_set
from carotid.export.studies import studies
from carotid.storage.results.layout import OutputLayout

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.export.bids_sources import LinkedDataSet


@pytest.mark.parametrize(
    ("ids", "stems"),
    [
        (["sub-01_ses-02", "sub-01_ses-03", "sub-2"], ["sub-01_ses-02", "sub-01_ses-03", "sub-2"]),
        (["P.002_U"], ["sub-P002U"]),
        (["sub-01_ses-02_run-1"], ["sub-01ses02run1"]),
        (["Jürgen", "名"], ["sub-Jurgen", "sub-x"]),
        (
            ["sub-A_ses-1", "sub-a_ses-1", "sub-a_ses-2"],
            ["sub-A_ses-1", "sub-ax2_ses-1", "sub-ax2_ses-2"],
        ),
        (["a.1", "a1", "A-1", "sub-a1"], ["sub-A1x2", "sub-a1x3", "sub-a1x4", "sub-a1"]),
    ],
)
def test_names(ids: list[str], stems: list[str]) -> None:
    found = bids_names(ids)
    assert [found[one].stem for one in sorted(ids)] == stems
    subjects = [(name.subject.lower(), name.session) for name in found.values()]
    assert len(set(subjects)) == len(ids)
    assert all(re.fullmatch("[A-Za-z0-9]+", name.subject) for name in found.values())


def test_those_who_are_there_keep_their_names() -> None:
    """Whoever comes later, and from whichever output directory, is not written over them."""
    earlier = {"P1": ["P.1"], "02": ["sub-02_ses-1"], "a": ["sub-A_ses-1"]}
    stems = {one: name.stem for one, name in bids_names(["P-1", "P.1", "p1"], earlier).items()}
    assert stems == {"P-1": "sub-P1x2", "P.1": "sub-P1", "p1": "sub-p1x3"}
    found = bids_names(["02", "sub-02_ses-2", "sub-A_ses-2", "sub-P1_ses-1"], earlier)
    assert {one: name.stem for one, name in found.items()} == {
        "02": "sub-02x2",
        "sub-02_ses-2": "sub-02_ses-2",
        "sub-A_ses-2": "sub-a_ses-2",
        "sub-P1_ses-1": "sub-P1x2_ses-1",
    }


def export(
    layout: OutputLayout, to: Path, participants: list[str], raw: LinkedDataSet | None = None
) -> None:
    names = names_in(layout, to)
    found = studies(layout, to, participants, WANTED)
    for study in found:
        uri = raw.uri(study.participant_id) if raw else None
        write_session(study, to, names[study.participant_id], uri)
    write_data_set(to, {one.participant_id: names[one.participant_id] for one in found}, raw)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> OutputLayout:
    root = tmp_path_factory.mktemp("bids") / "out"
    write_results(root, "PSR", "sub-01_ses-02", ("segmentation", "measurement"))
    write_results(root, "LPS", "sub-01_ses-03", ("segmentation",))
    return write_results(root, "LAI", "P.002_U", ("segmentation", "measurement"))


def test_a_data_set(layout: OutputLayout, tmp_path: Path) -> None:
    export(layout, tmp_path / "to", [])
    place = tmp_path / "to" / "sub-01" / "ses-02" / "anat"
    stem = "sub-01_ses-02_desc-carotid_dseg"
    image: Any = nibabel.load(place / f"{stem}.nii.gz")
    labels = np.asarray(image.dataobj)
    rows = [line.split("\t") for line in (place / f"{stem}.tsv").read_text().splitlines()[1:]]
    values = {name: int(index) for index, name, _ in rows}
    index = np.argwhere(labels == values["left wall"]).mean(axis=0)
    found = nibabel.affines.apply_affine(image.affine, index)
    centers = mask_centers()
    between = np.sort([centers["left_internal_wall"], centers["left_external_wall"]], axis=0)
    assert (found > between[0] - 0.5).all()
    assert (found < between[1] + 0.5).all()
    facts = json.loads((place / f"{stem}.json").read_text())
    assert facts["Manual"] is False
    assert facts["SpatialReference"] == "orig"
    assert "Sources" not in facts
    description = json.loads((tmp_path / "to" / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "carotid"
    tables = sorted(place.glob("*_measurements.tsv"))
    assert len(tables) == 6
    for table in tables:
        lines = [line.split("\t") for line in table.read_text().splitlines()]
        told = json.loads(table.with_suffix(".json").read_text())
        assert list(told) == lines[0]
        assert all(cell for line in lines for cell in line)  # n/a where there is nothing
        assert all(entry["Description"] for entry in told.values())
    ignored = (tmp_path / "to" / ".bidsignore").read_text().split()
    assert ignored == ["*_measurements.tsv", "*_measurements.json"]


def test_further_participants_join(layout: OutputLayout, tmp_path: Path) -> None:
    for one in ("sub-01_ses-02", "P.002_U", "sub-01_ses-03", "P.002_U"):
        export(layout, tmp_path / "to", [one])
    table = (tmp_path / "to" / "participants.tsv").read_text()
    assert table == (
        "participant_id\tcarotid_ids\nsub-01\tsub-01_ses-02,sub-01_ses-03\nsub-P002U\tP.002_U\n"
    )


def test_two_ids_of_one_name_in_two_directories(tmp_path: Path) -> None:
    """The second is not written over the first, and a comma in an id is no end of it."""
    for n, one in enumerate(("P.1", "P,1")):
        layout = write_results(tmp_path / str(n), "LPS", one, ("segmentation",))
        for _ in range(2):
            export(layout, tmp_path / "to", [])
    table = (tmp_path / "to" / "participants.tsv").read_text()
    assert table == "participant_id\tcarotid_ids\nsub-P1\tP.1\nsub-P1x2\tP%2C1\n"
    assert len(list((tmp_path / "to").glob("sub-*/anat/*_dseg.nii.gz"))) == 2


def test_a_data_set_that_is_not_ours_is_left_alone(layout: OutputLayout, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    table = tmp_path / "to" / "participants.tsv"
    table.write_text("participant_id\tage\nsub-01\t66\n")
    with pytest.raises(UsageError, match="another data set"):
        check_data_set(tmp_path / "to")
    with pytest.raises(UsageError, match="another data set"):
        write_data_set(tmp_path / "to", {})
    assert table.read_text() == "participant_id\tage\nsub-01\t66\n"
    assert list((tmp_path / "to").iterdir()) == [table]
    table.unlink()
    description = tmp_path / "to" / "dataset_description.json"
    for text in ('{"Name": "raw", "BIDSVersion": "1.9.0"}', "no JSON", '{"GeneratedBy": 7}'):
        description.write_text(text)
        with pytest.raises(UsageError, match="another data set"):
            check_data_set(tmp_path / "to")
    export(layout, tmp_path / "ours", [])
    check_data_set(tmp_path / "ours")
    check_data_set(tmp_path / "new")


def write_scans(raw: Path, *stems: str) -> None:
    """A BIDS data set of scans that nobody reads."""
    for stem in stems:
        path = raw.joinpath(*stem.split("_"), "anat", f"{stem}_acq-bb_T1w.nii.gz")
        path.parent.mkdir(parents=True)
        path.touch()
        path.with_name(f"{stem}_acq-mp_T1w.nii.gz").touch()
    (raw / "dataset_description.json").write_text('{"Name": "scans", "BIDSVersion": "1.11.1"}')


def record_scans(layout: OutputLayout, raw: Path) -> None:
    told = {"heatmap_transform": {"raw_dir": str(raw), "bids_image": "acq-bb"}}
    layout.parameters.write_text(json.dumps(told))


def test_label_maps_name_the_image_they_were_made_from(tmp_path: Path) -> None:
    """Every URI leads to a file, from wherever the data set is."""
    raw = tmp_path / "the scans"
    layout = write_results(tmp_path / "out", "PSR", "sub-01_ses-02", ("segmentation",))
    write_results(tmp_path / "out", "LPS", "other", ("segmentation",))
    write_scans(raw, "sub-01_ses-02")
    record_scans(layout, raw)
    for to in (raw / "derivatives" / "carotid", tmp_path / "to"):
        found = find_raw_data_set(layout)
        assert found is not None
        export(layout, to, [], found.linked_from(to, check_data_set(to)))
        (path,) = to.glob("sub-01/ses-02/anat/*_dseg.json")
        facts = json.loads(path.read_text())
        (uri,) = facts["Sources"]
        assert facts["SpatialReference"] == uri
        scheme, link, image = uri.split(":")
        assert scheme == "bids"
        description = json.loads((to / "dataset_description.json").read_text())
        source = to / unquote(description["DatasetLinks"][link]) / image
        assert source.samefile(
            raw / "sub-01" / "ses-02" / "anat" / "sub-01_ses-02_acq-bb_T1w.nii.gz"
        )
        assert {"URL": description["DatasetLinks"][link]} in description["SourceDatasets"]
        other = json.loads(
            (to / "sub-other" / "anat" / "sub-other_desc-carotid_dseg.json").read_text()
        )
        assert other["SpatialReference"] == "orig"


def test_a_second_export_keeps_links_and_what_users_have_said(tmp_path: Path) -> None:
    to = tmp_path / "to"
    for number in (1, 2, 1):
        raw, out = tmp_path / f"raw{number}", tmp_path / f"out{number}"
        one = f"sub-0{number}_ses-1"
        layout = OutputLayout(out)
        if not raw.exists():
            write_results(out, "PSR", one, ("segmentation",))
            write_scans(raw, one)
            record_scans(layout, raw)
        found = find_raw_data_set(layout)
        assert found is not None
        export(layout, to, [], found.linked_from(to, check_data_set(to)))
        path = to / "dataset_description.json"
        description = json.loads(path.read_text())
        path.write_text(json.dumps(description | {"Name": "Ours", "Authors": ["A. Nother"]}))
    assert description["Name"] == "Ours"
    assert description["Authors"] == ["A. Nother"]
    assert description["DatasetLinks"] == {"raw": "../raw1", "raw2": "../raw2"}
    assert description["SourceDatasets"] == [{"URL": "../raw1"}, {"URL": "../raw2"}]


def test_scans_that_have_moved_or_are_no_data_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layout = write_results(tmp_path / "out", "PSR", "sub-01_ses-1", ("segmentation",))
    record_scans(layout, tmp_path / "gone")
    assert find_raw_data_set(layout) is None
    assert "do not name their scans" in caplog.text
    write_scans(tmp_path / "here", "sub-01_ses-1")
    found = find_raw_data_set(layout, tmp_path / "here")
    assert found is not None
    assert list(found.images) == ["sub-01_ses-1"]  # the choice among images is on record
    (tmp_path / "here" / "dataset_description.json").unlink()
    assert find_raw_data_set(layout, tmp_path / "here") is None
    with pytest.raises(UsageError, match="no such folder"):
        find_raw_data_set(layout, tmp_path / "gone")
