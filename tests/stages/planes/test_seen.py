from __future__ import annotations

import numpy as np
import pytest

from carotid.stages.planes.images import RADII_MM
from carotid.stages.planes.seen import LEAST_LENGTH_MM, contrasts, hardly_dark, unseen_lumens

PLANES, RAYS = 40, 32


@pytest.mark.parametrize(("lumen", "expected"), [(0.2, 0.6), (0.8, 0.0), (1.2, -0.2)])
@pytest.mark.parametrize("radius", [0.4, 2.0])
def test_contrast_compares_the_core_with_the_middle_of_the_wall(
    lumen: float, expected: float, radius: float
) -> None:
    brightness = np.where(radius > RADII_MM, lumen, 0.8)
    brightness = np.where(radius + 1 < RADII_MM, 5.0, brightness)
    planes = np.broadcast_to(brightness, (PLANES, RAYS, len(RADII_MM))).astype(np.float32)
    radii = np.full((PLANES, RAYS), radius)
    np.testing.assert_allclose(contrasts(planes, radii, radii + 1), expected, atol=1e-6)


def test_long_stretches_at_an_end_are_unseen_and_no_others() -> None:
    long, short = round(LEAST_LENGTH_MM), round(LEAST_LENGTH_MM) - 1

    def unseen(*stretches: tuple[int, float]) -> list[bool]:
        contrast = np.concatenate([np.full(n, value) for n, value in stretches])
        found: list[bool] = unseen_lumens(contrast).tolist()
        return found

    dark, bright = 0.6, 0.02
    assert unseen((30, dark), (long, bright)) == [False] * 30 + [True] * long
    assert unseen((long, bright), (30, dark)) == [True] * long + [False] * 30
    assert not any(unseen((30, dark), (short, bright)))
    assert not any(unseen((20, dark), (20, bright), (20, dark)))  # slow flow in a bulb
    assert not any(unseen((40, bright)))
    assert not any(unseen((short, dark), (40, bright)))


def test_what_fills_an_artery_may_be_darker_than_its_wall() -> None:
    dark, filled, slow = 0.7, 0.14, 0.3
    for value, expected in ((filled, 20), (slow, 0)):
        contrast = np.concatenate([np.full(30, dark), np.full(20, value)])
        assert unseen_lumens(contrast).sum() == expected
    hardly_suppressed = np.concatenate([np.full(30, 0.25), np.full(20, 0.12)])
    assert not unseen_lumens(hardly_suppressed).any()
    assert not unseen_lumens(np.empty(0)).any()


def test_hardly_dark_is_half_of_what_is_usual_where_blood_is_dark() -> None:
    contrast = np.array([0.7, 0.7, 0.36, 0.34, 0.7])
    assert hardly_dark(contrast).tolist() == [False, False, False, True, False]
    assert not hardly_dark(contrast - 0.6).any()
