"""The MetaImage writer: SimpleITK reads what it writes, and nothing broken passes the check."""

from __future__ import annotations

import errno
import os
import resource
import signal
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reading import read_metaimage

from carotid.errors import OutputError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.storage.metaimage import write as metaimage_writer
from carotid.storage.metaimage.read import (
    iter_slabs,
    read_metaimage_header,
    read_multichannel,
)
from carotid.storage.metaimage.write import (
    PIECE_BYTES,
    MetaImageWriter,
    verify_metaimage,
    write_metaimage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (3, 4, 7)


def turned(degrees_x: float, degrees_y: float, degrees_z: float) -> NDArray[np.float64]:
    """A rotation about the three axes, one after the other."""
    x, y, z = np.deg2rad([degrees_x, degrees_y, degrees_z])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def grid_of(
    axes: NDArray[np.float64], shape: tuple[int, int, int] = SHAPE, spacing: Any = (0.35, 0.9, 2.5)
) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array(spacing)
    affine[:3, 3] = [-31.7, 12.25, 101.0]
    return Grid(shape, affine)


AXES = {
    "RAS": np.eye(3),
    "LPS": np.diag([-1.0, -1.0, 1.0]),
    "LAS": np.diag([-1.0, 1.0, 1.0]),
    "LSA": np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]]),
    "PSR": np.array([[0.0, 0, 1], [-1, 0, 0], [0, 1, 0]]),
    "RAS, oblique": turned(10, -20, 30),
    "LIP, oblique": turned(-7, 12, 3) @ np.array([[-1.0, 0, 0], [0, 0, -1], [0, -1, 0]]),
}
GRID = grid_of(AXES["LIP, oblique"])
MEAN = np.random.default_rng(5).normal(size=(7, 4, 3, 2)).astype(np.float32)


def written(path: Path, array: NDArray[np.generic] = MEAN, grid: Grid = GRID, step: int = 2) -> int:
    """Write an array in slabs; the checksum."""
    with MetaImageWriter(path, grid, array.shape[3]) as writer:
        for start in range(0, len(array), step):
            writer.write(array[start : start + step])
    assert writer.bytes_written == path.stat().st_size
    return writer.crc32


@pytest.mark.parametrize("name", AXES)
def test_simpleitk_finds_every_number_in_its_place(tmp_path: Path, name: str) -> None:
    grid = grid_of(AXES[name])
    path = tmp_path / "mean.mha"
    written(path, grid=grid)
    assert grid.orientation == name[:3]
    image: Any = SimpleITK.ReadImage(str(path))
    assert image.GetSize() == SHAPE
    assert image.GetPixelIDTypeAsString() == "vector of 32-bit float"
    np.testing.assert_allclose(image.GetSpacing(), grid.spacing_mm, rtol=1e-15)
    for index in np.ndindex(*SHAPE):
        x, y, z = grid.world_from_index(np.array(index))
        place = image.TransformPhysicalPointToContinuousIndex((-x, -y, z))
        np.testing.assert_allclose(place, index, atol=1e-9)
        assert image.GetPixel(*index) == tuple(MEAN[index[::-1]])


@pytest.mark.parametrize("name", AXES)
def test_what_is_written_is_read_with_all_digits(tmp_path: Path, name: str) -> None:
    grid = grid_of(AXES[name], spacing=(0.1 + 0.2, 1 / 3, 0.7))
    path = tmp_path / "mean.mha"
    written(path, grid=grid)
    voxels, read = read_multichannel(path)
    np.testing.assert_array_equal(voxels, MEAN.transpose(3, 2, 1, 0))
    np.testing.assert_allclose(read.affine, grid.affine, rtol=4e-16, atol=1e-15)


def test_the_header_is_that_of_itk_with_room_for_the_size(tmp_path: Path) -> None:
    path = tmp_path / "mean.mha"
    written(path, grid=grid_of(AXES["LSA"], spacing=(0.5, 0.6, 2)))
    content = path.read_bytes()
    end = content.index(b"LOCAL\n") + 6
    lines = content[:end].decode("ascii").splitlines()
    size = str(len(content) - end)
    assert lines == [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = True",
        f"CompressedDataSize = {size:<20}",
        "TransformMatrix = 1 0 0 0 0 1 0 -1 0",
        "Offset = 31.7 -12.25 101",
        "CenterOfRotation = 0 0 0",
        "AnatomicalOrientation = RIP",
        "ElementSpacing = 0.5 0.6 2",
        "DimSize = 3 4 7",
        "ElementNumberOfChannels = 2",
        "ElementType = MET_FLOAT",
        "ElementDataFile = LOCAL",
    ]
    assert zlib.decompress(content[end:]) == MEAN.tobytes()


def test_the_anatomical_orientation_is_what_itk_would_write(tmp_path: Path) -> None:
    for name, axes in AXES.items():
        written(tmp_path / "ours.mha", grid=grid_of(axes))
        image: Any = SimpleITK.ReadImage(str(tmp_path / "ours.mha"))
        SimpleITK.WriteImage(image, str(tmp_path / "itk.mha"))
        lines = [
            next(line for line in (tmp_path / file).read_bytes().splitlines() if b"Anat" in line)
            for file in ("ours.mha", "itk.mha")
        ]
        assert lines[0] == lines[1], name


def test_the_bytes_do_not_depend_on_how_the_slices_come(tmp_path: Path) -> None:
    size = 2 * PIECE_BYTES // (64 * 64 * 2 * 4)
    array = np.random.default_rng(1).normal(size=(size + 3, 64, 64, 2)).astype(np.float32)
    array[:, 20:40] = 0
    grid = grid_of(AXES["RAS"], (64, 64, size + 3))
    results = set()
    for step in (1, 5, 32, 33, size + 3):
        crc32 = written(tmp_path / "mean.mha", array, grid, step)
        results.add((crc32, (tmp_path / "mean.mha").read_bytes()))
    assert len(results) == 1
    verify_metaimage(tmp_path / "mean.mha", grid, 2, crc32)
    np.testing.assert_array_equal(np.concatenate(list(iter_slabs(tmp_path / "mean.mha", 9))), array)


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_the_bytes_do_not_depend_on_the_threads(tmp_path: Path, threads: int) -> None:
    size = 5 * PIECE_BYTES // (64 * 64 * 2 * 4)
    array = np.random.default_rng(1).normal(size=(size + 3, 64, 64, 2)).astype(np.float32)
    array[:, 20:40] = 0
    grid = grid_of(AXES["RAS"], (64, 64, size + 3))
    crc32 = written(tmp_path / "plain.mha", array, grid, size)
    with (
        ThreadPoolExecutor(threads) as pool,
        MetaImageWriter(tmp_path / "mean.mha", grid, 2, pool=pool) as writer,
    ):
        for start in range(0, size + 3, size):
            writer.write(array[start : start + size])
    assert writer.crc32 == crc32
    assert (tmp_path / "mean.mha").read_bytes() == (tmp_path / "plain.mha").read_bytes()


@pytest.mark.parametrize("count", [0, 1, 65521, PIECE_BYTES])
def test_adler32_of_two_pieces(count: int) -> None:
    generator = np.random.default_rng(count)
    first, second = (generator.integers(0, 256, n, np.uint8).tobytes() for n in (1000, count))
    found = metaimage_writer._adler32_of_both(zlib.adler32(first), zlib.adler32(second), count)
    assert found == zlib.adler32(first + second)


def test_no_memory_is_kept_while_writing_or_checking(tmp_path: Path) -> None:
    slab = np.random.default_rng(2).normal(size=(4, 128, 128, 2)).astype(np.float32)
    grid = grid_of(AXES["RAS"], (128, 128, 160))
    tracemalloc.start()
    with MetaImageWriter(tmp_path / "mean.mha", grid, 2) as writer:
        for _ in range(40):
            writer.write(slab)
    verify_metaimage(tmp_path / "mean.mha", grid, 2, writer.crc32)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "mean.mha").stat().st_size > 16 * 2**20
    assert peak < 6 * 2**20


def test_slabs_in_any_memory_order_are_written_alike(tmp_path: Path) -> None:
    one = written(tmp_path / "a.mha")
    two = written(tmp_path / "b.mha", np.asfortranarray(MEAN))
    assert one == two
    assert (tmp_path / "a.mha").read_bytes() == (tmp_path / "b.mha").read_bytes()


# --- faults ------------------------------------------------------------------------------------


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


# --- the check ---------------------------------------------------------------------------------


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


# --- scans -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", ">i2"]
)
def test_scans_of_every_type_come_back_and_simpleitk_agrees(tmp_path: Path, kind: str) -> None:
    array = (np.arange(84).reshape(SHAPE) - 20).astype(kind, casting="unsafe")
    write_metaimage(tmp_path / "scan.mha", Volume(array, GRID))
    volume = read_metaimage(tmp_path / "scan.mha")
    assert volume.array.dtype == np.dtype(kind).newbyteorder("=")
    np.testing.assert_array_equal(volume.array, array)
    image: Any = SimpleITK.ReadImage(str(tmp_path / "scan.mha"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0), array)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    spacing=st.tuples(*[st.floats(0.01, 20)] * 3),
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    offset=st.tuples(*[st.floats(-5000, 5000)] * 3),
    mirrored=st.booleans(),
    kind=st.sampled_from(["u1", "i2", "u2", "f4"]),
    seed=st.integers(0, 99),
)
def test_any_scan_comes_back_from_the_file(
    tmp_path: Path,
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    angles: tuple[float, float, float],
    offset: tuple[float, float, float],
    mirrored: bool,
    kind: str,
    seed: int,
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = turned(*angles) * np.array([-1 if mirrored else 1, 1, 1]) * np.array(spacing)
    affine[:3, 3] = offset
    array = np.random.default_rng(seed).integers(0, 255, shape).astype(kind)
    path = tmp_path / "scan.mha"
    write_metaimage(path, Volume(array[::-1], Grid(shape, affine)))
    volume = read_metaimage(path)
    np.testing.assert_array_equal(volume.array, array[::-1])
    assert volume.grid.agrees_with(Grid(shape, affine), 1e-6)
    assert read_metaimage_header(path).voxel_bytes == array.nbytes
