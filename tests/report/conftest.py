"""A small output directory, made once: good, bad, broken and missing participants."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.report.results import (
    circle,
    neck_scan,
    round_contours,
    straight_centers,
    views_around,
    write_centerlines,
    write_contours,
    write_heatmaps,
    write_measurements,
    write_scan,
    write_summary,
)

from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Contours
    from carotid.geometry.sides import SideName

EVIL = "<img src=x onerror=alert(1)>\"'&"


def small_grid(orientation: str = "LPS") -> Grid:
    """100 x 32 x 76 mm, anisotropic, stored as asked."""
    affine = np.diag([1.25, 1.0, 2.0, 1.0])
    affine[:3, 3] = -50, -16, -38
    return Grid((80, 32, 38), affine).reoriented(orientation)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`out`, `raw` and `annotations` with participants of known quality; do not change them."""
    root = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(5)
    stored = small_grid("PSL")
    grid = stored.reoriented(CANONICAL)
    ways: dict[SideName, NDArray[np.float64]] = {
        "left": straight_centers(grid, -24),
        "right": straight_centers(grid, 24),
    }
    scan = neck_scan(grid, ways)
    for name, wander, fading in (("good", 0.2, 0.0), ("poor", 4.0, 0.5), ("fair", 2.2, 0.15)):
        canonical = Volume(scan, grid)
        volume = canonical.reoriented("PSL")
        sha = write_scan(root / "raw", name, Volume(np.ascontiguousarray(volume.array), stored))
        views = {
            side: views_around(way, grid.spacing_mm, rng, wander_mm=wander, fading=fading)
            for side, way in ways.items()
        }
        write_heatmaps(root / "out", name, stored, views, input_sha256=sha)
        for side, way in ways.items():
            folder = root / "annotations" / name / "centerline_transform"
            folder.mkdir(parents=True, exist_ok=True)
            rows = [f"internal\t{x:.3f}\t{y:.3f}\t{z}" for z, (x, y) in enumerate(way[:, 0])]
            fork = len(way) // 2
            rows += [
                f"external\t{x:.3f}\t{y:.3f}\t{z + fork}" for z, (x, y) in enumerate(way[fork:, 1])
            ]
            text = "label\tx\ty\tz\n" + "\n".join(rows) + "\n"
            (folder / f"{side}_centerline.tsv").write_text(text)
    write_summary(
        root / "out",
        {"good": ("skipped", "was complete already"), EVIL: ("failed", "cut short <b>here</b>")},
    )
    write_scan(root / "raw", "unrun", Volume(scan, grid))
    record = {"heatmap_transform": {"raw_dir": str(root / "raw")}}
    (root / "out" / "parameters.json").write_text(json.dumps(record))
    return root


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`out` and `raw` with results of later stages, some of them without heatmaps.

    `whole` has everything; `narrow` has contours that touch and jump; `lines` has centerlines
    alone; `outlines` contours alone.
    """
    root = tmp_path_factory.mktemp("staged")
    rng = np.random.default_rng(6)
    stored = small_grid("PSL")
    grid = stored.reoriented(CANONICAL)
    ways: dict[SideName, NDArray[np.float64]] = {
        "left": straight_centers(grid, -24),
        "right": straight_centers(grid, 24),
    }
    scan = neck_scan(grid, ways)
    volume = Volume(scan, grid).reoriented("PSL")
    out = root / "out"
    for name in ("whole", "narrow", "lines", "outlines"):
        sha = write_scan(root / "raw", name, Volume(np.ascontiguousarray(volume.array), stored))
        if name == "whole":
            views = {side: views_around(way, grid.spacing_mm, rng) for side, way in ways.items()}
            write_heatmaps(out, name, stored, views, input_sha256=sha)
        if name != "outlines":
            write_centerlines(out, name, stored, ways)
        contours = round_contours(stored, ways)
        if name == "narrow":
            contours = spoilt(contours)
        if name != "lines":
            write_contours(out, name, contours)
        if name in {"whole", "narrow"}:
            write_measurements(out, name)
    record = {"centerline_transform": {}, "heatmap_transform": {"raw_dir": str(root / "raw")}}
    (out / "parameters.json").write_text(json.dumps(record))
    return root


def spoilt(contours: Contours) -> Contours:
    """The left side with lumens that touch the outer wall, one that jumps, and a hole."""
    grid = contours.canonical
    sections = []
    for one in contours.left:
        wall = one.outline("wall")
        assert wall is not None
        center = wall.points.mean(axis=0)
        lumen = one.lumen
        if one.label == "internal" and one.z < 12:
            lumen = circle(center, 3.9, grid)
        if one.label == "internal" and one.z == 15:
            lumen = circle(center + np.array([5.0 / grid.spacing_mm[0], 0]), 2.6, grid)
        if one.label == "internal" and 26 <= one.z < 32:
            continue
        sections.append(replace(one, lumen=lumen))
    return replace(contours, left=tuple(sections))
