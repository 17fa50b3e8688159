"""Every format, every stored order of axes: independent readers find the vessel in its place."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from tests.export.marked import MIDDLE_MM, heatmap, mask_centers, neck, write_results
from tests.export.reading import read_polydata
from tests.necks import ORDERS_OF_FILES

from carotid.export.nifti import WANTED as NIFTI
from carotid.export.nifti import write_nifti_files
from carotid.export.slicer_scene import WANTED as SLICER
from carotid.export.slicer_scene import Slices, write_scene
from carotid.export.studies import studies
from carotid.export.vtk import WANTED as VTK
from carotid.export.vtk import write_vtk_files
from carotid.geometry.grid import Reordering
from carotid.storage.markups import read_markups
from carotid.storage.results.heatmaps import SideSlabs, write_side
from carotid.storage.results.layout import HeatmapLayout

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WITHIN_MM = 0.01
LPS = np.array([-1, -1, 1])


def itk_center(image: SimpleITK.Image, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """R-A-S mm of the center of voxels, (k, j, i), by ITK's own geometry."""
    index = np.argwhere(where).mean(axis=0)[::-1]
    place = image.TransformContinuousIndexToPhysicalPoint([float(n) for n in index])
    return np.asarray(np.array(place) * LPS, np.float64)


@pytest.mark.parametrize("order", ORDERS_OF_FILES)
def test_masks_and_heatmaps_as_nifti(order: str, tmp_path: Path) -> None:
    layout = write_results(tmp_path / "out", order, steps=("heatmap", "segmentation"))
    (study,) = studies(layout, tmp_path / "to", [], NIFTI)
    files = write_nifti_files(study, tmp_path / "to")
    assert sum(path.name.endswith(".nii.gz") for path in files) == 1 + 8 + 8
    for name, center in mask_centers().items():
        image: Any = nibabel.load(tmp_path / "to" / f"{name}.nii.gz")
        index = np.argwhere(np.asarray(image.dataobj)).mean(axis=0)
        np.testing.assert_allclose(
            nibabel.affines.apply_affine(image.affine, index), center, atol=WITHIN_MM
        )
        np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)
        other = SimpleITK.ReadImage(str(tmp_path / "to" / f"{name}.nii.gz"))
        array = SimpleITK.GetArrayFromImage(other)
        np.testing.assert_allclose(itk_center(other, array != 0), center, atol=WITHIN_MM)
    image = nibabel.load(tmp_path / "to" / "right_external_heatmap.nii.gz")
    assert image.get_data_dtype() == np.uint16
    true = heatmap("right", order)[1]
    assert np.abs(image.get_fdata() - true).max() <= 0.505 / 65535
    x, y, z = neck().centerlines.right.external.points[4]
    nearest = np.rint([x, y, z]).astype(int)
    way = Reordering.between(neck().stored(order), "RAS")
    hill = way.view(np.asarray(image.get_fdata()))[tuple(nearest)]
    assert hill > 0.9


@pytest.mark.parametrize("lowest", [-0.0031, 0.0, -7.3])
@pytest.mark.parametrize("highest", [0.987, 0.0, 1e-30, 3e7])
def test_zeros_of_heatmaps_stay_zero(lowest: float, highest: float, tmp_path: Path) -> None:
    """In double and in single precision: who thresholds at zero gets the artery alone."""
    layout = write_results(tmp_path / "out", "RAS", steps=("heatmap",))
    (study,) = studies(layout, tmp_path / "to", [], NIFTI)
    grid = neck().stored("RAS")
    values = np.zeros((*grid.shape[::-1], 2), np.float32)
    values[1, 2:5, 2:5, 0] = np.linspace(lowest, highest, 9).reshape(3, 3)
    place = HeatmapLayout(layout.transform(study.participant_id, "heatmap_transform"))
    shutil.rmtree(place.side("left"))
    indices = np.zeros((1, 2, grid.shape[2], 2), np.int64)
    write_side(place, "left", grid, SideSlabs([(values, values)], lambda: indices))
    write_nifti_files(study, tmp_path / "to")
    image: Any = nibabel.load(tmp_path / "to" / "left_internal_heatmap.nii.gz")
    told = json.loads((tmp_path / "to" / "left_internal_heatmap.json").read_text())
    largest, span = told["LargestError"], highest - lowest
    assert largest <= (max(0.505 * span / 65535, 2.0**-100) if span else 0.5)
    array = values[..., 0].transpose(2, 1, 0)
    for found in (image.get_fdata(), image.get_fdata(dtype=np.float32, caching="unchanged")):
        assert not found[array == 0].any()
        assert np.abs(found.astype(np.float64) - array).max() <= largest


@pytest.mark.parametrize("order", ORDERS_OF_FILES)
def test_the_segmentation_of_slicer(order: str, tmp_path: Path) -> None:
    layout = write_results(tmp_path / "out", order, steps=("segmentation",))
    (study,) = studies(layout, tmp_path / "to", [], SLICER)
    path, _ = write_scene(study, tmp_path / "to", Slices(5))
    assert path.name == "segmentation.seg.nrrd"
    image = SimpleITK.ReadImage(str(path))
    voxels = SimpleITK.GetArrayFromImage(image)
    assert voxels.shape[3] == 2
    named = {}
    for k in range(8):
        told = {
            key: image.GetMetaData(f"Segment{k}_{key}")
            for key in ("Name", "Layer", "LabelValue", "Color", "Tags")
        }
        named[told["Name"]] = voxels[..., int(told["Layer"])] == int(told["LabelValue"])
        assert len([float(part) for part in told["Color"].split()]) == 3
        side = "Right" if told["Name"].startswith("right") else "Left"
        assert f"^{side}|" in told["Tags"]
    for key, center in mask_centers().items():
        side, label, boundary = key.split("_")
        artery = "common and internal" if label == "internal" else "external"
        where = named[f"{side} {artery} carotid {boundary}"]
        np.testing.assert_allclose(itk_center(image, where), center, atol=WITHIN_MM)


@pytest.mark.parametrize("order", ORDERS_OF_FILES)
def test_lines_surfaces_and_markups(order: str, tmp_path: Path) -> None:
    """The surface's points are those of the outlines, the centerline's those of the tables."""
    layout = write_results(tmp_path / "out", order, steps=("centerline", "contour"))
    (study,) = studies(layout, tmp_path / "to", [], VTK)
    write_vtk_files(study, tmp_path / "to")
    (study,) = studies(layout, tmp_path / "to", [], SLICER)
    write_scene(study, tmp_path / "to", Slices(5))
    grid = neck().contours.canonical
    for side in ("left", "right"):
        line = read_polydata(tmp_path / "to" / f"{side}_centerlines.vtp")
        own = neck().centerlines.side(side)
        points = np.concatenate([own.internal.points, own.external.points])
        np.testing.assert_allclose(line.points_mm, grid.world_from_index(points), atol=WITHIN_MM)
        (curve,) = read_markups(
            tmp_path / "to" / "centerlines" / f"{side}_internal_centerline.mrk.json"
        )
        np.testing.assert_allclose(
            line.points_mm[: len(curve.points_mm)], curve.points_mm, atol=WITHIN_MM
        )
        border = read_polydata(tmp_path / "to" / f"{side}_internal_wall.vtp")
        vessel = neck().vessels[side]["internal"]
        away = np.linalg.norm(border.points_mm[::7, None] - vessel.outer, axis=2)
        nearest = away.argmin(axis=1)
        gap = away[np.arange(len(away)), nearest] - vessel.outer_radius[nearest]
        assert np.abs(np.median(gap)) < 0.05
        assert np.abs(gap).max() < 0.25  # where a step of the course is coarse
        assert np.sign(border.points_mm[:, 0].mean()) == np.sign(MIDDLE_MM[side])
