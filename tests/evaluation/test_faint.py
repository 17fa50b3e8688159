from __future__ import annotations

from dataclasses import replace

import numpy as np

from carotid.artifacts import Centerline
from carotid.evaluation.faint import faint_mm, faint_slices, faint_stretch


def line(*stretches: tuple[int, float]) -> Centerline:
    shown = np.concatenate([np.full(n, value) for n, value in stretches])
    points = np.column_stack([np.zeros((len(shown), 2)), 3.0 + np.arange(len(shown))])
    return replace(Centerline.of_points(points), mean_value=shown)


def test_the_longest_inner_stretch_counts() -> None:
    one = line((9, 20.0), (5, 300.0), (4, 90.0), (5, 300.0), (6, 0.0), (5, 101.0), (9, 20.0))
    assert faint_stretch(one) == (25, 32)
    assert faint_mm(one, 0.5) == 3.0
    assert faint_slices(one, 1.0).tolist() == list(range(26, 32))
    assert faint_slices(one, 2.0).tolist() == [*range(17, 21), *range(26, 32)]
    assert not len(faint_slices(one, 0.5))


def test_unknown_heights_and_good_lines_have_none() -> None:
    for one in (line((9, 300.0)), line((9, float("nan"))), line((9, 20.0)), line((1, 300.0))):
        assert faint_stretch(one) is None
        assert faint_mm(one, 1.0) == 0
        assert not len(faint_slices(one, 1.0))
