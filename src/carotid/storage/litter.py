"""Folders and files that systems put beside data: bins, thumbnails, snapshots, desktop settings.

They are nobody's scans, so they are passed over without a word.
"""

from __future__ import annotations

import re

_FOLDERS = {
    name.casefold()
    for name in (
        # bins of Windows, Synology, QNAP and old shares
        *("$RECYCLE.BIN", "RECYCLER", "Recycled", "#recycle", "@Recycle", "@quarantine"),
        # thumbnails, indices and snapshots of storage systems
        *("@eaDir", "@__thumb", "@SynoEAStream", "@SynoResource", "@tmp", "@sharebin"),
        *("@database", "@SynoFinder-log", "@SynoFinder-etc-volume", "@img_bkp_cache"),
        *("#snapshot", "@Recently-Snapshot", "@sharesnap", "~snapshot"),
        # file systems and archives
        *("lost+found", "System Volume Information", "$Extend", "MSOCache", "__MACOSX"),
        # Apple's network shares
        *("Network Trash Folder", "Temporary Items"),
        *("TheVolumeSettingsFolder", "TheFindByContentFolder"),
    )
}
_FILES = {
    name.casefold()
    for name in ("Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r", "Desktop DB", "Desktop DF")
}

_FOUND = re.compile(r"found\.\d{3}", re.IGNORECASE)
"""What Windows calls folders of pieces that it found while it mended a disk."""


def is_litter(name: str, *, folder: bool) -> bool:
    """Whether a name is that of a hidden entry or of one that a system made for itself."""
    if name.startswith("."):
        return True
    if folder:
        return name.casefold() in _FOLDERS or _FOUND.fullmatch(name) is not None
    return name.casefold() in _FILES
