from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from carotid.errors import OutputError, UsageError
from carotid.evaluation.compare_heatmaps import compare_heatmaps
from carotid.evaluation.compared_columns import HEATMAPS
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.storage.annotations import annotation_text
from carotid.storage.results.heatmaps import SideSlabs, write_side
from carotid.storage.results.layout import (
    HEATMAP_TRANSFORM,
    HeatmapLayout,
    OutputLayout,
    centerline_file,
)

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.sides import SideName

SHAPE = (40, 30, 24)
SPACING = (0.6, 0.8, 1.0)
FORK = 8


def truth() -> Any:
    """Centers per canonical slice and label; the common carotid in `internal` alone."""
    centers = np.full((SHAPE[2], 2, 2), np.nan)
    z = np.arange(SHAPE[2])
    centers[:, 0] = np.stack([10 + 0.5 * z, 12 + 0 * z], axis=1)
    centers[FORK:, 1] = np.stack([10 + 0 * z, 18 + 0 * z], axis=1)[FORK:]
    return centers


def peaks_at(positions: Any, height: float) -> Any:
    """(2, x, y, z) with one voxel of `height` per channel and slice."""
    heat = np.zeros((2, *SHAPE), np.float32)
    for z in range(SHAPE[2]):
        for channel in range(2):
            x, y = np.rint(positions[z, channel]).astype(int)
            heat[channel, x, y, z] = height
    return heat


def write_heatmaps(
    root: Path, name: str, heat: Any, orientation: str, members: int = 2, apart: int = 0
) -> None:
    canonical = Grid(SHAPE, np.diag([*SPACING, 1.0]))
    grid = canonical.reoriented(orientation)
    stored = Reordering.between(canonical, orientation).view(heat, first_axis=1)
    slabs = np.ascontiguousarray(stored.transpose(3, 2, 1, 0))
    best = heat.transpose(0, 3, 1, 2).reshape(2, SHAPE[2], -1).argmax(axis=2)
    indices = np.stack([best // SHAPE[1], best % SHAPE[1]], axis=-1)[None].repeat(members, axis=0)
    indices[0, :, :, 0] += 2 * apart
    folder = HeatmapLayout(OutputLayout(root).transform(name, HEATMAP_TRANSFORM))
    for side in ("left", "right"):
        made = SideSlabs([(slabs, np.zeros_like(slabs))], lambda: indices)
        write_side(folder, side, grid, made)


def write_truth(root: Path, name: str, sides: tuple[SideName, ...] = ("left", "right")) -> None:
    for side in sides:
        path = centerline_file(root, name, side)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(annotation_text(truth()))


def both_channels(centers: Any) -> Any:
    shown = centers.copy()
    shown[:FORK, 1] = shown[:FORK, 0]
    return shown


@pytest.mark.parametrize("orientation", [CANONICAL, "LPS", "SAL", "PIR"])
def test_table_and_figures(tmp_path: Path, orientation: str) -> None:
    heat = peaks_at(both_channels(truth()), 300)
    write_heatmaps(tmp_path / "out", "P1", heat, orientation, apart=1)
    write_truth(tmp_path / "truth", "P1")
    found = compare_heatmaps(tmp_path / "out", tmp_path / "truth", tmp_path / "table.tsv")
    assert found.sides == 2
    assert found.summary.slices == 2 * 2 * SHAPE[2]
    assert found.summary.within_2_mm == 1
    assert found.summary.both_right == 1
    assert found.summary.above_slices == 2 * (SHAPE[2] - FORK - 11)
    with (tmp_path / "table.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    columns = [column.name for column in HEATMAPS]
    assert [*rows[0]] == columns == [*json.loads((tmp_path / "table.json").read_text())]
    assert len(rows) == 2 * 2 * SHAPE[2]
    row = next(r for r in rows if (r["side"], r["label"], r["slice"]) == ("left", "external", "11"))
    assert float(row["peak"]) == 300
    assert float(row["above_bifurcation_mm"]) == 3
    assert float(row["distance_mm"]) < 0.5
    assert float(row["other_vessel_mm"]) == pytest.approx(np.hypot(5.5 * 0.6, 6 * 0.8), abs=0.01)
    assert float(row["disagreement_mm"]) == pytest.approx(0.6)


def test_both_channels_on_one_vessel_show_in_the_summary(tmp_path: Path) -> None:
    positions = both_channels(truth())
    positions[:, 1] = positions[:, 0]
    write_heatmaps(tmp_path / "out", "P1", peaks_at(positions, 300), "LPS")
    write_truth(tmp_path / "truth", "P1", sides=("right",))
    found = compare_heatmaps(tmp_path / "out", tmp_path / "truth", tmp_path / "table.tsv")
    assert found.sides == 1
    assert found.summary.both_right == 0
    assert found.summary.same_vessel == 1


def test_what_cannot_be_compared_is_named_and_the_rest_is_compared(tmp_path: Path) -> None:
    heat = peaks_at(both_channels(truth()), 300)
    for name in ("P1", "P2", "P3"):
        write_heatmaps(tmp_path / "out", name, heat, "RAS")
    write_truth(tmp_path / "truth", "P1")
    write_truth(tmp_path / "truth", "P2")
    bad = centerline_file(tmp_path / "truth", "P2", "left")
    bad.write_text(bad.read_text().replace("internal\t10.0000", "internal\tten", 1))
    found = compare_heatmaps(tmp_path / "out", tmp_path / "truth", tmp_path / "table.tsv")
    assert found.participants == ("P1",)
    assert "row 2, column x" in found.skipped["P2"]
    assert found.skipped["P3"] == "has no annotation"
    assert "P2" not in (tmp_path / "table.tsv").read_text()


@pytest.mark.parametrize(("every", "slices"), [(4, SHAPE[2] - 3), (7, 4)])
def test_hand_picks_up_to_5_mm_apart_are_joined(tmp_path: Path, every: int, slices: int) -> None:
    """As training does; slices between picks that lie further apart are not annotated."""
    heat = peaks_at(both_channels(truth()), 300)
    write_heatmaps(tmp_path / "out", "P1", heat, "RAS")
    write_truth(tmp_path / "truth", "P1", sides=("left",))
    path = centerline_file(tmp_path / "truth", "P1", "left")
    header, *rows = path.read_text().splitlines()
    picked = [row for row in rows if row.startswith("internal") and int(row[-2:]) % every == 0]
    path.write_text("\n".join([header, *picked]) + "\n")
    found = compare_heatmaps(tmp_path / "out", tmp_path / "truth", tmp_path / "table.tsv")
    assert found.summary.slices == 2 * slices


def test_nothing_to_compare_is_an_error_and_leaves_no_table(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="nothing can be compared"):
        compare_heatmaps(tmp_path / "out", tmp_path / "truth", tmp_path / "table.tsv")
    assert not (tmp_path / "table.tsv").exists()


def test_table_that_cannot_be_written(tmp_path: Path) -> None:
    heat = peaks_at(both_channels(truth()), 300)
    write_heatmaps(tmp_path / "out", "P1", heat, "RAS")
    write_truth(tmp_path / "truth", "P1")
    with pytest.raises(OutputError):
        compare_heatmaps(tmp_path / "out", tmp_path / "truth", tmp_path / "none" / "table.tsv")
