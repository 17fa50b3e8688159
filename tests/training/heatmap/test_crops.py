from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.training.stand_in import SHAPE, tubes

from carotid.training.heatmap.crops import crop_shape, cut_crop, random_crop
from carotid.training.heatmap.parameters import CropKind, Phase
from carotid.training.heatmap.stream import CropStream, StoredSide
from carotid.training.heatmap.targets import target_from_centers


def test_box_beyond_the_side_holds_zeros_and_does_not_count() -> None:
    side = tubes(0)
    crop = cut_crop(side, (64, 48, 32), (-8, -8, 10))
    assert crop.image.shape == (64, 48, 32)
    assert not crop.image[:8].any()
    assert not crop.image[:, :8].any()
    np.testing.assert_array_equal(crop.image[8:56, 8:40], side.image[:, :, 10:42])
    np.testing.assert_array_equal(crop.counted, [False] * 8 + [True] * 48 + [False] * 8)


def test_target_moves_with_the_crop() -> None:
    side = tubes(1)
    whole = target_from_centers(side.centers, SHAPE)
    crop = cut_crop(side, (32, 16, 32), (10, 8, 12))
    np.testing.assert_allclose(crop.target, whole[:, 10:42, 8:24, 12:44], rtol=1e-4, atol=1e-3)


def test_smaller_side_lies_in_the_middle_or_inside_of_the_window() -> None:
    side = tubes(2)
    rng = np.random.default_rng(0)
    places = set()
    for _ in range(40):
        crop = random_crop(side, (64, 48, 64), rng, augment=False)
        assert crop.counted.sum() == SHAPE[0]
        places.add(int(np.flatnonzero(crop.counted)[0]))
    assert 8 in places
    assert len(places) > 3


@pytest.mark.parametrize(
    ("depth", "kind", "expected"),
    [
        (70, (160, 64, 224), (160, 64, 224)),
        (70, (160, 128, 224), (160, 64, 224)),
        (100, (160, 128, 224), (160, 96, 224)),
        (300, (160, 128, 224), (160, 128, 224)),
        (40, (160, 128, 224), (160, 64, 224)),
        (300, (0, 0, 0), (48, 128, 48)),
        (50, (0, 0, 0), (48, 64, 48)),
    ],
)
def test_deep_crops_are_no_deeper_than_their_side(
    depth: int, kind: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    side = replace(tubes(0), image=np.zeros((40, depth, 48), np.float32))
    assert crop_shape(side, kind) == expected


def test_varied_crops_stay_between_0_and_1_with_padding_zero() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        crop = random_crop(tubes(3), (64, 32, 48), rng, augment=True)
        assert crop.image.dtype == np.float32
        assert crop.image.min() >= 0
        assert crop.image.max() <= 1
        assert not crop.image[~crop.counted].any()


def stream(worker: int = 0, workers: int = 1) -> CropStream:
    return CropStream(
        tubes, seed=4, worker=worker, workers=workers, pool_size=3, steps_per_side=2, augment=True
    )


PHASE = Phase(
    epochs=1, crops=(CropKind(shape=(32, 32, 32)), CropKind(shape=(48, 16, 32), share=2.0))
)


def test_crops_depend_on_the_step_alone() -> None:
    unbroken = stream()
    for step in range(8):
        unbroken.crops(step, PHASE, 2)
    late = stream()
    for one, other in zip(unbroken.crops(8, PHASE, 2), late.crops(8, PHASE, 2), strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.target, other.target)


def test_workers_cut_other_crops_of_the_same_kind() -> None:
    first, second = stream(0, 2), stream(1, 2)
    for step in range(6):
        (a,), (b,) = first.crops(step, PHASE, 1), second.crops(step, PHASE, 1)
        assert a.image.shape == b.image.shape
        assert not np.array_equal(a.image, b.image)


def test_pool_keeps_intensities_closely() -> None:
    side = tubes(5)
    stored = StoredSide.of(side)
    assert stored.image.dtype == np.float16
    assert stored.bifurcation == side.bifurcation
