"""The converters give the expected contours and images, and outlines lie on the bright discs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.command import contents, run_carotid

from carotid.artifacts import BOUNDARIES
from carotid.geometry.grid import CANONICAL
from carotid.geometry.polygons import filled
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.participants import find_scans
from carotid.storage.raw import load_scan
from carotid.storage.results.contour_table import read_contour_table
from carotid.storage.results.contours import load_contours
from carotid.storage.results.grids import read_grids
from carotid.storage.results.layout import ContourLayout

HERE = Path(__file__).parent / "convert"
POINT_TOLERANCE = 2e-6
BRIGHT = 1000

RESCALING = {"miccai2020": (5, 95), "miccai2022": (0, 100)}


@pytest.fixture(scope="module", params=sorted(RESCALING))
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A challenge, its images and its contours."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    run = run_carotid(
        "convert", name, HERE / name / "original", folder / "raw", folder / "contours"
    )
    assert run.returncode == 0, run.stderr
    return name, folder / "raw", folder / "contours"


def test_contours_and_images_are_the_expected_ones(converted: Any) -> None:
    name, raw, contours = converted
    expected = sorted((HERE / name / "expected").iterdir())
    scans = find_scans(raw)
    assert sorted(scans) == [folder.name for folder in expected]
    for folder in expected:
        place = contours / folder.name / "contour_transform"
        grid = read_grids(ContourLayout(folder).metadata)[0].canonical
        assert read_grids(ContourLayout(place).metadata)[0].canonical.agrees_with(grid, 1e-6)
        for side in SIDE_NAMES:
            wanted = read_contour_table(folder / f"{side}_contour.tsv", grid.shape)
            found = read_contour_table(ContourLayout(place).table(side), grid.shape)
            for one, other in zip(found, wanted, strict=True):
                assert (one.label, one.z) == (other.label, other.z)
                for boundary in BOUNDARIES:
                    a, b = one.outline(boundary), other.outline(boundary)
                    assert a is not None
                    assert b is not None
                    np.testing.assert_allclose(a.points, b.points, rtol=0, atol=POINT_TOLERANCE)
        image = np.load(folder / "image.npz")
        volume = load_scan(scans[folder.name]).reoriented(CANONICAL)
        np.testing.assert_array_equal(volume.array, image["image_ras"])
        np.testing.assert_allclose(volume.grid.affine, image["affine_ras"], atol=1e-6)


def test_outlines_lie_on_the_bright_discs(converted: Any) -> None:
    _, raw, contours = converted
    scans = find_scans(raw)
    for folder in sorted(contours.glob("sub-*")):
        voxels = load_scan(scans[folder.name]).reoriented(CANONICAL).array
        found = load_contours(folder / "contour_transform")
        sections = [*found.left, *found.right]
        assert sections
        for section in sections:
            assert section.lumen is not None
            (x, y), inside = filled(section.lumen.points, voxels.shape[:2])
            part = voxels[x : x + inside.shape[0], y : y + inside.shape[1], section.z]
            bright = np.argwhere(part == BRIGHT)
            assert len(bright)
            assert inside[tuple(bright.T)].all()
            middle = bright.mean(axis=0) + np.array([x, y])
            assert np.abs(middle - section.lumen.points.mean(axis=0)).max() < 0.6


def test_how_intensities_are_rescaled_is_said(converted: Any) -> None:
    name, raw, _ = converted
    low, high = RESCALING[name]
    assert json.loads((raw / "parameters.json").read_text()) == {
        "rescale": True,
        "lower_percentile_rescaler": low,
        "upper_percentile_rescaler": high,
    }


def test_slices_of_2020_are_copied_byte_by_byte(converted: Any) -> None:
    name, raw, _ = converted
    if name == "miccai2022":
        pytest.skip("its images are written anew")
    for folder in sorted((HERE / name / "original").iterdir()):
        there = contents(raw / f"sub-MICCAI2020{folder.name.split('_')[1]}")
        assert there == {k: v for k, v in contents(folder).items() if k.endswith(".dcm")}


def test_what_a_reader_said_of_slices_is_kept(converted: Any) -> None:
    name, _, contours = converted
    if name == "miccai2020":
        assert not list(contours.rglob("slices.tsv"))
        return
    rows = (contours / "sub-MICCAI2022P7" / "contour_transform" / "slices.tsv").read_text()
    assert rows.splitlines() == [
        "side\tz\tfrom_bifurcation\tquality\taha_status\toutlined",
        "left\t4\t-1\t1\t3\tyes",
        "left\t5\t0\t2\t1\tyes",
        "left\t6\t1\t2\t3\tyes",
        "left\t23\t18\t2\t1\tyes",
    ]
    both = (contours / "sub-MICCAI2022P12" / "contour_transform" / "slices.tsv").read_text()
    assert {row.split("\t")[0] for row in both.splitlines()[1:]} == {"left", "right"}
