"""What one DICOM file says about its images, read without decoding a pixel.

A classic file holds one slice, an enhanced one many; both become `Slice`s here, so that nothing
later has to know the difference. Only the attributes listed here are ever read from a file, and
those that tell one series from another (`series`): names and dates are not among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.counted import counted
from carotid.errors import InputError
from carotid.storage.dicom.slice import TRAITS, Rescale, Slice

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from carotid.storage.regular_file import Stamp

MAX_FRAMES = 65_535
"""Most frames in one file; more than any scanner makes."""

_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"

ATTRIBUTES = (
    *(
        "SOPClassUID",
        "SOPInstanceUID",
        "Modality",
        "SeriesInstanceUID",
        "SeriesNumber",
        "FrameOfReferenceUID",
    ),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("SliceThickness", "SpacingBetweenSlices"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
    *(_SHARED, _PER_FRAME),
    *TRAITS,
)
"""Everything that is read from a file's header."""


@dataclass(frozen=True)
class PixelPlace:
    """Where a file's pixels are.

    Attributes:
        begin: First byte of their element's value.
        length: Bytes that they take: themselves, or the list of items that holds compressed ones.
        vr: How their element is typed; matters for 8 bits in big-endian words.
    """

    begin: int
    length: int
    vr: str


@dataclass(frozen=True)
class Header:
    """One image file.

    Attributes:
        path: The file.
        name: Its name within the participant's folder.
        dataset: The `ATTRIBUTES` that it has.
        transfer_syntax: UID of the pixels' encoding.
        frames: How many images it holds.
        pixels: Where they are.
        stamp: What the file looked like when its header was read.
    """

    path: Path
    name: str
    dataset: Dataset
    transfer_syntax: str
    frames: int
    pixels: PixelPlace
    stamp: Stamp

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.dataset.Rows), int(self.dataset.Columns)

    @property
    def room_bits(self) -> int:
        """How many bits a stored pixel takes."""
        return int(self.dataset.BitsAllocated)

    @property
    def value_bits(self) -> int:
        """How many of them, the lowest ones, are its value."""
        return int(self.dataset.BitsStored)

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """The type of the stored values, in this machine's byte order."""
        signed = int(self.dataset.get("PixelRepresentation") or 0)
        return np.dtype(f"{'i' if signed else 'u'}{int(self.dataset.BitsAllocated) // 8}")

    def text(self, keyword: str) -> str:
        """An attribute as text, empty if it is absent."""
        value = self.dataset.get(keyword)
        return "" if value is None else str(value)


def slices_of(header: Header) -> list[Slice]:
    """The image planes of one file, in stored order.

    Raises:
        InputError: If a plane has no usable position, orientation, pixel size or rescaling.
    """
    shared = _first_item(header.dataset, _SHARED)
    groups = list(header.dataset.get(_PER_FRAME) or [])
    if groups and len(groups) != header.frames:
        raise InputError(
            "the file describes another number of frames than it has",
            where=header.path,
            found=f"{len(groups)} descriptions for {header.frames} frames",
            remedy="copy the series again",
        )
    if not groups and header.frames > 1:
        raise InputError(
            "the file has many frames but no position for each of them",
            where=header.path,
            found=f"{header.frames} frames without functional groups",
            remedy="export the series as classic or enhanced MR images",
        )
    if not groups:
        return [_slice(header, "", [header.dataset])]
    return [
        _slice(header, f" frame {number}", [group, shared, header.dataset])
        for number, group in enumerate(groups, start=1)
    ]


_GROUP_OF = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "FlipAngle": "MRTimingAndRelatedParametersSequence",
    "InversionTime": "MRModifierSequence",
    "DiffusionBValue": "MRDiffusionSequence",
    "FrameType": "MRImageFrameTypeSequence",
    "StackID": "FrameContentSequence",
    "TemporalPositionIndex": "FrameContentSequence",
    "FrameAcquisitionNumber": "FrameContentSequence",
}
"""The functional group of an enhanced file that holds an attribute (DICOM PS3.3, C.7.6.16)."""


def _slice(header: Header, frame: str, places: list[Dataset | None]) -> Slice:
    place = f"{header.path}{frame}" if frame else header.path
    instance = header.text("SOPInstanceUID")
    position = _numbers(places, "ImagePositionPatient", 3, place)
    orientation = _numbers(places, "ImageOrientationPatient", 6, place)
    spacing = _numbers(places, "PixelSpacing", 2, place)
    if position is None or orientation is None or spacing is None:
        missing = "no position" if position is None else "no orientation"
        raise InputError(
            "the image does not say where it lies in the patient",
            where=place,
            found="no pixel spacing"
            if position is not None and orientation is not None
            else missing,
            expected="ImagePositionPatient, ImageOrientationPatient and PixelSpacing",
            remedy="export the original series; screenshots and derived images cannot be used",
        )
    if min(spacing) <= 0:
        raise InputError(
            "the pixel spacing is not usable", where=place, found=spacing, expected="above 0 mm"
        )
    return Slice(
        name=f"{header.name}{frame}",
        position_lps_mm=np.array(position),
        orientation=_unit_axes(orientation, place),
        pixel_spacing_mm=(spacing[0], spacing[1]),
        depth_mm=_depth_mm(places, place),
        rescale=_rescaling(places, place),
        traits=tuple((key, str(value)) for key in TRAITS if (value := _lookup(places, key))),
        instance=instance and f"{instance}{frame}",
    )


def _unit_axes(orientation: tuple[float, ...], place: str | Path) -> NDArray[np.float64]:
    """(2, 3) right-angled unit vectors nearest to the stated ones, which are rounded."""
    axes = np.array(orientation).reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1)
    tolerance = 0.01
    if np.abs(lengths - 1).max() > tolerance or abs(axes[0] @ axes[1]) > tolerance:
        raise InputError(
            "the image's orientation is not usable",
            where=place,
            found=", ".join(f"{value:g}" for value in orientation),
            expected="two unit vectors at a right angle",
        )
    along_row = axes[0] / lengths[0]
    down_column = axes[1] - (axes[1] @ along_row) * along_row
    return np.array([along_row, down_column / np.linalg.norm(down_column)])


def _depth_mm(places: list[Dataset | None], place: str | Path) -> float | None:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        depth = _numbers(places, keyword, 1, place)
        if depth is not None and depth[0] != 0:
            return abs(depth[0])
    return None


def _rescaling(places: list[Dataset | None], place: str | Path) -> Rescale:
    slope = _numbers(places, "RescaleSlope", 1, place)
    intercept = _numbers(places, "RescaleIntercept", 1, place)
    if slope is not None and slope[0] == 0:
        raise InputError(
            "the image's rescale slope is zero", where=place, remedy="export the series again"
        )
    return Rescale(None if slope is None else slope[0], None if intercept is None else intercept[0])


def _numbers(
    places: list[Dataset | None], keyword: str, count: int, place: str | Path
) -> tuple[float, ...] | None:
    """An attribute's numbers from the first place that has it, or None.

    They are usually decimal strings, which pydicom takes apart. Some scanners write another kind of
    text or of number there: the numbers are the same.
    """
    value = _lookup(places, keyword)
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace").strip(" \0")
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = value.split("\\")
    values = [value] if isinstance(value, float | int) else list(value)
    try:
        numbers = tuple(float(v) for v in values)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise InputError(
            f"the image's {keyword} is not usable",
            where=place,
            found="\\".join(str(v) for v in values)[:80],
            expected=counted(count, "finite number"),
            remedy="export the series again",
        )
    return numbers


def _lookup(places: list[Dataset | None], keyword: str) -> Any:
    """An attribute, in its functional group or plainly, from the first place that has it."""
    group = _GROUP_OF.get(keyword)
    for dataset in places:
        if dataset is None:
            continue
        nested = _first_item(dataset, group) if group else None
        for holder in (nested, dataset):
            value = None if holder is None else holder.get(keyword)
            if value is not None and value != "":
                return value
    return None


def _first_item(dataset: Dataset, keyword: str) -> Dataset | None:
    sequence = dataset.get(keyword)
    return sequence[0] if sequence else None
