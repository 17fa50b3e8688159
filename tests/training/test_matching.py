from __future__ import annotations

import numpy as np
import pytest

from carotid.geometry.grid import Grid
from carotid.training.matching import exchanged

WIDE = Grid((200, 50, 60), np.diag([0.8, 0.8, 1.0, 1.0]))
NARROW = Grid((100, 50, 60), np.diag([0.8, 0.8, 1.0, 1.0]))


def at(x: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([[x, 20.0, 10.0], [x + 2, 20.0, 11.0]])


@pytest.mark.parametrize("grid", [WIDE, NARROW])
def test_both_sides(grid: Grid) -> None:
    far = grid.shape[0] - 30.0
    assert exchanged({"left": at(20), "right": at(far)}, grid) is None
    assert "are they exchanged" in str(exchanged({"left": at(far), "right": at(20)}, grid))


def test_a_neck_beside_the_middle() -> None:
    assert exchanged({"left": at(110), "right": at(170)}, WIDE) is None
    assert exchanged({"left": at(30), "right": at(90)}, WIDE) is None


def test_one_side_in_the_other_half_of_a_scan_of_both_sides() -> None:
    nothing = np.empty((0, 3))
    far = ", on average 17 mm beyond the middle (if it is right and the scan "
    found = exchanged({"left": at(120), "right": nothing}, WIDE)
    assert str(found).startswith(f"all of the left side lies in the right half of the scan{far}")
    assert str(found).endswith("annotate both sides, or crop it to 100 mm around the artery)")
    found = exchanged({"left": nothing, "right": at(77)}, WIDE)
    assert str(found).startswith(f"all of the right side lies in the left half of the scan{far}")
    assert exchanged({"left": at(60)}, WIDE) is None
    assert exchanged({"left": at(90)}, NARROW) is None


def test_a_scan_centered_on_the_one_artery_that_is_annotated() -> None:
    assert exchanged({"left": at(110)}, WIDE) is None
    assert exchanged({"right": at(88)}, WIDE) is None
