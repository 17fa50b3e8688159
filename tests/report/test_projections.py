"""One pass over a stored heatmap, in every axis order, against the plain way."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.errors import InputError
from carotid.geometry.grid import Grid, Reordering
from carotid.report import projections
from carotid.report.projections import project
from carotid.storage.metaimage.write import MetaImageWriter

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ORIENTATIONS = [
    "".join(pair[k] for pair, k in zip(order, ends, strict=True))
    for order in permutations(("RL", "AP", "SI"))
    for ends in product((0, 1), repeat=3)
]


def write(path: Path, canonical: NDArray[np.float32], orientation: str, tilt: float = 0.0) -> Grid:
    """Store (2, x, y, z) canonical values in some orientation; gives the canonical grid."""
    c, s = np.cos(tilt), np.sin(tilt)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.diag([0.5, 0.7, 1.1])
    affine[:3, 3] = 3, -4, 5
    _, x, y, z = canonical.shape
    grid = Grid((x, y, z), affine)
    way = Reordering.between(grid, orientation)
    stored = way.view(canonical, first_axis=1).transpose(3, 2, 1, 0)
    with MetaImageWriter(path, way.grid(grid), 2) as writer:
        writer.write(np.ascontiguousarray(stored, np.float32))
    return grid


def values(shape: tuple[int, int, int] = (9, 5, 7)) -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    return rng.integers(0, 400, (2, *shape)).astype(np.float32)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_axis_order_gives_the_same(
    tmp_path: Path, orientation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "_SLAB_BYTES", 700)  # several slabs
    canonical = values()
    grid = write(tmp_path / "a.mha", canonical, orientation, tilt=0.2)
    found = project(tmp_path / "a.mha", [5, 1])
    assert found.grid.agrees_with(grid)
    np.testing.assert_array_equal(found.coronal, canonical.max(axis=2))
    np.testing.assert_array_equal(found.sagittal, canonical.max(axis=1))
    np.testing.assert_array_equal(found.slices, canonical[..., [5, 1]].transpose(3, 0, 1, 2))
    flat = canonical.transpose(3, 0, 1, 2).reshape(7, 2, -1)
    np.testing.assert_array_equal(found.peak, flat.max(axis=2))
    best = flat.argmax(axis=2)
    np.testing.assert_array_equal(found.peak_index, np.stack([best // 5, best % 5], axis=-1))


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "SAR", "ASR", "IPL", "PIL"])
def test_first_maximum_counts_on_a_tie(
    tmp_path: Path, orientation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "_SLAB_BYTES", 1)
    canonical = np.zeros((2, 6, 4, 3), np.float32)
    canonical[:, 4, 1] = canonical[:, 2, 3] = canonical[:, 2, 2] = 9
    write(tmp_path / "a.mha", canonical, orientation)
    assert (project(tmp_path / "a.mha", []).peak_index == (2, 2)).all()


def test_refuses_what_is_no_heatmap(tmp_path: Path) -> None:
    canonical = values()
    canonical[1, 2, 3, 4] = np.nan
    write(tmp_path / "nan.mha", canonical, "LPS")
    with pytest.raises(InputError, match="no numbers"):
        project(tmp_path / "nan.mha", [])
    with MetaImageWriter(tmp_path / "one.mha", Grid((2, 2, 2), np.eye(4)), 1) as writer:
        writer.write(np.zeros((2, 2, 2, 1), np.float32))
    with pytest.raises(InputError, match="no heatmap"):
        project(tmp_path / "one.mha", [])
