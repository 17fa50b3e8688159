"""What the networks see, against the same written a second time, for every stored order."""

from __future__ import annotations

from mmap import PAGESIZE

import numpy as np
import pytest
from tests.naive import naive_heatmaps
from tests.necks import ORDERS, SHAPE, affine_of, neck, stored, turned

from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.geometry.intensity import IntensityRange
from carotid.geometry.volume import Volume
from carotid.stages.heatmap import prepare as module
from carotid.stages.heatmap.prepare import prepare
from carotid.stages.heatmap.reading import prepare_scan

RANGE = IntensityRange(30.0, 110.0)


@pytest.mark.parametrize("resample", [True, False])
@pytest.mark.parametrize("order", ORDERS)
def test_both_sides_equal_the_naive_way(
    order: str, *, resample: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SLAB_BYTES", 10_000)
    array, affine = stored(neck(), affine_of(turned(8, -11, 14)), order)
    scan = prepare(Volume(array, Grid(array.shape, affine)), RANGE, resample=resample)
    scaled = np.clip((array.astype(np.float64) - 30) / 80, 0, 1)
    expected = naive_heatmaps(scaled, affine, [], roi=(16, 16, 16), overlap=0, resample=resample)
    for side in scan.frame.sides:
        seen = scan.side_image(side)
        assert tuple(seen.shape) == scan.frame.side_shape(side)
        np.testing.assert_allclose(seen, expected[side.name].seen, atol=3e-7)


@pytest.mark.parametrize("kind", ["int16", ">i2", "uint8", "uint16", "int32", "float64"])
def test_every_type_becomes_float32(kind: str) -> None:
    array = neck().astype(kind)
    grid = Grid(SHAPE, affine_of())
    scan = prepare(Volume(array, grid), None, resample=False)
    expected = array.astype(np.float32).transpose(2, 1, 0)[:, ::-1, ::-1]
    for side, image in zip(scan.frame.sides, scan.images, strict=True):
        seen = expected[..., side.start : side.stop]
        np.testing.assert_array_equal(image, seen[..., ::-1] if side.mirrored else seen)


def test_large_images_have_pages_of_their_own() -> None:
    array = np.zeros((320, 160, 80), np.int16)
    array[100:220, 50:110] = 9
    scan = prepare(Volume(array, Grid(array.shape, affine_of())), None, resample=False)
    assert [image.ctypes.data % PAGESIZE for image in scan.images] == [0, 0]


def test_the_scan_is_not_changed() -> None:
    array = neck()
    prepare(Volume(array, Grid(SHAPE, affine_of())), RANGE, resample=True)
    scan = prepare(Volume(array, Grid(SHAPE, affine_of())), None, resample=False)
    scan.images[0][:] += 1
    assert np.array_equal(array, neck())


@pytest.mark.parametrize("shape", [(1, 9, 9), (9, 1, 9), (9, 9, 1), (2, 2, 2)])
def test_thin_volumes(shape: tuple[int, int, int]) -> None:
    array = np.random.default_rng(0).normal(size=shape)
    scan = prepare(Volume(array, Grid(shape, np.diag([3.0, 1.0, 0.7, 1.0]))), None, resample=True)
    expected = naive_heatmaps(
        array, np.diag([3.0, 1, 0.7, 1]), [], roi=(16, 16, 16), overlap=0, resample=True
    )
    for side in scan.frame.sides:
        if min(expected[side.name].seen.shape):
            np.testing.assert_allclose(scan.side_image(side), expected[side.name].seen, atol=1e-6)


def test_constant_scan_is_refused() -> None:
    flat = Volume(np.ones((3, 3, 3)), Grid((3, 3, 3), np.eye(4)))
    with pytest.raises(InputError, match="constant"):
        prepare_scan(flat, percentiles=None, resample=True)


@pytest.mark.parametrize("percentiles", [None, (5.0, 95.0)])
def test_voxels_that_no_scan_has_are_refused_rescaled_or_not(
    percentiles: tuple[float, float] | None,
) -> None:
    array = np.random.default_rng(0).random(SHAPE, np.float32)
    for value, told in ((1e37, "too large to compute with .found 1e"), (np.nan, "NaN or infinite")):
        array[0, 1, 2] = value
        with pytest.raises(InputError, match=told):
            prepare_scan(
                Volume(array, Grid(SHAPE, affine_of())), percentiles=percentiles, resample=True
            )
