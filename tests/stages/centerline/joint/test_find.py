"""The joint method on drawn sides: right between voxels, on every grid, with parts missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.necks import ORDERS, turned
from tests.stages.centerline.joint.drawn import EXTENT_MM, PEAK, Drawn, heatmaps_of, maxima_of

from carotid.errors import InputError
from carotid.stages.centerline.find import find_centerlines
from carotid.stages.centerline.joint.find import joint_centers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines
    from carotid.geometry.sides import SideName
    from carotid.stages.centerline.centers import ArteryCenters, SideCenters

LEFT = Drawn()
RIGHT = Drawn(fork_mm=30.0, middle_mm=EXTENT_MM[0] - 20, leftward=False)


def found_in(drawn: Drawn, heat: NDArray[np.float32] | None = None) -> SideCenters:
    shown = drawn.heat() if heat is None else heat
    return joint_centers(drawn.volume(shown), maxima_of(shown))


def errors_mm(drawn: Drawn, centers: ArteryCenters, channel: int) -> NDArray[np.float64]:
    at = centers.points[:, :2] * drawn.spacing_mm[:2]
    truth = drawn.centers_mm(channel)[centers.points[:, 2].astype(int)]
    return np.asarray(np.linalg.norm(at - truth, axis=1))


@pytest.mark.parametrize(
    "spacing_mm",
    [(0.6, 0.6, 0.6), (0.3, 0.8, 0.5), (0.9, 0.45, 1.5), (0.6, 0.6, 3.0), (0.7, 0.7, 0.25)],
    ids=str,
)
@pytest.mark.parametrize("drawn", [LEFT, RIGHT], ids=["left", "right"])
def test_centers_lie_between_voxels_and_the_bifurcation_where_they_part(
    drawn: Drawn, spacing_mm: tuple[float, float, float]
) -> None:
    side = Drawn(spacing_mm, drawn.fork_mm, drawn.middle_mm, drawn.leftward)
    found = found_in(side)
    assert len(found.internal.points) == side.shape[2]
    assert found.internal.points[0, 2] == 0
    for channel, centers in enumerate(found.arteries):
        error = errors_mm(side, centers, channel)
        assert np.median(error) < 0.1
        assert error.max() < 0.5
    assert found.external.points[-1, 2] == side.shape[2] - 1
    slice_mm = side.spacing_mm[2]
    assert found.external.points[0, 2] * slice_mm == pytest.approx(
        side.fork_mm, abs=2 * slice_mm + 1
    )
    assert found.bifurcation is not None
    assert found.bifurcation.point[2] * slice_mm == pytest.approx(side.fork_mm, abs=1.5)
    at = side.centers_mm(0)[round(side.fork_mm / slice_mm)]
    np.testing.assert_allclose(found.bifurcation.point[:2] * side.spacing_mm[:2], at, atol=0.6)


def both(tilt: NDArray[np.float64] | None = None, order: str = "RAS") -> Centerlines:
    heats: dict[SideName, NDArray[np.float32]] = {"left": LEFT.heat(), "right": RIGHT.heat()}
    return find_centerlines(heatmaps_of(heats, LEFT.spacing_mm, tilt, order))


@pytest.fixture(scope="module")
def canonical() -> Centerlines:
    return both()


def assert_same(found: Centerlines, expected: Centerlines) -> None:
    for one, other in ((found.left, expected.left), (found.right, expected.right)):
        for mine, theirs in ((one.internal, other.internal), (one.external, other.external)):
            np.testing.assert_array_equal(mine.points, theirs.points)
            np.testing.assert_array_equal(mine.mean_value, theirs.mean_value)
            np.testing.assert_array_equal(mine.uncertainty_mm, theirs.uncertainty_mm)
        assert one.bifurcation is not None
        assert other.bifurcation is not None
        np.testing.assert_array_equal(one.bifurcation.point, other.bifurcation.point)


@pytest.mark.parametrize("order", ORDERS[1::3])
def test_storing_the_voxels_in_another_order_changes_nothing(
    order: str, canonical: Centerlines
) -> None:
    assert_same(both(order=order), canonical)


def test_a_tilted_scan_has_the_same_centers(canonical: Centerlines) -> None:
    assert_same(both(turned(9, -7, 12), "PIR"), canonical)


def test_left_is_left(canonical: Centerlines) -> None:
    assert canonical.left.internal.points[:, 0].max() < LEFT.shape[0] / 2
    assert canonical.right.internal.points[:, 0].min() > LEFT.shape[0] / 2


def test_a_neck_without_an_external_has_none() -> None:
    heat = LEFT.heat(external=False)
    found = found_in(LEFT, heat)
    assert len(found.external.points) == 0
    assert found.bifurcation is None
    assert len(found.internal.points) == LEFT.shape[2]
    assert errors_mm(LEFT, found.internal, 0).max() < 0.5


@pytest.mark.parametrize(("share", "goes_on"), [(0.15, True), (0.05, False), (0.0, False)])
def test_an_internal_that_fades_is_followed_and_one_that_is_gone_ends(
    share: float, *, goes_on: bool
) -> None:
    """Beside an external that goes on: what `no_internal` weighs. A winding one is fainter."""
    heat = LEFT.heat()
    last = round(36 / LEFT.spacing_mm[2])
    heat[0, :, :, last:] *= np.float32(share)
    found = found_in(LEFT, heat)
    assert found.external.points[-1, 2] == LEFT.shape[2] - 1
    end = LEFT.shape[2] if goes_on else last
    assert len(found.internal.points) == pytest.approx(end, abs=0 if goes_on else 2)
    assert errors_mm(LEFT, found.internal, 0).max() < 0.6


def test_the_external_ends_where_its_heatmap_does() -> None:
    heat = LEFT.heat()
    last = round(34 / LEFT.spacing_mm[2])
    heat[1, :, :, last + 1 :] = 0
    found = found_in(LEFT, heat)
    assert abs(found.external.points[-1, 2] - last) <= 2
    assert len(found.internal.points) == LEFT.shape[2]


def test_an_artery_that_fades_is_followed_through() -> None:
    heat = LEFT.heat()
    gap = slice(50, 56)
    heat[:, :, :, gap] *= 0.05
    found = found_in(LEFT, heat)
    assert len(found.internal.points) == LEFT.shape[2]
    assert errors_mm(LEFT, found.internal, 0).max() < 0.6
    assert found.internal.uncertainty_mm[gap].mean() > found.internal.uncertainty_mm[:40].mean()


def test_a_bright_stray_in_a_few_slices_draws_no_artery_away() -> None:
    heat = LEFT.heat()
    heat[0, 80:84, 10:14, 20:23] = 500
    assert errors_mm(LEFT, found_in(LEFT, heat).internal, 0).max() < 0.5


def test_two_heights_for_one_scale_of_the_heatmaps() -> None:
    """Nothing depends on how high a network's peaks are, as long as they are high."""
    low, high = found_in(LEFT), found_in(LEFT, LEFT.heat() * np.float32(1.7))
    np.testing.assert_allclose(low.internal.points, high.internal.points, atol=0.02)
    assert len(low.external.points) == len(high.external.points)


@pytest.mark.parametrize("middle_mm", [0.4, EXTENT_MM[0] - 3.5])
def test_a_vessel_at_the_border_is_followed(middle_mm: float) -> None:
    side = Drawn(middle_mm=middle_mm, leftward=middle_mm < EXTENT_MM[0] / 2)
    found = found_in(side)
    assert len(found.internal.points) > 0.9 * side.shape[2]
    last = np.array(side.shape[:2]) - 1
    for channel, centers in enumerate(found.arteries):
        assert (centers.points[:, :2] >= 0).all()
        assert (centers.points[:, :2] <= last).all()
        inside = np.clip(side.centers_mm(channel), 0, last * np.array(side.spacing_mm[:2]))
        at = centers.points[:, :2] * side.spacing_mm[:2]
        off = np.linalg.norm(at - inside[centers.points[:, 2].astype(int)], axis=1)
        assert np.percentile(off, 90) < 1.5


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_heatmaps_that_show_nothing_have_no_centers(value: float) -> None:
    heat = np.full((2, *LEFT.shape), value, np.float32)
    found = found_in(LEFT, heat)
    assert len(found.internal.points) == len(found.external.points) == 0
    assert found.bifurcation is None
    with pytest.raises(InputError, match="no carotid artery was found on either side"):
        find_centerlines(heatmaps_of({"left": heat, "right": heat}, LEFT.spacing_mm))
    if value:
        nothing = np.zeros_like(heat)
        with pytest.raises(InputError, match="no carotid artery was found on the right side"):
            find_centerlines(heatmaps_of({"left": nothing, "right": heat}, LEFT.spacing_mm))


def test_a_side_that_shows_nothing_is_named_and_the_other_one_is_found(
    canonical: Centerlines, caplog: pytest.LogCaptureFixture
) -> None:
    heats: dict[SideName, NDArray[np.float32]] = {
        "left": LEFT.heat(),
        "right": np.full((2, *LEFT.shape), 1e-3, np.float32),
    }
    found = find_centerlines(heatmaps_of(heats, LEFT.spacing_mm))
    assert "no artery was found here: right internal, right external" in caplog.text
    assert len(found.right.internal.points) == len(found.right.external.points) == 0
    assert found.right.bifurcation is None
    np.testing.assert_array_equal(found.left.internal.points, canonical.left.internal.points)


@pytest.mark.parametrize("slices", [1, 2, 3, 5])
def test_few_slices_will_do(slices: int) -> None:
    heat = LEFT.heat()[..., :slices]
    found = joint_centers(LEFT.volume(heat), maxima_of(heat))
    assert len(found.internal.points) == slices
    assert errors_mm(LEFT, found.internal, 0).max() < 0.3


def test_tiny_planes_will_do() -> None:
    heat = np.full((2, 1, 2, 6), 300, np.float32)
    found = joint_centers(Drawn().volume(heat), maxima_of(heat))
    assert (found.internal.points[:, :2] <= (0, 1)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_heights_that_are_no_numbers_are_refused(bad: float) -> None:
    heat = LEFT.heat()
    heat[1, 3, 4, 50] = bad
    with pytest.raises(InputError, match="holds NaN or infinity"):
        found_in(LEFT, heat)
    heats: dict[SideName, NDArray[np.float32]] = {"left": LEFT.heat(), "right": heat}
    with pytest.raises(InputError, match="right heatmap"):
        find_centerlines(heatmaps_of(heats, LEFT.spacing_mm))


@pytest.mark.parametrize("drawn", [LEFT, RIGHT], ids=["left", "right"])
@pytest.mark.parametrize("spacing_mm", [(0.6, 0.6, 0.6), (0.5, 0.7, 2.0)], ids=str)
def test_an_external_lateral_of_the_internal_is_not_lost(
    drawn: Drawn, spacing_mm: tuple[float, float, float]
) -> None:
    """One in ten lies so, and its peaks may be lower than those of the common carotid."""
    side = Drawn(spacing_mm, 20.0, drawn.middle_mm, drawn.leftward)
    heat = side.heat()[::-1].copy()  # the two arteries change places
    above = round(side.fork_mm / spacing_mm[2])
    heat[1][..., above:] *= 0.43
    found = found_in(side, heat)
    assert found.bifurcation is not None
    assert len(found.external.points) * spacing_mm[2] > 24
    for channel, centers in enumerate(found.arteries):
        assert errors_mm(side, centers, 1 - channel).max() < 1.0


def _with_branch(side: Drawn) -> NDArray[np.float32]:
    """The external channel goes on below the bifurcation, down beside the common carotid."""
    heat = side.heat()
    z_mm = np.arange(side.shape[2]) * side.spacing_mm[2]
    below = z_mm < side.fork_mm
    at = side.centers_mm(1) + 0.4 * np.maximum(0, side.fork_mm - z_mm)[:, None]
    x, y = (np.arange(n) * s for n, s in zip(side.shape[:2], side.spacing_mm[:2], strict=True))
    away = np.hypot(x[:, None, None] - at[:, 0], y[None, :, None] - at[:, 1])
    branch = np.maximum(PEAK * np.exp(-((away / 3.0) ** 2)), 1) - 1
    heat[1][..., below] = branch[..., below]
    return heat


@pytest.mark.parametrize("drawn", [LEFT, RIGHT], ids=["left", "right"])
@pytest.mark.parametrize("spacing_mm", [(0.6, 0.6, 0.6), (0.5, 0.7, 2.0)], ids=str)
def test_a_branch_that_goes_down_again_is_not_the_external_carotid(
    drawn: Drawn, spacing_mm: tuple[float, float, float]
) -> None:
    side = Drawn(spacing_mm, drawn.fork_mm, drawn.middle_mm, drawn.leftward)
    found = found_in(side, _with_branch(side))
    slice_mm = spacing_mm[2]
    assert found.bifurcation is not None
    assert found.bifurcation.point[2] * slice_mm == pytest.approx(side.fork_mm, abs=5)
    assert found.external.points[0, 2] * slice_mm > side.fork_mm - 6
    assert found.internal.points[0, 2] == 0
    assert errors_mm(side, found.internal, 0).max() < 1.0
