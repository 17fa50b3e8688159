from __future__ import annotations

import numpy as np
import pytest

from carotid.artifacts import Centerline, Centerlines, SideCenterlines
from carotid.evaluation.ends import missing_mm, short_mm


def line(first: int, last: int) -> Centerline:
    z = np.arange(first, last + 1)
    return Centerline.of_points(np.column_stack([np.zeros((len(z), 2)), z]))


def side(internal: Centerline, external: Centerline) -> SideCenterlines:
    return SideCenterlines(internal, external)


NONE = line(1, 0)


@pytest.mark.parametrize(
    ("own", "external", "other", "expected"),
    [
        (line(0, 40), line(20, 30), line(5, 40), 0.0),
        (line(0, 40), line(20, 30), line(5, 60), 10.0),
        (line(0, 40), line(20, 70), line(5, 60), 15.0),
        (line(0, 40), NONE, NONE, 0.0),
        (NONE, line(20, 70), line(5, 60), 0.0),
    ],
)
def test_an_internal_is_compared_with_what_ends_highest(
    own: Centerline, external: Centerline, other: Centerline, expected: float
) -> None:
    lines = Centerlines(side(other, NONE), side(own, external), None)
    assert short_mm(lines, "right", 0.5) == expected


@pytest.mark.parametrize(
    ("own", "external", "others", "expected"),
    [
        (line(0, 60), NONE, line(20, 50), 20.0),
        (line(0, 60), line(40, 60), line(20, 50), 0.0),
        (line(0, 60), line(2, 15), line(20, 50), 20.0),  # another vessel, far below
        (line(0, 15), NONE, line(20, 50), 0.0),  # covers the common carotid alone
        (line(0, 60), NONE, NONE, 0.0),
        (NONE, NONE, line(20, 50), 0.0),
    ],
)
def test_an_external_is_missing_where_the_other_side_has_one(
    own: Centerline, external: Centerline, others: Centerline, expected: float
) -> None:
    lines = Centerlines(side(own, external), side(line(0, 60), others), None)
    assert missing_mm(lines, "left", 0.5) == expected
