"""`carotid figure` as users run it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.cli.test_measurement import annotate
from tests.command import run_carotid
from tests.evaluation.cohort import SPACING
from tests.stages.measurement.phantoms import grid_of

from carotid.cohort.beside_scans import check_beside_scans
from carotid.errors import UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.network.shipped import shipped_checksums
from carotid.provenance import Input, Record
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.record import read_record, write_record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("figures") / "out"
    for name in ("a", "b"):
        annotate(root, name, 1.0)
    run = run_carotid("transform", "measurement", root)
    assert run.returncode == 0, run.stderr
    return root


def test_everything_of_everybody(out: Path, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write_metaimage(tmp_path / "raw" / "a.mha", scan_of_ones())
    run = run_carotid("figure", out, "--raw_dir", tmp_path / "raw")
    assert run.returncode == 0, run.stderr
    assert f"6 figures of 2 participants in {out / 'figures'}" in run.stdout
    names = sorted(path.name for path in (out / "figures").iterdir())
    kinds = ("curve", "map", "sections")
    assert names == [f"{one}_{kind}.svg" for one in ("a", "b") for kind in kinds]
    images = [(out / "figures" / f"{one}_sections.svg").read_text() for one in ("a", "b")]
    assert [text.count("<image") for text in images] == [2, 0], "only one of them has a scan"


def test_some_kinds_of_one_as_png_elsewhere(out: Path, tmp_path: Path) -> None:
    target = tmp_path / "for_paper"
    some = ["--kind", "map", "--kind", "curve", "--format", "png", "--dpi", "60"]
    run = run_carotid("figure", out, "-p", "b", *some, "--figure_dir", target)
    assert run.returncode == 0, run.stderr
    assert sorted(path.name for path in target.iterdir()) == ["b_curve.png", "b_map.png"]


def test_figures_carry_what_their_models_are(out: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "a" / "measurement_transform"
    shutil.copytree(out / "a" / folder.name, folder)
    kind: list[str | Path] = ["--kind", "map", "--figure_dir", tmp_path / "plain"]
    plain = run_carotid("figure", tmp_path / "out", *kind)
    assert plain.returncode == 0, plain.stderr
    assert "models" not in plain.stdout
    shipped = dict.fromkeys(["m.pt"], min(shipped_checksums("contour")))
    record = read_record(folder)
    assert record is not None
    made = Input.of_result(Record("contour", {}, models=shipped))
    (folder / "provenance.json").unlink()
    write_record(folder, replace(record, inputs={**record.inputs, "contour": made}))
    words = "Contours come from the models in the carotid package: trained on simulated necks only"
    for file_format in ("svg", "png"):
        target = tmp_path / file_format
        some: list[str | Path] = ["--kind", "map", "--figure_dir", target, "--format", file_format]
        run = run_carotid("figure", tmp_path / "out", *some)
        assert run.returncode == 0, run.stderr
        assert words in run.stdout
    text = (tmp_path / "svg" / "a_map.svg").read_text()
    assert words in text.partition("</metadata>")[0]
    with Image.open(tmp_path / "png" / "a_map.png") as image:
        assert words in image.info["Description"]
    assert words not in (tmp_path / "plain" / "a_map.svg").read_text()


def test_what_is_missing_is_said(out: Path, tmp_path: Path) -> None:
    run = run_carotid("figure", tmp_path)
    assert run.returncode == 2
    assert "there are no measurements" in run.stderr
    assert "Run `carotid transform measurement` first" in run.stderr
    some: list[str | Path] = ["--kind", "sections"]
    some += ["--contour_dir", tmp_path, "--figure_dir", tmp_path / "x"]
    run = run_carotid("figure", out, "-p", "a", *some)
    assert run.returncode == 1
    assert "the scan is not shown" in run.stderr
    assert "there are no outlines" in run.stderr
    assert "no figure was drawn; the warnings above say why" in run.stderr
    assert "0 figures of 1 participant in" in run.stdout
    table = out / "b" / "measurement_transform" / "left_slices.tsv"
    table.rename(table.with_suffix(".bak"))
    run = run_carotid("figure", out, "--kind", "map", "--figure_dir", tmp_path / "y")
    table.with_suffix(".bak").rename(table)
    assert run.returncode == 1
    assert "b: no figures" in run.stderr
    assert (tmp_path / "y" / "a_map.svg").exists()


def test_a_scan_on_another_grid_is_not_drawn_under_the_outlines(out: Path, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for name in ("a", "b"):
        write_metaimage(tmp_path / "raw" / f"{name}.mha", scan_of_ones(1.0 if name == "a" else 1.1))
    some: list[str | Path] = ["--kind", "sections", "--figure_dir", tmp_path / "x"]
    run = run_carotid("figure", out, "--raw_dir", tmp_path / "raw", *some)
    assert run.returncode == 1
    assert f"{tmp_path / 'raw' / 'b.mha'}: the scan lies on another grid" in run.stderr
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["a_sections.svg"]


def scan_of_ones(stretch: float = 1.0) -> Volume:
    grid = grid_of(SPACING, "LPS")
    affine = grid.affine @ np.diag([stretch, stretch, stretch, 1])
    return Volume(np.ones(grid.shape, np.float32), Grid(grid.shape, affine))


def test_nothing_is_written_among_the_scans_on_record(out: Path, tmp_path: Path) -> None:
    raw, copy = tmp_path / "raw", tmp_path / "out"
    (raw / "derivatives").mkdir(parents=True)
    write_metaimage(raw / "a.mha", scan_of_ones())
    shutil.copytree(out, copy)
    on_record = {"heatmap_transform": {"raw_dir": str(raw)}}
    (copy / "parameters.json").write_text(json.dumps(on_record))
    for command, option, place in (
        ("figure", "--figure_dir", raw),
        ("view", "--view_dir", raw / "views"),
        ("report", "--output_path", raw / "page.html"),
    ):
        run = run_carotid(command, copy, option, place)
        assert run.returncode == 2, run.stderr
        assert "lies inside, an input directory" in run.stderr
    assert sorted(path.name for path in raw.rglob("*")) == ["a.mha", "derivatives"]
    target = raw / "derivatives" / "figures"
    run = run_carotid("figure", copy, "-p", "a", "--kind", "map", "--figure_dir", target)
    assert run.returncode == 0, run.stderr


def test_a_relative_folder_on_record_may_be_any(tmp_path: Path) -> None:
    """Scans were given as `.`; seen from elsewhere that is the folder of everything."""
    layout = OutputLayout(tmp_path / "out")
    layout.root.mkdir()
    on_record = {"heatmap_transform": {"raw_dir": str(tmp_path)}}
    layout.parameters.write_text(json.dumps(on_record))
    check_beside_scans(tmp_path / "pictures", layout)
    check_beside_scans(layout.root / "figures", layout)
    with pytest.raises(UsageError, match="input directory"):
        check_beside_scans(tmp_path / "raw" / "x", layout, [tmp_path / "raw"])
