"""One series of a folder that holds several is chosen, and nothing else of the folder is in it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID
from tests.dicom_series import (
    PATIENT,
    assert_same_place,
    make_volume,
    series_uid,
    values,
    write_classic,
)

from carotid.errors import InputError
from carotid.storage.entries import scan_of_folder
from carotid.storage.raw import hash_scan, load_scan, open_scan
from carotid.storage.scan_state import scan_state

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.volume import Volume
    from carotid.storage.raw import RawScan

DARK, BRIGHT = make_volume(), make_volume(shape=(7, 5, 6))
BRIGHT = replace(BRIGHT, array=values(BRIGHT) + 500)


def name(number: int, description: str, _: int, dataset: Dataset) -> None:
    dataset.SeriesNumber, dataset.SeriesDescription = number, description


@pytest.fixture
def disc(tmp_path: Path) -> RawScan:
    """Two series whose files lie mixed, and a film, which cannot be read."""
    folder = tmp_path / "sub-01"
    called = {"dark": (DARK, 5, "T1 BB SPACE"), "bright": (BRIGHT, 12, "TOF 3D")}
    for uid, (volume, number, told) in called.items():
        edit = partial(name, number, told)
        write_classic(volume, folder, uid=uid, name=f"{uid[0]}{{}}".format, edit=edit)
    (path,) = write_classic(make_volume(shape=(7, 5, 1)), folder, uid="screen", name="S{}".format)
    screenshot = dcmread(path)
    screenshot.SeriesNumber = 99
    screenshot.PixelData = encapsulate([b"a film"])
    screenshot.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.100")
    screenshot.save_as(path)
    return scan_of_folder(folder)


def refusal(scan: RawScan) -> str:
    with pytest.raises(InputError) as caught:
        open_scan(scan)
    return str(caught.value)


@pytest.mark.parametrize(
    ("series", "volume"),
    [
        ("5", DARK),
        ("12", BRIGHT),
        ("012", BRIGHT),
        (series_uid("dark"), DARK),
        (series_uid("bright")[-8:], BRIGHT),
        ("t1 bb space", DARK),
    ],
)
def test_by_number_uid_or_description(disc: RawScan, series: str, volume: Volume) -> None:
    chosen = replace(disc, series=series)
    assert_same_place(load_scan(chosen), volume)
    assert hash_scan(chosen) == open_scan(chosen).read().sha256
    files = sorted(disc.path.glob("d*" if volume is DARK else "b*"))
    assert scan_state(chosen).size_bytes == sum(path.stat().st_size for path in files)


def test_series_have_different_checksums(disc: RawScan) -> None:
    assert hash_scan(replace(disc, series="5")) != hash_scan(replace(disc, series="12"))


def test_the_candidates_are_named(disc: RawScan) -> None:
    message = refusal(disc)
    assert "there are 3 series" in message, "before the film that cannot be read"
    tail = series_uid("dark")[-8:]
    assert f"series 5 'T1 BB SPACE' (UID ends in {tail}): MR, 4 files, 4 images of 7x5" in message
    assert "series 12 'TOF 3D'" in message
    assert "Choose one with --series" in message
    assert not any(value in message for value in PATIENT.values())


@pytest.mark.parametrize("series", ["6", "T1", "", " "])
def test_a_series_that_is_not_there(disc: RawScan, series: str) -> None:
    message = refusal(replace(disc, series=series))
    assert f"no series in this folder is '{series}'" in message
    assert "series 5 'T1 BB SPACE'" in message
    assert "Name one of these with --series" in message


def test_a_name_of_two_series_lists_these_alone(disc: RawScan) -> None:
    edit = partial(name, 6, "T1 BB SPACE")
    write_classic(DARK, disc.path, uid="again", name="a{}".format, edit=edit)
    message = refusal(replace(disc, series="T1 BB SPACE"))
    assert "2 series in this folder are 'T1 BB SPACE'" in message
    assert "series 6" in message
    assert "series 12" not in message
    assert_same_place(load_scan(replace(disc, series="6")), DARK)


def test_a_cut_slice_of_the_series_is_not_lost(disc: RawScan) -> None:
    path = disc.path / "d3"
    path.write_bytes(path.read_bytes()[:-10])
    assert "d3: the slice is cut short" in refusal(replace(disc, series="5"))
    path.write_bytes(b"")
    assert "d3: a file is named like a slice" in refusal(replace(disc, series="5"))


def test_broken_files_of_other_series_do_no_harm(disc: RawScan) -> None:
    for path in disc.path.glob("b*"):
        dataset = dcmread(path)
        dataset.NumberOfFrames = 1
        dataset.save_as(path)
        path.write_bytes(path.read_bytes().replace(b"IS\2\0001 ", b"IS\2\0x "))
    assert_same_place(load_scan(replace(disc, series="5")), DARK)
    assert "b0: the DICOM file cannot be read" in refusal(replace(disc, series="12"))


def two_series(
    folder: Path, one: tuple[int | None, str], other: tuple[int | None, str], **uids: str | None
) -> RawScan:
    """A dark and a bright series with a number and a description each."""
    for uid, volume, (number, told) in (("dark", DARK, one), ("bright", BRIGHT, other)):

        def edit(
            _: int,
            dataset: Dataset,
            uid: str = uid,
            number: int | None = number,
            told: str = told,
        ) -> None:
            dataset.SpecificCharacterSet = "ISO_IR 192"
            dataset.SeriesNumber, dataset.SeriesDescription = number, told
            dataset.SeriesInstanceUID = uids.get(uid, dataset.SeriesInstanceUID)

        write_classic(volume, folder, uid=uid, name=f"{uid[0]}{{}}".format, edit=edit)
    return scan_of_folder(folder)


@pytest.mark.parametrize(
    ("one", "other", "series"),
    [
        ((0, "zero"), (None, "none"), "0"),
        ((-5, "less"), (5, "more"), "-5"),
        ((5, "Größe  ä"), (6, ""), "GRO\u0308SSE A\u0308"),
        ((5, 'T1  "BB"'), (6, 'T1"BB"'), 'T1  "bb"'),
        ((5, "x" * 63 + "y"), (6, "x" * 63 + "z"), "x" * 63 + "y"),
        ((5, "T1"), (6, "T1"), series_uid("dark")[-12:]),
    ],
)
def test_names_that_are_easily_mistaken(
    tmp_path: Path, one: tuple[int, str], other: tuple[int | None, str], series: str
) -> None:
    scan = two_series(tmp_path / "sub-01", one, other)
    assert f"series {one[0]} '{' '.join(one[1].split())}'" in refusal(scan), "as it can be given"
    assert_same_place(load_scan(replace(scan, series=series)), DARK)


def test_as_much_of_uids_is_shown_as_tells_them_apart(tmp_path: Path) -> None:
    uids = {"dark": "1.3.12.2.1107.5.2.32.4217.0.0.0", "bright": "1.3.12.2.1107.5.2.32.4917.0.0.0"}
    scan = two_series(tmp_path / "sub-01", (5, "T1"), (5, "T1"), **uids)
    message = refusal(replace(scan, series="5"))
    assert "2 series in this folder are '5'" in message
    assert "Name one of these with --series, by the end of its UID" in message
    for tail, volume in (("217.0.0.0", DARK), ("917.0.0.0", BRIGHT)):
        assert f"(UID ends in {tail})" in message
        assert_same_place(load_scan(replace(scan, series=tail)), volume)


def test_series_without_uid_go_by_their_numbers(tmp_path: Path) -> None:
    scan = two_series(tmp_path / "sub-01", (5, "T1"), (6, "T2"), dark=None, bright=None)
    assert "series 5 'T1' (no UID)" in refusal(scan)
    assert_same_place(load_scan(replace(scan, series="5")), DARK)
