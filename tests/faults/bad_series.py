"""DICOM series that cannot be used, and odd ones that can: a line each, as in `bad_scans`."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from tests.dicom_edits import (
    SPACING,
    restated,
    rewrite,
    with_bits,
    with_vr,
    without_end_of_items,
)
from tests.dicom_series import make_volume, write_classic, write_enhanced
from tests.faults.bad_scans import DATA, SOUND
from tests.storage.dicom.refused_series import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

SCAN = make_volume(shape=(9, 8, 6))


def classic(**how: Any) -> Callable[[Path, str], object]:
    return lambda raw, name: write_classic(SCAN, raw / name, **how)


def in_folder(write: Callable[[Path], object]) -> Callable[[Path, str], object]:
    def make(raw: Path, name: str) -> None:
        (raw / name).mkdir()
        write(raw / name)

    return make


def real_series(*names: str) -> Callable[[Path, str], object]:
    """Real files from the test data, as one folder."""

    def make(raw: Path, name: str) -> None:
        (raw / name).mkdir()
        for one in names:
            place = DATA / "dicom" / one
            for path in [place] if place.is_file() else place.iterdir():
                shutil.copy(path, raw / name)

    return make


def varying_slope(k: int, dataset: Dataset) -> None:
    dataset.RescaleSlope = str(1 + k)
    dataset.RescaleIntercept = "0"


def with_neighbours(raw: Path, name: str) -> None:
    """What discs of hospitals hold beside the slices."""
    write_classic(SCAN, raw / name / "DICOM" / "S1", name="I{}".format)
    (raw / name / "AUTORUN.INF").write_text("[autorun]")
    (raw / name / "viewer.exe").write_bytes(b"MZ" + bytes(300))
    (raw / name / "report.pdf").write_bytes(b"%PDF-1.4")
    (raw / name / ".DS_Store").write_bytes(bytes(40))


def with_dicomdir(raw: Path, name: str) -> None:
    paths = write_classic(SCAN, raw / name)
    content = bytearray(paths[0].read_bytes())
    (raw / name / "DICOMDIR").write_bytes(
        bytes(content).replace(b"1.2.840.10008.5.1.4.1.1.4\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0")
    )


def reversed_numbers(k: int, dataset: Dataset) -> None:
    dataset.InstanceNumber = 100 - k


def link_loop(raw: Path, name: str) -> None:
    write_classic(SCAN, raw / name)
    (raw / name / "again").symlink_to(raw / name)


def changed(change: Callable[[bytes], bytes], **how: Any) -> Callable[[Path, str], object]:
    return lambda raw, name: rewrite(write_classic(SCAN, raw / name, **how), change)


def linked_half(raw: Path, name: str) -> None:
    paths = write_classic(SCAN, raw / name / "part1")
    store = raw.parent / "store"
    store.mkdir()
    for path in paths[3:]:
        path.rename(store / path.name)
    (raw / name / "part2").symlink_to(store)


def link_to_nothing(raw: Path, name: str) -> None:
    write_classic(SCAN, raw / name)
    (raw / name / "part2").symlink_to("/mnt/unmounted")


def with_bin(raw: Path, name: str) -> None:
    write_classic(SCAN, raw / name)
    write_classic(SCAN, raw / name / "$RECYCLE.BIN")


def slope_in_some(k: int, dataset: Dataset) -> None:
    if k != 1:
        dataset.RescaleSlope, dataset.RescaleIntercept = "2", "0"


def padded(_: int, dataset: Dataset) -> None:
    stored = np.frombuffer(dataset.PixelData, "<u2").copy()
    stored[:20] = 65535
    dataset.PixelData = stored.tobytes()
    dataset.PixelPaddingValue = 65535


def floating(_: int, dataset: Dataset) -> None:
    values = np.frombuffer(dataset.PixelData, "<u2").astype("<f4")
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.BitsAllocated, dataset.FloatPixelData = 32, values.tobytes()


def odd_padding(_: int, dataset: Dataset) -> None:
    dataset.add_new(0x00280120, "LO", "none")


def small_letters(content: bytes) -> bytes:
    return content.replace(b"MONOCHROME2", b"monochrome2")


def two_of_another_format(folder: Path) -> None:
    for name in ("a.nii.gz", "b.nii.gz"):
        (folder / name).touch()


def lost_among_hexadecimal(raw: Path, name: str) -> None:
    paths = write_classic(SCAN, raw / name, name=lambda k: f"{2_654_435_761 * (k + 1) % 2**32:08x}")
    paths[-1].write_bytes(bytes(900))


def taken_away(raw: Path, name: str) -> None:
    path = write_classic(SCAN, raw / name)[-1]
    path.with_name(f".{path.name}.icloud").write_bytes(b"bplist00")
    path.unlink()


def more_images(raw: Path, name: str) -> None:
    path = write_enhanced(SCAN, raw / name / "one.dcm")
    dataset = dcmread(path)
    dataset.NumberOfFrames -= 1
    dataset.PerFrameFunctionalGroupsSequence.pop()
    dataset.save_as(path)


def cut_slice(raw: Path, name: str) -> None:
    path = write_classic(SCAN, raw / name)[2]
    path.write_bytes(path.read_bytes()[:-40])


def pipe_named_as_slice(raw: Path, name: str) -> None:
    paths = write_classic(SCAN, raw / name)
    paths[2].unlink()
    os.mkfifo(paths[2])


def broken_codestream(raw: Path, name: str) -> None:
    real_series("pydicom/MR_small_jp2klossless.dcm")(raw, name)
    path = next((raw / name).iterdir())
    content = bytearray(path.read_bytes())
    begin = content.index(b"\xff\x4f\xff\x51")
    content[begin + 4 : begin + 40] = bytes(36)
    path.write_bytes(bytes(content))


DICOM: dict[str, tuple[Callable[[Path, str], object], str]] = {
    "plain slices": (classic(), SOUND),
    "numbered backwards": (classic(edit=reversed_numbers), SOUND),
    "shuffled": (classic(shuffle_seed=3), SOUND),
    "no extension": (classic(name="{}".format), SOUND),
    "nested": (classic(name="a/b/IM{}".format), SOUND),
    "junk beside the slices": (with_neighbours, SOUND),
    "a DICOMDIR": (with_dicomdir, SOUND),
    "slope per slice": (classic(edit=varying_slope), SOUND),
    "no frame of reference": (classic(frame_of_reference=False), SOUND),
    "implicit little endian": (classic(syntax=ImplicitVRLittleEndian), SOUND),
    "RLE": (classic(syntax=RLELossless), SOUND),
    "enhanced": (
        lambda raw, name: write_enhanced(SCAN, raw / name / "one.dcm", shuffle_seed=1),
        SOUND,
    ),
    "JPEG 2000": (real_series("pydicom/MR_small_jp2klossless.dcm"), SOUND),
    "JPEG-LS": (real_series("pydicom/MR_small_jpeg_ls_lossless.dcm"), SOUND),
    "big endian": (real_series("pydicom/MR_small_bigendian.dcm"), SOUND),
    "a loop of links": (link_loop, SOUND),
    "slices behind a linked folder": (linked_half, SOUND),
    "a linked folder that is not there": (link_to_nothing, "does not exist"),
    "deleted slices in a bin": (with_bin, SOUND),
    "explicit called implicit": (changed(restated(ImplicitVRLittleEndian)), SOUND),
    "implicit called explicit": (
        changed(restated(ExplicitVRLittleEndian), syntax=ImplicitVRLittleEndian),
        SOUND,
    ),
    "RLE without a mark at the end": (changed(without_end_of_items, syntax=RLELossless), SOUND),
    "plain called RLE": (changed(restated(RLELossless)), "but they are not"),
    "RLE called plain": (
        changed(restated(ExplicitVRLittleEndian), syntax=RLELossless),
        "says that they are not",
    ),
    "pixel spacing as text": (changed(with_vr(SPACING, "UT")), SOUND),
    "bits above the value": (classic(edit=with_bits(12, 11, above=16)), SOUND),
    "values in the highest bits": (classic(edit=with_bits(12, 15, shift=4)), "HighBit 15"),
    "a slope in some slices": (classic(edit=slope_in_some), "no RescaleSlope.*IM0001"),
    "padding": (classic(edit=padded), SOUND),
    "floating-point pixels": (classic(edit=floating), "floating-point"),
    "scans of another format": (
        in_folder(two_of_another_format),
        "2 scans of other formats.*as RAW_DIR",
    ),
    "a single empty file of another format": (
        in_folder(lambda folder: (folder / "a.nii.gz").touch()),
        "not what its name says",
    ),
    "a lost slice among hexadecimal names": (lost_among_hexadecimal, "named like a slice"),
    "a slice that iCloud took away": (taken_away, "named like a slice but is an unfinished"),
    "more images than stated": (more_images, "more images than its header says"),
    "pointers": (
        in_folder(lambda folder: (folder / "1.dcm").write_bytes(b"/annex/objects/MD5E-s9--0\n")),
        "datalad get",
    ),
    "padding that is no number": (classic(edit=odd_padding), "PixelPaddingValue is not usable"),
    "a color model in small letters": (changed(small_letters), SOUND),
    "a slice cut short": (cut_slice, "cut short"),
    "a pipe among the slices": (pipe_named_as_slice, "missing|slice"),
    "a broken JPEG 2000 stream": (broken_codestream, "cannot be decoded|cut short"),
    "a real cut file": (real_series("pydicom/MR_truncated.dcm"), "cut short"),
    "a real JPEG 2000 without places": (
        real_series("pydicom/emri_small_jpeg_2k_lossless_too_short.dcm"),
        "no position for each of them",
    ),
    "a real time series": (real_series("dicom2nifti/ge_fmri"), "images at each of"),
    "a real color series": (real_series("dicom2nifti/rgb"), "color"),
    "an empty folder": (in_folder(lambda _: None), "no DICOM image"),
    **{name: (in_folder(write), re.escape(words[0])) for name, (write, words) in REFUSED.items()},
}
