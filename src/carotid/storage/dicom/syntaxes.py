"""How pixels may be encoded (transfer syntaxes), and which of them can be decoded here.

What decodes JPEG lossless is under the GPL, so it does not come with the package: who has such
files can add it, and is told so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
JPEG_FAMILY = "1.2.840.10008.1.2.4."
"""How the UIDs of JPEG, JPEG-LS, JPEG 2000 and HTJ2K begin; all of them end with one mark."""

_JPEG = {f"{JPEG_FAMILY}{number}" for number in (50, 51, 57, 70)}
"""Baseline, extended, and lossless: what the optional decoder is for."""

EXPORT_UNCOMPRESSED = "export the series uncompressed"
INSTALL_DECODER = (
    "install the decoder for it with `pip install 'carotid[jpeg]'` (pylibjpeg-libjpeg, which is "
    "under the GPL), or export the series uncompressed"
)


def check_decodable(path: Path, syntax: str) -> None:
    """Refuse a file whose pixels no installed decoder can read.

    Raises:
        InputError: Names the encoding, and what to install where that helps.
    """
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    try:
        available = get_decoder(UID(syntax)).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise InputError(
            "the pixels are encoded in a way that cannot be decoded here",
            where=path,
            found=UID(syntax).name,
            remedy=remedy_for(syntax),
        )


def remedy_for(syntax: str) -> str:
    """What to do about pixels in this encoding that cannot be decoded."""
    return INSTALL_DECODER if syntax in _JPEG and not has_jpeg_decoder() else EXPORT_UNCOMPRESSED


def has_jpeg_decoder() -> bool:
    """Whether the optional decoder is installed."""
    from importlib.util import find_spec

    return find_spec("libjpeg") is not None
