"""The MetaImage writer: what does not fit, finds no room or was damaged is no result."""

from __future__ import annotations

import errno
import os
import resource
import signal
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.storage.metaimage.grids import AXES, GRID, MEAN, SHAPE, grid_of, written

from carotid.errors import OutputError
from carotid.geometry.volume import Volume
from carotid.storage.metaimage.write import (
    MetaImageWriter,
    verify_metaimage,
    write_metaimage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid


@pytest.mark.parametrize(
    "slab",
    [
        MEAN.astype(np.float64),
        MEAN.astype(">f4"),
        MEAN[..., :1],
        MEAN[..., 0],
        MEAN[:, :3],
        MEAN.transpose(0, 2, 1, 3),
        np.concatenate([MEAN, MEAN]),
    ],
)
def test_slices_that_do_not_fit_are_refused(tmp_path: Path, slab: NDArray[Any]) -> None:
    with (
        pytest.raises(OutputError, match="do not belong"),
        MetaImageWriter(tmp_path / "mean.mha", GRID, 2) as writer,
    ):
        writer.write(slab)


@pytest.mark.parametrize("count", [0, 6])
def test_missing_slices_are_an_error(tmp_path: Path, count: int) -> None:
    writer = MetaImageWriter(tmp_path / "mean.mha", GRID, 2)
    with pytest.raises(OutputError, match=f"found {7 - count} missing"), writer:
        writer.write(MEAN[:count])


def test_an_error_in_the_block_goes_out_as_it_is_and_the_rest_cannot_be_read(
    tmp_path: Path,
) -> None:
    def break_off() -> None:
        with MetaImageWriter(tmp_path / "mean.mha", GRID, 2) as writer:
            writer.write(MEAN[:5])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    with pytest.raises(OutputError, match="did not read back"):
        verify_metaimage(tmp_path / "mean.mha", GRID, 2, 0)


def test_a_type_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="float16"):
        write_metaimage(tmp_path / "a.mha", Volume(np.zeros(SHAPE, np.float16), GRID))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file") as caught:
        written(tmp_path / "none" / "mean.mha")
    assert str(tmp_path / "none" / "mean.mha") in str(caught.value)
    assert "\n" not in str(caught.value)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [0, 100, 500, 900])
def test_a_file_that_finds_no_room(tmp_path: Path, size: int) -> None:
    with largest_file(size), pytest.raises(OutputError, match="File too large"):
        written(tmp_path / "mean.mha")


def test_room_gives_out_between_slabs(tmp_path: Path) -> None:
    array = np.random.default_rng(2).normal(size=(80, 128, 128, 2)).astype(np.float32)
    grid = grid_of(AXES["RAS"], (128, 128, 80))
    with largest_file(3 << 20), pytest.raises(OutputError, match="could not be written"):
        written(tmp_path / "mean.mha", array, grid, step=4)
    assert (tmp_path / "mean.mha").stat().st_size == 3 << 20


def test_a_full_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"No space left on device.*Free some space"):
        written(tmp_path / "mean.mha")


def test_the_check_passes_what_is_right(tmp_path: Path) -> None:
    verify_metaimage(tmp_path / "mean.mha", GRID, 2, written(tmp_path / "mean.mha"))


@pytest.mark.parametrize(
    ("grid", "channels", "off"),
    [
        (grid_of(AXES["LIP, oblique"], (3, 4, 6)), 2, 0),
        (grid_of(AXES["LSA"]), 2, 0),
        (grid_of(AXES["LIP, oblique"], spacing=(0.35, 0.9001, 2.5)), 2, 0),
        (GRID, 1, 0),
        (GRID, 3, 0),
        (GRID, 2, 1),
    ],
)
def test_the_check_sees_every_difference(
    tmp_path: Path, grid: Grid, channels: int, off: int
) -> None:
    crc32 = written(tmp_path / "mean.mha")
    with pytest.raises(OutputError, match="did not read back"):
        verify_metaimage(tmp_path / "mean.mha", grid, channels, crc32 + off)


def test_the_check_sees_damage_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "mean.mha"
    crc32 = written(path)
    content = path.read_bytes()
    body = content.index(b"LOCAL\n") + 6
    for bit in [*range(0, 8 * body, 5), *range(8 * body, 8 * len(content), 23)]:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(OutputError, match="did not read back"):
            verify_metaimage(path, GRID, 2, crc32)
    for wrong in (content[:-1], content + b"x", content[:body], content[:60], b""):
        path.write_bytes(wrong)
        with pytest.raises(OutputError, match="did not read back"):
            verify_metaimage(path, GRID, 2, crc32)
    path.unlink()
    with pytest.raises(OutputError, match="no such file"):
        verify_metaimage(path, GRID, 2, crc32)


def test_the_check_wants_float32(tmp_path: Path) -> None:
    array = np.zeros(SHAPE, np.int32)
    write_metaimage(tmp_path / "a.mha", Volume(array, GRID))
    with pytest.raises(OutputError, match="header differs"):
        verify_metaimage(tmp_path / "a.mha", GRID, 1, zlib.crc32(array.tobytes()))
