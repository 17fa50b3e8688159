"""Scans read in one go, by format: what most tests of readers want."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carotid.storage.dicom.read import open_dicom
from carotid.storage.metaimage.read import open_metaimage
from carotid.storage.nifti.read import open_nifti

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume


def read_dicom(path: Path) -> Volume:
    return open_dicom(path).read().volume


def read_metaimage(path: Path) -> Volume:
    return open_metaimage(path).read().volume


def read_nifti(path: Path) -> Volume:
    return open_nifti(path).read().volume


def read_dicom_header(path: Path) -> tuple[Grid, Any]:
    opened = open_dicom(path)
    return opened.grid, opened.dtype


def read_nifti_header(path: Path) -> tuple[Grid, Any]:
    opened = open_nifti(path)
    return opened.grid, opened.dtype
