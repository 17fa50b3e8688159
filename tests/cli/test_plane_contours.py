"""Contours by networks on planes, as users make them: by the same commands as the known ones."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.cli.test_contours import PARTICIPANT, Study
from tests.cli.test_pipeline import made
from tests.command import contents, run_carotid
from tests.plane_networks import write_plane_models

from carotid.storage.results.contours import load_contours
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


def contour(study: Study, *more: str | Path) -> subprocess.CompletedProcess[str]:
    models = study.root / "models"
    places = (study.out, models, "--raw_dir", study.root / "raw", "--device", "cpu")
    return run_carotid("transform", "contour", *places, *more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = Study.made(tmp_path_factory.mktemp("planes"))
    write_plane_models(study.root / "models")
    run = contour(study)
    assert run.returncode == 0, run.stderr
    return study


def test_the_same_tables_and_the_planes_beside_them(done: Study) -> None:
    folder = done.out / PARTICIPANT / "contour_transform"
    assert {path.name for path in folder.iterdir()} == {
        "left_contour.tsv",
        "left_planes.tsv",
        "left_rays.tsv",
        "provenance.json",
        "right_contour.tsv",
        "right_planes.tsv",
        "right_rays.tsv",
        "spatial_metadata.json",
    }
    found = load_contours(folder)
    assert found.left
    for one in found.left:
        assert one.wall is not None
        assert (one.wall.deviation_mm > 0.1).all()
    with (folder / "left_rays.tsv").open() as file:
        rays = list(csv.DictReader(file, delimiter="\t"))
    assert "internal" in {ray["label"] for ray in rays}
    assert all(float(ray["outer_mm"]) > float(ray["lumen_mm"]) for ray in rays)
    with (folder / "left_planes.tsv").open() as file:
        row = next(csv.DictReader(file, delimiter="\t"))
    tangent = [float(row[f"tangent_{axis}"]) for axis in "xyz"]
    ray = [float(row[f"ray_{axis}"]) for axis in "xyz"]
    assert np.linalg.norm(tangent) == pytest.approx(1, abs=1e-5)
    assert np.dot(tangent, ray) == pytest.approx(0, abs=1e-5)


def test_the_record_names_weights_and_calibration(done: Study) -> None:
    record = read_record(done.out / PARTICIPANT / "contour_transform")
    assert record is not None
    assert list(record.models) == ["planes_0.pt", "planes_1.pt", "model.json"]
    again = contour(done)
    assert again.returncode == 0
    assert "already" in again.stdout


def test_a_new_calibration_is_another_model(done: Study, tmp_path: Path) -> None:
    shutil.copytree(done.root, tmp_path / "copy")
    study = Study(tmp_path / "copy")
    path = study.root / "models" / "model.json"
    path.write_text(path.read_text().replace("0.6", "0.7"))
    run = contour(study)
    assert run.returncode == 2
    assert "model.json" in run.stderr


def test_polar_images_that_lie_there_are_passed_over(done: Study, tmp_path: Path) -> None:
    study = Study.made(tmp_path)
    study.run("polar")
    write_plane_models(study.root / "models")
    run = contour(study)
    assert run.returncode == 0, run.stderr
    name = f"{PARTICIPANT}/contour_transform/left_contour.tsv"
    assert (study.out / name).read_bytes() == (done.out / name).read_bytes()


def test_without_model_json_polar_images_alone_are_refused(done: Study, tmp_path: Path) -> None:
    study = Study.made(tmp_path)
    study.run("polar")
    (write_plane_models(study.root / "models") / "model.json").unlink()
    run = contour(study)
    assert run.returncode == 1
    assert "look at the scan itself" in run.stdout + run.stderr
    shutil.rmtree(study.out / PARTICIPANT / "polar_transform")
    run = contour(study)
    assert run.returncode == 0, run.stderr


def test_settings_for_polar_images_are_told_not_to_count(done: Study, tmp_path: Path) -> None:
    shutil.copytree(done.root, tmp_path / "copy")
    study = Study(tmp_path / "copy")
    config = tmp_path / "polar.toml"
    config.write_text("[contour_transform]\nn_repeats = 3\n")
    run = contour(study, "-c", config, "--force", "-v")
    assert run.returncode == 0, run.stderr
    assert "n_repeats: made for polar images" in run.stderr
    assert f"2 models on planes from {study.root / 'models'}" in " ".join(run.stderr.split())


def test_the_pipeline_gives_what_the_steps_give(tmp_path: Path) -> None:
    study = made(tmp_path)
    models = write_plane_models(tmp_path / "planes")

    def run(*arguments: str | Path) -> None:
        found = run_carotid(*arguments, "-c", study.config, "--device", "cpu", "-p", "one")
        assert found.returncode == 0, found.stderr

    run("transform", "pipeline", study.raw, study.models, models, study.out)
    whole = contents(study.out / "one" / "contour_transform")
    assert "left_rays.tsv" in whole
    shutil.rmtree(study.out / "one" / "contour_transform")
    run("transform", "contour", study.out, models)
    single = contents(study.out / "one" / "contour_transform")
    del whole["provenance.json"], single["provenance.json"]
    assert single == whole


def test_parameters_name_the_directory(done: Study) -> None:
    entries = json.loads((done.out / "parameters.json").read_text())
    assert entries["contour_transform"]["model_dir"] == str(done.root / "models")
