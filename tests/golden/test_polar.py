"""Polar images agree with the known tool's (compatible) and with SciPy's sampling (linear)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from carotid.artifacts import Scan
from carotid.geometry.grid import CANONICAL
from carotid.geometry.intensity import intensity_range
from carotid.geometry.polar import PolarSampler, with_repeated_rows
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.polar.draw import draw_polar_images
from carotid.stages.polar.parameters import PolarParameters
from carotid.storage.participants import find_scans
from carotid.storage.raw import load_scan
from carotid.storage.rescaling import read_rescaling
from carotid.storage.results.centerlines import load_centerlines

HERE = Path(__file__).parent / "polar"
COMPATIBLE_TOLERANCE = 2e-5
LINEAR_TOLERANCE = 1e-7

CASES = {
    "axial_lps": "sub-01",
    "native_ras": "P.002_U",
    "coronal_oblique": "sub-03",
    "anisotropic": "sub-04",
}


def parameters_of(case: str) -> PolarParameters:
    """The settings of a case."""
    text = (HERE / case / "config.toml").read_text()
    return PolarParameters.model_validate(tomllib.loads(text)["polar_transform"])


def scan_of(case: str) -> tuple[Any, Any]:
    """A case's scan, and what becomes 0 and 1 in it."""
    raw = HERE / case / "raw"
    volume, rescaling = load_scan(find_scans(raw)[CASES[case]]), read_rescaling(raw)
    percentiles = (rescaling.lower_percentile, rescaling.upper_percentile)
    return volume, intensity_range(volume.array, *percentiles) if rescaling.rescale else None


@pytest.mark.parametrize("case", CASES)
def test_compatible_images_are_those_of_the_known_tool(case: str) -> None:
    folder = HERE / case / "centerline" / CASES[case] / "centerline_transform"
    parameters = parameters_of(case)
    images = draw_polar_images(Scan(*scan_of(case)), load_centerlines(folder), parameters)
    expected = np.load(HERE / case / "expected" / f"{CASES[case]}.npz")
    np.testing.assert_array_equal(images.canonical.shape, expected["orig_shape"])
    np.testing.assert_allclose(images.canonical.affine, expected["affine_ras"], atol=1e-6)
    for side in SIDE_NAMES:
        found = {}
        for block in images.blocks(side):
            complete = with_repeated_rows(block.images)[:, :, None]
            for label, centers, image in zip(block.labels, block.centers, complete, strict=True):
                found[f"label-{label}_slice-{int(centers[0, 2])}"] = (centers, image)
        assert sorted(found) == sorted(expected[f"{side}_name"].tolist())
        for k, name in enumerate(expected[f"{side}_name"]):
            centers, image = found[name]
            np.testing.assert_allclose(centers, expected[f"{side}_center"][k], rtol=0, atol=1e-12)
            assert image.shape == tuple(expected[f"{side}_shape"][1:])
            values = image.reshape(-1)[expected[f"{side}_places"][k]]
            wanted = expected[f"{side}_values"][k]
            np.testing.assert_allclose(values, wanted, rtol=0, atol=COMPATIBLE_TOLERANCE)


@pytest.mark.parametrize("case", CASES)
def test_linear_images_are_those_of_scipy(case: str) -> None:
    volume, intensities = scan_of(case)
    rays = parameters_of(case).rays
    ordered = volume.reoriented(CANONICAL).array
    values = ordered if intensities is None else intensities.applied_to(ordered)
    centers = np.load(HERE / case / "expected" / f"{CASES[case]}.npz")["left_center"]
    centers = centers.reshape(-1, 3)[:3] + np.array([0.31, -0.17, 0.6])  # between slices, too
    found = PolarSampler(volume, intensities, rays, "linear").images(centers)
    x, y = rays.offsets
    for center, image in zip(centers, found, strict=True):
        for k, height in enumerate(rays.heights):
            at = [x + center[0], y + center[1], np.full(x.shape, center[2] + height)]
            expected = ndimage.map_coordinates(
                values.astype(np.float64), at, order=1, mode="nearest"
            )
            scale = max(1.0, float(np.abs(expected).max()))
            assert np.abs(image[k] - expected).max() <= LINEAR_TOLERANCE * scale
