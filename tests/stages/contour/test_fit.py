"""Networks and images that do not fit are refused by name; what one should know is told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tests.polar_networks import write_version_1, write_version_2

from carotid.errors import ConfigurationError
from carotid.geometry.grid import Grid
from carotid.geometry.polar import Rays
from carotid.network.contour_models import read_contour_models
from carotid.network.polar_cnn import Variant
from carotid.stages.contour.fit import check_fit, decoding_of, tell_of_run, tell_of_scan
from carotid.stages.contour.parameters import ContourParameters
from carotid.stages.contour.predictor import PolarPredictor

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.polar import Sampling
    from carotid.network.contour_models import ContourModels

DEFAULT = ContourParameters()


def models(folder: Path, variant: Variant | None = None, **settings: Any) -> ContourModels:
    return read_contour_models(write_version_2(folder, variant, **settings))


@pytest.mark.parametrize(
    ("key", "rays"),
    [
        ("n_angles", Rays(n_angles=30)),
        ("polar_ray", Rays(polar_ray=63)),
        ("length", Rays(length=5)),
    ],
)
def test_images_of_another_size_are_refused(key: str, rays: Rays, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"take polar images of another {key}"):
        check_fit(read_contour_models(write_version_1(tmp_path)), rays, "here")


def test_networks_in_2d_take_any_length(tmp_path: Path) -> None:
    check_fit(models(tmp_path, Variant(2, dropout=False)), Rays(length=5), "here")


@pytest.mark.parametrize(
    ("trained", "rays"), [({"cartesian_ray": 80}, Rays()), ({"length": 7}, Rays(length=9))]
)
def test_images_unlike_those_of_training_are_refused(
    trained: dict[str, int], rays: Rays, tmp_path: Path
) -> None:
    found = models(tmp_path, Variant(2, dropout=False), polar_transform=trained)
    with pytest.raises(ConfigurationError, match="were trained on polar images of another"):
        check_fit(found, rays, "here")


def test_centers_and_resolution_may_differ_from_training(tmp_path: Path) -> None:
    trained = {"multiple_centers": True, "annotation_resolution": 3, "n_angles": 31}
    check_fit(models(tmp_path, polar_transform=trained), Rays(), "here")


def test_what_the_first_output_means(tmp_path: Path) -> None:
    first = read_contour_models(write_version_1(tmp_path / "a"))
    assert decoding_of(first, Rays(), DEFAULT).far_end == 63.5
    second = models(tmp_path / "b")
    assert decoding_of(second, Rays(), DEFAULT).missing == 0.5
    compatible = ContourParameters(radius="compatible")
    assert decoding_of(second, Rays(), compatible).missing == 0
    assert decoding_of(second, Rays(polar_ray=64), DEFAULT).missing == 0
    assert decoding_of(models(tmp_path / "c", radius="exact"), Rays(), DEFAULT).missing == 0


def told(
    caplog: pytest.LogCaptureFixture, found: ContourModels, sampling: Sampling, **given: object
) -> str:
    caplog.clear()
    caplog.set_level(logging.INFO)
    parameters = ContourParameters.model_validate(given)
    tell_of_run(found, Rays(), sampling, parameters)
    tell_of_scan(found, Rays(), Grid((9, 9, 9), np.diag([0.4, 0.4, 1, 1])), parameters)
    return caplog.text


def test_sampling_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unknown = models(tmp_path / "a", radius="exact")
    text = told(caplog, unknown, "linear")
    assert "sampling is linear" in text
    assert "0.45 voxels to the patient's right" in text
    assert "WARNING" not in text
    known = models(tmp_path / "b", radius="exact", sampling="linear")
    assert told(caplog, known, "linear") == ""
    assert "WARNING" in told(caplog, known, "compatible")


def test_the_missing_half_sample_is_told_in_mm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = models(tmp_path, sampling="linear")
    assert "0.394 voxels too small, which is added" in told(caplog, found, "linear")
    assert "0.157 mm longer" in caplog.text
    assert "left as it is" in told(caplog, found, "linear", radius="compatible")
    assert "mm longer" not in caplog.text


def test_other_voxel_sizes_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    same = models(tmp_path / "a", radius="exact", sampling="linear", voxel_mm=0.4)
    assert told(caplog, same, "linear") == ""
    other = models(tmp_path / "b", radius="exact", sampling="linear", voxel_mm=0.35)
    assert "0.400 mm wide, those in training were 0.350 mm" in told(caplog, other, "linear")


def test_settings_without_effect_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = models(tmp_path, radius="exact", sampling="linear")
    assert "no dropout layers" in told(caplog, found, "linear", dropout=True)
    text = told(caplog, found, "linear", interpolation_method="mean")
    assert "contours are polynomial" in text
    assert told(caplog, found, "linear", interpolation_method="mean", single_center=True) == ""


def test_an_ensemble_is_built_from_models(tmp_path: Path) -> None:
    predictor = PolarPredictor(models(tmp_path), DEFAULT, torch.device("cpu"))
    image = np.random.default_rng(0).random((3, 7, 31, 127), np.float32)
    assert predictor.ensemble(Rays()).outputs(image).shape == (3, 2, 2, 31)
    with pytest.raises(ConfigurationError):
        predictor.ensemble(Rays(n_angles=12))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_repeats", 0), ("delta_theta", 0), ("delta_theta", 1.5), ("delta_theta", True),
        ("interpolation_method", "median"), ("radius", "exact"), ("seed", -1), ("dropout", 1),
        ("split_list", "split-0"), ("split_list", [0]), ("centers", 9),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        ContourParameters.model_validate({key: value})
