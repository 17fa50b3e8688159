"""A scratch file for what does not fit into a fixed budget of memory."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import ResourceError

if TYPE_CHECKING:
    from pathlib import Path

MEMORY_BUDGET_BYTES = 264 << 20
"""Heatmaps kept in memory by a process: three members of a whole neck, or many of a small one."""


class Budget:
    """Bytes of memory that several may take their part of.

    Args:
        size: How many there are.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def lease(self, size: int, room: int) -> Lease | None:
        """Take `size` bytes, if there are `room` bytes left; they come back with the lease."""
        with self._lock:
            if room > self._left:
                return None
            self._left -= size
        return Lease(self, size)

    def claim(self, size: int) -> Lease:
        """Take `size` bytes even where they are not left; nobody gets a lease until enough are."""
        with self._lock:
            self._left -= size
        return Lease(self, size)

    def take_back(self, size: int) -> None:
        """Count bytes as free again."""
        with self._lock:
            self._left += size


class Lease:
    """Bytes of a budget, until they are given back or nobody holds this any more."""

    def __init__(self, budget: Budget, size: int) -> None:
        self._end = weakref.finalize(self, budget.take_back, size)
        self._end.atexit = False

    def give_back(self) -> None:
        """Let the budget have them now."""
        self._end()


MAIN_MEMORY = Budget(MEMORY_BUDGET_BYTES)
"""That of the process, shared by a side that is predicted, one that is being written, and the next
scan, from when it is known to come until it is predicted itself."""


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
