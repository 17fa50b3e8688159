"""Real DICOM series, read by three independent readers, and the golden case."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread
from tests.dicom_series import values
from tests.reading import read_dicom

from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable


DATA = Path(__file__).parents[1] / "data" / "dicom"
SHARED = Path(__file__).parents[2].parent / "shared"


def as_simpleitk_reads(folder: Path) -> Volume:
    SimpleITK: Any = import_module("SimpleITK")
    files = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = SimpleITK.ReadImage(files if len(files) > 1 else files[0])
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    array = SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0)
    return Volume(array, Grid.from_lps(array.shape, affine))


def as_highdicom_reads(folder: Path) -> Volume:
    import highdicom

    datasets = [dcmread(path) for path in sorted(folder.iterdir())]
    for dataset in datasets:
        dataset.FrameOfReferenceUID = dataset.get("FrameOfReferenceUID", "1.2.3")
    if int(datasets[0].get("NumberOfFrames") or 1) > 1:
        image = highdicom.Image.from_dataset(datasets[0])
        volume = image.get_volume(apply_real_world_transform=False)
    else:
        volume = highdicom.get_volume_from_series(datasets, apply_real_world_transform=False)
    array = volume.array.transpose(2, 1, 0)
    return Volume(array, Grid.from_lps(array.shape, volume.affine[:, [2, 1, 0, 3]]))


def assert_oracles_agree(folder: Path, readers: list[Callable[[Path], Volume]]) -> None:
    ours = read_dicom(folder).reoriented("RAS")
    for read in readers:
        theirs = read(folder).reoriented("RAS")
        assert ours.grid.agrees_with(theirs.grid)
        largest = float(np.abs(values(theirs)).max())
        np.testing.assert_allclose(values(ours), values(theirs), rtol=0, atol=1e-6 * largest)


class TestOracles:
    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize(
        "name", ["hitachi_oblique", "varying_slope", "hyperfine_enhanced", "compressed_rle"]
    )
    def test_two_other_readers_agree(self, name: str) -> None:
        assert_oracles_agree(DATA / "dicom2nifti" / name, [as_simpleitk_reads, as_highdicom_reads])

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize(
        "name",
        [
            "siemens_sag_t1_HFS",
            "d2n/ge/anatomical/001",
            "d2n/generic/anatomical/002_non_isotropic",
            *(f"d2n/generic/compressed_{kind}/001" for kind in ("rle", "j2k", "jpeg", "jpegls")),
            "d2n/hitachi/anatomical/001",
            "d2n/hyperfine/anatomical/001",
            "d2n/philips/anatomical/001",
            "d2n/philips_enhanced/anatomical/001",
            "d2n/philips_enhanced/anatomical/001_implicit",
            "d2n/siemens_multiframe/anatomical/001",
        ],
    )
    def test_whole_series(self, name: str) -> None:
        folder = SHARED / "data" / "dicom" / name
        if not folder.is_dir():
            pytest.skip("the large test data are not here")
        assert_oracles_agree(folder, [as_simpleitk_reads, as_highdicom_reads])

    @pytest.mark.parametrize(
        ("name", "parts"),
        [
            ("gantrytilting", ["tilted", "14.0 degrees", "IM-0001-0004.dcm"]),
            ("notavolume", ["one position", "61.5 mm", "001.dcm"]),
            (
                "sliceincrement",
                ["a slice is missing", "IM-0001-0009-0001.dcm at 28.1", "IM-0001-0010-0001.dcm"],
            ),
            ("sliceorientation", ["orientations", "IM-0001-0001-0001 2.dcm", "sagittal", "axial"]),
        ],
    )
    def test_series_that_are_no_volume(self, name: str, parts: list[str]) -> None:
        folder = SHARED / "data" / "dicom" / "d2n" / "failing" / name / "001"
        if not folder.is_dir():
            pytest.skip("the large test data are not here")
        with pytest.raises(InputError) as refused:
            read_dicom(folder)
        message = str(refused.value)
        for part in parts:
            assert part in message

    def test_golden_case(self) -> None:
        case = SHARED / "golden" / "heatmap" / "dicom_axial"
        if not case.is_dir():
            pytest.skip("the golden cases are not here")
        with np.load(case / "expected" / "Anon 450.npz") as expected:
            image, affine = expected["image_ras"], expected["affine_ras"]
        read = read_dicom(case / "raw" / "Anon 450").reoriented("RAS")
        low, high = float(values(read).min()), float(values(read).max())
        np.testing.assert_allclose((values(read) - low) / (high - low), image, rtol=0, atol=1e-6)
        np.testing.assert_allclose(read.grid.affine, affine, rtol=0, atol=1e-5)
