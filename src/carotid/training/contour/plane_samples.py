"""What the plane network is trained on: planes across an artery and the true radii along rays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from carotid.geometry.planes import Planes
from carotid.simulation.surfaces import exit_radii, union
from carotid.stages.planes.images import RAYS, SAMPLE_MM, SAMPLES, STEP_MM, plane_images
from carotid.stages.planes.predict import lengthened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.geometry.volume import Volume
    from carotid.simulation.surfaces import Distance

PLANES = 20
"""Planes of a sample."""

REACH_MM = SAMPLES * SAMPLE_MM

LARGEST_MM = 14.0
"""Planes in which the wall's outer boundary is farther away than this teach nothing."""

_SAME_MM = 0.1
"""Lumens that end this near to each other along a ray end at the same place."""

P_EXTERNAL = 0.3
"""Share of samples along the external carotid."""

P_LOST = 0.04
"""Share of samples in which nobody has found the external carotid."""


class Artery(Protocol):
    """What is known about an artery, R-A-S mm.

    Attributes:
        points_mm: (n, 3) its course, from low to high.
        radius_mm: (n,) about how wide the lumen is.
        lumen: Signed distance from the lumen's surface, NaN where unknown; None where occluded.
        wall: The same of the wall's outer boundary.
    """

    @property
    def points_mm(self) -> NDArray[np.float64]:
        """See the class."""

    @property
    def radius_mm(self) -> NDArray[np.float64]:
        """See the class."""

    @property
    def lumen(self) -> Distance | None:
        """See the class."""

    @property
    def wall(self) -> Distance:
        """See the class."""


class Side(Protocol):
    """A scan and the arteries of one of its sides.

    Attributes:
        volume: The scan, its intensities as they are.
        internal: The common and internal carotid.
        external: The external carotid; None where there is none.
        joined_below: Whether below the external's first point the internal's surfaces hold both.
    """

    @property
    def volume(self) -> Volume:
        """See the class."""

    @property
    def internal(self) -> Artery:
        """See the class."""

    @property
    def external(self) -> Artery | None:
        """See the class."""

    @property
    def joined_below(self) -> bool:
        """See the class."""


@dataclass(frozen=True, eq=False)
class PlaneSample:
    """Planes across one artery and what is true in them.

    Attributes:
        image: (channels, planes, rays, samples) float16.
        lumen: (planes, rays) float32 radius of the lumen, mm; 0 where the artery is occluded and
            NaN where it is not known, as outside of the artery.
        outer: (planes, rays) float32 radius of the wall's outer boundary; NaN likewise.
    """

    image: NDArray[np.float16]
    lumen: NDArray[np.float32]
    outer: NDArray[np.float32]


def draw_plane_samples(side: Side, rng: np.random.Generator, count: int) -> list[PlaneSample]:
    """Samples at random places, along centerlines that are off as found ones are."""
    return [one for _ in range(count) if (one := _draw(side, rng)) is not None]


def _draw(side: Side, rng: np.random.Generator) -> PlaneSample | None:
    own: Label = "internal"
    if side.external is not None and rng.random() < P_EXTERNAL:
        own = "external"
    courses, parting = found_courses(side, rng)
    planes = _somewhere(courses[own], side.volume, rng)
    if planes is None:
        return None
    other = courses.get("external" if own == "internal" else "internal")
    shown = None if other is None or len(other) < 2 else Planes.across(other, 0.5).centers
    image = plane_images(side.volume, planes, shown)
    lumen, outer = true_radii(side, own, planes, parting)
    known = np.isfinite(lumen).all(axis=1) & (outer < LARGEST_MM).all(axis=1)
    if known.sum() < PLANES // 2:
        return None
    lumen[~known] = outer[~known] = np.nan
    return PlaneSample(image.astype(np.float16), lumen.astype(np.float32), outer.astype(np.float32))


def found_courses(
    side: Side, rng: np.random.Generator
) -> tuple[dict[Label, NDArray[np.float64]], float]:
    """The arteries' courses with errors that found ones may have, and where the external begins.

    Returns:
        (n, 3) R-A-S mm by label, and the height from which anybody knows of the external carotid,
        R-A-S mm; infinite where nobody does.
    """
    parting = _found_parting(side, rng)
    courses: dict[Label, NDArray[np.float64]] = {"internal": _off(side.internal, rng)}
    if side.external is not None:
        found = _off(side.external, rng)
        courses["external"] = found[found[:, 2] > parting]
    return courses, parting


def true_radii(
    side: Side, label: Label, planes: Planes, parting_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii of lumen and outer wall, (planes, rays) mm, NaN where unknown.

    Below the height `parting_mm`, where nobody knows of an external carotid, what opens into the
    internal one belongs to it. What lies beside it does not: a ray that leaves where the internal's
    own lumen ends comes to the end of the wall where the internal's own wall ends, and not behind
    the external carotid.
    """
    own = side.external if label == "external" and side.external is not None else side.internal
    lumen, outer = (np.full((len(planes), RAYS), np.nan) for _ in range(2))
    for k, rays in enumerate(planes.directions(RAYS)):
        center = planes.centers[k]
        lumen[k], outer[k] = _exits((own,), center, rays)
        if label == "internal" and side.external is not None and center[2] < parting_mm:
            both = _exits((own, side.external), center, rays)
            opens = ~(np.abs(both[0] - lumen[k]) < _SAME_MM)
            lumen[k] = both[0]
            outer[k][opens] = both[1][opens]
        if own.lumen is None:
            lumen[k] = np.where(np.isfinite(outer[k]), 0, np.nan)
    return lumen, np.fmax(lumen, outer)


def _exits(
    bodies: tuple[Artery, ...], center: NDArray[np.float64], rays: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where rays leave the lumens, and where the walls, of bodies that are taken as one."""
    lumens = tuple(one.lumen for one in bodies if one.lumen is not None)
    inner = np.full(len(rays), np.nan)
    if lumens:
        inner = exit_radii(union(lumens), center, rays, REACH_MM)
    return inner, exit_radii(union(tuple(one.wall for one in bodies)), center, rays, REACH_MM)


def _found_parting(side: Side, rng: np.random.Generator) -> float:
    """Height from which the external carotid is known, in R-A-S mm."""
    if side.external is None or rng.random() < P_LOST:
        return np.inf
    # Found centerlines of it begin some way above where the arteries part, seldom below.
    late = rng.normal(1.5, 3.0) if rng.random() < 0.85 else rng.uniform(-4, 12)
    if side.joined_below:
        late = abs(late)
    return float(side.external.points_mm[0, 2] + late)


def _somewhere(
    course: NDArray[np.float64], volume: Volume, rng: np.random.Generator
) -> Planes | None:
    """As many planes as a sample has, within the scan's height."""
    corners = np.array([[0.0, 0.0, 0.0], np.array(volume.grid.shape) - 1.0])
    low, high = np.sort(volume.grid.world_from_index(corners)[:, 2])
    course = course[(course[:, 2] > low) & (course[:, 2] < high)]
    if len(course) < 2:
        return None
    short = PLANES * STEP_MM - float(np.linalg.norm(np.diff(course, axis=0), axis=1).sum())
    curve = lengthened(course, max(short, 0) / 2 + STEP_MM)
    if curve is None:
        return None
    planes = Planes.across(curve, STEP_MM)
    slack = len(planes) - PLANES
    start = int(rng.integers(slack + 1))
    return planes.part(slice(start, start + PLANES))


def _off(artery: Artery, rng: np.random.Generator) -> NDArray[np.float64]:
    """The artery's course with an error that a found centerline may have, (n, 3) R-A-S mm."""
    points = artery.points_mm
    usual = rng.random() < 0.6
    size = rng.uniform(0, 0.35) if usual else rng.uniform(0.2, 1.3)
    size = min(size, 0.65 * float(np.median(artery.radius_mm)))
    error = np.zeros((len(points), 3))
    for axis in (0, 1):
        error[:, axis] = 0.6 * rng.normal() + _wave(points[:, 2], rng)
    if rng.random() < 0.2:
        place = rng.uniform(points[0, 2], points[-1, 2])
        bump = np.exp(-0.5 * ((points[:, 2] - place) / rng.uniform(3, 8)) ** 2)
        error[:, :2] += rng.normal(0, 2.0, 2) * bump[:, None]
    length = np.linalg.norm(error, axis=1)
    error *= (np.minimum(length, 2.2) / np.maximum(length, 1e-9))[:, None]
    return points + size * error / 1.2


def _wave(z: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    out = np.zeros(len(z))
    for _ in range(3):
        out += np.sin(2 * np.pi * z / rng.uniform(10, 60) + rng.uniform(0, 2 * np.pi))
    return out * 0.6
