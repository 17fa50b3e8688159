"""DICOM folders that are no volume, and what of each has to be named."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import (
    UID,
    RLELossless,
    generate_uid,
)
from tests.dicom_series import (
    make_volume,
    write_classic,
    write_enhanced,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def edited(change: Callable[[int, Dataset], object]) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        write_classic(make_volume(), folder, edit=change)

    return write


def without(*keywords: str) -> Callable[[Path], object]:
    def change(_: int, dataset: Dataset) -> None:
        for keyword in keywords:
            delattr(dataset, keyword)

    return edited(change)


def set_on(index: int | None, **values: Any) -> Callable[[Path], object]:
    """Set attributes of one slice, or of all."""

    def change(k: int, dataset: Dataset) -> None:
        if index is None or k == index:
            for keyword, value in values.items():
                setattr(dataset, keyword, value)

    return edited(change)


def missing(*indices: int) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        paths = write_classic(make_volume(shape=(7, 5, 8)), folder)
        for k in indices:
            paths[k].unlink()

    return write


def shifted(vector_lps_mm: Callable[[int], NDArray[np.float64]]) -> Callable[[Path], object]:
    def change(k: int, dataset: Dataset) -> None:
        position = np.array(dataset.ImagePositionPatient, dtype=float) + vector_lps_mm(k)
        dataset.ImagePositionPatient = [f"{v:.6f}" for v in position]

    return edited(change)


def two_series(folder: Path) -> None:
    write_classic(make_volume(), folder, uid="one")

    def localizer(_: int, dataset: Dataset) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        dataset.SeriesNumber = 1

    write_classic(make_volume("PIR"), folder, uid="two", name="LOC{}".format, edit=localizer)


def two_echoes(folder: Path) -> None:
    for echo in (1, 2):

        def change(_: int, dataset: Dataset, echo: int = echo) -> None:
            dataset.EchoTime = 5 * echo

        name = f"e{echo}_{{}}".format
        write_classic(make_volume(), folder, name=name, edit=change)


def time_series_of_frames(folder: Path) -> None:
    def repeat(dataset: Dataset) -> None:
        frames = dataset.PerFrameFunctionalGroupsSequence
        again = [Dataset.from_json(frame.to_json()) for frame in frames]
        for frame in again:
            frame.FrameContentSequence[0].TemporalPositionIndex = 2
        for frame in frames:
            frame.FrameContentSequence[0].TemporalPositionIndex = 1
        dataset.PerFrameFunctionalGroupsSequence = [*frames, *again]
        dataset.NumberOfFrames = 8
        dataset.PixelData = dataset.PixelData * 2

    write_enhanced(make_volume(), folder / "x.dcm", edit=repeat)


def duplicate(folder: Path) -> None:
    paths = write_classic(make_volume(), folder)
    shutil.copy(paths[1], folder / "copy.dcm")


def other_image_at_one_position(folder: Path) -> None:
    paths = write_classic(make_volume(), folder)
    dataset = dcmread(paths[1])
    dataset.SOPInstanceUID = generate_uid()
    dataset.save_as(folder / "other.dcm")


def folder_copied_into_itself(folder: Path) -> None:
    write_classic(make_volume(), folder)
    shutil.copytree(folder, folder / "copy")


def enhanced_twice(folder: Path) -> None:
    shutil.copy(write_enhanced(make_volume(), folder / "x"), folder / "y")


def localizer_under_the_same_uid(folder: Path) -> None:
    write_classic(make_volume(), folder)
    sagittal = make_volume("LPS", shape=(3, 7, 5)).reoriented("PSL")
    write_classic(sagittal, folder, name="LOC{}".format)


def larger_matrix(folder: Path) -> None:
    write_classic(make_volume(), folder)
    write_classic(make_volume(shape=(9, 5, 1)), folder, name="big{}".format)


def empty_slice(folder: Path) -> None:
    write_classic(make_volume(), folder)[3].write_bytes(b"")


def overwritten_slice(folder: Path) -> None:
    write_classic(make_volume(), folder, name="IM{:04d}".format)[3].write_bytes(b"<html>" * 900)


def slice_link_to_nowhere(folder: Path) -> None:
    path = write_classic(make_volume(), folder)[3]
    path.unlink()
    path.symlink_to(folder / "gone")


def frames_without_positions(folder: Path) -> None:
    def strip(dataset: Dataset) -> None:
        del dataset.PerFrameFunctionalGroupsSequence

    write_enhanced(make_volume(), folder / "x", edit=strip)


def too_few_groups(folder: Path) -> None:
    def drop(dataset: Dataset) -> None:
        dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:-1]

    write_enhanced(make_volume(), folder / "x", edit=drop)


def too_many_frames(folder: Path) -> None:
    def inflate(dataset: Dataset) -> None:
        dataset.NumberOfFrames = 60_000

    write_enhanced(make_volume(), folder / "x", edit=inflate)


def deflated(folder: Path) -> None:
    for path in write_classic(make_volume(), folder):
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1.99")
        dataset.save_as(path, overwrite=True)


def video(folder: Path) -> None:
    for path in write_classic(make_volume(), folder, syntax=RLELossless):
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.102")
        dataset.save_as(path, overwrite=True)


REFUSED: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "two series": (two_series, ["2 series", "series 7", "series 1", "localizer", "4 files"]),
    "two echoes": (two_echoes, ["2 images at each of 4", "e1_0", "e2_0", "EchoTime (10.0, 5.0)"]),
    "a time series of frames": (
        time_series_of_frames,
        ["2 images at each of 4", "x.dcm frame 1, x.dcm frame 5", "TemporalPositionIndex (1, 2)"],
    ),
    "a duplicate": (
        duplicate,
        ["copies of 1 image of 4", "IM0001.dcm", "copy.dcm", "104.2", "Keep one file of each"],
    ),
    "a folder copied into itself": (
        folder_copied_into_itself,
        ["copies of 4 images of 4", "IM0000.dcm, copy/IM0000.dcm", "move its copies out"],
    ),
    "an enhanced file and its copy": (
        enhanced_twice,
        ["copies of 4 images of 4", "x frame 1, y frame 1"],
    ),
    "two images at one position": (
        other_image_at_one_position,
        ["more than one image at 1 of 4", "IM0001.dcm", "other.dcm", "Remove the duplicates"],
    ),
    "a missing slice": (
        missing(3),
        ["a slice is missing", "5.00 mm", "IM0002.dcm at 106.8", "IM0004.dcm at 111.8", "2.50 mm"],
    ),
    "three missing slices": (missing(2, 3, 5), ["3 slices are missing", "IM0001", "IM0004"]),
    "a missing slice of three": (missing(0, 1, 2, 3, 6), ["a slice is missing", "IM0005.dcm at"]),
    "one position": (
        shifted(lambda k: np.array([0, 0, -2.5 * k])),
        ["all 4 slices lie at one position", "101.8 mm"],
    ),
    "a tilt": (
        shifted(lambda k: np.array([0, k * 0.5, 0])),
        ["tilted", "11.3 degrees", "IM0003.dcm lies 1.5 mm beside IM0000.dcm"],
    ),
    "a shifted slice": (
        shifted(lambda k: np.array([0, 1.5 * (k == 2), 0])),
        ["shifted sideways", "IM0002.dcm, by up to 1.5 mm"],
    ),
    "an uneven slice": (
        shifted(lambda k: np.array([0, 0, 1.0 * (k == 2)])),
        ["not evenly spaced", "IM0002.dcm"],
    ),
    "a slightly uneven slice": (
        shifted(lambda k: np.array([0, 0, 0.3 * (k == 2)])),
        ["not evenly spaced", "IM0002.dcm 0.30 mm off its place"],
    ),
    "another orientation": (
        set_on(1, ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"]),
        ["2 orientations", "axial: IM0000.dcm", "sagittal: IM0001.dcm"],
    ),
    "a slightly other orientation": (
        set_on(1, ImageOrientationPatient=["1", "0", "0", "0", "0.99999", "0.0045"]),
        ["2 orientations", "axial: IM0001.dcm"],
    ),
    "a localizer under the same UID": (localizer_under_the_same_uid, ["LOC0", "IM0000.dcm"]),
    "mixed matrix sizes": (larger_matrix, ["2 matrix sizes", "9x5", "7x5", "big0"]),
    "mixed pixel spacings": (
        set_on(2, PixelSpacing=["0.9", "0.71"]),
        ["2 pixel spacings", "0.9 x 0.71 mm: IM0002.dcm"],
    ),
    "mixed types": (set_on(2, PixelRepresentation=1), ["2 pixel types", "int16", "IM0002.dcm"]),
    "two frames of reference": (
        set_on(2, FrameOfReferenceUID="1.2.3.4"),
        ["2 frames of reference", "1.2.3.4", "IM0002.dcm"],
    ),
    "no position": (without("ImagePositionPatient"), ["where it lies", "no position", "IM0000"]),
    "no orientation": (without("ImageOrientationPatient"), ["where it lies", "no orientation"]),
    "no pixel spacing": (without("PixelSpacing"), ["where it lies", "no pixel spacing"]),
    "empty position": (set_on(2, ImagePositionPatient=None), ["no position", "IM0002.dcm"]),
    "zero orientation": (set_on(None, ImageOrientationPatient=["0"] * 6), ["not usable"]),
    "zero spacing": (set_on(2, PixelSpacing=["0", "1"]), ["pixel spacing", "IM0002.dcm"]),
    "negative spacing": (set_on(2, PixelSpacing=["-1", "1"]), ["pixel spacing", "IM0002.dcm"]),
    "huge spacing": (set_on(None, PixelSpacing=["1", "5000"]), ["voxel spacing", "5000"]),
    "two numbers of position": (
        set_on(1, ImagePositionPatient=["0", "1"]),
        ["ImagePositionPatient", "3 finite numbers", "IM0001.dcm"],
    ),
    "a slope of zero": (
        set_on(2, RescaleSlope="0", RescaleIntercept="5"),
        ["slope is zero", "IM0002.dcm"],
    ),
    "color": (set_on(None, PhotometricInterpretation="PALETTE COLOR"), ["color", "PALETTE"]),
    "inverted": (set_on(None, PhotometricInterpretation="MONOCHROME1"), ["inverted"]),
    "a mosaic": (set_on(None, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"]), ["mosaic"]),
    "odd bits": (set_on(None, BitsAllocated=12), ["12 bits"]),
    "an empty slice": (empty_slice, ["IM0003.dcm", "named like a slice but is empty"]),
    "an overwritten slice": (overwritten_slice, ["IM0003", "holds no DICOM image"]),
    "a link to nowhere": (slice_link_to_nowhere, ["IM0003.dcm", "does not exist", "gone"]),
    "no pixels": (without("PixelData"), ["cut short", "no pixels"]),
    "too few pixels": (set_on(1, PixelData=bytes(20)), ["cut short", "20 bytes", "IM0001.dcm"]),
    "a huge image": (set_on(1, Rows=65535, Columns=65535), ["IM0001.dcm", "65535x65535"]),
    "frames without positions": (frames_without_positions, ["no position for each", "4 frames"]),
    "too few groups": (too_few_groups, ["3 descriptions for 4 frames"]),
    "too many frames": (too_many_frames, ["cut short"]),
    "deflated": (deflated, ["deflated"]),
    "video": (video, ["cannot be decoded", "MPEG"]),
    "no DICOM at all": (lambda folder: (folder / "x.txt").write_text("x"), ["no DICOM image"]),
}
