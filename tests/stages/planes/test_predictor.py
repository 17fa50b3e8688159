from __future__ import annotations

import logging
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from carotid.artifacts import Centerline, Centerlines, Contours, SideCenterlines
from carotid.network.device import CPU
from carotid.stages.planes import predictor
from carotid.stages.planes.predictor import PlanePredictor, tell_of_settings

from .pictures import balls, scan, through

if TYPE_CHECKING:
    from carotid.geometry.volume import Volume


@dataclass
class _FromScan:
    scan: Any
    centerlines: Centerlines


def _lines(volume: Volume) -> Centerlines:
    z = np.arange(volume.grid.reoriented("RAS").shape[2], dtype=np.float64)
    none = Centerline.of_points(np.empty((0, 3)))
    middle = Centerline.of_points(np.column_stack([np.full((len(z), 2), 40.0), z]))
    return Centerlines(SideCenterlines(middle, none), SideCenterlines(none, none), volume.grid)


def _seen(
    volume: Volume, monkeypatch: pytest.MonkeyPatch, *, sharpen: bool
) -> tuple[Volume, str | None]:
    """The scan that networks are shown, and what contours tell of it."""
    shown: list[Volume] = []

    def find(volume: Volume, *_: object) -> Contours:
        shown.append(volume)
        return Contours((), (), volume.grid.reoriented("RAS"), volume.grid)

    monkeypatch.setattr(predictor, "find_plane_contours", find)
    asked: Any = PlanePredictor(SimpleNamespace(weights=()), {}, CPU, sharpen=sharpen)  # type: ignore[arg-type]
    found = asked.contours(_FromScan(SimpleNamespace(volume=volume), _lines(volume)))
    return shown[0], found.smoothing


@pytest.mark.parametrize("orientation", ["RAS", "LSP"])
def test_networks_are_shown_the_scan_without_what_the_scanner_smoothed(
    orientation: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    picture = balls(np.random.default_rng(7), (72, 80, 64))
    real, imaginary = np.random.default_rng(8).normal(0, 0.06, (2, *picture.shape))
    axes = (0, 1, 2)
    smooth = scan(np.hypot(through(picture + real, axes), through(imaginary, axes)))
    smooth = smooth.reoriented(orientation)
    assert _seen(smooth, monkeypatch, sharpen=False) == (smooth, None)
    with caplog.at_level(logging.INFO):
        shown, told = _seen(smooth, monkeypatch, sharpen=True)
    assert told is not None
    assert f"the scanner smoothed the scan ({told}); undone" in caplog.text
    assert shown.grid is smooth.grid
    rough, even = (float(np.asarray(one.array, float).std()) for one in (shown, smooth))
    assert rough > 1.05 * even
    plain = scan(np.hypot(picture + real, imaginary)).reoriented(orientation)
    assert _seen(plain, monkeypatch, sharpen=True) == (plain, None)


def test_settings_for_polar_images_are_named_and_sharpen_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tell_of_settings({"sharpen", "split_list"})
    assert not caplog.text
    tell_of_settings({"sharpen", "radius", "dropout"})
    assert "dropout, radius: made for polar images" in caplog.text
