"""Scans that cannot be used, and odd ones that can: a line each.

A row is what is wrong, how such a scan is written into a folder of scans, and a pattern that the
one line about it must contain; no pattern means that the scan is sound and must be done. Rows of
one format are tried in one run of the command, with a good participant before and behind them.
"""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from tests.storage.metaimage.files import VOXELS, deflated_bytes, file_bytes
from tests.storage.metaimage.test_header import FOUR_AXES
from tests.storage.metaimage.test_read_faults import HEADER_FAULTS
from tests.storage.nifti.files import AFFINE, AFFINES, content_of, image_of
from tests.storage.nifti.test_forms import changed as upside_down
from tests.storage.nifti.test_forms import turned
from tests.storage.nifti.test_place import SHEAR, forms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "data"
SOUND = ""
"""In place of a pattern: the scan can be used."""

DEFLATED = zlib.compress(VOXELS.tobytes())
BLANK = bytes(VOXELS.nbytes)


# --- MetaImage ---------------------------------------------------------------------------------


def mha(content: bytes) -> Callable[[Path, str], object]:
    return lambda raw, name: (raw / f"{name}.mha").write_bytes(content)


def mhd(data_file: str) -> Callable[[Path, str], object]:
    """A header that names a data file, beside files and folders of all kinds."""

    def write(raw: Path, name: str) -> None:
        outside = raw.parent / "outside.raw"
        outside.write_bytes(VOXELS.tobytes())
        content = file_bytes(b"", ElementDataFile=data_file.format(name=name, outside=outside))
        (raw / f"{name}.mhd").write_bytes(content)
        place = raw / f"{name}.raw"
        if "link" in name:
            place.symlink_to("../outside.raw")
        elif "pipe" in name:
            os.mkfifo(place)
        elif "short" in name:
            place.write_bytes(VOXELS.tobytes()[:-1])
        elif "sound" in name or "percent" in name or "in a folder" in name:
            place = raw / data_file.format(name=name)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(VOXELS.tobytes())

    return write


def spelled_otherwise(raw: Path, name: str) -> None:
    """Voxels called with accents apart, and in another case than the header says."""
    header = file_bytes(b"", ElementDataFile=f"{name} ä.raw")
    (raw / f"{name}.mhd").write_bytes(header)
    (raw / f"{name} A\u0308.RAW").write_bytes(VOXELS.tobytes())


def data_pointer(raw: Path, name: str) -> None:
    (raw / f"{name}.mhd").write_bytes(file_bytes(b"", ElementDataFile=f"{name}.raw"))
    (raw / f"{name}.raw").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")


def flipped(content: bytes, where: int) -> bytes:
    """One bit turned, `where` bytes from the end."""
    turned = bytearray(content)
    turned[-where] ^= 1
    return bytes(turned)


def pipe(raw: Path, name: str) -> None:
    os.mkfifo(raw / f"{name}.mha")


def link(target: str) -> Callable[[Path, str], object]:
    return lambda raw, name: (raw / f"{name}.mha").symlink_to(target)


METAIMAGE: dict[str, tuple[Callable[[Path, str], object], str]] = {
    "header cut short": (mha(file_bytes()[:60]), "header"),
    "nothing in it": (mha(b""), "header|empty"),
    "no MetaImage at all": (mha(b"GIF89a" * 99), "header|MetaImage"),
    "plain body cut short": (mha(file_bytes(VOXELS.tobytes()[:-1])), "cut short"),
    "plain body too long": (mha(file_bytes(VOXELS.tobytes() + b"x")), "longer"),
    "deflated body cut short": (mha(deflated_bytes(DEFLATED[:-9])), "cut short"),
    "deflated body without its end": (
        mha(deflated_bytes(DEFLATED, CompressedDataSize=None)[:-5]),
        "cut short",
    ),
    "a flipped bit in the stream": (mha(flipped(deflated_bytes(), 20)), "damaged|cut short|more"),
    "a flipped bit in the checksum": (mha(flipped(deflated_bytes(), 2)), "damaged"),
    "stream shorter than the size": (mha(deflated_bytes(DEFLATED, DimSize="3 4 6")), "cut short"),
    "stream longer than the size": (mha(deflated_bytes(DEFLATED, DimSize="3 4 4")), "more than"),
    "no CompressedDataSize": (mha(deflated_bytes(CompressedDataSize=None)), SOUND),
    "CompressedDataSize too small": (mha(deflated_bytes(CompressedDataSize="7")), "longer"),
    "CompressedDataSize too large": (mha(deflated_bytes(CompressedDataSize="9999")), "cut short"),
    "a deflate bomb": (mha(deflated_bytes(zlib.compress(bytes(1 << 28)))), "more than the header"),
    "a deflate bomb that says so": (
        mha(deflated_bytes(zlib.compress(bytes(1 << 20)), DimSize="60000 60000 60000")),
        "too short|memory",
    ),
    "big-endian": (
        mha(file_bytes(VOXELS.astype(">i2").tobytes(), BinaryDataByteOrderMSB="True")),
        SOUND,
    ),
    "with direction left-handed": (mha(file_bytes(TransformMatrix="-1 0 0 0 1 0 0 0 1")), SOUND),
    "with 3 channels": (
        mha(file_bytes(bytes(360), ElementNumberOfChannels="3")),
        "several channels",
    ),
    **{
        f"with {name}": (mha(file_bytes(**changes)), words)
        for name, (changes, words) in HEADER_FAULTS.items()
    },
    "data file sound": (mhd("{name}.raw"), SOUND),
    "data file short": (mhd("{name}.raw"), "cut short"),
    "data file absolute": (mhd("{outside}"), "outside"),
    "data file above": (mhd("../outside.raw"), "outside"),
    "data file a link out": (mhd("{name}.raw"), "outside"),
    "data file missing": (mhd("{name}.raw"), "no such file"),
    "data file a pipe": (mhd("{name}.raw"), "pipe"),
    "data file a device": (mhd("/dev/zero"), "outside"),
    "data file a LIST": (mhd("LIST"), "several files"),
    "data file a pattern": (mhd("slice%03d.raw 1 5 1"), "several files"),
    "data file with a percent sign": (mhd("{name} 70%dist.raw"), SOUND),
    "data file in a folder": (mhd("voxels/{name}.raw"), SOUND),
    "data file spelled by another system": (spelled_otherwise, SOUND),
    "data file a pointer": (data_pointer, "git lfs pull"),
    "a byte-order mark": (mha(b"\xef\xbb\xbf" + file_bytes()), SOUND),
    "four axes, the last of one": (mha(file_bytes(**FOUR_AXES)), SOUND),
    "measured in centimetres": (mha(file_bytes(DistanceUnits="cm")), "millimetres"),
    "a web page": (mha(b"<html>" * 99), "a web page"),
    "a Git-LFS pointer": (mha(b"version https://git-lfs.github.com/spec/v1"), "git lfs pull"),
    "a pipe": (pipe, "a named pipe"),
    "a folder called scan.mha": (lambda raw, name: (raw / name).mkdir(), "no DICOM image"),
    "a device": (link("/dev/zero"), "a device"),
    "a link to nowhere": (link("nowhere"), "does not exist"),
    "a link to itself": (lambda raw, name: link(f"{name}.mha")(raw, name), "cannot be opened"),
}


# --- voxels ------------------------------------------------------------------------------------


def voxels(
    array: NDArray[Any], kind: str = "MET_SHORT", **changes: str
) -> Callable[[Path, str], object]:
    """(k, j, i) numbers of that type."""
    sizes = " ".join(str(n) for n in array.shape[::-1])
    return mha(file_bytes(array.tobytes(), DimSize=sizes, ElementType=kind, **changes))


def floats(value: float) -> Callable[[Path, str], object]:
    array = VOXELS.astype("<f4")
    array[2, 1, 1] = value
    return voxels(array, "MET_FLOAT")


VOXEL_ROWS: dict[str, tuple[Callable[[Path, str], object], str]] = {
    "all zero": (mha(file_bytes(BLANK)), "constant"),
    "constant": (voxels(np.full_like(VOXELS, -7)), "constant"),
    "NaN": (floats(float("nan")), "1 of 60 voxels NaN or infinite"),
    "Inf": (floats(float("inf")), "1 of 60 voxels NaN or infinite"),
    "minus Inf": (floats(float("-inf")), "1 of 60 voxels NaN or infinite"),
    "extreme int16": (voxels(np.where(VOXELS > 100, 32767, -32768).astype("<i2")), SOUND),
    "extreme uint64": (
        voxels(np.where(VOXELS > 100, 2**64 - 1, 0).astype("<u8"), "MET_ULONG_LONG"),
        "too large to compute with",
    ),
    "extreme int32": (
        voxels(np.where(VOXELS > 100, 2**31 - 1, -(2**31)).astype("<i4"), "MET_INT"),
        SOUND,
    ),
    "extreme double": (
        voxels(np.where(VOXELS > 100, 1.7e308, -1.7e308).astype("<f8"), "MET_DOUBLE"),
        "too large to compute with",
    ),
    "extreme float": (
        voxels(np.where(VOXELS > 100, 3e38, -3e38).astype("<f4"), "MET_FLOAT"),
        "too large to compute with",
    ),
    "one slice": (voxels(VOXELS[:1]), SOUND),
    "one row": (voxels(VOXELS[:1, :1]), SOUND),
    "one voxel": (voxels(VOXELS[:1, :1, :1]), "constant"),
    "smaller than the window": (mha(file_bytes()), SOUND),
    "color": (
        mha(file_bytes(bytes(180), ElementNumberOfChannels="3", ElementType="MET_UCHAR")),
        "several channels",
    ),
    "anisotropic": (
        voxels(VOXELS, ElementSpacing="0.3 9 4"),
        SOUND,
    ),
}


# --- NIfTI -------------------------------------------------------------------------------------


def nii(content: bytes, *, packed: bool = False) -> Callable[[Path, str], object]:
    ending = ".nii.gz" if packed else ".nii"
    return lambda raw, name: (raw / f"{name}{ending}").write_bytes(content)


PACKED = gzip.compress(content_of(), 6, mtime=0)


def at_45_degrees() -> bytes:
    affine = turned(0, 45, (0, 1, 2), (1, -1, 1), (0.5, 0.5, 0.5))
    return forms(affine, 1, affine, 1)


VERSION_2: Any = image_of(nibabel.Nifti2Image)


def real_nifti(file: str) -> Callable[[Path, str], object]:
    """A real file of nibabel's test data."""
    return lambda raw, name: shutil.copy(DATA / "nifti" / file, raw / f"{name}.nii")


NIFTI: dict[str, tuple[Callable[[Path, str], object], str]] = {
    "nii cut short": (nii(content_of()[:-1]), "cut short"),
    "nii header cut short": (nii(content_of()[:200]), "cut short|NIfTI"),
    "nii empty": (nii(b""), "cut short|NIfTI"),
    "gz cut short": (nii(PACKED[:-1], packed=True), "cut short"),
    "gz cut in the header": (nii(PACKED[:40], packed=True), "cut short"),
    "gz flipped byte": (nii(flipped(PACKED, 30), packed=True), "damaged|cut short|more"),
    "gz flipped checksum": (nii(flipped(PACKED, 6), packed=True), "damaged"),
    "gz called nii": (nii(PACKED), "not what its name says"),
    "nii called gz": (nii(content_of(), packed=True), "not compressed.*Rename it to .nii"),
    "forms in other directions": (nii(forms(AFFINE, 1, AFFINES["LAS"], 1)), "contradict|RAS and"),
    "sheared": (nii(content_of(affine=SHEAR)), "right angles"),
    "a code without a matrix": (
        nii(upside_down(**dict.fromkeys(("srow_x", "srow_y", "srow_z"), 0))),
        SOUND,
    ),
    "a text in another language": (nii("Zugriff verweigert für Gäste".encode()), "a text that"),
    "no form at all": (nii(forms(AFFINE, 0, AFFINE, 0)), "left and right are unknown"),
    "four axes": (nii(content_of(np.zeros((3, 4, 5, 2), np.int16))), "4 axes"),
    "four axes, the last of one": (
        nii(content_of(np.arange(60, dtype=np.int16).reshape(3, 4, 5, 1))),
        SOUND,
    ),
    "slope NaN": (nii(content_of(scl_slope=np.nan)), SOUND),
    "slope Inf": (nii(content_of(scl_slope=np.inf)), "slope inf"),
    "slope that overflows": (nii(content_of(scl_slope=3e38, scl_inter=0)), "NaN or infinite"),
    "sform NaN": (nii(content_of(srow_x=np.nan)), "sform is not usable"),
    "8 GB in a small file": (
        nii(content_of(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1])),
        "cut short",
    ),
    "gz that claims terabytes": (
        nii(gzip.compress(content_of(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1])), packed=True),
        "cut short",
    ),
    "a prescription of 45 degrees": (nii(at_45_degrees()), SOUND),
    "a rounded quaternion": (nii(upside_down(quatern_b=np.float32(1 + 5e-7))), SOUND),
    "a useless qform": (nii(upside_down(quatern_b=np.nan)), SOUND),
    "negative voxel sizes": (nii(upside_down(pixdim=[1, -0.5, 0.6, 0.7, 0, 0, 0, 0])), SOUND),
    "sizes that contradict": (nii(upside_down(pixdim=[1, 1, 0.6, 0.7, 0, 0, 0, 0])), "contradict"),
    "packed twice": (nii(gzip.compress(PACKED), packed=True), "Unpack it once"),
    "a packed web page": (nii(gzip.compress(b"<html>" * 99), packed=True), "a web page"),
    "a pointer": (nii(b"version https://git-lfs.github.com/spec/v1", packed=True), "git lfs"),
    "complex numbers": (nii(content_of(np.ones((3, 4, 5), np.complex64))), "complex"),
    "a real 5-D file": (real_nifti("5D_small.nii"), "5 axes|axes"),
    "a real file that is no NIfTI": (real_nifti("not-nifti.nii"), "NIfTI"),
    "version 2": (lambda raw, name: VERSION_2.to_filename(raw / f"{name}.nii"), SOUND),
    "packed": (nii(PACKED, packed=True), SOUND),
}
