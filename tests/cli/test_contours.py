"""From centerlines to masks as users run it: polar images, contours, segmentation."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.command import contents, run_carotid, unfinished
from tests.golden.test_contour import HERE as CONTOUR
from tests.golden.test_polar import HERE as POLAR
from tests.polar_networks import write_version_2

from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

CASE = "axial_lps"
PARTICIPANT = "sub-01"
MODELS = CONTOUR / "models" / "v1"
POINT_TOLERANCE_VOXELS = 1e-3


class Study:
    """Scans and centerlines of a golden case, and the commands that work on them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.out = root / "out"
        self.config = root / "config.toml"

    @classmethod
    def made(cls, root: Path) -> Study:
        study = cls(root)
        shutil.copytree(POLAR / CASE / "raw", root / "raw")
        shutil.copytree(POLAR / CASE / "centerline", study.out)
        shutil.copy(CONTOUR / "chain" / CASE / "config.toml", study.config)
        return study

    def run(self, step: str, *more: str | Path, out: Path | None = None) -> str:
        """Run a step and return what it said."""
        run = self.tried(step, *more, out=out)
        assert run.returncode == 0, run.stderr
        return run.stdout + run.stderr

    def tried(
        self, step: str, *more: str | Path, out: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        models: list[str | Path] = [MODELS, "--device", "cpu"] if step == "contour" else []
        scans: list[str | Path] = ["--raw_dir", self.root / "raw"]
        scans = [] if step == "segmentation" else scans
        place = self.out if out is None else out
        return run_carotid("transform", step, place, *models, *scans, "-c", self.config, *more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """All steps, with polar images on the way; tests work on copies."""
    study = Study.made(tmp_path_factory.mktemp("done"))
    study.run("contour")
    study.run("segmentation")
    return study


def points(path: Path) -> list[list[float]]:
    with path.open() as file:
        rows = csv.DictReader(file, delimiter="\t")
        found = [
            (row["label"], row["object"], float(row["z"]), float(row["x"]), float(row["y"]))
            for row in rows
        ]
    keys = {"external": 0, "internal": 1, "lumen": 0, "wall": 1}
    return sorted([keys[a], keys[b], z, x, y] for a, b, z, x, y in found)


@pytest.mark.parametrize("side", SIDE_NAMES)
def test_contours_are_those_of_the_known_tool(side: str, done: Study) -> None:
    found = points(done.out / PARTICIPANT / "contour_transform" / f"{side}_contour.tsv")
    expected = points(CONTOUR / "chain" / CASE / f"{side}_contour.tsv")
    np.testing.assert_allclose(found, expected, atol=POINT_TOLERANCE_VOXELS)


def test_the_tree_and_the_records(done: Study) -> None:
    folder = done.out / PARTICIPANT
    assert sorted(path.name for path in folder.iterdir()) == [
        "centerline_transform",
        "contour_transform",
        "segmentation_transform",
    ]
    assert {path.name for path in (folder / "segmentation_transform").iterdir()} == {
        "labels.mha",
        "left_segmentation.mha",
        "provenance.json",
        "right_segmentation.mha",
    }
    entries = json.loads((done.out / "parameters.json").read_text())
    assert entries["polar_transform"]["raw_dir"] == str(done.root / "raw")
    assert entries["polar_transform"]["centerline_dir"] == str(done.out)
    assert list(entries["contour_transform"]["models"]) == ["a.pt", "b.pt"]
    assert entries["contour_transform"]["polar_dir"] == str(done.out)
    assert entries["contour_transform"]["model_dir"] == str(MODELS)
    assert entries["contour_transform"]["device"] == "cpu"
    assert entries["segmentation_transform"]["contour_dir"] == str(done.out)
    record = read_record(folder / "segmentation_transform")
    assert record is not None
    contour = record.inputs["contour"].record
    assert contour is not None
    polar = contour.inputs["polar"].record
    assert polar is not None
    assert polar.parameters["sampling"] == "compatible"
    assert polar.inputs["scan"].size_bytes == (done.root / "raw" / f"{PARTICIPANT}.mha").stat(
    ).st_size  # fmt: skip
    assert unfinished(done.out) == []


def test_polar_images_that_are_there_give_the_same_bytes(done: Study, tmp_path: Path) -> None:
    study = Study.made(tmp_path)
    said = study.run("polar")
    assert "was not written by carotid" in said, "the centerlines of the golden case"
    study.run("contour")
    for step in ("contour", "segmentation"):
        study.run("segmentation")
        name = f"{PARTICIPANT}/{step}_transform"
        assert contents(study.out / name) == contents(done.out / name)


def test_images_are_drawn_as_those_of_the_training(done: Study, tmp_path: Path) -> None:
    """As in the pipeline: what the configuration does not say, the networks do."""
    shutil.copytree(done.root, tmp_path / "copy")
    study = Study(tmp_path / "copy")
    models = write_version_2(tmp_path / "models", count=1, sampling="compatible", radius="exact")
    for text, sampling in (("", "compatible"), ('sampling = "linear"', "linear")):
        study.config.write_text(f"[polar_transform]\n{text}\n")
        run = run_carotid(
            *("transform", "contour", study.out, models, "--device", "cpu", "--force"),
            *("--raw_dir", study.root / "raw", "-c", study.config),
        )
        assert run.returncode == 0, run.stderr
        assert ("trained on images of" in run.stderr) == (sampling == "linear")
        record = read_record(study.out / PARTICIPANT / "contour_transform")
        assert record is not None
        polar = record.inputs["polar"].record
        assert polar is not None
        assert polar.parameters["sampling"] == sampling


def test_images_that_the_networks_cannot_take_are_refused(done: Study, tmp_path: Path) -> None:
    shutil.copytree(done.root, tmp_path / "copy")
    study = Study(tmp_path / "copy")
    study.config.write_text("[polar_transform]\nn_angles = 30\n")
    run = study.tried("contour", "--force")
    assert run.returncode == 2
    assert "Set n_angles = 31 in [polar_transform]" in run.stderr


def test_a_directory_with_nothing_to_outline_is_refused(tmp_path: Path) -> None:
    study = Study.made(tmp_path)
    run = study.tried("contour", out=tmp_path / "raw" / ".." / "empty")
    assert run.returncode == 2
    assert "carotid transform polar" in run.stderr
    assert not (tmp_path / "empty").exists()
