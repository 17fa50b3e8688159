"""The MetaImage writer: SimpleITK reads what it writes."""

from __future__ import annotations

import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.necks import turned
from tests.reading import read_metaimage
from tests.storage.metaimage.grids import AXES, GRID, MEAN, SHAPE, grid_of, written

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
    from pathlib import Path


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
