"""The command agrees with the known tool's results, and lays its own over the scans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from tests.command import run_carotid

from carotid.geometry.grid import CANONICAL
from carotid.geometry.volume import Volume
from carotid.stages.catalog import read_settings, stage_named
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.reading import prepare_scan
from carotid.storage.metaimage.read import read_multichannel
from carotid.storage.participants import find_scans
from carotid.storage.raw import load_scan
from carotid.storage.rescaling import read_rescaling

HERE = Path(__file__).parent / "heatmap"
COMPLETE = Path(__file__).parents[3] / "shared" / "golden" / "heatmap"
OF_PEAK = 2e-4
INPUT_TOLERANCE = 1e-6

CASES = [
    ("axial_lps", ["sub-01"]),
    ("coronal_oblique", ["sub-01", "sub-02"]),
    ("native_ras", ["P.001_U"]),
    ("dicom_axial", ["Anon 450"]),
]


def transformed(case: str, output: Path) -> Path:
    """Run the command on a case."""
    folder = HERE / case
    run = run_carotid(
        "transform", "heatmap", folder / "raw", HERE / "models", output,
        "--config_path", folder / "config.toml", "--device", "cpu",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return output


def canonical(path: Path) -> Any:
    """A written heatmap, (2, x, y, z) canonical, read with our own reader."""
    array, grid = read_multichannel(path)
    channels = [Volume(channel, grid).reoriented(CANONICAL).array for channel in array]
    return np.stack(channels)


def input_image(case: str, participant: str) -> SimpleITK.Image:
    """The scan as SimpleITK sees it."""
    raw = HERE / case / "raw"
    if case == "dicom_axial":
        names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(raw / participant))
        return SimpleITK.ReadImage(names)
    found = next(p for p in raw.glob(f"{participant}.*") if p.suffix in {".mha", ".mhd"})
    return SimpleITK.ReadImage(str(found))


@pytest.mark.parametrize(("case", "participants"), CASES, ids=[case for case, _ in CASES])
def test_command_agrees_with_known_tool(case: str, participants: list[str], tmp_path: Path) -> None:
    output = transformed(case, tmp_path / "out")
    for participant in participants:
        small = np.load(HERE / case / "expected" / f"{participant}.npz")
        complete = COMPLETE / case / "expected" / f"{participant}.npz"
        whole = np.load(complete) if complete.is_file() else None
        scan = input_image(case, participant)
        for side in ("left", "right"):
            place = output / participant / "heatmap_transform" / f"{side}_heatmap"
            peak = float(small[f"{side}_peak"])
            for kind in ("mean", "std"):
                image = SimpleITK.ReadImage(str(place / f"{kind}.mha"))
                assert image.GetPixelID() == SimpleITK.sitkVectorFloat32
                assert image.GetNumberOfComponentsPerPixel() == 2
                assert image.GetSize() == scan.GetSize()
                for ours, theirs in (
                    (image.GetSpacing(), scan.GetSpacing()),
                    (image.GetOrigin(), scan.GetOrigin()),
                    (image.GetDirection(), scan.GetDirection()),
                ):
                    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
                found = canonical(place / f"{kind}.mha")
                assert found.shape == (2, *small["shape_ras"])
                sampled = found.reshape(2, -1)[:, small[f"{side}_voxels"]]
                assert np.abs(sampled - small[f"{side}_{kind}"]).max() <= OF_PEAK * peak
                if whole is not None:
                    assert np.abs(found - whole[f"{side}_{kind}"]).max() <= OF_PEAK * peak
            indices = np.load(place / "max_indices.npy")
            assert indices.dtype == np.int64
            np.testing.assert_array_equal(indices, small[f"{side}_max_indices"])


def parameters_of(case: str) -> HeatmapParameters:
    found = read_settings([stage_named("heatmap")], HERE / case / "config.toml")["heatmap"]
    return HeatmapParameters.model_validate(found)


@pytest.mark.parametrize(
    ("case", "participant"), [(case, one) for case, ids in CASES for one in ids]
)
def test_networks_see_what_the_known_tool_showed_them(case: str, participant: str) -> None:
    raw = HERE / case / "raw"
    small = np.load(HERE / case / "expected" / f"{participant}.npz")
    rescaling = read_rescaling(raw)
    percentiles = (rescaling.lower_percentile, rescaling.upper_percentile)
    scan = prepare_scan(
        load_scan(find_scans(raw)[participant]),
        percentiles=percentiles if rescaling.rescale else None,
        resample=parameters_of(case).spacing,
    )
    for side in scan.frame.sides:
        seen = scan.side_image(side)
        assert seen.shape == tuple(small[f"{side.name}_input_shape"])
        sampled = seen.reshape(-1)[small[f"{side.name}_input_voxels"]]
        expected = small[f"{side.name}_input"]
        scale = max(1.0, float(np.abs(expected).max()))
        assert np.abs(sampled - expected).max() <= INPUT_TOLERANCE * scale
