"""Calibration of spreads: on necks that nothing was trained on, along the contour command's way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.plane_networks import write_plane_models
from tests.polar_networks import write_version_1

from carotid.errors import UsageError
from carotid.geometry.planes import Planes
from carotid.stages.planes.predict import Radii
from carotid.stages.planes.spread import half_widths
from carotid.stages.planes.surface import smoothed
from carotid.storage.model_description import read_model_description
from carotid.training.contour import calibration
from carotid.training.contour.calibration import (
    Seen,
    calibrate,
    look_at_necks,
    spread_tables,
)

if TYPE_CHECKING:
    from pathlib import Path

Held = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

RAYS = 8


def _seen(seed: int, planes: int = 60) -> Seen:
    """Found radii whose errors are 1.5 times the spread that was given."""
    rng = np.random.default_rng(seed)
    curve = np.column_stack([np.zeros(planes + 1), np.zeros(planes + 1), np.arange(planes + 1.0)])
    across = Planes.across(curve, 1.0).part(slice(0, planes))
    lumen, outer = np.full((planes, RAYS), 2.5), np.full((planes, RAYS), 3.4)
    raw = rng.uniform(0.1, 0.4, (2, planes, RAYS))
    error = 1.5 * raw * rng.standard_normal((2, planes, RAYS))
    return Seen(
        Radii(across, lumen + error[0], outer + error[1], raw[0], raw[1]),
        np.where(np.arange(planes)[:, None] < 3, np.nan, lumen),
        np.where(np.arange(planes)[:, None] < 3, np.nan, outer),
    )


def test_intervals_of_smoothed_surfaces_hold_what_they_say_on_other_necks() -> None:
    tables = spread_tables([[_seen(k)] for k in range(40)])
    held: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]] = {
        "lumen": [],
        "wall": [],
    }
    for k in range(100, 120):
        one = _seen(k)
        lumen, outer = smoothed(one.radii)
        for name, found, true, raw in (
            ("lumen", lumen, one.lumen_mm, one.radii.lumen_raw_mm),
            ("wall", outer, one.outer_mm, one.radii.outer_raw_mm),
        ):
            error = np.abs(found - true)
            known = np.isfinite(error)
            held[name].append(
                np.stack([(error <= w)[known] for w in half_widths(tables[name], raw)], axis=1)
            )
    for shares in held.values():
        np.testing.assert_allclose(
            np.concatenate(shares).mean(axis=0), [0.5, 0.68, 0.95], atol=0.03
        )


def _sees_nothing(image: torch.Tensor) -> torch.Tensor:
    return torch.full_like(image, -2.0)


def test_networks_look_at_necks_that_are_kept_for_it() -> None:
    first, again = (look_at_necks([_sees_nothing], range(1)) for _ in range(2))
    assert first[0]
    one = first[0][0]
    known = np.isfinite(one.lumen_mm).all(axis=1)
    assert known.sum() > 20
    assert (one.outer_mm[known] >= one.lumen_mm[known]).all()
    np.testing.assert_array_equal(one.lumen_mm, again[0][0].lumen_mm)


def test_tables_and_checksums_go_into_model_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_plane_models(tmp_path, count=2)
    necks: list[range] = []

    def looked(_networks: object, numbers: range, _on_neck: object) -> list[list[Seen]]:
        necks.append(numbers)
        return [[_seen(k)] for k in range(3)]

    monkeypatch.setattr(calibration, "look_at_necks", looked)
    calibrate(folder, 120)
    found = read_model_description(folder)
    assert necks == [range(120)]
    assert found is not None
    assert set(found.files) == {"planes_0.pt", "planes_1.pt"}
    assert found.training["calibration"]["necks"] == 120
    assert len(found.spread["lumen"].raw_mm) > 3


def test_what_cannot_be_calibrated_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="for networks on planes"):
        calibrate(write_version_1(tmp_path / "polar"), 150)
    with pytest.raises(UsageError, match="100 or more"):
        calibrate(write_plane_models(tmp_path / "planes"), 20)
