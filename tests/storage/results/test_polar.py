"""Polar images in files: complete for other programs, one row an angle inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.necks import SHAPE, affine_of, neck, stored

from carotid.artifacts import Centerline, Centerlines, Scan, SideCenterlines
from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.geometry.polar import with_repeated_rows
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.stages.polar.draw import DrawnPolarImages, draw_polar_images
from carotid.stages.polar.parameters import PolarParameters
from carotid.storage.results.polar import load_polar, save_polar

if TYPE_CHECKING:
    from pathlib import Path


def artery(*points: tuple[float, float, int]) -> Centerline:
    return Centerline.of_points(np.array(points, np.float64).reshape(-1, 3))


def drawn(*, multiple_centers: bool = False) -> DrawnPolarImages:
    """Images of a neck that is stored in an order of its own; the right side has no centers."""
    array, affine = stored(neck(), affine_of(), "PIL")
    volume = Volume(array, Grid((SHAPE[1], SHAPE[2], SHAPE[0]), affine))
    internal = artery(*[(20.0 + z / 7, 9.5, z) for z in range(1, 24)])
    external = artery(*[(15.0, 9.5 + z / 9, z) for z in (9, 10, 12)])
    left = SideCenterlines(internal, external)
    lines = Centerlines(left, SideCenterlines(artery(), artery()), volume.grid)
    parameters = PolarParameters(
        n_angles=5, polar_ray=9, cartesian_ray=8, length=3, multiple_centers=multiple_centers
    )
    return draw_polar_images(Scan(volume, None), lines, parameters)


@pytest.mark.parametrize("multiple_centers", [False, True])
def test_images_come_back_equal_in_the_same_blocks(multiple_centers: bool, tmp_path: Path) -> None:
    images = drawn(multiple_centers=multiple_centers)
    save_polar(images, tmp_path)
    found = load_polar(tmp_path)
    assert (found.rays, found.sampling) == (images.rays, "linear")
    assert found.canonical.agrees_with(images.canonical)
    assert found.stored is not None
    assert images.stored is not None
    assert found.stored.agrees_with(images.stored)
    for side in SIDE_NAMES:
        pairs = list(zip(found.blocks(side), images.blocks(side), strict=True))
        assert bool(pairs) == (side == "left")
        for one, other in pairs:
            assert one.labels == other.labels
            np.testing.assert_array_equal(one.centers, other.centers)
            np.testing.assert_array_equal(one.images, other.images)


def test_files_are_those_that_the_known_tool_reads(tmp_path: Path) -> None:
    save_polar(drawn(multiple_centers=True), tmp_path)
    folder = tmp_path / "left_polar"
    image = np.load(folder / "label-external_slice-12_polar.npy")
    center = np.load(folder / "label-external_slice-12_center.npy")
    assert (image.dtype, image.shape) == (np.float32, (9, 1, 3, 9, 9))
    assert (center.dtype, center.shape) == (np.float64, (9, 3))
    np.testing.assert_array_equal(image[:, 0], with_repeated_rows(image[:, 0, :, 2:7]))
    np.testing.assert_allclose(center[:2], [[15, 9.5 + 12 / 9, 12], [15, 8.5 + 12 / 9, 12]])
    described = json.loads((folder / "parameters.json").read_text())
    for key, value in {
        "n_angles": 5, "polar_ray": 9, "cartesian_ray": 8, "length": 3, "sampling": "linear",
        "multiple_centers": True, "orig_shape": list(SHAPE),
    }.items():  # fmt: skip
        assert described[key] == value
    np.testing.assert_allclose(described["affine"], affine_of())
    assert [path.name for path in (tmp_path / "right_polar").iterdir()] == ["parameters.json"]


def test_slices_are_read_in_the_order_of_numbers(tmp_path: Path) -> None:
    save_polar(drawn(), tmp_path)
    (block,) = load_polar(tmp_path).blocks("left")
    heights = block.centers[:, 0, 2].astype(int).tolist()
    assert block.labels == ("external",) * 3 + ("internal",) * 23
    assert heights == [9, 10, 12, *range(1, 24)]


def test_what_the_known_tool_wrote_has_no_sampling(tmp_path: Path) -> None:
    save_polar(drawn(), tmp_path)
    for side in SIDE_NAMES:
        path = tmp_path / f"{side}_polar" / "parameters.json"
        described = json.loads(path.read_text())
        for key in ("sampling", "multiple_centers", "stored_shape", "stored_affine_ras_mm"):
            del described[key]
        path.write_text(json.dumps(described))
    found = load_polar(tmp_path)
    assert found.sampling is None
    assert found.stored is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("label-internal_slice-5_center.npy", None, "no such file"),
        ("label-internal_slice-5_center.npy", np.zeros((1, 2)), "no centers"),
        ("label-internal_slice-5_center.npy", np.full((1, 3), np.nan), "no centers"),
        ("label-internal_slice-5_center.npy", np.zeros((9, 3)), "different numbers of centers"),
        (
            "label-internal_slice-5_polar.npy",
            np.zeros((1, 1, 3, 9, 8), np.float32),
            "not the polar",
        ),
        ("label-internal_slice-5_polar.npy", np.zeros((1, 1, 3, 9, 9), np.int16), "not the"),
        ("label-internal_slice-5_polar.npy", b"\x93NUMPY", "cannot be read"),
        (
            "label-internal_slice-5_polar.npy",
            np.arange(243, dtype=np.float32).reshape(1, 1, 3, 9, 9),
            "do not repeat",
        ),
    ],
)
def test_a_bad_file_is_named(name: str, content: object, message: str, tmp_path: Path) -> None:
    save_polar(drawn(), tmp_path)
    path = tmp_path / "left_polar" / name
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, np.asarray(content))
    with pytest.raises(InputError, match=message) as caught:
        list(load_polar(tmp_path).blocks("left"))
    if "different" not in message:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_angles": None}, "cannot have been drawn|how the polar"),
        ({"length": 4}, "cannot have been drawn"),
        ({"sampling": "cubic"}, "cannot have been drawn"),
        ({"polar_ray": 11}, "drawn differently"),
    ],
)
def test_wrong_parameters_are_named(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    save_polar(drawn(), tmp_path)
    path = tmp_path / "right_polar" / "parameters.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        load_polar(tmp_path)


def test_a_missing_side_is_named(tmp_path: Path) -> None:
    save_polar(drawn(), tmp_path)
    (tmp_path / "right_polar" / "parameters.json").unlink()
    with pytest.raises(InputError, match="right_polar"):
        load_polar(tmp_path)
