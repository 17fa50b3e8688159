"""Results as the heatmap transform leaves them, made up around known courses of the carotids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.artifacts import (
    Bifurcation,
    Centerline,
    Centerlines,
    Contours,
    CrossSection,
    Outline,
    SideCenterlines,
)
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.provenance import Input, Record
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.participants import find_scans
from carotid.storage.raw import hash_scan
from carotid.storage.results.centerlines import load_centerlines, save_centerlines
from carotid.storage.results.contours import load_contours, save_contours
from carotid.storage.results.heatmaps import SideSlabs, write_side
from carotid.storage.results.layout import (
    CENTERLINE_TRANSFORM,
    CONTOUR_TRANSFORM,
    HEATMAP_TRANSFORM,
    MEASUREMENT_TRANSFORM,
    HeatmapLayout,
    OutputLayout,
)
from carotid.storage.results.measurements import save_measurements
from carotid.storage.results.record import grid_facts, write_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.geometry.sides import SideName
    from carotid.geometry.volume import Volume

REACH_MM = 16.0


@dataclass(frozen=True, eq=False)
class MemberView:
    """Where one member of the ensemble sees one side's vessels.

    Attributes:
        centers: (z, 2, 2) canonical x and y per slice and channel; NaN where it sees nothing.
        height: (z, 2) factor of the peak's height.
    """

    centers: NDArray[np.float64]
    height: NDArray[np.float64]


def tubes(view: MemberView, grid: Grid) -> NDArray[np.float32]:
    """(2, x, y, z) on a canonical grid: exp(6(1 - d/16 mm)) - 1 around each center."""
    sx, sy, _ = grid.spacing_mm
    x = np.arange(grid.shape[0])[:, None]
    y = np.arange(grid.shape[1])[None, :]
    out = np.zeros((2, *grid.shape), np.float32)
    for z in range(grid.shape[2]):
        for c in (0, 1):
            cx, cy = view.centers[z, c]
            if np.isnan(cx):
                continue
            d = np.hypot((x - cx) * sx, (y - cy) * sy)
            value = np.exp(6 * np.maximum(0.0, 1 - d / REACH_MM)) - 1
            out[c, :, :, z] = view.height[z, c] * value
    return out


def write_heatmaps(
    output_dir: Path,
    participant_id: str,
    stored: Grid,
    views: Mapping[SideName, list[MemberView]],
    *,
    input_sha256: str = "0" * 64,
) -> HeatmapLayout:
    """Write both sides' files as the transform does."""
    canonical = stored.reoriented(CANONICAL)
    back = Reordering.between(canonical, stored.orientation)
    folder = HeatmapLayout(OutputLayout(output_dir).transform(participant_id, HEATMAP_TRANSFORM))
    folder.root.mkdir(parents=True)
    for side in SIDE_NAMES:
        made = np.stack([tubes(view, canonical) for view in views[side]])
        mean = made.mean(axis=0)
        std = made.std(axis=0, ddof=1) if len(made) > 1 else np.zeros_like(mean)
        flat = made.transpose(0, 1, 4, 2, 3).reshape(*made.shape[:2], canonical.shape[2], -1)
        best = flat.argmax(axis=-1)
        indices = np.stack([best // canonical.shape[1], best % canonical.shape[1]], axis=-1)
        slabs = [_slab(back, array) for array in (mean, std)]
        write_side(
            folder,
            side,
            stored,
            SideSlabs([(slabs[0], slabs[1])], lambda i=indices: i),  # type: ignore[misc]
        )
    write_record(folder.root, Record("heatmap", {}, inputs={"scan": Input(input_sha256)}))
    return folder


def _slab(back: Reordering, array: NDArray[np.floating]) -> NDArray[np.float32]:
    stored = back.view(array, first_axis=1).transpose(3, 2, 1, 0)
    return np.ascontiguousarray(stored, np.float32)


def write_scan(raw_dir: Path, participant_id: str, volume: Volume) -> str:
    """Write a scan and return its SHA-256."""
    raw_dir.mkdir(parents=True, exist_ok=True)
    write_metaimage(raw_dir / f"{participant_id}.mha", volume)
    return hash_scan(find_scans(raw_dir)[participant_id])


def views_around(
    centers: NDArray[np.float64],
    spacing_mm: tuple[float, float, float],
    rng: np.random.Generator,
    *,
    members: int = 3,
    wander_mm: float = 0.3,
    fading: float = 0.0,
) -> list[MemberView]:
    """Members that see known centers, each with an error of its own.

    Args:
        centers: (z, 2, 2) canonical; channel 1 also below the bifurcation.
        spacing_mm: Canonical voxel size.
        rng: Randomness.
        members: How many.
        wander_mm: How far, typically, each strays; it strays smoothly along z.
        fading: Share of the height in which the peaks fade away.
    """
    slices = centers.shape[0]
    height = np.ones((slices, 2))
    lost = rng.uniform(size=max(1, slices // 8)) < fading
    fade = np.repeat(lost, 8)[:slices]
    height[: fade.size][fade] = 0.1
    return [
        MemberView(
            centers
            + _wander(slices, spacing_mm[2], rng)[:, None] * wander_mm / np.array(spacing_mm[:2]),
            height * rng.uniform(0.9, 1.05),
        )
        for _ in range(members)
    ]


def _wander(slices: int, slice_mm: float, rng: np.random.Generator) -> NDArray[np.float64]:
    reach = max(1, round(8 / slice_mm))
    noise = rng.normal(size=(slices + 2 * reach, 2))
    kernel = np.ones(2 * reach + 1)
    smooth = np.stack([np.convolve(noise[:, k], kernel, "valid") for k in (0, 1)], axis=1)
    return np.asarray(smooth / np.sqrt(2 * reach + 1), np.float64)


def straight_centers(grid: Grid, across_mm: float, fork: float = 0.5) -> NDArray[np.float64]:
    """A plain carotid on a canonical grid, `across_mm` to the patient's right of the middle.

    Above `fork` of the height the internal runs backwards and outwards, the external forwards.
    """
    size_x, size_y, size_z = grid.shape
    sx, sy, sz = grid.spacing_mm
    out = np.empty((size_z, 2, 2))
    out[:] = (size_x - 1) / 2 + across_mm / sx, (size_y - 1) / 2
    above = np.maximum(0.0, np.arange(size_z) - fork * size_z) * sz
    apart = np.minimum(above * 0.4, 6.0)
    outward = np.sign(across_mm) or 1.0
    out[:, 0] += np.stack([outward * apart / sx, -apart / sy], axis=1)
    out[:, 1] += np.stack([-outward * apart / sx / 2, apart / sy], axis=1)
    return out


def neck_scan(
    grid: Grid, ways: Mapping[SideName, NDArray[np.float64]], seed: int = 0
) -> NDArray[np.int16]:
    """(x, y, z) canonical voxels: dark lumens with bright walls in grey, noisy tissue."""
    rng = np.random.default_rng(seed)
    sx, sy, _ = grid.spacing_mm
    x = np.arange(grid.shape[0])[:, None]
    y = np.arange(grid.shape[1])[None, :]
    out = np.full(grid.shape, 300.0) + rng.normal(0, 30, grid.shape)
    for way in ways.values():
        for z in range(grid.shape[2]):
            known = [center for center in way[z] if not np.isnan(center[0])]
            away = [np.hypot((x - at[0]) * sx, (y - at[1]) * sy) for at in known]
            for radius, value in ((4.0, 600), (2.6, 60)):  # no wall lies in the other's lumen
                for d in away:
                    out[:, :, z][d < radius] = value
    return np.clip(out, 0, 4000).astype(np.int16)


def write_summary(output_dir: Path, outcomes: Mapping[str, tuple[str, str]]) -> None:
    """`summary.json` as a run leaves it."""
    import json

    rows: list[dict[str, Any]] = [
        {"participant_id": key, "result": result, "reason": reason}
        for key, (result, reason) in outcomes.items()
    ]
    OutputLayout(output_dir).summary.write_text(
        json.dumps({HEATMAP_TRANSFORM: {"participants": rows}})
    )


def write_centerlines(
    output_dir: Path,
    participant_id: str,
    stored: Grid,
    ways: Mapping[SideName, NDArray[np.float64]],
    *,
    uncertainty_mm: float = 0.5,
) -> None:
    """Write centerlines along known courses, which divide at half of the height."""
    sides = {}
    for side, way in ways.items():
        slices = np.arange(len(way))
        fork = len(way) // 2
        arteries = []
        for channel, first in ((0, 0), (1, fork)):
            points = np.column_stack([way[first:, channel], slices[first:]])
            unknown = np.full(len(points), np.nan)
            spread = np.full(len(points), uncertainty_mm)
            arteries.append(Centerline(points, unknown, unknown, unknown, spread))
        place = np.array([*way[fork].mean(axis=0), fork])
        sides[side] = SideCenterlines(arteries[0], arteries[1], Bifurcation(place, 1.5))
    folder = OutputLayout(output_dir).transform(participant_id, CENTERLINE_TRANSFORM)
    folder.mkdir(parents=True)
    save_centerlines(Centerlines(sides["left"], sides["right"], stored), folder)
    write_record(folder, Record("centerline", {}, context=grid_facts(stored)))


def round_contours(
    stored: Grid,
    ways: Mapping[SideName, NDArray[np.float64]],
    *,
    lumen_mm: float = 2.6,
    wall_mm: float = 4.0,
    spread_mm: float = 0.15,
) -> Contours:
    """Circles around known courses; the external carotid from half of the height on."""
    canonical = stored.reoriented(CANONICAL)
    labels: tuple[tuple[Label, int], ...] = (("external", 1), ("internal", 0))
    sides = {
        side: tuple(
            CrossSection(label, z, *(circle(way[z, channel], r, canonical, spread_mm)
                                     for r in (lumen_mm, wall_mm)))
            for label, channel in labels
            for z in range(channel * (len(way) // 2), len(way))
        )
        for side, way in ways.items()
    }  # fmt: skip
    return Contours(sides["left"], sides["right"], canonical, stored)


def circle(
    center: NDArray[np.float64], radius_mm: float, grid: Grid, spread_mm: float = 0.15
) -> Outline:
    """A circle in an axial slice."""
    turn = 2 * np.pi * np.arange(32) / 32
    points = center + radius_mm * np.stack([np.cos(turn), np.sin(turn)], 1) / grid.spacing_mm[:2]
    unknown = np.full(32, np.nan)
    return Outline(points, unknown, unknown, np.full(32, spread_mm))


def write_contours(output_dir: Path, participant_id: str, contours: Contours) -> None:
    """Write contours as the stage does."""
    folder = OutputLayout(output_dir).transform(participant_id, CONTOUR_TRANSFORM)
    folder.mkdir(parents=True)
    save_contours(contours, folder)
    write_record(folder, Record("contour", {}))


def write_measurements(output_dir: Path, participant_id: str) -> None:
    """Measure what is there."""
    layout = OutputLayout(output_dir)
    contours = load_contours(layout.transform(participant_id, CONTOUR_TRANSFORM))
    centerlines = load_centerlines(layout.transform(participant_id, CENTERLINE_TRANSFORM))
    folder = layout.transform(participant_id, MEASUREMENT_TRANSFORM)
    folder.mkdir(parents=True)
    save_measurements(measure(contours, centerlines, MeasurementParameters()), folder)
    write_record(folder, Record("measurement", {}))
