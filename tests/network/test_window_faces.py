"""Where leaks and gains lie, against a convolution with every voxel spelled out."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from carotid.network.window_faces import faces, plane_voxels
from carotid.network.windows.plan import WindowPlan

Voxel = tuple[int, ...]


def passed(plan: WindowPlan, corner: tuple[int, int, int]) -> tuple[set[tuple[Voxel, Voxel]], ...]:
    """(from, to) of what leaks and of what is missing, by the definition, in the volume."""
    window = [
        range(start - pad, start - pad + side)
        for start, pad, side in zip(corner, plan.padding, plan.window, strict=True)
    ]
    volume = [range(size) for size in plan.shape]
    leaks, gains = set(), set()
    for source in product(*window):
        known = all(x in line for x, line in zip(source, volume, strict=True))
        for step in product((-1, 0, 1), repeat=3):
            target = tuple(x + d for x, d in zip(source, step, strict=True))
            if not all(x in line for x, line in zip(target, volume, strict=True)):
                continue
            wanted = all(x in line for x, line in zip(target, window, strict=True))
            if known and not wanted:
                leaks.add((source, target))
            if wanted and not known:
                gains.add((source, target))
    return leaks, gains


def voxels(box: tuple[slice, ...], shift: tuple[int, ...]) -> list[Voxel]:
    lines = [range(s.start - n, s.stop - n) for s, n in zip(box, shift, strict=True)]
    return list(product(*lines))


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    window=st.tuples(*[st.integers(1, 5)] * 3),
    overlap=st.sampled_from([0.0, 0.5, 0.75]),
)
def test_faces_pass_everything_once(
    shape: tuple[int, int, int], window: tuple[int, int, int], overlap: float
) -> None:
    plan = WindowPlan.of(shape, window, overlap)
    places = set()
    for corner in plan.corners:
        outer, inner = plan.boxes(corner)
        shift = tuple(i.start - o.start for i, o in zip(inner, outer, strict=True))
        found: dict[bool, list[tuple[Voxel, Voxel]]] = {True: [], False: []}
        for face in faces(plan, corner):
            places.add((face.axis, face.target[face.axis].start))
            first = [s.start - n for s, n in zip(face.source, shift, strict=True)]
            begins = [t.start - f for t, f in zip(face.target, first, strict=True)]
            assert face.before == tuple(b for a, b in enumerate(begins) if a != face.axis)
            assert begins[face.axis] == 1 - face.tap
            for source, target in product(
                voxels(face.source, shift), voxels(face.target, (0,) * 3)
            ):
                if all(abs(a - b) <= 1 for a, b in zip(source, target, strict=True)):
                    found[face.leaks].append((source, target))
        for pairs, expected in zip((found[True], found[False]), passed(plan, corner), strict=True):
            assert len(pairs) == len(set(pairs)), "nothing counts twice"
            assert set(pairs) == expected
    kept = sum(int(np.prod(shape)) // shape[axis] for axis, _ in places)
    assert kept <= plane_voxels(plan)


def test_a_window_that_is_the_volume_has_no_faces() -> None:
    plan = WindowPlan.of((4, 5, 6), (4, 5, 6), 0.5)
    assert list(faces(plan, (0, 0, 0))) == []
    assert plane_voxels(plan) == 0


def test_the_picture_in_the_module() -> None:
    """Targets of leaks on axes 1 and 2, of a window of 3×3 in the middle of 7×7."""
    plan = WindowPlan((1, 7, 7), (1, 3, 3), (0, 0, 0), ((0,), (2,), (2,)))
    shown = np.full((7, 7), ".")
    shown[2:5, 2:5] = "x"
    for face in faces(plan, (0, 2, 2)):
        shown[face.target[1:]] = str(face.axis - 1)
    assert ["".join(row) for row in shown] == [
        ".......",
        ".00000.",
        ".1xxx1.",
        ".1xxx1.",
        ".1xxx1.",
        ".00000.",
        ".......",
    ]
