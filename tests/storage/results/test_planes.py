"""Tables of planes and rays: what is written is read back, and a bad row is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.artifacts import RADIUS_NAMES, RayRadii
from carotid.errors import InputError
from carotid.geometry.planes import Planes
from carotid.storage.results.layout import ContourLayout
from carotid.storage.results.planes import load_planes, save_planes

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.artifacts import Label


def _radii(count: int, seed: int) -> RayRadii:
    rng = np.random.default_rng(seed)
    curve = np.cumsum(rng.uniform(0.2, 1.0, (count + 6, 3)), axis=0) + np.array([-40, 12, 900])
    planes = Planes.across(curve, 1.0).part(slice(0, count))
    values = {name: rng.uniform(0, 5, (count, 32)) for name in RADIUS_NAMES}
    distance = planes.along_mm - 3.0 if seed else np.full(count, np.nan)
    return RayRadii(planes=planes, from_divider_mm=distance, **values)


def test_tables_read_back(tmp_path: Path) -> None:
    written: dict[Label, RayRadii] = {"internal": _radii(7, 0), "external": _radii(4, 1)}
    save_planes(written, tmp_path, "left")
    read = load_planes(tmp_path, "left")
    assert set(read) == set(written)
    for label, one in written.items():
        other = read[label]
        for name in ("centers", "tangents", "first", "along_mm"):
            np.testing.assert_allclose(
                getattr(other.planes, name), getattr(one.planes, name), atol=1e-4
            )
        for name in RADIUS_NAMES:
            np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-4)
        np.testing.assert_allclose(other.from_divider_mm, one.from_divider_mm, atol=1e-5)


def test_a_side_without_arteries_has_empty_tables(tmp_path: Path) -> None:
    save_planes({}, tmp_path, "right")
    assert load_planes(tmp_path, "right") == {}


def test_where_there_are_no_tables_there_are_no_planes(tmp_path: Path) -> None:
    assert load_planes(tmp_path, "right") == {}


def test_a_bad_row_is_named(tmp_path: Path) -> None:
    save_planes({"internal": _radii(3, 0)}, tmp_path, "left")
    path = ContourLayout(tmp_path).rays("left")
    lines = path.read_text().splitlines()
    cells = lines[5].split("\t")
    cells[5] = "wide"
    lines[5] = "\t".join(cells)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"row 6, column outer_mm.*'wide'"):
        load_planes(tmp_path, "left")


def test_a_plane_with_fewer_rays_is_an_error(tmp_path: Path) -> None:
    save_planes({"internal": _radii(3, 0)}, tmp_path, "left")
    path = ContourLayout(tmp_path).rays("left")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(InputError, match="95 rays of 3 planes"):
        load_planes(tmp_path, "left")
