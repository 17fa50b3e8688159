"""Stored heatmaps give the same canonical slices in whatever order their voxels lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from carotid.artifacts import Heatmaps, SideHeatmaps
from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.simulation.neck import ORIENTATIONS
from carotid.storage.results import heatmap_slices
from carotid.storage.results.heatmap_slices import StoredHeatmaps
from carotid.storage.results.heatmaps import SideSlabs, write_side
from carotid.storage.results.layout import HeatmapLayout

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.sides import SideName

SHAPE = (7, 5, 6)
OBLIQUE = np.array(
    [[0.3, 0.05, 0.02, -9], [-0.047, 0.55, 0.1, 4], [-0.011, -0.1, 1.0, 20], [0, 0, 0, 1]]
)


def arrays(seed: int) -> Any:
    """(mean and std, 2, x, y, z), canonical."""
    return np.random.default_rng(seed).random((2, 2, *SHAPE)).astype(np.float32)


def oblique_grid() -> Grid:
    turn, _ = np.linalg.qr(OBLIQUE[:3, :3])
    turn = turn * np.sign(np.diag(turn))
    affine = OBLIQUE.copy()
    affine[:3, :3] = turn * [0.33, 0.55, 1.0]
    return Grid(SHAPE, affine)


def write(folder: HeatmapLayout, side: SideName, canonical: Any, grid: Grid, slices: int) -> None:
    way = Reordering.between(oblique_grid(), grid.orientation)
    slabs = [np.ascontiguousarray(way.view(a, 1).transpose(3, 2, 1, 0)) for a in canonical]
    indices = np.zeros((2, 2, slices, 2), np.int64)
    write_side(folder, side, grid, SideSlabs([(slabs[0], slabs[1])], lambda: indices))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_canonical_whatever_the_order(
    orientation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heatmap_slices, "_SLAB_BYTES", 400)  # several slabs
    grid = oblique_grid().reoriented(orientation)
    folder = HeatmapLayout(tmp_path)
    sides: dict[SideName, Any] = {"left": arrays(1), "right": arrays(2)}
    for side, made in sides.items():
        write(folder, side, made, grid, SHAPE[2])
    stored = StoredHeatmaps(folder)
    assert stored.grid.orientation == orientation
    rng = np.random.default_rng(3)
    channel = rng.integers(2, size=50)
    voxels = np.column_stack([rng.integers(n, size=50) for n in SHAPE])
    for side, made in sides.items():
        slices = stored.slices(side)
        np.testing.assert_array_equal(slices.mean(), made[0])
        np.testing.assert_array_equal(slices.std_at(channel, voxels), made[1][channel, *voxels.T])


def test_memory_gives_what_files_give() -> None:
    grid = oblique_grid().reoriented("PIL")
    way = Reordering.between(oblique_grid(), "PIL")
    sides = []
    for seed in (1, 2):
        mean, std = (np.asarray(way.view(a, 1), np.float32) for a in arrays(seed))
        sides.append(SideHeatmaps(mean, std, np.zeros((1, 2, SHAPE[2], 2), np.int64)))
    neck = Heatmaps(sides[0], sides[1], grid)
    voxels = np.array([[6, 4, 5], [0, 1, 2]])
    for side, seed in zip(SIDE_NAMES, (1, 2), strict=True):
        slices = neck.slices(side)
        np.testing.assert_array_equal(slices.mean(), arrays(seed)[0])
        expected = arrays(seed)[1][[1, 0], *voxels.T]
        np.testing.assert_array_equal(slices.std_at(np.array([1, 0]), voxels), expected)


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    folder, grid = HeatmapLayout(tmp_path), oblique_grid()
    write(folder, "left", arrays(1), grid, SHAPE[2])
    write(folder, "right", arrays(2), grid, SHAPE[2] - 1)
    with pytest.raises(InputError, match="maxima do not fit"):
        _ = StoredHeatmaps(folder).slices("right").max_indices
    moved = grid.affine.copy()
    moved[0, 3] += 3
    folder.mean("right").unlink()
    with pytest.raises(InputError):
        _ = StoredHeatmaps(folder).grid
    folder.side("right").rename(tmp_path / "away")
    write(folder, "right", arrays(2), Grid(SHAPE, moved), SHAPE[2])
    with pytest.raises(InputError, match="different grids"):
        _ = StoredHeatmaps(folder).grid


def test_spoilt_file_is_an_input_error(tmp_path: Path) -> None:
    folder, grid = HeatmapLayout(tmp_path), oblique_grid()
    for side in SIDE_NAMES:
        write(folder, side, arrays(1), grid, SHAPE[2])
    for path in (folder.mean("left"), folder.std("left")):
        content = bytearray(path.read_bytes())
        content[-40] ^= 0xFF
        path.write_bytes(content)
    slices = StoredHeatmaps(folder).slices("left")
    with pytest.raises(InputError, match=r"mean\.mha"):
        slices.mean()
    with pytest.raises(InputError, match=r"std\.mha"):
        slices.std_at(np.zeros(1, np.int64), np.zeros((1, 3), np.int64))


def test_canonical_grid_is_not_the_stored_one() -> None:
    assert oblique_grid().orientation == CANONICAL
