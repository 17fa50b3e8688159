"""DICOM folders: every right one lands where it belongs, with the values it states."""

from __future__ import annotations

import shutil
import tracemalloc
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from tests.dicom_series import (
    assert_same_place,
    make_volume,
    values,
    write_classic,
    write_enhanced,
)
from tests.reading import read_dicom, read_dicom_header

from carotid.errors import InputError

DATA = Path(__file__).parents[2] / "data" / "dicom"

ALL_ORIENTATIONS = sorted(
    "".join(letters) for order in permutations(("RL", "AP", "SI")) for letters in product(*order)
)


class TestGeometry:
    @pytest.mark.parametrize("orientation", ALL_ORIENTATIONS)
    def test_every_axis_order(self, tmp_path: Path, orientation: str) -> None:
        volume = make_volume(orientation)
        write_classic(volume, tmp_path, shuffle_seed=1)
        assert_same_place(read_dicom(tmp_path), volume)

    @pytest.mark.parametrize("orientation", ["LPS", "RAS", "LIP", "PIR", "AIL"])
    @pytest.mark.parametrize("tilt", [12.0, -33.0])
    def test_oblique(self, tmp_path: Path, orientation: str, tilt: float) -> None:
        volume = make_volume(orientation, tilt_degrees=tilt)
        write_classic(volume, tmp_path)
        assert_same_place(read_dicom(tmp_path), volume)

    @pytest.mark.parametrize("orientation", ["LPS", "RAS", "LIP", "PIR"])
    @pytest.mark.parametrize("tilt", [0.0, 12.0])
    def test_enhanced_agrees_with_classic(
        self, tmp_path: Path, orientation: str, tilt: float
    ) -> None:
        volume = make_volume(orientation, tilt_degrees=tilt)
        volume = volume.with_array(np.asarray(volume.array).astype(np.float64) * 3 - 6)
        write_classic(volume, tmp_path / "classic", shuffle_seed=3, slope=3, intercept=-6)
        write_enhanced(volume, tmp_path / "enhanced" / "1", shuffle_seed=4, slope=3, intercept=-6)
        classic, enhanced = read_dicom(tmp_path / "classic"), read_dicom(tmp_path / "enhanced")
        assert classic.grid.agrees_with(enhanced.grid)
        np.testing.assert_array_equal(classic.array, enhanced.array)
        assert classic.array.dtype == enhanced.array.dtype
        assert_same_place(enhanced, volume)

    def test_index_order_is_column_row_slice(self, tmp_path: Path) -> None:
        volume = make_volume("LPS")
        write_classic(volume, tmp_path)
        read = read_dicom(tmp_path)
        assert read.orientation == "LPS"
        assert read.grid.shape == (7, 5, 4)
        np.testing.assert_allclose(read.grid.spacing_mm, (0.7, 0.9, 2.5), atol=1e-9)
        np.testing.assert_array_equal(read.array, volume.array)

    def test_reversed_numbering_changes_nothing(self, tmp_path: Path) -> None:
        volume = make_volume("LPS")
        count = volume.grid.shape[2]

        def reverse(k: int, dataset: Dataset) -> None:
            dataset.InstanceNumber = count - k

        write_classic(volume, tmp_path / "a")
        write_classic(volume, tmp_path / "b", name=lambda n: f"IM{count - n:03d}", edit=reverse)
        assert_same_place(read_dicom(tmp_path / "b"), read_dicom(tmp_path / "a"))

    def test_rounded_positions_are_taken_as_even(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        def nudge(k: int, dataset: Dataset) -> None:
            dataset.ImagePositionPatient[2] += 0.06 if k == 2 else 0

        write_classic(make_volume("LPS"), tmp_path, edit=nudge)
        assert read_dicom(tmp_path).grid.spacing_mm[2] == pytest.approx(2.5)
        assert "0.060 mm off even spacing" in caplog.text

    def test_rounded_cosines_are_made_right_angled(self, tmp_path: Path) -> None:
        def round_off(_: int, dataset: Dataset) -> None:
            dataset.ImageOrientationPatient = [
                f"{float(v):.4f}" for v in dataset.ImageOrientationPatient
            ]

        volume = make_volume("LPS", tilt_degrees=20)
        write_classic(volume, tmp_path, edit=round_off)
        direction = read_dicom(tmp_path).grid.direction
        np.testing.assert_allclose(direction.T @ direction, np.eye(3), atol=1e-12)

    def test_single_slice_takes_its_stated_depth(self, tmp_path: Path) -> None:
        volume = make_volume("LPS", shape=(7, 5, 1))
        write_classic(volume, tmp_path / "spaced")
        assert_same_place(read_dicom(tmp_path / "spaced"), volume)

        def thickness_only(_: int, dataset: Dataset) -> None:
            del dataset.SpacingBetweenSlices
            dataset.SliceThickness = "3.5"

        write_classic(volume, tmp_path / "thick", edit=thickness_only)
        assert read_dicom(tmp_path / "thick").grid.spacing_mm[2] == 3.5

    def test_enhanced_split_over_files(self, tmp_path: Path) -> None:
        volume = make_volume("LPS", shape=(7, 5, 6))
        lower, upper = volume.cropped((0, 0, 0), (7, 5, 4)), volume.cropped((0, 0, 4), (7, 5, 6))
        write_enhanced(upper, tmp_path / "1")
        write_enhanced(lower, tmp_path / "2")
        assert_same_place(read_dicom(tmp_path), volume)


class TestValues:
    @pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32])
    def test_stored_type_is_kept(self, tmp_path: Path, dtype: Any) -> None:
        volume = make_volume("LPS", dtype=dtype, shape=(5, 3, 4))
        if np.issubdtype(dtype, np.signedinteger):
            volume = volume.with_array(values(volume) - dtype(20))
        write_classic(volume, tmp_path)
        read = read_dicom(tmp_path)
        assert read.array.dtype == dtype
        np.testing.assert_array_equal(read.array, volume.array)

    def test_whole_rescaling_stays_whole(self, tmp_path: Path) -> None:
        volume = make_volume("LPS")
        real = volume.with_array(values(volume).astype(np.float64) * 2 - 40)
        write_classic(real, tmp_path, slope=2, intercept=-40)
        read = read_dicom(tmp_path)
        assert read.array.dtype == np.int32
        np.testing.assert_array_equal(read.array, real.array)

    def test_fractional_rescaling(self, tmp_path: Path) -> None:
        volume = make_volume("LPS")
        real = volume.with_array(values(volume) * 0.37 + 12.25)
        write_classic(real, tmp_path, slope=0.37, intercept=12.25)
        read = read_dicom(tmp_path)
        assert read.array.dtype == np.float32
        np.testing.assert_array_equal(read.array, real.array.astype(np.float32))

    def test_slope_of_each_slice_is_applied(self, tmp_path: Path) -> None:
        def own_slope(k: int, dataset: Dataset) -> None:
            dataset.RescaleSlope, dataset.RescaleIntercept = k + 1, -k

        volume = make_volume("LPS")
        write_classic(volume, tmp_path, edit=own_slope)
        k = np.arange(4)
        np.testing.assert_array_equal(read_dicom(tmp_path).array, values(volume) * (k + 1) - k)

    def test_slope_of_each_frame_is_applied(self, tmp_path: Path) -> None:
        def own_slopes(dataset: Dataset) -> None:
            del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
            for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
                scale = Dataset()
                scale.RescaleSlope, scale.RescaleIntercept = k + 1, -k
                frame.PixelValueTransformationSequence = [scale]

        volume = make_volume("LPS")
        write_enhanced(volume, tmp_path / "x", edit=own_slopes)
        k = np.arange(4)
        np.testing.assert_array_equal(read_dicom(tmp_path).array, values(volume) * (k + 1) - k)

    @pytest.mark.parametrize(
        "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless]
    )
    def test_transfer_syntaxes(self, tmp_path: Path, syntax: Any) -> None:
        volume = make_volume("PIR")
        write_classic(volume, tmp_path / "classic", syntax=syntax)
        write_enhanced(volume, tmp_path / "enhanced" / "x.dcm", syntax=syntax)
        assert_same_place(read_dicom(tmp_path / "classic"), volume)
        assert_same_place(read_dicom(tmp_path / "enhanced"), volume)

    def test_compressions_of_real_slices_agree(self) -> None:
        first, *others = (
            read_dicom(DATA / "dicom2nifti" / f"compressed_{kind}")
            for kind in ("rle", "j2k", "jpeg", "jpegls")
        )
        assert first.array.std() > 10
        for other in others:
            assert_same_place(other, first)

    @pytest.mark.parametrize(
        "name", ["RLE", "bigendian", "implicit", "jp2klossless", "jpeg_ls_lossless", "padded"]
    )
    def test_encodings_of_one_real_slice_agree(self, tmp_path: Path, name: str) -> None:
        for folder, file in (("a", "MR_small.dcm"), ("b", f"MR_small_{name}.dcm")):
            (tmp_path / folder).mkdir()
            shutil.copy(DATA / "pydicom" / file, tmp_path / folder)
        plain = read_dicom(tmp_path / "a")
        assert plain.array.std() > 10
        assert plain.array.dtype.isnative
        assert_same_place(read_dicom(tmp_path / "b"), plain)


class TestHeader:
    @pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2, -40), (0.5, 3)])
    def test_same_grid_and_type_without_decoding(
        self, tmp_path: Path, slope: float, intercept: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        volume = make_volume("PIR", tilt_degrees=5)
        real = volume.with_array(values(volume).astype(np.float64) * slope + intercept)
        write_classic(real, tmp_path, slope=slope, intercept=intercept)
        read = read_dicom(tmp_path)
        monkeypatch.setattr("carotid.storage.dicom.read.stored_values", None)
        grid, dtype = read_dicom_header(tmp_path)
        assert grid.agrees_with(read.grid)
        assert dtype == read.array.dtype
        with pytest.raises(InputError):
            read_dicom(tmp_path)

    def test_one_copy_of_the_voxels(self, tmp_path: Path) -> None:
        volume = make_volume(shape=(256, 200, 30))
        write_classic(volume, tmp_path / "classic")
        write_enhanced(volume, tmp_path / "enhanced" / "x")
        del volume
        for kind in ("classic", "enhanced"):
            read_dicom(tmp_path / kind)
            tracemalloc.start()
            read = read_dicom(tmp_path / kind)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 1.5 * read.array.nbytes
