"""Folders and files that systems put beside data: bins, thumbnails, snapshots, desktop settings.

They are nobody's scans, so they are passed over without a word.
"""

from __future__ import annotations

_FOLDERS = {
    name.casefold()
    for name in (
        # bins of Windows, Synology, QNAP and old shares
        *("$RECYCLE.BIN", "RECYCLER", "#recycle", "@Recycle"),
        # thumbnails, indices and snapshots of storage systems
        *("@eaDir", "@__thumb", "@SynoEAStream", "@SynoResource", "@tmp", "@sharebin"),
        *("#snapshot", "@Recently-Snapshot", "~snapshot"),
        # file systems and archives
        *("lost+found", "FOUND.000", "System Volume Information", "__MACOSX"),
        # Apple's network shares
        *("Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder"),
    )
}
_FILES = {
    name.casefold()
    for name in ("Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r", "Desktop DB", "Desktop DF")
}


def is_litter(name: str, *, folder: bool) -> bool:
    """Whether a name is that of a hidden entry or of one that a system made for itself."""
    return name.startswith(".") or name.casefold() in (_FOLDERS if folder else _FILES)
