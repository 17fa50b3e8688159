"""Changes to DICOM files that no library would write: inconsistent, odd or incomplete ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pydicom import Dataset

PIXELS = b"\xe0\x7f\x10\x00"
END_OF_ITEMS = b"\xfe\xff\xdd\xe0\0\0\0\0"
SPACING, POSITION, ORIENTATION = b"\x28\0\x30\0", b"\x20\0\x32\0", b"\x20\0\x37\0"


def rewrite(paths: Iterable[Path], change: Callable[[bytes], bytes]) -> None:
    for path in paths:
        path.write_bytes(change(path.read_bytes()))


def restated(uid: str) -> Callable[[bytes], bytes]:
    """Another TransferSyntaxUID in the file header, and nothing else changed."""

    def change(content: bytes) -> bytes:
        at = content.index(b"\x02\0\x10\0UI")
        length = int.from_bytes(content[at + 6 : at + 8], "little")
        text = uid.encode() + b"\0" * (len(uid) % 2)
        made = content[: at + 6] + len(text).to_bytes(2, "little") + text
        made += content[at + 8 + length :]
        group = made.index(b"\x02\0\0\0UL\x04\0") + 8
        size = int.from_bytes(made[group : group + 4], "little") + len(text) - length
        return made[:group] + size.to_bytes(4, "little") + made[group + 4 :]

    return change


def with_vr(tag: bytes, vr: str) -> Callable[[bytes], bytes]:
    """A decimal string under another value representation, with the same characters."""

    def change(content: bytes) -> bytes:
        at = content.index(tag + b"DS")
        length = int.from_bytes(content[at + 6 : at + 8], "little")
        long = vr in ("UT", "UN", "OB", "UC")
        size = b"\0\0" + length.to_bytes(4, "little") if long else length.to_bytes(2, "little")
        return content[:at] + tag + vr.encode() + size + content[at + 8 :]

    return change


def with_defined_length(content: bytes) -> bytes:
    """Compressed pixels whose length is stated, which it should not be."""
    at = content.rindex(PIXELS + b"O")
    length = len(content) - (at + 12)
    return content[: at + 8] + length.to_bytes(4, "little") + content[at + 12 :]


def without_end_of_items(content: bytes) -> bytes:
    assert content.endswith(END_OF_ITEMS)
    return content.removesuffix(END_OF_ITEMS)


def with_bits(
    value_bits: int, high_bit: int, *, shift: int = 0, above: int = 0
) -> Callable[[int, Dataset], None]:
    """Pixels of 16 bits whose value is `value_bits` wide; `above` fills the bits over it."""

    def edit(_: int, dataset: Dataset) -> None:
        stored = np.frombuffer(dataset.PixelData, "<u2") << shift
        if above:
            others = np.arange(stored.size, dtype=np.uint16) % above
            stored = stored | others << value_bits
        dataset.PixelData = stored.astype("<u2").tobytes()
        dataset.BitsStored, dataset.HighBit = value_bits, high_bit

    return edit


def set_in(paths: Iterable[Path], **values: Any) -> None:
    """Set attributes of files that are written already, such as compressed ones."""
    for path in paths:
        dataset = dcmread(path)
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path, overwrite=True)
