"""Files that are something else than a scan: the message says what they are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.storage.metaimage.files import file_bytes
from tests.storage.nifti.files import content_of

from carotid.errors import InputError
from carotid.storage.metaimage.read import open_metaimage
from carotid.storage.nifti.read import open_nifti

if TYPE_CHECKING:
    from pathlib import Path

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:12ab\nsize 12345\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>"


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("scan.nii", content_of())
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("scan.nii")
        member.size = len(content_of())
        archive.addfile(member, io.BytesIO(content_of()))
    return file.getvalue()


STRANGERS = {
    "a Git-LFS pointer": (LFS, "git lfs pull"),
    "a git-annex pointer": (b"/annex/objects/SHA256E-s9--00.nii.gz\n", "datalad get"),
    "a web page": (PAGE, "download the file itself"),
    "a web page, upper case": (b"\n\n<HTML>" + PAGE, "download the file itself"),
    "a JSON text": (b'{"message": "not found"}' + bytes(9), "download or copy"),
    "a zip archive": (zipped(), "unpack"),
    "a tar archive": (tarred(), "unpack"),
    "a bzip2 file": (bz2.compress(content_of()), "unpack"),
    "an xz file": (lzma.compress(content_of()), "unpack"),
    "an NRRD file": (b"NRRD0005\ntype: short\n", ".nii.gz or .mha"),
    "an HDF5 file": (b"\x89HDF\r\n\x1a\n" + bytes(600), ".nii.gz or .mha"),
    "a DICOM file": (bytes(128) + b"DICM" + bytes(600), "folder of its own"),
    "a MetaImage file": (file_bytes(), "rename it to .mha"),
    "nothing but zeros": (bytes(4000), "copy it again"),
}


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("ending", [".nii.gz", ".nii", "packed"])
def test_a_nifti_file_that_is_something_else(tmp_path: Path, name: str, ending: str) -> None:
    content, remedy = STRANGERS[name]
    path = tmp_path / f"scan{'.nii.gz' if ending == 'packed' else ending}"
    path.write_bytes(gzip.compress(content) if ending == "packed" else content)
    with pytest.raises(InputError) as caught:
        open_nifti(path)
    message = str(caught.value)
    assert f"the file is {name.partition(',')[0]}, not" in message
    assert remedy.lower() in message.lower()
    assert str(path) in message


@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
@pytest.mark.parametrize(
    "content",
    [
        b"Not Found\n",
        b"502 Bad Gateway: " + b"please try " * 99,
        "Zugriff verweigert: Anmeldung nötig".encode(),
        ("x" + "访问被拒绝" * 99).encode(),
        "Accès refusé".encode("utf-16"),
    ],
)
def test_a_text_instead_of_a_nifti_file(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"scan{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"the file is a text that begins '\w+ ?\w+"):
        open_nifti(path)


def test_a_nifti_file_packed_twice_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(gzip.compress(gzip.compress(content_of())))
    with pytest.raises(InputError, match=r"a gzip file, not NIfTI.*Unpack it once"):
        open_nifti(path)
    path.write_bytes(content_of())
    with pytest.raises(InputError, match=r"not compressed.*Rename it to \.nii"):
        open_nifti(path)


@pytest.mark.parametrize("name", sorted(set(STRANGERS) - {"a MetaImage file"}))
def test_a_metaimage_file_that_is_something_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / "scan.mha"
    path.write_bytes(STRANGERS[name][0])
    with pytest.raises(InputError) as caught:
        open_metaimage(path)
    assert f"the file is {name.partition(',')[0]}, not a MetaImage" in str(caught.value)


@pytest.mark.parametrize("content", [content_of(), gzip.compress(content_of(), mtime=0)])
def test_a_nifti_file_called_mha(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scan.mha"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"the file is (a NIfTI file|a gzip file)"):
        open_metaimage(path)
