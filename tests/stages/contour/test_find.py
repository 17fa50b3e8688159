"""Contours lie on the vessel, in every stored order; doubtful ones are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.necks import ORDERS, stored, turned
from tests.polar_networks import SeesEdges, seeded

from carotid.artifacts import BOUNDARIES, Centerline, Centerlines, PolarBlock, Scan, SideCenterlines
from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.geometry.polar import Rays
from carotid.geometry.volume import Volume
from carotid.network.polar_cnn import Variant
from carotid.network.polar_pyramid import PolarPyramid
from carotid.stages.contour.decode import Decoding
from carotid.stages.contour.find import PolarEnsemble, find_contours
from carotid.stages.contour.parameters import ContourParameters
from carotid.stages.polar.draw import draw_polar_images
from carotid.stages.polar.parameters import PolarParameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from carotid.artifacts import Contours, Label
    from carotid.geometry.sides import SideName
    from carotid.network.polar_cnn import Drop

SHAPE = (70, 44, 9)
SPACING_MM = (0.4, 0.4, 0.9)
TUBES: dict[tuple[SideName, Label], tuple[float, float, float, float]] = {
    ("left", "internal"): (17.3, 21.6, 6.0, 9.0),
    ("right", "external"): (52.4, 24.2, 3.5, 6.0),
}
"""x and y in slice 0, radius of lumen and outer wall, voxels; x grows by 0.3 a slice."""

POLAR = PolarParameters(cartesian_ray=40, length=7)
EDGES = PolarEnsemble([SeesEdges()], Decoding(127 / 40, far_end=None))
POLYNOMIAL = ContourParameters()


def center(side: SideName, label: Label, z: int) -> list[float]:
    x, y, _, _ = TUBES[side, label]
    return [x + 0.3 * z, y]


def neck(order: str) -> Volume:
    """1 in lumens, ½ in walls, 0 elsewhere, smooth at the edges; tilted, in any stored order."""
    x, y, z = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    values = np.zeros(SHAPE)
    for (side, label), (_, _, *radii) in TUBES.items():
        x0, y0 = np.moveaxis(np.array([center(side, label, k) for k in range(SHAPE[2])]), 1, 0)
        away = np.hypot(x - x0[z], y - y0[z])
        for radius in radii:
            values += 0.5 * np.clip(radius - away + 0.5, 0, 1)
    affine = np.eye(4)
    affine[:3, :3] = turned(7, -11, 5) @ np.diag(SPACING_MM)
    affine[:3, 3] = (3, -20, 55)
    array, other = stored(values, affine, order)
    return Volume(array, Grid(array.shape, other))


def centerlines(off: float = 0.0) -> Centerlines:
    """The tubes' axes, or lines beside them."""

    def artery(side: SideName, label: Label) -> Centerline:
        if (side, label) not in TUBES:
            return Centerline.of_points(np.zeros((0, 3)))
        points = [[*center(side, label, z), z] for z in range(SHAPE[2])]
        return Centerline.of_points(np.array(points) + np.array([off, -off, 0]))

    left, right = (
        SideCenterlines(artery(side, "internal"), artery(side, "external"))
        for side in ("left", "right")
    )
    return Centerlines(left, right, None)


def assert_on_the_vessels(found: Contours) -> None:
    assert [(one.label, one.z) for one in found.left] == [("internal", z) for z in range(9)]
    assert [(one.label, one.z) for one in found.right] == [("external", z) for z in range(9)]
    for (side, label), (_, _, *radii) in TUBES.items():
        for boundary, radius in zip(BOUNDARIES, radii, strict=True):
            gaps = []
            for section in found.side(side):
                outline = section.outline(boundary)
                assert outline is not None
                offset = outline.points - center(side, label, section.z)
                gaps.append(offset.mean(axis=0))
                assert np.hypot(*offset.T) == pytest.approx(radius, abs=0.12)
            assert np.abs(np.mean(gaps, axis=0)).max() < 0.05


@pytest.mark.parametrize("order", ORDERS)
def test_contours_lie_on_the_vessels_in_every_stored_order(order: str) -> None:
    volume = neck(order)
    images = draw_polar_images(Scan(volume, None), centerlines(), POLAR)
    found = find_contours(images, EDGES, POLYNOMIAL)
    assert found.stored is volume.grid
    assert found.canonical.agrees_with(volume.grid.reoriented("RAS"))
    assert_on_the_vessels(found)


@pytest.mark.parametrize(
    "parameters",
    [
        ContourParameters(single_center=True, interpolation_method="mean"),
        ContourParameters(single_center=True),
        ContourParameters(),
    ],
)
@pytest.mark.parametrize("multiple_centers", [False, True])
def test_centers_beside_the_axis_give_the_same_place(
    parameters: ContourParameters, multiple_centers: bool
) -> None:
    polar = POLAR.model_copy(update={"multiple_centers": multiple_centers})
    images = draw_polar_images(Scan(neck("LPS"), None), centerlines(off=1.2), polar)
    found = find_contours(images, EDGES, parameters)
    for section in found.left:
        assert section.lumen is not None
        offset = section.lumen.points - center("left", "internal", section.z)
        assert np.hypot(*offset.T) == pytest.approx(6, abs=0.25)


def test_members_are_all_used() -> None:
    class Larger(SeesEdges):
        def __call__(self, rays: Tensor, repeats: int = 1, drop: Drop | None = None) -> Tensor:
            return super().__call__(rays, repeats) + torch.tensor([[12.7], [0.0]])

    images = draw_polar_images(Scan(neck("RAS"), None), centerlines(), POLAR)
    both = PolarEnsemble([SeesEdges(), Larger()], EDGES.decoding)
    section = find_contours(images, both, POLYNOMIAL).left[4]
    assert section.lumen is not None
    radii = np.hypot(*(section.lumen.points - center("left", "internal", 4)).T)
    assert radii == pytest.approx(8, abs=0.2)  # 6 and 10 voxels
    assert section.lumen.deviation == pytest.approx(4, abs=0.2)
    assert section.lumen.deviation_mm == pytest.approx(2.2 * 0.4, rel=0.2)


@pytest.mark.parametrize("variant", [Variant(3, dropout=True), Variant(2, dropout=True)], ids=str)
def test_dropout_repeats_with_its_seed(variant: Variant) -> None:
    images = draw_polar_images(Scan(neck("RAS"), None), centerlines(), POLAR)
    ensemble = PolarEnsemble([PolarPyramid.of(seeded(variant))], EDGES.decoding)

    def lumen(**settings: object) -> np.ndarray:
        parameters = ContourParameters.model_validate({"n_repeats": 3, **settings})
        outline = find_contours(images, ensemble, parameters).left[0].lumen
        assert outline is not None
        return outline.points

    first = lumen(dropout=True)
    np.testing.assert_array_equal(lumen(dropout=True), first)
    assert not np.array_equal(lumen(dropout=True, seed=1), first)
    assert not np.array_equal(lumen(), first)
    np.testing.assert_array_equal(lumen(), lumen(n_repeats=7))


def test_dropout_is_off_where_a_network_has_none() -> None:
    images = draw_polar_images(Scan(neck("RAS"), None), centerlines(), POLAR)
    parameters = ContourParameters(dropout=True)
    on, off = (find_contours(images, EDGES, one).left[3].lumen for one in (parameters, POLYNOMIAL))
    assert on is not None
    assert off is not None
    np.testing.assert_array_equal(on.points, off.points)


class Given:
    """Polar images of one slice."""

    canonical = Grid((90, 90, 9), np.eye(4))
    stored = None
    rays = Rays()
    sampling = None

    def __init__(self, z: float, value: float = 0.5) -> None:
        self._block = PolarBlock(
            ("internal",),
            np.array([[[40.0, 40.0, z]]]),
            np.full((1, 1, 7, 31, 127), value, np.float32),
        )

    def blocks(self, side: SideName) -> Iterator[PolarBlock]:
        if side == "left":
            yield self._block


def test_a_center_between_slices_is_refused() -> None:
    with pytest.raises(InputError, match="between two slices"):
        find_contours(Given(3.5), EDGES, POLYNOMIAL)


def test_networks_that_give_no_numbers_for_an_image_are_told() -> None:
    class Broken(SeesEdges):
        def __call__(self, rays: Tensor, repeats: int = 1, drop: Drop | None = None) -> Tensor:
            return super().__call__(rays, repeats) * torch.inf

    with pytest.raises(InputError, match="no numbers"):
        find_contours(Given(3, 1e30), PolarEnsemble([Broken()], EDGES.decoding), POLYNOMIAL)


def test_walls_inside_lumens_are_written_and_told(caplog: pytest.LogCaptureFixture) -> None:
    class Crossed(SeesEdges):
        def __call__(self, rays: Tensor, repeats: int = 1, drop: Drop | None = None) -> Tensor:
            found = torch.full((len(rays), repeats, 2, 31), 30.0)
            found[:, :, 1] = torch.where(torch.arange(31) < 10, -9.0, 9.0)
            return found

    parameters = ContourParameters(single_center=True, interpolation_method="mean")
    found = find_contours(Given(3), PolarEnsemble([Crossed()], EDGES.decoding), parameters)
    assert "left: 10 of 31 points of the wall lie inside the lumen (32.3 %)" in caplog.text
    assert "radii" not in caplog.text
    assert found.left[0].wall is not None
    radii = np.hypot(*(found.left[0].wall.points - 40).T)
    assert sorted(set(np.round(radii * 127 / 40).tolist())) == [21, 39]


def test_radii_below_zero_are_written_and_told(caplog: pytest.LogCaptureFixture) -> None:
    class Turned(SeesEdges):
        def __call__(self, rays: Tensor, repeats: int = 1, drop: Drop | None = None) -> Tensor:
            found = torch.full((len(rays), repeats, 2, 31), -20.0)
            found[:, :, 1] = 30
            return found

    parameters = ContourParameters(single_center=True, interpolation_method="mean")
    ensemble = PolarEnsemble([Turned()], EDGES.decoding)
    (section,) = find_contours(Given(3), ensemble, parameters).left
    assert "left: 31 of 62 radii are not above zero (50.0 %)" in caplog.text
    assert section.lumen is not None
    assert section.lumen.points[0, 0] > 40  # the first point looks to −x
