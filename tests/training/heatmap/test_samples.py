from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carotid.geometry.frame import NetworkFrame
from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.storage.annotations import Annotation, annotation_text
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.raw import RawScan
from carotid.storage.rescaling import NO_RESCALING
from carotid.training.heatmap.samples import AnnotatedSide, load_side, network_centers
from carotid.training.heatmap.sources import ScannedSides, folds

SIZE_MM = (60.0, 24.0, 30.0)
"""Extent along R, A and S."""

ORIENTATIONS = ["RAS", "LPS", "LIP", "PIL", "ASR", "SAL"]


def ball_at(
    center_mm: Any,
    orientation: str,
    spacing: tuple[float, float, float] = (0.6, 0.8, 1.1),
    tilt_deg: float = 0.0,
) -> Volume:
    """A scan with one bright ball, stored in some orientation; centre in canonical mm."""
    shape: Any = tuple(int(size / step) for size, step in zip(SIZE_MM, spacing, strict=True))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
    apart = (index * spacing) - np.array(center_mm)
    image = 1000 * np.exp(-0.5 * (apart**2).sum(-1) / 2.5**2)
    tilt = np.deg2rad(tilt_deg)
    turn = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(spacing)
    affine[:3, 3] = 3, -40, 17
    volume = Volume(image.astype(np.float32), Grid(shape, affine)).reoriented(orientation)
    return Volume(np.ascontiguousarray(volume.array), volume.grid)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(("side", "x_mm"), [("left", 14.0), ("right", 47.0)])
def test_centers_lie_on_what_was_annotated(
    tmp_path: Path, orientation: str, side: Any, x_mm: float
) -> None:
    center_mm = np.array([x_mm, 9.0, 13.0])
    volume = ball_at(center_mm, orientation, tilt_deg=12)
    path = tmp_path / "P.mha"
    write_metaimage(path, volume)
    canonical = volume.grid.reoriented(CANONICAL)
    index = center_mm / np.array(canonical.spacing_mm)
    centers = np.full((canonical.shape[2], 2, 2), np.nan)
    centers[:, 0] = index[:2]
    annotation = tmp_path / f"{side}_centerline.tsv"
    annotation.write_text(annotation_text(centers))
    loaded = load_side(
        AnnotatedSide(RawScan("P", path, "metaimage"), side, annotation, NO_RESCALING)
    )
    image = loaded.image.astype(np.float32)
    s, p, column = np.unravel_index(image.argmax(), image.shape)
    assert s == pytest.approx(center_mm[2] / 0.5, abs=1.1)
    np.testing.assert_allclose(loaded.centers[s, 0], [p, column], atol=1.1)
    np.testing.assert_allclose(loaded.centers[s, 1], [p, column], atol=1.1)


def test_right_side_is_the_left_one_of_the_mirrored_neck() -> None:
    spacing = (0.6, 0.5, 0.9)
    shape = (100, 40, 30)
    grid = Grid(shape, np.diag([*spacing, 1.0]))
    frame = NetworkFrame.of(grid, resample=True)
    left, right = frame.sides
    z = np.arange(30.0)
    internal = np.stack([20 + 0.2 * z, 15 + 0 * z, z], axis=1)
    external = np.stack([24 + 0.1 * z, 18 + 0 * z, z], axis=1)[12:]
    on_left, fork = network_centers(Annotation(internal, external), frame, left)
    mirrored = [
        np.column_stack([shape[0] - 1 - points[:, 0], points[:, 1:]])
        for points in (internal, external)
    ]
    on_right, other_fork = network_centers(Annotation(*mirrored), frame, right)
    assert fork == other_fork == pytest.approx(12 * 0.9 / 0.5)
    np.testing.assert_allclose(on_left, on_right, atol=1.01)
    assert np.isfinite(on_left).any()


def test_slices_far_from_any_row_do_not_count() -> None:
    grid = Grid((60, 40, 60), np.diag([0.5, 0.5, 1.0, 1.0]))
    frame = NetworkFrame.of(grid, resample=True)
    rows = np.array([[20, 20, 10], [20, 20, 12], [20, 20, 40]], float)
    centers, fork = network_centers(Annotation(rows, np.empty((0, 3))), frame, frame.sides[0])
    known = np.flatnonzero(np.isfinite(centers[:, 0, 0]))
    np.testing.assert_array_equal(known, [20, 21, 22, 23, 24, 80])
    assert np.isnan(fork)


def sides(count: int) -> list[AnnotatedSide]:
    scans = [RawScan(f"P{k}", Path(f"P{k}.mha"), "metaimage") for k in range(count)]
    return [
        AnnotatedSide(scan, side, Path("none.tsv"), NO_RESCALING)
        for scan, side in itertools.product(scans, SIDE_NAMES)
    ]


@pytest.mark.parametrize("n_splits", [1, 2, 3, 5])
def test_no_participant_trains_and_validates_in_one_split(n_splits: int) -> None:
    held_out = []
    for training, validation in folds(sides(7), n_splits, seed=3):
        shown = {one.scan.participant_id for one in training}
        held = {one.scan.participant_id for one in validation}
        assert shown
        assert held
        assert not shown & held
        assert len(shown | held) == 7
        held_out += sorted(held)
    if n_splits > 1:
        assert sorted(held_out) == [f"P{k}" for k in range(7)]


def test_all_sides_are_seen_before_one_is_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carotid.training.heatmap.sources.load_side", lambda side: side)
    draw = ScannedSides(tuple(sides(4)), seed=1)
    first, second = [draw(k) for k in range(8)], [draw(k) for k in range(8, 16)]
    assert len({id(one) for one in first}) == 8
    assert {id(one) for one in first} == {id(one) for one in second}
    assert [id(one) for one in first] != [id(one) for one in second]
