"""BIDS data sets as RAW_DIR: one image for each session, and nothing chosen by itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from carotid.errors import UsageError
from carotid.storage.bids import BidsChoice
from carotid.storage.participants import find_scans

if TYPE_CHECKING:
    from pathlib import Path


def data_set(root: Path, *names: str, described: bool = True) -> Path:
    """Empty files; a name without a folder lies in `anat` of its participant and session."""
    for name in names:
        if "/" in name:
            path = root / name
        else:
            words = name.split("_")
            place = words[:2] if words[1].startswith("ses-") else words[:1]
            path = root.joinpath(*place, "anat", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if described:
        (root / "dataset_description.json").write_text("{}")
        (root / "participants.tsv").touch()
    return root


def found(root: Path, choice: str | None = None) -> dict[str, str]:
    scans = find_scans(root, None if choice is None else BidsChoice.parse(choice))
    assert all(scan.kind == "nifti" for scan in scans.values())
    return {key: scan.path.relative_to(root).as_posix() for key, scan in scans.items()}


def test_one_image_each_needs_no_choice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data_set(
        tmp_path,
        "sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_T1w.json",
        "sub-02_T1w.nii",
        "derivatives/tool/sub-01/anat/sub-01_desc-x_T1w.nii.gz",
        "sourcedata/sub-01/1.dcm",
        "code/run.py",
        "sub-01/func/sub-01_task-rest_bold.nii.gz",
    )
    assert found(tmp_path) == {
        "sub-01": "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-02": "sub-02/anat/sub-02_T1w.nii",
    }
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("described", [True, False])
def test_sessions_are_entries_of_their_own(tmp_path: Path, described: bool) -> None:
    names = [f"sub-{s}_ses-{t}_PDw.nii.gz" for s in ("A1", "B") for t in ("base", "year1")]
    data_set(tmp_path, *names, described=described)
    assert list(found(tmp_path)) == [
        "sub-A1_ses-base",
        "sub-A1_ses-year1",
        "sub-B_ses-base",
        "sub-B_ses-year1",
    ]


@pytest.mark.parametrize(
    ("choice", "image"),
    [
        ("T2w", "sub-01_T2w.nii.gz"),
        ("acq-bb_T1w", "sub-01_acq-bb_T1w.nii.gz"),
        ("acq-bb", "sub-01_acq-bb_T1w.nii.gz"),
        ("T1w_acq-bb", "sub-01_acq-bb_T1w.nii.gz"),
        ("run-2", "sub-01_acq-tof_run-2_T1w.nii.gz"),
    ],
)
def test_a_choice_by_suffix_or_entities(tmp_path: Path, choice: str, image: str) -> None:
    data_set(
        tmp_path,
        "sub-01_T2w.nii.gz",
        "sub-01_acq-bb_T1w.nii.gz",
        "sub-01_acq-tof_run-1_T1w.nii.gz",
        "sub-01_acq-tof_run-2_T1w.nii.gz",
    )
    assert found(tmp_path, choice) == {"sub-01": f"sub-01/anat/{image}"}


@pytest.mark.parametrize("choice", [None, "T1w", "acq-tof"])
def test_several_images_are_listed_and_none_is_chosen(tmp_path: Path, choice: str | None) -> None:
    data_set(tmp_path, "sub-01_acq-tof_run-1_T1w.nii.gz", "sub-01_acq-tof_run-2_T1w.nii.gz")
    with pytest.raises(UsageError) as caught:
        found(tmp_path, choice)
    message = str(caught.value)
    assert "several images of a session could be meant" in message
    assert "sub-01 has sub-01_acq-tof_run-1_T1w.nii.gz, sub-01_acq-tof_run-2" in message
    assert "T1w, acq-tof, run-1, run-2" in message


def test_a_choice_that_fits_nothing(tmp_path: Path) -> None:
    data_set(tmp_path, "sub-01_T1w.nii.gz")
    with pytest.raises(UsageError, match=r"no image of this BIDS data set is meant.*among T1w"):
        found(tmp_path, "T2w")


def test_masks_are_no_scans(tmp_path: Path) -> None:
    data_set(tmp_path, "sub-01_T1w.nii.gz", "sub-01_mod-T1w_defacemask.nii.gz")
    assert found(tmp_path) == {"sub-01": "sub-01/anat/sub-01_T1w.nii.gz"}


def test_sessions_without_an_image_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data_set(
        tmp_path,
        "sub-01_ses-1_T1w.nii.gz",
        "sub-01/ses-2/func/sub-01_ses-2_bold.nii.gz",
        "sub-02_ses-1_T2w.nii.gz",
    )
    assert list(found(tmp_path, "T1w")) == ["sub-01_ses-1"]
    (warning,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "sub-01_ses-2, sub-02_ses-1 (no image that is meant)" in warning.getMessage()


def test_scans_of_other_kinds_beside_it(tmp_path: Path) -> None:
    data_set(tmp_path, "sub-01_T1w.nii.gz", described=False)
    (tmp_path / "sub-07").mkdir()
    (tmp_path / "other.mha").touch()
    kinds = {key: scan.kind for key, scan in find_scans(tmp_path).items()}
    assert kinds == {"other": "metaimage", "sub-01": "nifti", "sub-07": "dicom"}


@pytest.mark.parametrize("text", ["", "T1w/../x", "acq-bb T1w", "__"])
def test_what_names_no_image(text: str) -> None:
    with pytest.raises(UsageError, match="names no BIDS image"):
        BidsChoice.parse(text)
