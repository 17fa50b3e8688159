"""What contours are worth, against the truth of simulated necks: millimetres and overlap.

A cross-section is compared along 64 rays from the middle of the true lumen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.outlines import centroids
from carotid.geometry.sides import SIDE_NAMES
from carotid.simulation.contours import flow_divider, true_contours
from carotid.training.contour.plane_samples import true_radii

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Contours, CrossSection, Label, RayRadii
    from carotid.geometry.volume import Volume
    from carotid.simulation.truth import SimulatedNeck, TrueArtery, TrueSide

RAYS = 64
EVERY = 3
"""Of so many slices one is compared."""

PLAQUE_MM = 1.0
HARDLY_SEEN_MM = 1.0
"""A plaque whose largest thickness is found thinner by more than this is hardly seen."""

NEAR_MM = 5.0
"""Slices this near to the flow divider are told apart."""

_MASK_MM = 0.2
_MASK_HALF_MM = 10.0


@dataclass(frozen=True)
class Row:
    """One cross-section that is both true and found.

    Attributes:
        lumen: (RAYS,) found minus true radius.
        outer: (RAYS,) the same of the wall's outer boundary.
        dice: Of lumen, of all within the wall, of the wall's ring.
        wall: Mean thickness, found minus true.
        thickest: True and found thickness on the thickest ray.
        plaque: The artery with plaque above 1 mm that it belongs to; None where there is none.
        near: Whether the flow divider is near.
    """

    lumen: NDArray[np.float64]
    outer: NDArray[np.float64]
    dice: tuple[float, float, float]
    wall: float
    thickest: tuple[float, float]
    plaque: str | None
    near: bool


@dataclass
class Scores:
    """Everything that was compared.

    Attributes:
        rows: The cross-sections.
        missing: True ones that were not found.
        held: Whether each interval of 50, 68 and 95 % held the true radius, per ray, (n, 3), by
            boundary, and the spread that was foretold.
    """

    rows: list[Row] = field(default_factory=list)
    missing: int = 0
    held: dict[str, list[NDArray[np.bool_]]] = field(
        default_factory=lambda: {"lumen": [], "outer": []}
    )
    sigma: dict[str, list[NDArray[np.float64]]] = field(
        default_factory=lambda: {"lumen": [], "outer": []}
    )

    def add(
        self, name: str, neck: SimulatedNeck, found: Contours, truth: Contours | None = None
    ) -> None:
        """Compare one neck; its true contours are made where they are not given."""
        truth = true_contours(neck) if truth is None else truth
        grid = truth.canonical
        spacing = np.array(grid.spacing_mm)
        for side in SIDE_NAMES:
            divider = flow_divider(neck.sides[side], grid)
            theirs = {(one.label, one.z): one for one in found.side(side)}
            for one in truth.side(side)[::EVERY]:
                other = theirs.get((one.label, one.z))
                if other is None or other.lumen is None or other.wall is None:
                    self.missing += 1
                    continue
                artery = _artery(neck.sides[side], one.label)
                height = float(grid.world_from_index(np.array([0.0, 0.0, one.z]))[2])
                plaque = np.interp(height, artery.points_mm[:, 2], artery.plaque_mm) > PLAQUE_MM
                near = bool(abs(one.z - divider) * spacing[2] < NEAR_MM)
                key = f"{name} {side} {one.label}" if plaque else None
                self.rows.append(_row(one, other, spacing[:2], key, near=near))
            if found.planes is not None:
                self._add_intervals(neck, neck.sides[side], found.planes.get(side, {}))

    def _add_intervals(
        self, neck: SimulatedNeck, side: TrueSide, planes: Mapping[Label, RayRadii]
    ) -> None:
        begin = planes.get("external")
        parting = np.inf
        if begin is not None:
            above = begin.from_divider_mm >= 0
            if above.any():
                parting = float(begin.planes.centers[above][0, 2])
        known = _KnownSide(neck.volume, side.internal, side.external)
        for label, one in planes.items():
            if label == "external" and side.external is None:
                continue
            lumen, outer = true_radii(known, label, one.planes, parting)
            inner = _within(one, _artery(side, label), label)
            for boundary, true in (("lumen", lumen), ("outer", outer)):
                error = np.abs(getattr(one, f"{boundary}_mm") - true)
                use = np.isfinite(error) & inner[:, None]
                widths = [getattr(one, f"{boundary}_{w}_mm")[use] for w in _WIDTHS]
                self.held[boundary].append(np.stack([error[use] <= w for w in widths], axis=1))
                self.sigma[boundary].append(widths[1])

    def lines(self) -> list[str]:
        """The figures, as rows of a table."""
        out = [_figures("all", self.rows, self.missing)]
        out.append(_figures("within 5 mm of the flow divider", [r for r in self.rows if r.near]))
        out.append(_figures("plaque above 1 mm", [r for r in self.rows if r.plaque]))
        return [*out, *self._interval_lines()]

    def _interval_lines(self) -> list[str]:
        lines = []
        for boundary, held in self.held.items():
            if not held:
                continue
            every, sigma = np.concatenate(held), np.concatenate(self.sigma[boundary])
            quarters = np.array_split(np.argsort(sigma), 4)
            shares = " / ".join(f"{100 * share:.1f}" for share in every.mean(axis=0))
            rising = ", ".join(
                f"{sigma[part].mean():.2f} mm: {100 * every[part, 1].mean():.0f} %"
                for part in quarters
            )
            lines.append(
                f"{boundary}: intervals of 50 / 68 / 95 % hold {shares} %; that of 68 % by quarter "
                f"of its width: {rising}"
            )
        return lines


_WIDTHS = ("half", "sigma", "wide")


@dataclass(frozen=True, eq=False)
class _KnownSide:
    volume: Volume
    internal: TrueArtery
    external: TrueArtery | None
    joined_below: bool = False


def _artery(side: TrueSide, label: Label) -> TrueArtery:
    artery = side.external if label == "external" else side.internal
    return side.internal if artery is None else artery


def _within(one: RayRadii, artery: TrueArtery, label: Label) -> NDArray[np.bool_]:
    """Planes across the stretch that the artery has and outlines are cut from."""
    low, high = artery.points_mm[[0, -1], 2]
    height = one.planes.centers[:, 2]
    own = (height > low + 1) & (height < high - 1)
    if label == "external":
        own &= np.nan_to_num(one.from_divider_mm, nan=0.0) >= 0
    inner = np.ones(len(own), bool)
    inner[:5] = inner[-5:] = False  # beyond the centerline's ends
    return np.asarray(own & inner)


def _row(
    true: CrossSection,
    found: CrossSection,
    spacing: NDArray[np.float64],
    plaque: str | None,
    *,
    near: bool,
) -> Row:
    outlines = [one.outline(b) for one in (true, found) for b in ("lumen", "wall")]
    points = [one.points * spacing for one in outlines if one is not None]
    middle = centroids(points[0][None])[0]
    lumen, outer, found_lumen, found_outer = (_radii(one - middle) for one in points)
    masks = [_mask(one - middle) for one in points]
    thick, found_thick = outer - lumen, found_outer - found_lumen
    return Row(
        found_lumen - lumen,
        found_outer - outer,
        (
            _dice(masks[0], masks[2]),
            _dice(masks[1], masks[3]),
            _dice(masks[1] & ~masks[0], masks[3] & ~masks[2]),
        ),
        float((found_thick - thick).mean()),
        (float(thick.max()), float(found_thick.max())),
        plaque,
        near,
    )


def _radii(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(RAYS,) lengths of even rays from the origin to an outline around it."""
    angle, radius = np.arctan2(points[:, 1], points[:, 0]), np.hypot(*points.T)
    wanted = 2 * np.pi * np.arange(RAYS) / RAYS
    order = np.argsort(angle)
    return np.asarray(np.interp(wanted, angle[order], radius[order], period=2 * np.pi))


def _mask(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    from matplotlib.path import Path

    axis = np.arange(-_MASK_HALF_MM, _MASK_HALF_MM, _MASK_MM)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return np.asarray(Path(points).contains_points(grid))


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(2 * (one & other).sum() / max(one.sum() + other.sum(), 1))


HEADER = (
    "| cross-sections | number | missing | lumen: median, 95th, bias | outer: median, 95th, bias "
    "| Dice lumen, outer, wall (median) | mean thickness: bias | thickest ray: bias "
    "| thickest of a plaque: bias, median |\n|---|---|---|---|---|---|---|---|---|"
)


def _figures(name: str, rows: list[Row], missing: int = 0) -> str:
    if not rows:
        return f"| {name} | 0 | {missing} | | | | | | |"
    lumen = np.concatenate([row.lumen for row in rows])
    outer = np.concatenate([row.outer for row in rows])
    dice = np.median([row.dice for row in rows], axis=0)
    thick = np.array([row.thickest for row in rows])
    most = _of_largest(_of_plaques(rows))
    return (
        f"| {name} | {len(rows)} | {missing} | {_errors(lumen)} | {_errors(outer)} "
        f"| {dice[0]:.3f}, {dice[1]:.3f}, {dice[2]:.3f} "
        f"| {np.mean([row.wall for row in rows]):+.3f} | {(thick[:, 1] - thick[:, 0]).mean():+.2f} "
        f"| {most} |"
    )


def _of_plaques(rows: Iterable[Row]) -> NDArray[np.float64]:
    """Found minus true of the largest thickness of each plaque."""
    plaques: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row.plaque is not None:
            plaques.setdefault(row.plaque, []).append(row.thickest)
    largest = [np.max(thickest, axis=0) for thickest in plaques.values()]
    return np.array([found - true for true, found in largest])


def _of_largest(errors: NDArray[np.float64]) -> str:
    """Their mean, their median, and how many plaques are hardly seen."""
    if not len(errors):
        return ""
    hardly = int((errors < -HARDLY_SEEN_MM).sum())
    return (
        f"{errors.mean():+.2f}, {np.median(errors):+.2f} of {len(errors)}; {hardly} more than "
        f"{HARDLY_SEEN_MM:g} mm too thin"
    )


def _errors(values: NDArray[np.float64]) -> str:
    size = np.abs(values)
    return f"{np.median(size):.3f}, {np.quantile(size, 0.95):.2f}, {values.mean():+.3f}"
