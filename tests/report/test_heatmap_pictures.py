"""Pictures are anatomically right: a marker on one side only, in every axis order."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.reading import read_metaimage
from tests.report.results import MemberView, write_heatmaps, write_scan
from tests.report.test_projections import ORIENTATIONS

from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.volume import Volume
from carotid.report import heatmap_pictures as pictures
from carotid.report.drawing.views import LETTERS, Plane, picture
from carotid.report.examination import examine
from carotid.report.sections import sections

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.report.drawing.picture import Picture

SHAPE = (48, 24, 30)
SPACING = (1.5, 1.0, 2.0)


def canonical_grid(tilt: float) -> Grid:
    c, s = np.cos(tilt), np.sin(tilt)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.diag(SPACING)
    affine[:3, 3] = -36, -12, -30
    return Grid(SHAPE, affine)


def make(tmp_path: Path, orientation: str, tilt: float = 0.2) -> pictures.Scene:
    """Vessels only in the upper half of the right side; a bright block there, in front."""
    grid = canonical_grid(tilt)
    centers = np.full((SHAPE[2], 2, 2), np.nan)
    right, left = centers.copy(), centers.copy()
    right[15:, 0] = 38, 18  # canonical x grows to the right, y to anterior, z to superior
    right[15:, 1] = 38, 8
    height = np.ones((SHAPE[2], 2))
    stored = grid.reoriented(orientation)
    folder = write_heatmaps(
        tmp_path / "out",
        "p",
        stored,
        {"right": [MemberView(right, height)] * 2, "left": [MemberView(left, height)] * 2},
    )
    voxels = np.full(SHAPE, 100, np.int16)
    voxels[34:44, 14:22, 15:] = 900
    scan = Volume(voxels, grid).reoriented(orientation)
    write_scan(tmp_path / "raw", "p", Volume(np.ascontiguousarray(scan.array), scan.grid))
    volume = read_metaimage(tmp_path / "raw" / "p.mha").reoriented(CANONICAL)
    return pictures.make_scene(examine("p", folder, 100.0, None), volume.array, 100.0)


def decoded(picture: Picture) -> NDArray[np.uint8]:
    """Its pixels."""
    data = picture.image.removeprefix("data:image/webp;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def data_of(picture: Picture, kind: str) -> str:
    """Path data of a layer."""
    return next(layer.data for layer in picture.layers if layer.kind == kind)


def middle(where: NDArray[np.bool_]) -> tuple[float, float]:
    """Center of a mask, as shares of the picture's width and height."""
    rows, columns = np.nonzero(where)
    return float(columns.mean() / where.shape[1]), float(rows.mean() / where.shape[0])


def colored(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    whole = pixels.astype(int)
    return np.asarray(np.maximum(whole[..., 0], whole[..., 1]) - whole[..., 2] > 90)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_right_is_on_the_left_and_up_is_up(tmp_path: Path, orientation: str) -> None:
    scene = make(tmp_path, orientation)
    shown = pictures.coronal(scene)
    pixels = decoded(shown)
    across, down = middle(colored(pixels))
    assert across == pytest.approx(1 - 38.5 / 48, abs=0.03)
    assert down == pytest.approx(0.25, abs=0.04)
    assert shown.width_px / shown.height_px == pytest.approx(48 * 1.5 / (30 * 2.0), rel=0.02)
    assert pixels.shape[1] / pixels.shape[0] == pytest.approx(48 * 1.5 / (30 * 2.0), rel=0.02)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIL", "SRA"])
def test_front_is_on_the_left_of_sagittal_pictures(tmp_path: Path, orientation: str) -> None:
    scene = make(tmp_path, orientation)
    pixels = decoded(pictures.sagittal(scene, "right"))
    whole = pixels.astype(int)
    red = colored(pixels) & (whole[..., 0] - whole[..., 1] > 60)
    green = colored(pixels) & (whole[..., 1] - whole[..., 0] > 60)
    assert middle(red)[0] == pytest.approx(1 - 18.5 / 24, abs=0.06)  # internal, made in front
    assert middle(green)[0] == pytest.approx(1 - 8.5 / 24, abs=0.06)
    other = decoded(pictures.sagittal(scene, "left"))
    assert not colored(other).any()


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "ASR", "IPL"])
def test_axial_sections_are_seen_from_the_feet(tmp_path: Path, orientation: str) -> None:
    scene = make(tmp_path, orientation)
    top = sections(scene)[0].pictures[0]  # the right side
    right = decoded(top)
    across, down = middle(right[..., 0] > 128)
    # The section is 32 voxels wide and, the vessel being at its side, ends at the scan's border.
    assert across == pytest.approx((48 - 39) / 32, abs=0.03)
    assert down == pytest.approx((24 - 18) / 24, abs=0.03)
    assert top.borders == [("R", "l"), ("L", "r"), ("A", "t"), ("P", "b")]
    triangle = re.match(r"M([\d.]+) ([\d.]+)", data_of(top, "dot internal"))
    circle = re.match(r"M([\d.]+) ([\d.]+)", data_of(top, "dot external"))
    assert triangle is not None
    assert circle is not None
    assert float(triangle[1]) == pytest.approx((47.5 - 38) * 1.5, abs=0.1)
    assert float(triangle[2]) == pytest.approx(23.5 - 18, abs=1.1)
    assert float(circle[2]) == pytest.approx(23.5 - 8, abs=0.1)


def test_straightened_vessel_is_in_the_middle(tmp_path: Path) -> None:
    scene = make(tmp_path, "LPS")
    shown = pictures.strips(scene, "right")
    assert len(shown) == 2
    internal = decoded(shown[0])[..., 0]
    bright = internal[: internal.shape[0] // 2].max(axis=0) > 128
    assert middle(bright[None])[0] == pytest.approx(0.5, abs=0.05)
    assert data_of(shown[0], "shade")  # the lower half has no peak


def test_letters() -> None:
    assert LETTERS == {"coronal": "RLSI", "sagittal": "APSI", "axial": "RLAP"}


def test_points_lie_where_the_picture_shows_them() -> None:
    array = np.zeros((5, 4), np.float32)
    array[1, 3] = 1
    rows, columns = np.nonzero(picture(array))
    point = Plane((5, 4), (2.0, 3.0)).points(np.array([1]), np.array([3]))[0]
    assert point.tolist() == [(columns[0] + 0.5) * 2.0, (rows[0] + 0.5) * 3.0]


def test_without_scan_the_heatmaps_are_shown(tmp_path: Path) -> None:
    scene = make(tmp_path, "LPS")
    alone = pictures.make_scene(scene.exam, None, 100.0)
    assert colored(decoded(pictures.coronal(alone))).any()
    assert pictures.strips(alone, "left") == []
    assert len(sections(alone)) == 8
