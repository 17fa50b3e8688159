"""A scan is opened, and then read in one pass that gives voxels and checksum."""

from __future__ import annotations

import builtins
import io
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import JPEGLSLossless, RLELossless
from tests.dicom_series import make_volume, write_classic, write_enhanced
from tests.storage.metaimage.files import VOXELS, deflated_bytes, file_bytes
from tests.storage.nifti.files import content_of, put

from carotid.errors import InputError
from carotid.storage.participants import find_scans
from carotid.storage.raw import hash_scan, open_scan

if TYPE_CHECKING:
    from collections.abc import Callable


def scans_of_every_kind(raw: Path) -> None:
    volume = make_volume(shape=(20, 18, 6))
    write_classic(volume, raw / "classic")
    write_classic(volume, raw / "packed", syntax=RLELossless)
    (raw / "classic" / "report.txt").touch()
    write_enhanced(volume, raw / "enhanced" / "x.dcm")
    write_enhanced(volume, raw / "enhanced packed" / "x.dcm", syntax=JPEGLSLossless)
    put(raw, content_of(), "a.nii")
    put(raw, content_of(scl_slope=2), "b.nii.gz")
    (raw / "c.mha").write_bytes(deflated_bytes())
    (raw / "d.mha").write_bytes(file_bytes())
    (raw / "e.mhd").write_bytes(file_bytes(b"", ElementDataFile="e.raw", HeaderSize="3"))
    (raw / "e.raw").write_bytes(b"abc" + VOXELS.tobytes())


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was opened."""
    seen: Counter[str] = Counter()

    def counting(plainly: Callable[..., Any]) -> Callable[..., Any]:
        def call(place: Any, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(place, int):
                seen[os.fspath(place)] += 1
            return plainly(place, *args, **kwargs)

        return call

    monkeypatch.setattr(os, "open", counting(os.open))
    monkeypatch.setattr(builtins, "open", counting(open))
    monkeypatch.setattr(io, "open", counting(io.open))
    return seen


def test_each_file_is_opened_for_its_header_and_for_its_bytes(
    tmp_path: Path, opens: Counter[str]
) -> None:
    scans_of_every_kind(tmp_path)
    scans = find_scans(tmp_path)
    for scan in scans.values():
        open_scan(scan).read()  # imports
    opens.clear()
    for scan in scans.values():
        open_scan(scan).read()
    here = {name: count for name, count in opens.items() if name.startswith(str(tmp_path))}
    assert set(here.values()) <= {1, 2}, here
    assert len(here) == 21
    assert here[str(tmp_path / "classic" / "report.txt")] == 1


def test_opening_reads_no_voxels_and_reading_gives_what_was_promised(tmp_path: Path) -> None:
    scans_of_every_kind(tmp_path)
    for scan in find_scans(tmp_path).values():
        opened = open_scan(scan)
        content = opened.read()
        assert content.volume.array.dtype == opened.dtype
        assert content.volume.grid.agrees_with(opened.grid, 0)
        assert content.sha256 == hash_scan(scan)
        assert content.padding is None


@pytest.mark.parametrize(
    "name",
    ["classic/IM0003.dcm", "enhanced/x.dcm", "a.nii", "b.nii.gz", "c.mha", "e.raw"],
)
def test_a_file_that_changes_between_is_refused(tmp_path: Path, name: str) -> None:
    scans_of_every_kind(tmp_path)
    path = tmp_path / name
    key = Path(name).parts[0].partition(".")[0]
    opened = open_scan(find_scans(tmp_path)[key])
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    with pytest.raises(InputError) as caught:
        opened.read()
    assert f"{path}: the file was changed while it was read" in str(caught.value)
