"""Memory is foreseen from a scan's header, and what cannot fit is refused before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from carotid.cohort import memory
from carotid.cohort.memory import check_memory
from carotid.errors import ResourceError

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30


@dataclass(frozen=True)
class Told:
    """A forecast."""

    total_bytes: int = 7 * GIB
    largest: tuple[str, int] = ("the scan", 3 * GIB)
    remedy: str = "crop the scan"


FORECAST = Told()


def test_what_cannot_fit_is_refused_with_both_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 4 * GIB)
    monkeypatch.setattr(memory, "resident_bytes", lambda: 2 * GIB)
    with pytest.raises(ResourceError) as refusal:
        check_memory("scan.mha", FORECAST)
    text = str(refusal.value)
    for part in ("scan.mha", "6.0 GiB available", "about 7.0 GiB", "3.0 GiB for the scan", "crop"):
        assert part in text


def test_what_fits_is_said_at_info(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 6 * GIB)
    monkeypatch.setattr(memory, "resident_bytes", lambda: GIB)
    with caplog.at_level("INFO", "carotid"):
        check_memory("scan.mha", FORECAST)
    assert "scan.mha: needs about 7.0 GiB of memory, 7.0 GiB available" in caplog.text


def test_memory_of_this_machine() -> None:
    assert 0 < memory.available_bytes() < 1 << 62
    assert memory.resident_bytes() > 1 << 20


def test_a_system_that_tells_nothing_is_not_refused(tmp_path: Path) -> None:
    assert memory._system_bytes(tmp_path / "absent") == 1 << 62
    assert memory._cgroup_bytes(tmp_path / "absent", tmp_path) == []


def test_a_meminfo_is_read(tmp_path: Path) -> None:
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:  8 kB\nMemFree:  1 kB\nMemAvailable:    123456 kB\n")
    assert memory._system_bytes(path) == 123456 * 1024


def limits(tmp_path: Path, own: str, files: dict[str, str]) -> list[int]:
    (tmp_path / "own").write_text(own)
    for name, content in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return memory._cgroup_bytes(tmp_path / "own", tmp_path / "root")


def test_control_groups_of_version_2(tmp_path: Path) -> None:
    files = {
        "slice/job/memory.max": "1000\n",
        "slice/job/memory.current": "700\n",
        "slice/job/memory.stat": "anon 600\ninactive_file 50\n",
        "slice/memory.max": "max\n",
        "slice/memory.current": "900\n",
    }
    assert limits(tmp_path, "0::/slice/job\n", files) == [350]


def test_control_groups_of_version_2_seen_from_within_a_container(tmp_path: Path) -> None:
    files = {"memory.max": "1000\n", "memory.current": "1200\n"}
    assert limits(tmp_path, "0::/\n", files) == [0]
    assert limits(tmp_path, "0::/../elsewhere\n", files) == [0]


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    files = {
        "memory/job/memory.limit_in_bytes": "1000\n",
        "memory/job/memory.usage_in_bytes": "400\n",
        "memory/job/memory.stat": "cache 1\ntotal_inactive_file 100\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.usage_in_bytes": "5000\n",
    }
    found = limits(tmp_path, "5:cpu:/job\n4:memory:/job\n0::/\n", files)
    assert found == [700, 9223372036854771712 - 5000]
