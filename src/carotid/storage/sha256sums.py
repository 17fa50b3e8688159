"""`SHA256SUMS`: checksums of files, as `sha256sum`, `shasum` and `openssl dgst` write them."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from carotid.errors import ModelError
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

SHA256SUMS = "SHA256SUMS"

_LINE = re.compile(
    r"(?P<first>[0-9a-f]{64})[ \t]+\*?(?P<name>\S.*)"
    r"|SHA2?-?256 ?\((?P<tagged>.+)\) ?= ?(?P<last>[0-9a-f]{64})",
    re.IGNORECASE,
)
_MAX_BYTES = 1 << 20
_REMEDY = f"make it again with `sha256sum *.pt > {SHA256SUMS}`, or remove it"


def read_sha256sums(folder: Path) -> dict[str, str]:
    """Read `SHA256SUMS` of a folder; nothing where there is no such file.

    Returns:
        SHA-256 in small hexadecimal by name within the folder, without a leading `./`.

    Raises:
        ModelError: A line is not understood, or a file has two checksums.
        InputError: It is no file, or cannot be read.
    """
    path = folder / SHA256SUMS
    if not path.exists() and not path.is_symlink():
        return {}
    with open_regular(path) as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ModelError("the file is too large", where=path, expected="at most 1 MB")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ModelError(
            "the file is not text in UTF-8", where=path, found=str(error), remedy=_REMEDY
        ) from error
    sums: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ModelError(
                f"line {number} is no SHA-256 of a file",
                where=path,
                found=text[:80],
                expected="64 hexadecimal digits and a name, or SHA256 (name) = digits",
                remedy=_REMEDY,
            )
        name = posixpath.normpath(match["name"] or match["tagged"])
        sha256 = (match["first"] or match["last"]).lower()
        if sums.setdefault(name, sha256) != sha256:
            raise ModelError(
                f"line {number} has another checksum of the same file",
                where=path,
                found=name,
                remedy=_REMEDY,
            )
    return sums
