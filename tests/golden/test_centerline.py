"""The method `sections` agrees with the known tool's tables, whatever the order of the voxels."""

from __future__ import annotations

import csv
import tomllib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from carotid.artifacts import LABELS, Heatmaps, SideHeatmaps
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.centerline.find import find_side
from carotid.stages.centerline.parameters import CenterlineParameters
from carotid.storage.results.heatmap_slices import StoredHeatmaps
from carotid.storage.results.heatmaps import SideSlabs, write_side
from carotid.storage.results.layout import HeatmapLayout

if TYPE_CHECKING:
    from carotid.artifacts import SideCenterlines

HERE = Path(__file__).parent / "centerline"
COMPLETE = Path(__file__).parents[3] / "shared" / "golden" / "centerline"
CASES = sorted(path.name for path in HERE.iterdir())
MORE = sorted(path.name for path in COMPLETE.glob("*/") if path.name not in CASES)
RELATIVE = 1e-6


def folder_of(case: str) -> Path:
    return (HERE if case in CASES else COMPLETE) / case


def heatmaps_of(case: str) -> Heatmaps:
    """A case's heatmaps on its stored grid."""
    stored = np.load(folder_of(case) / "input.npz")
    sides = []
    for side in SIDE_NAMES:
        mean = stored[f"{side}_mean_x16"] / np.float32(16)
        std = np.zeros_like(mean) if case == "one_member" else np.abs(mean) / 16 + np.float32(0.5)
        sides.append(SideHeatmaps(mean, std, stored[f"{side}_max_indices"].astype(np.int64)))
    canonical = Grid(sides[0].mean.shape[1:], stored["affine_ras"])
    return reordered(Heatmaps(sides[0], sides[1], canonical), str(stored["stored"]))


def reordered(heatmaps: Heatmaps, orientation: str) -> Heatmaps:
    """The same heatmaps stored in another order."""
    way = Reordering.between(heatmaps.grid, orientation)
    sides: list[SideHeatmaps] = []
    for side in (heatmaps.left, heatmaps.right):
        mean, std = (np.array(way.view(a, 1), np.float32) for a in (side.mean, side.std))
        sides.append(SideHeatmaps(mean, std, side.max_indices))
    return Heatmaps(sides[0], sides[1], way.grid(heatmaps.grid))


def parameters_of(case: str) -> CenterlineParameters:
    config = tomllib.loads((folder_of(case) / "config.toml").read_text())
    return CenterlineParameters(**config["centerline_transform"])


def expected_rows(case: str, side: str) -> list[dict[str, str]]:
    with (folder_of(case) / f"expected_{side}.tsv").open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def check(found: SideCenterlines, expected: list[dict[str, str]]) -> None:
    assert len(found.internal) + len(found.external) == len(expected)
    for label in LABELS:
        artery = found.artery(label)
        rows = [row for row in expected if row["label"] == label]
        theirs: Any = [[float(row[axis]) for axis in "xyz"] for row in rows]
        np.testing.assert_array_equal(artery.points, np.reshape(theirs, (-1, 3)))
        for column in ("mean_value", "std_value", "max_distances"):
            values = [float(row[column]) for row in rows]
            np.testing.assert_allclose(getattr(artery, column), values, rtol=RELATIVE, atol=1e-9)


@pytest.mark.parametrize("case", CASES + MORE)
def test_rows_are_the_known_tools_and_values_too(case: str) -> None:
    heatmaps, parameters = heatmaps_of(case), parameters_of(case)
    assert parameters.method == "sections"
    for side in SIDE_NAMES:
        check(
            find_side(heatmaps.slices(side), heatmaps.grid, side, parameters),
            expected_rows(case, side),
        )


@pytest.mark.parametrize("case", ["anisotropic", "disjoint"])
def test_files_give_the_same(case: str, tmp_path: Path) -> None:
    heatmaps = heatmaps_of(case)
    folder = HeatmapLayout(tmp_path)
    for side in SIDE_NAMES:
        one = heatmaps.side(side)
        mean, std = (np.ascontiguousarray(a.transpose(3, 2, 1, 0)) for a in (one.mean, one.std))
        made = SideSlabs([(mean, std)], partial(np.asarray, one.max_indices))
        write_side(folder, side, heatmaps.grid, made)
    stored = StoredHeatmaps(folder)
    assert stored.grid.agrees_with(heatmaps.grid)
    for side in SIDE_NAMES:
        check(
            find_side(stored.slices(side), stored.grid, side, parameters_of(case)),
            expected_rows(case, side),
        )


def test_a_case_is_stored_in_another_order_than_the_canonical_one() -> None:
    assert heatmaps_of("anisotropic").grid.orientation != CANONICAL
