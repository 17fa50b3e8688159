"""The text that opens a MetaImage file: `Key = value` lines, read strictly and within bounds.

Synonyms of the format are folded into one name, and a key that is stated twice with different
values is refused, because two readers could then see two different images.
"""

from __future__ import annotations

import codecs
import math
import re
from typing import TYPE_CHECKING

from carotid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEADER_BYTES = 1 << 18
MAX_HEADER_LINES = 4096

LAST_KEY = "ElementDataFile"

_SYNONYMS = {
    "Position": "Offset",
    "Origin": "Offset",
    "Rotation": "TransformMatrix",
    "Orientation": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?|[+-]?(nan|inf)", re.I)
_MAX_NUMBER_LENGTH = 64
_BOOLEANS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def parse_fields(head: bytes) -> tuple[dict[str, str], int]:
    """Read the lines up to and with `ElementDataFile`.

    Args:
        head: The first `MAX_HEADER_BYTES` bytes of the file, or all of a shorter one.

    Returns:
        The values by key, synonyms folded, and the number of bytes that the lines took.

    Raises:
        InputError: This is not a MetaImage header, or it is cut short, too long or ambiguous.
    """
    fields: dict[str, str] = {}
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    for number in range(1, MAX_HEADER_LINES + 1):
        if start >= len(head):
            break
        end = head.find(b"\n", start)
        stop = len(head) if end < 0 else end + 1
        text = head[start:stop].decode("utf-8", "surrogateescape").strip()
        start = stop
        if not text:
            continue
        if end < 0 and number > 1 and not text.startswith(LAST_KEY):
            break  # a line that is cut short
        key, value = _split(text, number)
        known = fields.setdefault(key, value)
        if known != value:
            raise InputError(
                f"the header states {key} twice, differently",
                found=f"'{known[:60]}' and '{value[:60]}'",
                remedy="remove the wrong line",
            )
        if key == LAST_KEY:
            return fields, start
    if not fields:
        raise InputError("the file is empty", expected="a MetaImage header")
    raise InputError(
        f"the header does not come to its last line, {LAST_KEY}",
        found=f"{len(head)} bytes",
        expected=f"at most {MAX_HEADER_BYTES} bytes and {MAX_HEADER_LINES} lines",
        remedy="the file is cut short or no MetaImage; copy it again from where it came from",
    )


def _split(text: str, number: int) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key or not key.isascii() or not key.isprintable() or "\0" in value:
        if number == 1:
            raise InputError(
                "this is not a MetaImage file",
                found=f"a first line that reads '{text[:40]}'",
                expected="'ObjectType = Image'",
            )
        raise InputError(
            "the header is damaged",
            found=f"'{text[:40]}' in line {number}",
            expected="'Key = value'",
        )
    return _SYNONYMS.get(key, key), value.strip()


def text_of(fields: Mapping[str, str], key: str) -> str:
    """The value of a key that has to be there."""
    if key not in fields:
        raise InputError(f"the header lacks {key}", remedy=f"add a line '{key} = …'")
    return fields[key]


def integers_of(fields: Mapping[str, str], key: str, count: int) -> tuple[int, ...]:
    """The `count` whole numbers of a key."""
    words = text_of(fields, key).split()
    if len(words) != count or not all(_INTEGER.fullmatch(word) for word in words):
        raise _wrong(fields, key, "a whole number" if count == 1 else f"{count} whole numbers")
    return tuple(int(word) for word in words)


def numbers_of(fields: Mapping[str, str], key: str, count: int, limit: float) -> tuple[float, ...]:
    """The `count` numbers of a key, finite and not beyond ±`limit`."""
    words = text_of(fields, key).split()
    if len(words) != count or not all(
        len(word) <= _MAX_NUMBER_LENGTH and _NUMBER.fullmatch(word) for word in words
    ):
        raise _wrong(fields, key, f"{count} numbers")
    numbers = tuple(float(word) for word in words)
    if not all(math.isfinite(number) and abs(number) <= limit for number in numbers):
        raise _wrong(fields, key, f"{count} numbers between {-limit:g} and {limit:g}")
    return numbers


def boolean_of(fields: Mapping[str, str], key: str, *, default: bool) -> bool:
    """The truth value of a key, or `default` where the header does not have it."""
    if key not in fields:
        return default
    value = _BOOLEANS.get(fields[key].lower())
    if value is None:
        raise _wrong(fields, key, "True or False")
    return value


def _wrong(fields: Mapping[str, str], key: str, expected: str) -> InputError:
    return InputError(
        f"{key} in the header is not usable",
        found=f"'{fields[key][:80]}'",
        expected=expected,
        remedy="correct the header",
    )
