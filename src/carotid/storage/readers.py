"""The list of formats: which files each of them takes, and what opens and hashes a scan of it.

A format that is added gets a line here, and nothing else has to know of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.storage.opened import OpenedScan


@dataclass(frozen=True)
class Reader:
    """One format.

    Attributes:
        kind: What it is called in `RawScan`.
        extensions: How names of its files end, in lower case, longer ones first; none for the
            format of folders.
        opens: `module:function` that reads a scan's header; imported when it is needed. Those
            of the format of folders take `series` as well: which of several is meant.
        hashes: `module:function` that gives the checksum of a scan without its voxels.
        lists: `module:function` that names the files of a scan without reading their voxels.
    """

    kind: str
    extensions: tuple[str, ...]
    opens: str
    hashes: str
    lists: str

    def open(self, path: Path, **choice: str) -> OpenedScan:
        """Read and check a scan's header."""
        opened: OpenedScan = _named(self.opens)(path, **choice)
        return opened

    def hash(self, path: Path, **choice: str) -> str:
        """The checksum that reading the scan would give."""
        return str(_named(self.hashes)(path, **choice))

    def files(self, path: Path, **choice: str) -> list[Path]:
        """The files that a scan consists of, or may consist of in a folder."""
        found: list[Path] = _named(self.lists)(path, **choice)
        return found


READERS = {
    reader.kind: reader
    for reader in (
        Reader(
            "dicom",
            (),
            "carotid.storage.dicom.read:open_dicom",
            "carotid.storage.dicom.read:hash_dicom",
            "carotid.storage.dicom.series:scan_files",
        ),
        Reader(
            "metaimage",
            (".mha", ".mhd"),
            "carotid.storage.metaimage.read:open_metaimage",
            "carotid.storage.metaimage.read:hash_metaimage",
            "carotid.storage.metaimage.read:list_metaimage",
        ),
        Reader(
            "nifti",
            (".nii.gz", ".nii"),
            "carotid.storage.nifti.read:open_nifti",
            "carotid.storage.checksums:sha256_of_file",
            "carotid.storage.regular_file:itself",
        ),
    )
}
"""The formats by kind."""

FOLDER_KIND = "dicom"
"""The format of a scan that is a folder."""


def kind_of(name: str) -> tuple[str, str] | None:
    """The kind of a file with this name and the extension that says so; None for other files."""
    lower = name.lower()
    for reader in READERS.values():
        for extension in reader.extensions:
            if lower.endswith(extension):
                return reader.kind, name[len(name) - len(extension) :]
    return None


def _named(place: str) -> Any:
    module, _, function = place.partition(":")
    return getattr(import_module(module), function)
