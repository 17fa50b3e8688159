"""What a 3×3×3 convolution passes through the faces of a window, as places of planes.

Let features be known in a window, be cut to the volume, and be zero elsewhere. Their convolution is
not what the window's own convolution, cut to the volume, would be:

- Where the window ends inside the volume, it *leaks*: the voxels beyond get something.
- Where the window reaches beyond the volume, the voxels at the volume's border miss something.

Both happen within one voxel of the faces of the box in which window and volume meet: what lies in a
plane on one side of a face, the source, comes to the plane on its other side, the target, by one of
the three taps along the axis. What passes an edge or a corner passes several faces, and is counted
with the first axis: along later axes the plane that lies outside the box is one voxel wider than
the box, along earlier ones as wide. On two axes, with a box of 3×3 in the volume, these are the
targets of the leaks, of the faces of axis 0 and of axis 1:

    . . . . . . .
    . 0 0 0 0 0 .
    . 1 x x x 1 .
    . 1 x x x 1 .
    . 1 x x x 1 .
    . 0 0 0 0 0 .
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carotid.network.windows.plan import WindowPlan


@dataclass(frozen=True)
class Face:
    """A face of the box in which a window and the volume meet.

    Attributes:
        axis: The axis that it is at right angles to.
        tap: Which of the kernel's three taps along this axis goes through it.
        leaks: Whether the target gets what it should not; else it misses what it should get.
        source: The plane that is convolved, one voxel thick, in the window.
        target: Where the result belongs, one voxel thick, in the volume.
        before: Along each of the other two axes, voxels by which the target begins after the
            source; −1 where it begins a voxel earlier.
    """

    axis: int
    tap: int
    leaks: bool
    source: tuple[slice, ...]
    target: tuple[slice, ...]
    before: tuple[int, ...]


def faces(plan: WindowPlan, corner: tuple[int, int, int]) -> Iterator[Face]:
    """The faces of a window that something passes, by its first voxel in the padded volume."""
    outer, inner = plan.boxes(corner)
    shifts = [one.start - other.start for one, other in zip(inner, outer, strict=True)]
    for axis in range(3):
        size, side, shift = plan.shape[axis], plan.window[axis], shifts[axis]
        low, high = outer[axis].start, outer[axis].stop
        for within, beyond in ((low, low - 1), (high - 1, high)):
            leaks = 0 <= beyond < size
            if not leaks and not 0 <= beyond + shift < side:
                continue
            source, target = [*outer], [*outer]
            for other in range(axis + 1, 3):
                if leaks:
                    target[other] = _wider(outer[other], 0, plan.shape[other])
                else:
                    first = -shifts[other]
                    source[other] = _wider(outer[other], first, first + plan.window[other])
            of, to = (within, beyond) if leaks else (beyond, within)
            source[axis], target[axis] = slice(of, of + 1), slice(to, to + 1)
            yield Face(
                axis,
                of - to + 1,
                leaks,
                tuple(slice(s.start + n, s.stop + n) for s, n in zip(source, shifts, strict=True)),
                tuple(target),
                tuple(target[a].start - source[a].start for a in range(3) if a != axis),
            )


def plane_voxels(plan: WindowPlan) -> int:
    """Voxels of all planes in which targets lie, each as large as the volume's own slices."""
    total = 0
    for axis, size in enumerate(plan.shape):
        planes = 2 * (len(plan.starts[axis]) - 1 + (plan.window[axis] > size))
        total += min(planes, size) * prod(plan.shape) // size
    return total


def _wider(box: slice, first: int, stop: int) -> slice:
    """A voxel more on either side, as far as there are any."""
    return slice(max(box.start - 1, first), min(box.stop + 1, stop))
