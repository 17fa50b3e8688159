"""One participant's place in an output directory: locked, filled aside, moved in by one rename.

Several commands may work on one output directory at once. Whoever holds a participant's lock owns
its slot; what a dead process left behind is removed by the next owner. A result lies under its
final name completely or not at all.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from carotid.errors import OutputError
from carotid.storage.results.atomic import cannot_write, sync_folder
from carotid.storage.results.locks import Lock
from carotid.storage.results.record import has_record

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.storage.results.layout import OutputLayout

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


class Slot:
    """The place of one participant's transform.

    Args:
        layout: The output directory.
        participant_id: Whose.
        transform: Which transform's folder.
    """

    def __init__(self, layout: OutputLayout, participant_id: str, transform: str) -> None:
        self.participant_id = participant_id
        self.final = layout.transform(participant_id, transform)
        self._root = layout.root
        name = f"{transform}-{participant_id}"
        self._lock = Lock(layout.work / f"{name}.lock")
        self.work = layout.work / name

    def acquire(self, *, wait: bool = False) -> bool:
        """Become the owner; False where another process is. Leftovers of dead owners go."""
        if not self._lock.acquire(wait=wait):
            return False
        self._restore_old()
        self._remove_work()
        return True

    def open(self) -> Path:
        """Make the folder in which the result is put together.

        Raises:
            OutputError: Where it cannot be made, or the final place is not one of ours.
        """
        for place in (self.final.parent, self.final):
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                raise OutputError(
                    "the result's place is taken by something that is not a folder of its own",
                    where=place,
                    found="a symbolic link" if place.is_symlink() else "a file",
                    remedy="move it away, or choose another output directory",
                )
        try:
            self.work.mkdir(parents=True)
        except OSError as error:
            raise cannot_write(self.work, error) from error
        return self.work

    def publish(self) -> None:
        """Move the complete result to its final name, in place of an older one.

        Raises:
            OutputError: Where it cannot be moved, or the slot is not ours (any more); an older
                result is then still there.
        """
        if not self._lock.held:
            raise OutputError("a result was to be moved into a place given back", where=self.final)
        try:
            self.final.parent.mkdir(parents=True, exist_ok=True)
            if self.final.exists():
                _swap(self.work, self.final)
            else:
                self.work.rename(self.final)
        except OSError as error:
            raise cannot_write(self.final, error) from error
        sync_folder(self.final.parent)
        self._remove_work()

    def discard(self) -> None:
        """Remove what was put together and is not to be published."""
        if self._lock.held:
            self._remove_work()

    def retire(self) -> None:
        """Remove a result of ours that lies in the place; others' folders stay."""
        if not self._lock.held or not has_record(self.final):
            return
        self._remove_work()
        try:
            self.final.rename(self.work)
        except OSError as error:
            raise cannot_write(self.final, error) from error
        self._remove_work()

    def release(self) -> None:
        """Give the slot back; what was not published is removed. Of no effect for others' slots."""
        if not self._lock.held:
            return
        self._restore_old()
        self._remove_work()
        self._lock.release()

    def _restore_old(self) -> None:
        """Undo the first half of a swap in two steps whose second half never came."""
        aside = _aside(self.work)
        if aside.is_dir() and not self.final.exists():
            with suppress(OSError):
                aside.rename(self.final)

    def _remove_work(self) -> None:
        for leftover in (self.work, _aside(self.work)):
            shutil.rmtree(leftover, ignore_errors=True)


def _aside(work: Path) -> Path:
    return work.with_name(f"{work.name}.old")


def _swap(new: Path, old: Path) -> None:
    """Exchange two folders in one step where the system can, else in two."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None, use_errno=True)
        names = (os.fsencode(new), os.fsencode(old))
        if library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
            return
    old.rename(_aside(new))
    new.rename(old)
