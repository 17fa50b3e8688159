"""A scratch file for what shall not be kept in memory."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import ResourceError

if TYPE_CHECKING:
    from pathlib import Path

KEPT_BYTES = 264 << 20
"""Heatmaps of one side that are kept in memory: three members of a whole neck."""


@dataclass(frozen=True)
class Spilled:
    """Bytes in a scratch file.

    Attributes:
        file: Which one.
        offset: Where they begin in it.
    """

    file: ScratchFile
    offset: int

    def read_into(self, data: memoryview, start: int) -> None:
        """Fill `data` with these bytes, from `start` on; see `ScratchFile.read_into`."""
        self.file.read_into(data, self.offset + start)


class ScratchFile:
    """Bytes that are appended and read back; gone with the process, however that ends.

    Args:
        path: Where it may be; it is made with the first `append`, and has no name from then on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._closing: weakref.finalize[[int], ScratchFile] | None = None

    def append(self, data: memoryview) -> Spilled:
        """Write bytes at the end.

        Raises:
            ResourceError: Where they cannot be written.
        """
        try:
            descriptor = self._opened()
            offset = os.lseek(descriptor, 0, os.SEEK_END)
            done = 0
            while done < data.nbytes:
                done += os.write(descriptor, data[done:])
        except OSError as error:
            raise ResourceError(
                f"cannot keep a member's heatmaps in a scratch file: {error.strerror}",
                where=self._path,
                remedy="free space on the disk that the output directory is on",
            ) from error
        return Spilled(self, offset)

    def read_into(self, data: memoryview, offset: int) -> None:
        """Fill `data` with the file's bytes from `offset` on.

        Raises:
            ResourceError: Where there are not so many.
        """
        if self._descriptor is None:
            message = "nothing was written"
            raise ValueError(message)
        done = 0
        while done < data.nbytes:
            got = os.preadv(self._descriptor, [data[done:]], offset + done)
            if got <= 0:
                raise ResourceError(
                    "the scratch file is shorter than what was written to it",
                    where=self._path,
                    remedy="check the disk that the output directory is on",
                )
            done += got

    def close(self) -> None:
        """Give its room back."""
        self._descriptor = None
        if self._closing is not None:
            self._closing()

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._closing = weakref.finalize(self, os.close, self._descriptor)
            with suppress(OSError):
                self._path.unlink()
        return self._descriptor
