"""Files that say one thing about their encoding and hold another, or lack marks at an end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)
from tests import dicom_edits
from tests.dicom_series import assert_same_place, make_volume, write_classic, write_enhanced
from tests.reading import read_dicom, read_dicom_header

from carotid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.uid import UID

DATA = Path(__file__).parents[2] / "data" / "dicom"
VOLUME = make_volume("PIR", shape=(9, 8, 6))


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_dicom_header(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("stored", "stated"),
    [
        (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
        (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
    ],
)
def test_lengths_in_another_encoding_than_stated(tmp_path: Path, stored: UID, stated: UID) -> None:
    paths = write_classic(VOLUME, tmp_path / "classic", syntax=stored)
    paths.append(write_enhanced(VOLUME, tmp_path / "enhanced" / "x", syntax=stored))
    dicom_edits.rewrite(paths, dicom_edits.restated(stated))
    assert_same_place(read_dicom(tmp_path / "classic"), VOLUME)
    assert_same_place(read_dicom(tmp_path / "enhanced"), VOLUME)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
@pytest.mark.parametrize(
    "change",
    [
        dicom_edits.without_end_of_items,
        lambda content: dicom_edits.without_end_of_items(content) + bytes(8),
        lambda content: (
            dicom_edits.without_end_of_items(content) + b"\xfc\xff\xfc\xffOB\0\0\0\0\0\0"
        ),
        dicom_edits.with_defined_length,
        lambda content: dicom_edits.with_defined_length(dicom_edits.without_end_of_items(content)),
    ],
    ids=["no mark", "zeros", "padding element", "defined length", "defined length, no mark"],
)
def test_lists_of_images_that_end_in_other_ways(
    tmp_path: Path, syntax: UID, change: Callable[[bytes], bytes]
) -> None:
    paths = write_classic(VOLUME, tmp_path / "classic", syntax=syntax)
    paths.append(write_enhanced(VOLUME, tmp_path / "enhanced" / "x", syntax=syntax))
    dicom_edits.rewrite(paths, change)
    assert_same_place(read_dicom(tmp_path / "classic"), VOLUME)
    assert_same_place(read_dicom(tmp_path / "enhanced"), VOLUME)


@pytest.mark.parametrize("lost", [*range(1, 40), 60])
def test_a_list_without_its_end_is_whole_or_refused(tmp_path: Path, lost: int) -> None:
    """Bytes lost from the last image of a list without a mark are never overlooked."""
    path = write_classic(VOLUME, tmp_path, syntax=JPEGLSLossless)[2]
    content = dicom_edits.without_end_of_items(path.read_bytes())
    path.write_bytes(content[:-lost])
    assert "the slice is cut short" in refusal(tmp_path)
    assert path.name in refusal(tmp_path)


def test_a_list_cut_between_the_pieces_of_an_image(tmp_path: Path) -> None:
    """The image in the last piece does not end, so that the list has lost something."""
    path = write_classic(VOLUME, tmp_path, syntax=JPEGLSLossless)[2]
    content = dicom_edits.without_end_of_items(path.read_bytes())
    begin = content.rindex(b"\xfe\xff\x00\xe0")
    piece = content[begin + 8 :][:20]
    path.write_bytes(content[: begin + 4] + len(piece).to_bytes(4, "little") + piece)
    assert "compressed pixels that break off" in refusal(tmp_path)


def test_plain_pixels_called_compressed_and_the_reverse(tmp_path: Path) -> None:
    paths = write_classic(VOLUME, tmp_path / "plain")
    dicom_edits.rewrite(paths, dicom_edits.restated(RLELossless))
    assert "says that the pixels are compressed, but they are not" in refusal(tmp_path / "plain")
    paths = write_classic(VOLUME, tmp_path / "packed", syntax=RLELossless)
    dicom_edits.rewrite(paths, dicom_edits.restated(ExplicitVRLittleEndian))
    message = refusal(tmp_path / "packed")
    assert "the pixels are compressed, but the header says that they are not" in message
    assert "IM0000.dcm" in message


def test_plain_pixels_that_begin_like_an_item(tmp_path: Path) -> None:
    array = np.array(VOLUME.array)
    array.reshape(-1, order="F")[:2] = 0xFFFE, 0xE000
    volume = VOLUME.with_array(array)
    write_classic(volume, tmp_path)
    assert_same_place(read_dicom(tmp_path), volume)


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floating_point_pixels_are_called_that(tmp_path: Path, keyword: str) -> None:
    bytes_each = 4 if keyword == "FloatPixelData" else 8

    def edit(_: int, dataset: Dataset) -> None:
        values = np.frombuffer(dataset.PixelData, "<u2").astype(f"<f{bytes_each}")
        del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
        dataset.BitsAllocated = 8 * bytes_each
        setattr(dataset, keyword, values.tobytes())

    write_classic(VOLUME, tmp_path, edit=edit)
    message = refusal(tmp_path)
    assert "floating-point" in message
    assert keyword in message
    assert "short" not in message


@pytest.mark.parametrize("lost", ["fffe0de000000000", "fffedde000000000"])
def test_a_sequence_without_its_end(tmp_path: Path, lost: str) -> None:
    def edit(_: int, dataset: Dataset) -> None:
        dataset.ReferencedStudySequence = [Dataset()]
        dataset["ReferencedStudySequence"].is_undefined_length = True
        dataset.ReferencedStudySequence[0].is_undefined_length_sequence_item = True

    paths = write_classic(VOLUME, tmp_path, edit=edit)
    assert_same_place(read_dicom(tmp_path), VOLUME)
    mark = bytes.fromhex(lost.replace("fffe", "feff", 1))
    dicom_edits.rewrite(paths, lambda content: content.replace(mark, b"", 1))
    assert "a sequence in it lacks the mark at its end" in refusal(tmp_path)


def test_another_byte_order_than_stated(tmp_path: Path) -> None:
    paths = write_classic(VOLUME, tmp_path)
    dicom_edits.rewrite(paths, dicom_edits.restated("1.2.840.10008.1.2.2"))
    assert "another byte order than it says" in refusal(tmp_path)


def test_a_real_list_without_its_mark(tmp_path: Path) -> None:
    """pydicom's file holds ten whole images; what it lacks is the mark, and then positions."""
    shutil.copy(DATA / "pydicom" / "emri_small_jpeg_2k_lossless_too_short.dcm", tmp_path)
    assert "no position for each of them" in refusal(tmp_path)
