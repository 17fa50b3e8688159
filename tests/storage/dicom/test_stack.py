"""Planes that drift against each other: rounding, or a tilt."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.dicom_series import make_volume, values, write_classic
from tests.reading import read_dicom

from carotid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

SHAPE = (6, 5, 90)
HEIGHT_MM = 2.5 * (SHAPE[2] - 1)


def drifting(total_mm: float) -> Callable[[int, Dataset], None]:
    """Slices shifted along y, in L-P-S, in proportion to their height."""

    def edit(k: int, dataset: Dataset) -> None:
        x, y, z = (float(value) for value in dataset.ImagePositionPatient)
        shifted = y + total_mm * k / (SHAPE[2] - 1)
        dataset.ImagePositionPatient = [f"{value:.6f}" for value in (x, shifted, z)]

    return edit


@pytest.mark.parametrize("total_mm", [0.12, 0.2, -0.21])
def test_a_tilt_within_rounding_places_each_slice_where_it_says(
    tmp_path: Path, total_mm: float
) -> None:
    volume = make_volume("LPS", shape=SHAPE)
    write_classic(volume, tmp_path, edit=drifting(total_mm))
    read = read_dicom(tmp_path)
    np.testing.assert_array_equal(read.array, values(volume))
    last = np.array([0, 0, SHAPE[2] - 1])
    expected = volume.grid.world_from_index(last) - [0, total_mm, 0]
    np.testing.assert_allclose(read.grid.world_from_index(last), expected, atol=1e-4)


@pytest.mark.parametrize("total_mm", [0.05, 0.09])
def test_a_drift_that_is_no_more_than_rounding_is_left_out(tmp_path: Path, total_mm: float) -> None:
    volume = make_volume("LPS", shape=SHAPE)
    write_classic(volume, tmp_path, edit=drifting(total_mm))
    assert read_dicom(tmp_path).grid.agrees_with(volume.grid)


@pytest.mark.parametrize(("total_mm", "words"), [(0.3, "0.077 degrees"), (5.0, "1.3 degrees")])
def test_a_tilt_is_never_said_to_be_nothing(tmp_path: Path, total_mm: float, words: str) -> None:
    write_classic(make_volume("LPS", shape=SHAPE), tmp_path, edit=drifting(total_mm))
    with pytest.raises(InputError) as caught:
        read_dicom(tmp_path)
    assert f"found {words}" in str(caught.value)


def test_cosines_of_three_decimals(tmp_path: Path) -> None:
    """An oblique series with such cosines drifts by rounding alone; it is no tilted one."""
    volume = make_volume("LPS", shape=SHAPE, tilt_degrees=23.4)

    def rounded(_: int, dataset: Dataset) -> None:
        cosines = [f"{float(value):.3f}" for value in dataset.ImageOrientationPatient]
        dataset.ImageOrientationPatient = cosines

    write_classic(volume, tmp_path, edit=rounded)
    read = read_dicom(tmp_path)
    ends = np.array([[0, 0, 0], [0, 0, SHAPE[2] - 1]])
    apart = read.grid.world_from_index(ends) - volume.grid.world_from_index(ends)
    assert np.abs(apart).max() < 0.1


def test_every_second_slice_alone_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is left is evenly spaced; only what slices say of themselves tells of the others."""
    volume = make_volume("PIL", shape=(6, 5, 9), tilt_degrees=7)
    paths = write_classic(volume, tmp_path)
    read_dicom(tmp_path)
    assert caplog.records == []
    for path in paths[1::2]:
        path.unlink()
    count = len(paths[::2])
    assert read_dicom(tmp_path).grid.shape[2] == count
    (record,) = caplog.records
    step = volume.grid.spacing_mm[2]
    assert record.levelno == logging.WARNING
    assert f"lie {2 * step:.4g} mm apart, and say that they are {step:.4g} mm" in caplog.text
    assert f"{count - 1} of {2 * count - 1} may be missing" in caplog.text


@pytest.mark.parametrize("depth_mm", ["1.9", "2.5", "3", None])
def test_gaps_and_overlaps_that_scanners_make_are_not_told(
    depth_mm: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def edit(_: int, dataset: Dataset) -> None:
        del dataset.SpacingBetweenSlices
        dataset.SliceThickness = depth_mm

    write_classic(make_volume("LPS"), tmp_path, edit=edit)
    read_dicom(tmp_path)
    assert caplog.records == []
