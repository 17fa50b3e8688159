"""Reads thousands of damaged files in one process, and says what became of each.

    python -m tests.faults.mutation KIND COUNT SEED FOLDER

A sound file of a kind is written to FOLDER and damaged COUNT times, by one to three of the changes
below, each time from the start. Every damaged file must give a documented error or be read: exactly
as before where a checksum covers what was changed, and else as a volume that fits its grid.
A file that takes longer than 10 s, or half a gibibyte beyond what the process has, ends the
process; the file that did it is then still in FOLDER.
"""

from __future__ import annotations

import gzip
import json
import logging
import random
import resource
import shutil
import signal
import sys
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.uid import RLELossless
from tests.dicom_series import make_volume, write_classic, write_enhanced
from tests.storage.nifti.files import content_of

from carotid.errors import CarotidError
from carotid.storage.raw import RawScan, load_scan

if TYPE_CHECKING:
    from collections.abc import Callable

HANG_S = 10
MEMORY_BYTES = 512 << 20
DATA = Path(__file__).parents[1] / "data"

Result = Any
"""What reading gave, in a form that can be compared."""


@dataclass(frozen=True)
class Subject:
    """A sound file that will be damaged.

    Attributes:
        path: The file; a sound participant or model together with what lies beside it.
        content: Its bytes.
        read: Reads the participant or the model.
        guarded: The first byte from which on a checksum covers every byte.
    """

    path: Path
    content: bytes
    read: Callable[[], Result]
    guarded: int


def scan(path: Path, kind: str, guarded: int, place: Path | None = None) -> Subject:
    """A scan read as the command reads it."""
    whole = RawScan("x", place or path, kind)

    def read() -> Result:
        volume = load_scan(whole)
        if tuple(volume.array.shape) != tuple(volume.grid.shape):
            raise AssertionError("the voxels do not fit the grid")
        array = np.asarray(volume.array)
        return array.dtype.str, array.tobytes(), volume.grid.shape, volume.grid.affine.tobytes()

    return Subject(path, path.read_bytes(), read, guarded)


def deflated_mha(folder: Path) -> Subject:
    """A compressed `.mha`: its voxels are covered by a checksum, its header is not."""
    volume = make_volume(shape=(24, 20, 16), dtype=np.int16)
    head, body = mha_parts(volume)
    packed = zlib.compress(body, 1)
    head = head.replace("CompressedData = False", "CompressedData = True")
    text = head.replace("ElementData", f"CompressedDataSize = {len(packed)}\nElementData")
    path = folder / "x.mha"
    path.write_bytes(text.encode() + packed)
    return scan(path, "metaimage", len(text))


def plain_mha(folder: Path) -> Subject:
    """An `.mha` without compression: nothing is covered."""
    head, body = mha_parts(make_volume(shape=(12, 10, 8), dtype=np.int16))
    path = folder / "x.mha"
    path.write_bytes(head.encode() + body)
    return scan(path, "metaimage", 1 << 40)


def mha_parts(volume: Any) -> tuple[str, bytes]:
    """Header and voxels of an `.mha`."""
    sizes = " ".join(str(n) for n in volume.grid.shape)
    head = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        "CompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 10 20 30\n"
        f"ElementSpacing = 0.7 0.9 2.5\nDimSize = {sizes}\nElementType = MET_SHORT\n"
        "ElementDataFile = LOCAL\n"
    )
    return head, np.asarray(volume.array).tobytes(order="F")


def nifti(folder: Path, *, packed: bool) -> Subject:
    """A `.nii.gz`, of which a checksum covers all but the first ten bytes, or a `.nii`."""
    volume = make_volume(shape=(14, 12, 10), dtype=np.int16)
    content = content_of(volume.array, volume.grid.affine)
    path = folder / ("x.nii.gz" if packed else "x.nii")
    path.write_bytes(gzip.compress(content, 6, mtime=0) if packed else content)
    return scan(path, "nifti", 0 if packed else 1 << 40)


def dicom(folder: Path, how: str) -> Subject:
    """One slice of a small series, or one file with all slices."""
    place = folder / "x"
    volume = make_volume(shape=(10, 8, 3))
    if how == "enhanced":
        path = write_enhanced(volume, place / "one.dcm")
    elif how == "j2k":
        place.mkdir()
        path = Path(shutil.copy(DATA / "dicom" / "pydicom" / "MR_small_jp2klossless.dcm", place))
    elif how == "jpegls":
        place.mkdir()
        name = "MR_small_jpeg_ls_lossless.dcm"
        path = Path(shutil.copy(DATA / "dicom" / "pydicom" / name, place))
    else:
        syntax = {"syntax": RLELossless} if how == "rle" else {}
        path = write_classic(volume, place, **syntax)[1]  # type: ignore[arg-type]
    return scan(path, "dicom", 1 << 40, place)


def weights_file(folder: Path) -> Subject:
    """A `.pt` file; every weight is covered by a checksum."""
    import torch
    from tests.networks import weights

    from carotid.network.unet import HEATMAP
    from carotid.network.weights import read_weights

    path = folder / "x.pt"
    torch.save({name: value.half() for name, value in weights(0).items()}, path)

    def read() -> Result:
        return [
            (name, value.numpy().tobytes())
            for name, value in read_weights(path, HEATMAP).state.items()
        ]

    return Subject(path, path.read_bytes(), read, 0)


KINDS: dict[str, Callable[[Path], Subject]] = {
    "deflated MHA": deflated_mha,
    "plain MHA": plain_mha,
    "NIfTI": lambda folder: nifti(folder, packed=False),
    "gzipped NIfTI": lambda folder: nifti(folder, packed=True),
    "DICOM": lambda folder: dicom(folder, "plain"),
    "DICOM, RLE": lambda folder: dicom(folder, "rle"),
    "DICOM, JPEG 2000": lambda folder: dicom(folder, "j2k"),
    "DICOM, JPEG-LS": lambda folder: dicom(folder, "jpegls"),
    "DICOM, enhanced": lambda folder: dicom(folder, "enhanced"),
    "weights": weights_file,
}

TOKENS = (b"-1", b"0", b"nan", b"1e308", b"99999999999", b"\n", b" = ", b"LOCAL", b"True", b"\0")
NUMBERS = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, 0x10000)


def damaged(content: bytes, chance: random.Random, head: int) -> tuple[bytes, int]:
    """A changed copy, and the first byte that was changed."""
    made = bytearray(content)
    first = len(content)
    for _ in range(chance.choice((1, 1, 2, 3))):
        early = chance.random() < 0.5
        end = max(1, min(len(made), head) if early else len(made))
        at = chance.randrange(end)
        first = min(first, at)
        span = chance.choice((1, 1, 2, 4, 16, 200))
        match chance.randrange(8):
            case 0:
                made[at : at + 1] = bytes([made[at] ^ 1 << chance.randrange(8)]) if made else b""
            case 1:
                made[at : at + span] = chance.randbytes(span)
            case 2:
                del made[at : at + span]
            case 3:
                made[at:at] = chance.randbytes(span)
            case 4:
                made[at:at] = made[at : at + span]
            case 5:
                made[at : at + 4] = chance.choice(NUMBERS).to_bytes(4, "little")
            case 6:
                token = chance.choice(TOKENS)
                made[at : at + chance.choice((0, len(token)))] = token
            case 7:
                del made[at:]
        if not made:
            break
    return bytes(made), first


def trial(subject: Subject, sound: Result, content: bytes, first: int) -> str:
    """What became of one damaged file: `refused`, `exact`, `valid`, or what is wrong."""
    subject.path.write_bytes(content)
    signal.alarm(HANG_S)
    try:
        found = subject.read()
    except CarotidError as error:
        text = str(error)
        if "\n" in text or len(text) > 1500:
            return f"problem: not one clear line: {text[:300]}"
        return "refused"
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        return f"problem: {type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.alarm(0)
    if found == sound:
        return "exact"
    if first >= subject.guarded:
        return "problem: damage behind a checksum was not noticed"
    return "valid"


def run(kind: str, count: int, seed: int, folder: Path) -> None:
    """See the module's description."""
    warnings.simplefilter("error")
    logging.getLogger("carotid").addHandler(logging.NullHandler())  # what it says is no matter here
    subject = KINDS[kind](folder)
    sound = subject.read()
    status = Path("/proc/self/status").read_text()
    size = int(status.split("VmSize:")[1].split()[0]) << 10
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY_BYTES, size + MEMORY_BYTES))
    tally: Counter[str] = Counter()
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        content, first = damaged(subject.content, chance, 900)
        became = trial(subject, sound, content, first)
        tally[became.partition(":")[0]] += 1
        if became.startswith("problem"):
            name = f"problem-{seed}-{number}{''.join(subject.path.suffixes)}"
            (folder / name).write_bytes(content)
            print(json.dumps({"number": number, "seed": seed, "became": became}), flush=True)  # noqa: T201
    print(json.dumps(tally))  # noqa: T201


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
