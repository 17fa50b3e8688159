"""Tables of planes and rays: they say what was found."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import RADIUS_NAMES, RayRadii
from carotid.geometry.planes import Planes
from carotid.storage.results.layout import ContourLayout
from carotid.storage.results.planes import save_planes

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


def _read(path: Path) -> dict[str, list[str]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def test_tables_say_what_was_found(tmp_path: Path) -> None:
    written: dict[Label, RayRadii] = {"internal": _radii(7, 0), "external": _radii(4, 1)}
    save_planes(written, tmp_path, "left")
    layout = ContourLayout(tmp_path)
    planes, rays = _read(layout.planes("left")), _read(layout.rays("left"))
    assert planes["label"] == ["internal"] * 7 + ["external"] * 4
    assert planes["plane"] == [str(k) for n in (7, 4) for k in range(n)]
    assert rays["label"] == ["internal"] * 7 * 32 + ["external"] * 4 * 32
    assert rays["ray"] == [str(k) for k in range(32)] * 11
    assert rays["angle_deg"][:3] == ["0", "11.25", "22.5"]
    for name, part in (("center", "centers"), ("tangent", "tangents"), ("ray", "first")):
        found = np.array([planes[f"{name}_{axis}"] for axis in "xyz"], np.float64).T
        one, other = (getattr(radii.planes, part) for radii in written.values())
        np.testing.assert_allclose(found, np.concatenate([one, other]), atol=1e-4)
    along = np.concatenate([one.planes.along_mm for one in written.values()])
    np.testing.assert_allclose(np.array(planes["s_mm"], np.float64), along, atol=1e-4)
    assert planes["from_divider_mm"][:7] == [""] * 7, "unknown"
    divider = np.array(planes["from_divider_mm"][7:], np.float64)
    np.testing.assert_allclose(divider, written["external"].from_divider_mm, atol=1e-5)
    for name in RADIUS_NAMES:
        expected = np.concatenate([getattr(one, name).ravel() for one in written.values()])
        np.testing.assert_allclose(np.array(rays[name], np.float64), expected, rtol=1e-4)


def test_a_side_without_arteries_has_empty_tables(tmp_path: Path) -> None:
    save_planes({}, tmp_path, "right")
    for path in (ContourLayout(tmp_path).planes("right"), ContourLayout(tmp_path).rays("right")):
        assert path.read_text().startswith("label\tplane\t")
        assert not _read(path)
