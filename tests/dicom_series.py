"""Synthetic DICOM for tests: a volume as a classic series or as one enhanced file.

Every file carries a made-up patient, so that tests can look for it where it must not appear.
Written straight from DICOM's own formulas (PS3.3, C.7.6.2.1.1) and independent of the reader:
rows run along index i, columns down index j, one image per index k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

PATIENT = {
    "PatientName": "Zyxwv^Quiteunique",
    "PatientID": "PID-77345",
    "PatientBirthDate": "19310207",
}
"""Must never appear in a message, a log or an output."""

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4.1"


def make_volume(
    orientation: str = "LPS",
    *,
    tilt_degrees: float = 0,
    dtype: Any = np.uint16,
    shape: tuple[int, int, int] = (7, 5, 4),
) -> Volume:
    """Distinct voxels, sides and spacings, so that no axis can be taken for another."""
    angle = np.radians(tilt_degrees)
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    about_z = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    affine = np.eye(4)
    affine[:3, :3] = about_x @ about_z @ np.diag([0.7, 0.9, 2.5])
    affine[:3, 3] = [-31.25, 12.5, 101.75]
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    return Volume(array, Grid(shape, affine)).reoriented(orientation)


def values(volume: Volume) -> NDArray[Any]:
    return np.asarray(volume.array)


def assert_same_place(one: Volume, other: Volume) -> None:
    one, other = one.reoriented("RAS"), other.reoriented("RAS")
    assert one.grid.agrees_with(other.grid)
    np.testing.assert_array_equal(one.array, other.array)


def write_classic(
    volume: Volume,
    folder: Path,
    *,
    slope: float = 1,
    intercept: float = 0,
    name: Callable[[int], str] = "IM{:04d}.dcm".format,
    shuffle_seed: int | None = None,
    frame_of_reference: bool = True,
    syntax: UID = ExplicitVRLittleEndian,
    uid: str = "series",
    edit: Callable[[int, Dataset], object] | None = None,
) -> list[Path]:
    """Write one file per index k and return the paths in the order of k.

    Args:
        volume: Real values; `(array - intercept) / slope` must be whole and fit the stored type,
            which is uint16 for floats and else the array's own.
        folder: Made if absent.
        slope: RescaleSlope; not written where slope and intercept do nothing.
        intercept: RescaleIntercept.
        name: From a running number to a file name, which may contain folders.
        shuffle_seed: If given, names and InstanceNumbers are shuffled against k.
        frame_of_reference: Whether there is a FrameOfReferenceUID.
        syntax: Transfer syntax; compressed ones need an encoder (RLE Lossless has one).
        uid: Anything; another one makes another series.
        edit: Called with k and the data set before it is written.
    """
    count = volume.grid.shape[2]
    numbers = np.arange(count)
    if shuffle_seed is not None:
        np.random.default_rng(shuffle_seed).shuffle(numbers)
    stored = _stored(volume, slope, intercept)
    paths = []
    for k in range(count):
        dataset = _common(volume, uid, f"{uid}-{k}", frame_of_reference=frame_of_reference)
        dataset.SOPClassUID = MR_IMAGE
        dataset.InstanceNumber = int(numbers[k]) + 1
        dataset.update(_plane(volume, k))
        dataset.update(_measures(volume))
        if (slope, intercept) != (1, 0):
            dataset.update(_rescaling(slope, intercept))
        _set_pixels(dataset, stored[:, :, k : k + 1])
        if edit is not None:
            edit(k, dataset)
        paths.append(folder / name(int(numbers[k])))
        _save(dataset, paths[-1], syntax)
    return paths


def write_enhanced(
    volume: Volume,
    path: Path,
    *,
    slope: float = 1,
    intercept: float = 0,
    shuffle_seed: int | None = None,
    frame_of_reference: bool = True,
    syntax: UID = ExplicitVRLittleEndian,
    uid: str = "series",
    edit: Callable[[Dataset], object] | None = None,
) -> Path:
    """Write one multi-frame file; the arguments are those of `write_classic`."""
    count = volume.grid.shape[2]
    order = np.arange(count)
    if shuffle_seed is not None:
        np.random.default_rng(shuffle_seed).shuffle(order)
    dataset = _common(volume, uid, uid, frame_of_reference=frame_of_reference)
    dataset.SOPClassUID = ENHANCED_MR_IMAGE
    dataset.InstanceNumber = 1
    dataset.NumberOfFrames = count
    shared = Dataset()
    shared.PixelMeasuresSequence = [_measures(volume)]
    orientation = Dataset()
    orientation.ImageOrientationPatient = _plane(volume, 0).ImageOrientationPatient
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelValueTransformationSequence = [_rescaling(slope, intercept)]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for k in order:
        frame, position, content = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = _plane(volume, int(k)).ImagePositionPatient
        content.StackID = "1"
        content.InStackPositionNumber = int(k) + 1
        frame.PlanePositionSequence = [position]
        frame.FrameContentSequence = [content]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    _set_pixels(dataset, _stored(volume, slope, intercept)[:, :, order])
    if edit is not None:
        edit(dataset)
    _save(dataset, path, syntax)
    return path


def series_uid(uid: str) -> str:
    """The SeriesInstanceUID that `uid` of the writers makes."""
    return generate_uid(entropy_srcs=["series", uid])


def _common(volume: Volume, series: str, instance: str, *, frame_of_reference: bool) -> Dataset:
    dataset = Dataset()
    for keyword, value in PATIENT.items():
        setattr(dataset, keyword, value)
    dataset.Modality = "MR"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    dataset.SeriesInstanceUID = series_uid(series)
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["instance", instance])
    dataset.SeriesNumber = 7
    dataset.StudyDate = "20200102"
    if frame_of_reference:
        dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame"])
    return dataset


def _plane(volume: Volume, k: int) -> Dataset:
    dataset = Dataset()
    affine_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.grid.affine
    across = affine_lps[:3, 0] / np.linalg.norm(affine_lps[:3, 0])
    down = affine_lps[:3, 1] / np.linalg.norm(affine_lps[:3, 1])
    dataset.ImageOrientationPatient = [_short(v) for v in (*across, *down)]
    dataset.ImagePositionPatient = [_short(v) for v in affine_lps[:3, 3] + k * affine_lps[:3, 2]]
    return dataset


def _measures(volume: Volume) -> Dataset:
    dataset = Dataset()
    i_mm, j_mm, k_mm = volume.grid.spacing_mm
    dataset.PixelSpacing = [_short(j_mm), _short(i_mm)]
    dataset.SliceThickness = _short(k_mm)
    dataset.SpacingBetweenSlices = _short(k_mm)
    return dataset


def _rescaling(slope: float, intercept: float) -> Dataset:
    dataset = Dataset()
    dataset.RescaleIntercept = _short(intercept)
    dataset.RescaleSlope = _short(slope)
    dataset.RescaleType = "US"
    return dataset


def _stored(volume: Volume, slope: float, intercept: float) -> NDArray[Any]:
    exact = (volume.array.astype(np.float64) - intercept) / slope
    dtype = volume.array.dtype if volume.array.dtype.kind in "iu" else np.dtype(np.uint16)
    stored = np.round(exact).astype(dtype)
    if np.abs(stored - exact).max() > 1e-6 * max(1.0, float(np.abs(exact).max())):
        msg = f"values cannot be stored as {dtype} with slope {slope} and intercept {intercept}"
        raise ValueError(msg)
    return stored


def _set_pixels(dataset: Dataset, stored: NDArray[Any]) -> None:
    """(i, j, frames) to frames of j rows and i columns."""
    dataset.Rows, dataset.Columns = stored.shape[1], stored.shape[0]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * stored.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    little = stored.transpose(2, 1, 0).astype(stored.dtype.newbyteorder("<"))
    data = little.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if stored.dtype.itemsize > 1 else "OB"


def _save(dataset: Dataset, path: Path, syntax: UID) -> None:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if syntax.is_compressed:
        dataset.compress(syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def _short(value: float) -> str:
    """A decimal string of at most 16 characters, as DICOM's DS asks for."""
    for digits in range(16, 0, -1):
        text = f"{float(value):.{digits}g}"
        if len(text) <= 16:
            return text
    raise ValueError(value)
