"""Contours and masks from input that is not ours, or not as it should be, as users meet it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from tests.command import run_carotid
from tests.polar_networks import write_version_1

from carotid.network.polar_cnn import Variant
from carotid.storage.results.contours import load_contours

GOLDEN = Path(__file__).parents[1] / "golden" / "polar"
SCANS = {"axial_lps": "sub-01", "native_ras": "P.002_U"}
IN_2D = Variant(2, dropout=False)
TABLES = ("left_contour.tsv", "right_contour.tsv", "spatial_metadata.json")


def centerlines(root: Path) -> Path:
    """Two scans and their centerlines, which another program wrote: there are no records."""
    out = root / "out"
    (root / "raw").mkdir(parents=True)
    for case, participant in SCANS.items():
        shutil.copy(GOLDEN / case / "raw" / f"{participant}.mha", root / "raw")
        shutil.copytree(GOLDEN / case / "centerline" / participant, out / participant)
    shutil.copy(GOLDEN / "axial_lps" / "raw" / "parameters.json", root / "raw")
    entry = {"heatmap_transform": {"raw_dir": str(root / "raw")}}
    (out / "parameters.json").write_text(json.dumps(entry))
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Polar images, contours and masks, a step after the other; tests work on copies."""
    root = tmp_path_factory.mktemp("contour")
    out = centerlines(root)
    write_version_1(root / "models", IN_2D)
    for command in (("polar", out), ("contour", out, root / "models"), ("segmentation", out)):
        run = run_carotid("transform", *command)
        assert run.returncode == 0, run.stderr
        assert "2 done, 0 skipped, 0 failed" in run.stdout
    return root


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def test_masks_lie_on_the_scans_grid(made: Path) -> None:
    for participant in SCANS.values():
        scan = SimpleITK.ReadImage(str(made / "raw" / f"{participant}.mha"))
        for name in ("left_segmentation", "right_segmentation", "labels"):
            path = made / "out" / participant / "segmentation_transform" / f"{name}.mha"
            image = SimpleITK.ReadImage(str(path))
            assert image.GetSize() == scan.GetSize()
            np.testing.assert_allclose(image.GetOrigin(), scan.GetOrigin(), atol=1e-6)
            np.testing.assert_allclose(image.GetSpacing(), scan.GetSpacing(), atol=1e-6)
            np.testing.assert_allclose(image.GetDirection(), scan.GetDirection(), atol=1e-6)
            assert image.GetNumberOfComponentsPerPixel() == (1 if name == "labels" else 4)
            assert SimpleITK.GetArrayViewFromImage(image).dtype == np.uint8


def test_masks_of_contours_that_are_not_ours(copy: Path, tmp_path: Path) -> None:
    """Without records, without a stored grid, without parameters.json: read, with warnings."""
    theirs = tmp_path / "theirs"
    for participant in SCANS.values():
        place = theirs / participant / "contour_transform"
        shutil.copytree(copy / "out" / participant / "contour_transform", place)
        (place / "provenance.json").unlink()
        content = json.loads((place / "spatial_metadata.json").read_text())
        kept = {key: content[key] for key in ("orig_shape", "affine")}
        (place / "spatial_metadata.json").write_text(json.dumps(kept))
    run = run_carotid("transform", "segmentation", tmp_path / "new", "--contour_dir", theirs)
    assert run.returncode == 0, run.stderr
    assert "was not written by carotid" in run.stderr
    assert "stored grid is not known" in run.stderr
    ours, new = (
        SimpleITK.ReadImage(str(root / "sub-01" / "segmentation_transform" / "labels.mha"))
        for root in (copy / "out", tmp_path / "new")
    )
    resampled = SimpleITK.Resample(new, ours, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
    np.testing.assert_array_equal(
        SimpleITK.GetArrayFromImage(resampled), SimpleITK.GetArrayFromImage(ours)
    )


def test_a_bad_row_fails_its_participant_alone(copy: Path) -> None:
    table = copy / "out" / "sub-01" / "contour_transform" / "left_contour.tsv"
    lines = table.read_text().splitlines()
    lines[6] = lines[6].replace("lumen", "lummen", 1)
    table.write_text("\n".join(lines))
    run = run_carotid("transform", "segmentation", copy / "new", "-cdir", copy / "out")
    assert run.returncode == 1
    assert "row 7, column object of the contour table is wrong" in run.stdout + run.stderr
    assert (copy / "new" / "P.002_U" / "segmentation_transform" / "labels.mha").is_file()
    assert not (copy / "new" / "sub-01").exists()


def test_images_of_another_size_are_refused_by_name(tmp_path: Path) -> None:
    """The first participant's before anything is computed, another one's when it is read."""
    out = centerlines(tmp_path / "other")
    (tmp_path / "config.toml").write_text("[polar_transform]\nlength = 5\n")
    small = ("-c", tmp_path / "config.toml", "-p", "sub-01")
    assert run_carotid("transform", "polar", out, *small).returncode == 0
    models = write_version_1(tmp_path / "models")
    run = run_carotid("transform", "contour", out, models)
    assert run.returncode == 2
    assert "another length (found 5, expected 7)" in run.stderr
    assert run_carotid("transform", "polar", out).returncode == 2  # made with other settings
    assert run_carotid("transform", "polar", out, "-p", "P.002_U").returncode == 0
    run = run_carotid("transform", "contour", out, models)
    assert run.returncode == 1
    assert "another length (found 5, expected 7)" in run.stdout + run.stderr
    assert not (out / "sub-01" / "contour_transform").exists()
    assert (out / "P.002_U" / "contour_transform").is_dir()


def test_centerlines_outside_of_the_scan_fail_by_name(made: Path, tmp_path: Path) -> None:
    out = centerlines(tmp_path / "other")
    table = out / "sub-01" / "centerline_transform" / "left_centerline.tsv"
    table.write_text(table.read_text().replace("26.0\t40.0", "260.0\t40.0"))
    run = run_carotid("transform", "contour", out, made / "models")
    assert run.returncode == 1
    assert (
        "a center of the left internal artery lies outside of the scan" in run.stdout + run.stderr
    )
    assert (out / "P.002_U" / "contour_transform").is_dir()


def test_scans_that_are_not_where_they_were(made: Path, tmp_path: Path) -> None:
    out = centerlines(tmp_path / "other")
    (tmp_path / "other" / "raw").rename(tmp_path / "moved")
    run = run_carotid("transform", "contour", out, made / "models")
    assert run.returncode == 2
    assert "--raw_dir" in run.stderr
    run = run_carotid("transform", "contour", out, made / "models", "--raw_dir", tmp_path / "moved")
    assert run.returncode == 0, run.stderr


def test_dropout_repeats(made: Path, tmp_path: Path) -> None:
    models = write_version_1(tmp_path / "models", Variant(2, dropout=True), count=1)
    (tmp_path / "config.toml").write_text("[contour_transform]\ndropout = true\nn_repeats = 4\n")
    found = []
    for name in ("a", "b"):
        run = run_carotid(
            "transform", "contour", tmp_path / name, models, "--polar_dir", made / "out",
            "-c", tmp_path / "config.toml",
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        table = tmp_path / name / "sub-01" / "contour_transform" / "right_contour.tsv"
        found.append(table.read_bytes())
    assert found[0] == found[1]
    section = load_contours(tmp_path / "a" / "sub-01" / "contour_transform").right[0]
    assert section.lumen is not None
    assert np.isfinite(section.lumen.deviation_mm).any()
