"""Networks and contours agree with the known tool's, and so does the whole chain from a scan."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.golden.test_polar import CASES as SCANS
from tests.golden.test_polar import HERE as POLAR
from tests.golden.test_polar import scan_of

from carotid.artifacts import BOUNDARIES, PolarBlock, Scan
from carotid.geometry.grid import Grid
from carotid.geometry.polar import Rays, without_repeated_rows
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.contour_models import read_contour_models
from carotid.network.polar_cnn import dropper
from carotid.network.polar_pyramid import PolarPyramid
from carotid.stages.contour.find import PolarEnsemble, find_contours
from carotid.stages.contour.parameters import ContourParameters
from carotid.stages.contour.predictor import PolarPredictor
from carotid.stages.polar.draw import draw_polar_images
from carotid.stages.polar.parameters import PolarParameters
from carotid.storage.results.centerlines import load_centerlines
from carotid.storage.results.contours import load_contours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carotid.artifacts import Contours, Label
    from carotid.geometry.sides import SideName

HERE = Path(__file__).parent / "contour"
COMPLETE = Path(__file__).parents[3] / "shared" / "golden" / "contour"
COMPLETE_POLAR = COMPLETE.parent / "polar"

PREDICTION_TOLERANCE = 1e-4
POINT_TOLERANCE = 1e-3
DEVIATION_TOLERANCE = 1e-3

needs_complete = pytest.mark.skipif(not COMPLETE.is_dir(), reason="the complete data is not here")

MEAN = {"single_center": True, "interpolation_method": "mean"}


@dataclass(frozen=True, eq=False)
class Given:
    """Polar images of the left side that are in memory."""

    images: Any
    centers: Any

    canonical = Grid((100, 100, 20), np.eye(4))
    stored = None
    rays = Rays()
    sampling = None

    def blocks(self, side: SideName) -> Iterator[PolarBlock]:
        """All images at once."""
        if side == "left":
            labels: list[Label] = ["internal"] * len(self.images)
            yield PolarBlock(tuple(labels), self.centers, self.images)


def given(kind: str) -> Given:
    """The images of one slice from nine centers, or of three slices from one each."""
    inputs = np.load(HERE / "inputs.npz")
    images, centers = inputs[f"{kind}_images"].astype(np.float32), inputs[f"{kind}_centers"]
    lead = (None,) if kind == "nine" else (slice(None), None)
    return Given(images[lead], centers[lead])


def ensemble_of(models: Path, parameters: ContourParameters) -> PolarEnsemble:
    read = read_contour_models(models, parameters.split_list)
    ensemble = PolarPredictor(read, parameters, torch.device("cpu")).ensemble(Rays())
    assert all(isinstance(one, PolarPyramid) for one in ensemble.networks)
    return ensemble


def assert_agrees(models: Path, kind: str, settings: dict[str, Any], expected: Any) -> None:
    parameters = ContourParameters.model_validate({"radius": "compatible", **settings})
    images, ensemble = given(kind), ensemble_of(models, parameters)
    used = images.images[:, :1] if parameters.single_center else images.images
    prediction = expected["prediction"]
    found = ensemble.outputs(used.reshape(-1, *used.shape[2:])).reshape(prediction.shape)
    assert np.abs(found - prediction).max() <= PREDICTION_TOLERANCE * np.abs(prediction).max()
    contours = find_contours(images, ensemble, parameters)
    assert not contours.right
    for boundary in BOUNDARIES:
        wanted = expected[boundary]
        for section, z in zip(contours.left, wanted[:, 0, 0], strict=True):
            assert section.z == z
        outlines = [section.outline(boundary) for section in contours.left]
        points = np.stack([one.points for one in outlines if one is not None])
        assert np.abs(points - wanted[..., [2, 1]]).max() <= POINT_TOLERANCE
        for column, name in ((3, "deviation"), (4, "norm_deviation")):
            values = np.stack([getattr(one, name) for one in outlines])
            np.testing.assert_allclose(
                values,
                wanted[..., column],
                rtol=0,
                atol=DEVIATION_TOLERANCE * np.nanmax(np.abs(wanted[..., column])),
            )


@pytest.mark.parametrize(
    ("case", "kind", "settings"),
    [
        ("v1_polynomial_nine", "nine", {}),
        ("v1_polynomial_single", "single", {}),
        ("v1_mean", "nine", MEAN),
    ],
)
def test_version_1(case: str, kind: str, settings: dict[str, Any]) -> None:
    expected = np.load(HERE / "expected.npz")
    wanted = {key: expected[f"{case}_{key}"] for key in ("prediction", "lumen", "wall")}
    assert_agrees(HERE / "models" / "v1", kind, settings, wanted)


def test_version_2_in_2d_with_dropout_layers_switched_off() -> None:
    expected = np.load(HERE / "expected.npz")["v2_2d_dropout_off_prediction"]
    ensemble = ensemble_of(HERE / "models" / "v2_2d_dropout", ContourParameters())
    found = ensemble.outputs(given("nine").images[0])[None]
    assert np.abs(found - expected).max() <= PREDICTION_TOLERANCE * np.abs(expected).max()


def assert_dropout_agrees(models: Path, expected: Any, count: int) -> None:
    ensemble = ensemble_of(models, ContourParameters())
    drop = dropper(torch.Generator().manual_seed(0))
    image = given("single").images[0]
    found = ensemble.outputs(image, count, drop).reshape(-1, count, 2, 31)
    mean, sd = expected["mean"], expected["sd"]
    error = sd * np.sqrt(1 / count + 1 / int(expected["n"]))
    assert (np.abs(found.mean(axis=1) - mean) <= 5 * error).all()
    np.testing.assert_allclose(found.std(axis=1, ddof=1) / sd, 1, atol=0.15)


def test_dropout_gives_the_same_mean_and_spread() -> None:
    expected = np.load(HERE / "expected.npz")
    wanted = {key: expected[f"v2_2d_dropout_on_{key}"] for key in ("mean", "sd", "n")}
    assert_dropout_agrees(HERE / "models" / "v2_2d_dropout", wanted, 1000)


def assert_chain_agrees(case: str, scan: str, models: Path, complete: Path) -> None:
    """From a scan and its centerlines to tables."""
    folder = complete / "chain" / case
    config = tomllib.loads((folder / "config.toml").read_text())
    polar = PolarParameters.model_validate(config["polar_transform"])
    parameters = ContourParameters.model_validate(config["contour_transform"])
    centerlines = POLAR / scan / "centerline" / SCANS[scan] / "centerline_transform"
    images = draw_polar_images(Scan(*scan_of(scan)), load_centerlines(centerlines), polar)
    found = find_contours(images, ensemble_of(models, parameters), parameters)
    assert_same(found, load_contours(folder))


def assert_same(found: Contours, expected: Contours) -> None:
    assert found.canonical.agrees_with(expected.canonical)
    for side in SIDE_NAMES:
        for one, other in zip(found.side(side), expected.side(side), strict=True):
            assert (one.label, one.z) == (other.label, other.z)
            for boundary in BOUNDARIES:
                a, b = one.outline(boundary), other.outline(boundary)
                assert a is not None
                assert b is not None
                assert np.abs(a.points - b.points).max() <= POINT_TOLERANCE
                largest = max(1e-3, float(np.nanmax(b.deviation)))
                np.testing.assert_allclose(
                    a.deviation, b.deviation, rtol=0, atol=DEVIATION_TOLERANCE * largest
                )


def test_the_chain_from_scan_to_contours() -> None:
    assert_chain_agrees("axial_lps", "axial_lps", HERE / "models" / "v1", HERE)


@needs_complete
@pytest.mark.parametrize("case", ["native_ras_nine", "native_ras_mean"])
def test_the_chain_with_version_2(case: str) -> None:
    assert_chain_agrees(case, "native_ras", COMPLETE / "models" / "v2", COMPLETE)


@needs_complete
@pytest.mark.parametrize(
    ("case", "models", "kind", "settings"),
    [
        ("v2_polynomial_nine", "v2", "nine", {"delta_theta": 0.03}),
        ("v2_split-1", "v2", "single", {"split_list": ["split-1"]}),
        ("v2_mean", "v2", "single", MEAN),
        ("v1_dropout_off", "v1_dropout", "nine", {}),
        ("v2_2d_dropout_off", "v2_2d_dropout", "nine", {}),
    ],
)
def test_all_other_weights(case: str, models: str, kind: str, settings: dict[str, Any]) -> None:
    expected = np.load(COMPLETE / "expected" / f"{case}.npz")
    assert_agrees(COMPLETE / "models" / models, kind, settings, expected)


@needs_complete
@pytest.mark.parametrize(
    "case", ["v1_dropout", pytest.param("v2_2d_dropout", marks=pytest.mark.slow)]
)
def test_dropout_of_all_members(case: str) -> None:
    expected = np.load(COMPLETE / "expected" / f"{case}_on.npz")
    assert_dropout_agrees(COMPLETE / "models" / case, expected, 1000)


@needs_complete
def test_complete_and_kept_inputs_are_the_same() -> None:
    whole = np.load(COMPLETE / "inputs.npz")["single_polar"][:, 0]
    kept = np.load(HERE / "inputs.npz")["single_images"]
    np.testing.assert_array_equal(without_repeated_rows(whole), kept)
