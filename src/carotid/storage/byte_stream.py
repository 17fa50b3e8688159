"""The bytes of a file from some place on, plain or deflated, in chunks of bounded size.

A reader asks for exactly the bytes that its header promises, so a stream that would inflate to
more than that is stopped after one chunk, and at the end it asks whether anything is left over,
which also checks the checksum that closes a deflate stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, Self, cast

from isal import igzip_lib

from carotid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

CHUNK_BYTES = 1 << 20
"""Most bytes that are inflated, or read, at a time."""

MAX_DEFLATE_RATIO = 1032
"""No deflate stream grows by more than this factor (RFC 1951: 258 bytes from two bits)."""

Packing = Literal["plain", "zlib", "gzip"]

_READ_BYTES = 1 << 18
_FLAGS = {"zlib": igzip_lib.DECOMP_ZLIB, "gzip": igzip_lib.DECOMP_GZIP}
_DEFLATE_ERROR = cast("type[Exception]", igzip_lib.error)
_COPY_AGAIN = "copy the file again from where it came from"


class Readable(Protocol):
    """An open file, as far as a stream needs one."""

    def read(self, count: int, /) -> bytes:
        """The next bytes, at most `count`; fewer only at the end of the file."""

    def close(self) -> None:
        """Close the file."""


class ByteStream:
    """Reads the unpacked bytes of an open file, from its current position to its end.

    Args:
        file: Open for reading bytes; closed with the stream.
        path: Its name, for messages.
        packing: How the bytes are stored.
    """

    def __init__(self, file: Readable, path: Path, packing: Packing) -> None:
        self._file = file
        self._path = path
        chunks = _plain(file) if packing == "plain" else _inflated(file, packing)
        self._chunks = _with_errors_named(chunks, path)
        self._left = memoryview(b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def fill(self, target: memoryview) -> None:
        """Put the next `len(target)` bytes into `target`, a flat view of bytes.

        Raises:
            InputError: The stream is damaged, or ends before that.
        """
        done = 0
        while done < len(target):
            if not self._left:
                self._left = memoryview(next(self._chunks, b""))
            if not self._left:
                raise InputError(
                    "the file is cut short",
                    where=self._path,
                    found=f"{done} bytes",
                    expected=f"{len(target)} bytes",
                    remedy=_COPY_AGAIN,
                )
            count = min(len(self._left), len(target) - done)
            target[done : done + count] = self._left[:count]
            self._left = self._left[count:]
            done += count

    def read(self, count: int) -> bytes:
        """The next `count` bytes; see `fill`."""
        target = bytearray(count)
        self.fill(memoryview(target))
        return bytes(target)

    def peek(self, count: int) -> bytes:
        """Some of the next bytes, at most `count`, which stay to be read.

        At the beginning of a stream they are all that there are.

        Raises:
            InputError: The stream is damaged.
        """
        if not self._left:
            self._left = memoryview(next(self._chunks, b""))
        return bytes(self._left[:count])

    def skip(self, count: int) -> None:
        """Pass over the next `count` bytes; see `fill`."""
        target = memoryview(bytearray(min(count, CHUNK_BYTES)))
        while count:
            piece = target[: min(count, len(target))]
            self.fill(piece)
            count -= len(piece)

    def excess(self, limit: int = 0) -> int:
        """Read on to the end, so that checksums are checked; how many bytes were left over.

        Stops early, with a number above `limit`, once more than `limit` bytes have come.

        Raises:
            InputError: The stream is damaged or cut short.
        """
        count = len(self._left)
        self._left = memoryview(b"")
        while count <= limit and (chunk := next(self._chunks, b"")):
            count += len(chunk)
        return count


def _plain(file: Readable) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _inflated(file: Readable, packing: Literal["zlib", "gzip"]) -> Iterator[bytes]:
    """Chunks of at most `CHUNK_BYTES`; ends where the last checksum has been checked."""
    stored = file.read(_READ_BYTES)
    while True:
        inflater = igzip_lib.IgzipDecompressor(flag=_FLAGS[packing])
        while not inflater.eof:
            chunk = inflater.decompress(stored, CHUNK_BYTES)
            stored = b""
            if chunk:
                yield chunk
            elif not inflater.eof and not inflater.needs_input:
                raise _damaged("it needs a dictionary that is not there")
            if inflater.needs_input and not inflater.eof:
                stored = file.read(_READ_BYTES)
                if not stored:
                    raise InputError("the compressed stream is cut short", remedy=_COPY_AGAIN)
        stored = inflater.unused_data or file.read(_READ_BYTES)
        if packing == "gzip":
            while stored and not stored.strip(b"\0"):  # padding, which gzip allows
                stored = file.read(_READ_BYTES)
        if not stored:
            return
        if packing == "zlib":
            raise InputError(
                "bytes follow the end of the compressed stream",
                found=f"at least {len(stored)} bytes",
                expected="none",
                remedy=_COPY_AGAIN,
            )


def _with_errors_named(chunks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from chunks
    except _DEFLATE_ERROR as error:
        reason = str(error).partition(" ")[2].partition(" ")[2] or error
        raise _damaged(reason).at(path) from error
    except InputError as error:
        raise error.at(path) from error
    except OSError as error:
        raise InputError(
            "the file could not be read", where=path, found=error.strerror or error
        ) from error


def _damaged(reason: object) -> InputError:
    return InputError("the compressed stream is damaged", found=reason, remedy=_COPY_AGAIN)
