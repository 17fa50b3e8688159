"""The documentation agrees with the code: commands, options, links, and examples that run."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING
from urllib.parse import unquote

import click
import numpy as np
import pytest
from tests.documentation import (
    DOCS,
    ROOT,
    blocks,
    run_python_of,
    without_blocks,
    write_models,
    write_scan,
)

from carotid.cli import cli
from carotid.config import parse_sections
from carotid.stages.catalog import STAGES, section_names
from carotid.storage.participants import find_scans
from carotid.storage.raw import load_scan
from carotid.training.heatmap.parameters import read_training_parameters

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.stages.stage import Stage

PAGE_OF = {
    **{f"transform {stage.name}": f"{stage.name}.md" for stage in STAGES},
    "transform pipeline": "pipeline.md",
    "run": "run.md",
    "merge": "cohorts.md",
    "algorithm": "containers.md",
    "models list": "models.md",
    "models path": "models.md",
    "models check": "models.md",
    "models calibrate": "models.md",
    "simulate": "simulation.md",
    "train contour": "training-contours.md",
    "train heatmap": "training.md",
    "compare centerline": "compare.md",
    "compare contour": "compare.md",
    "compare heatmap": "compare.md",
    "compare measurement": "compare.md",
    "repeatability": "compare.md",
    "follow-up": "compare.md",
    **{f"export {kind}": "export.md" for kind in ("bids", "dicom", "nifti", "slicer", "vtk")},
    "correct": "correction.md",
    "convert miccai2020": "convert.md",
    "convert miccai2022": "convert.md",
    "report": "report.md",
    "figure": "figures.md",
    "view": "viewer.md",
    "demo": "quick-start.md",
}
"""Where each command is described."""

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *DOCS.rglob("*.md")]
)

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)


def commands(group: click.Command, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    """Every command that does something, by its words after `carotid`."""
    if not isinstance(group, click.Group):
        return {" ".join(path): group}
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        found |= commands(command, (*path, name))
    return found


def long_options(command: click.Command) -> set[str]:
    return {
        option.replace("-", "_").replace("__", "--", 1)
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--")
    }


COMMANDS = commands(cli)


def test_every_command_has_a_page() -> None:
    assert sorted(COMMANDS) == sorted(PAGE_OF)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_argument_and_option_is_described(name: str) -> None:
    text = (DOCS / PAGE_OF[name]).read_text("utf-8")
    assert f"carotid {name}" in re.sub(r" \[[^\]]*\]", "", text)
    for option in long_options(COMMANDS[name]) - long_options(cli):
        assert f"`{option}" in text, f"{option} is not on {PAGE_OF[name]}"
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Argument) and name.split()[0] != "models":
            assert f"`{str(parameter.name).upper()}`" in text or (
                f"{str(parameter.name).upper()}" in text
            ), parameter.name


@pytest.mark.parametrize("option", ["--config_path", "--device", "--force", "--participant"])
def test_an_option_has_the_same_short_form_everywhere(option: str) -> None:
    forms = {
        name: [form for form in parameter.opts if not form.startswith("--")]
        for name, command in COMMANDS.items()
        for parameter in command.params
        if option in parameter.opts
    }
    assert len(forms) > 5
    assert set(map(tuple, forms.values())) == {(option[1:3],)}
    for name in forms:
        assert f"`{option[1:3]}" in (DOCS / PAGE_OF[name]).read_text("utf-8"), name


def test_options_before_the_command_are_described() -> None:
    text = (DOCS / "heatmap.md").read_text("utf-8")
    for option in long_options(cli) | {"--help"}:
        assert f"`{option}`" in text


def shown_commands() -> list[tuple[str, str]]:
    """Every line in a plain fenced block that calls `carotid`, with its page."""
    return [
        (page.name, line.strip())
        for page in PAGES
        for block in blocks(page)
        if block.language in ("", "sh", "bash")
        for line in block.text.splitlines()
        if line.strip().startswith("carotid ")
    ]


@pytest.mark.parametrize(("page", "line"), shown_commands())
def test_every_command_line_shown_exists(page: str, line: str) -> None:
    words = [word for word in shlex.split(re.sub(r"[\[\]|]", " ", line)) if word]
    while len(words) > 1 and words[1].startswith("-"):
        del words[1]
    if len(words) == 1:
        return  # `carotid --version`
    matching = [name for name in COMMANDS if words[1 : 1 + len(name.split())] == name.split()]
    assert matching, f"{page}: {line}"
    known = long_options(COMMANDS[matching[0]])
    for word in words:
        if word.startswith("--"):
            assert word.replace("-", "_").replace("__", "--", 1) in known, f"{page}: {line}"


def slug(heading: str) -> str:
    """The anchor that a heading gets, as Python-Markdown and most hosts make it."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", plain).strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(without_blocks(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / unquote(name)).resolve() if name else page
        assert target.is_file(), f"{page.name}: {link}"
        if anchor:
            headings = _HEADING.findall(without_blocks(target))
            assert anchor in {slug(heading) for heading in headings}, f"{page.name}: {link}"


def strings_of_the_package() -> str:
    """Every string in the source, f-strings in pieces, joined so that none runs into another."""
    found: list[str] = []
    for path in (ROOT / "src" / "carotid").rglob("*.py"):
        found.extend(
            node.value
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
    return "\n".join(found)


def test_every_message_explained_exists() -> None:
    rows = re.findall(r"^\| (\*.+?) \|", (DOCS / "troubleshooting.md").read_text("utf-8"), re.M)
    fragments = [
        fragment.strip(" '")
        for row in rows
        for phrase in re.findall(r"\*([^*]+)\*", row)
        for fragment in re.split(r"\b[NM]\b|…", phrase)
        if fragment.strip(" '")
    ]
    assert len(fragments) > len(rows) > 20
    known = strings_of_the_package()
    missing = [fragment for fragment in fragments if fragment not in known]
    assert not missing


def test_nothing_is_left_to_be_filled() -> None:
    assert not [page.name for page in PAGES if "to be filled" in page.read_text("utf-8")]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_the_configuration_shown_is_the_default(stage: Stage) -> None:
    page = DOCS / "configuration.md"
    kind = stage.parameters_class()
    shown = [tomllib.loads(b.text) for b in blocks(page) if b.language == "toml"]
    content = next(one for one in shown if stage.transform in one)
    parsed = parse_sections(content, {stage.transform: kind}, page, others=section_names())
    assert parsed[stage.transform] == kind()
    sayable = {name for name, one in kind.model_fields.items() if one.default is not None}
    assert set(content[stage.transform]) == sayable, "TOML has no word for none"
    for key in kind.model_fields:
        assert f"| `{key}` |" in page.read_text("utf-8"), key


def test_all_sections_are_named() -> None:
    text = (DOCS / "configuration.md").read_text("utf-8")
    for section in section_names():
        assert f"[{section}]" in text


@pytest.mark.parametrize("number", [0, 1])
def test_the_training_settings_shown_are_accepted(number: int, tmp_path: Path) -> None:
    shown = [b.text for b in blocks(DOCS / "training.md") if b.language == "toml"][number]
    path = tmp_path / "train.toml"
    path.write_text(shown)
    parameters = read_training_parameters(path)
    given = tomllib.loads(shown)["heatmap_training"]
    assert parameters.n_splits == given["n_splits"]
    assert parameters.member.epochs == given["member"]["epochs"]
    assert parameters.member.peak_rate == read_training_parameters(None).member.peak_rate


def test_the_neck_settings_shown_are_accepted() -> None:
    from carotid.simulation.recipe import NeckRecipe

    shown = next(b.text for b in blocks(DOCS / "simulation.md") if b.language == "toml")
    content = tomllib.loads(shown)
    parsed = parse_sections(content, {"neck": NeckRecipe}, DOCS / "simulation.md")["neck"]
    assert parsed.p_plaque == content["neck"]["p_plaque"]


def test_the_rescaling_shown_is_accepted(tmp_path: Path) -> None:
    from carotid.storage.rescaling import read_rescaling

    shown = next(b.text for b in blocks(DOCS / "data.md") if b.language == "json")
    (tmp_path / "parameters.json").write_text(shown)
    rescaling = read_rescaling(tmp_path)
    assert (rescaling.lower_percentile, rescaling.upper_percentile) == (5, 95)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `scans`, `models` and `results`, as the pages' examples expect them."""
    folder = tmp_path_factory.mktemp("docs")
    write_models(folder / "models", 2)
    for name in ("sub-01", "sub-02"):
        write_scan(folder / "scans" / f"{name}.nii.gz")
    (folder / "small.toml").write_text("[heatmap_transform]\nroi_size = [64, 32, 32]\n")
    arguments = ["scans", "models", "results", "--config_path", "small.toml", "--device", "cpu"]
    run = subprocess.run(
        [sys.executable, "-m", "carotid", "transform", "heatmap", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return folder


def test_the_output_tree_is_the_one_described(workplace: Path) -> None:
    tree = next(b.text for b in blocks(DOCS / "heatmap.md") if b.text.startswith("OUTPUT_DIR\n"))
    described = set(re.findall(r"[\w.]+\.(?:json|mha|npy)", tree))
    results = workplace / "results"
    there = {p.name for p in results.rglob("*") if p.is_file() and p.suffix != ".lock"}
    assert there == described


def test_the_records_hold_the_keys_described(workplace: Path) -> None:
    text = (DOCS / "heatmap.md").read_text("utf-8")
    folder = workplace / "results" / "sub-01" / "heatmap_transform"
    provenance = json.loads((folder / "provenance.json").read_text("utf-8"))
    for key in provenance:
        assert f"`{key}`" in text, key
    shown = next(b.text for b in blocks(DOCS / "heatmap.md") if b.language == "json")
    parameters = json.loads((workplace / "results" / "parameters.json").read_text("utf-8"))
    assert set(json.loads(shown)["heatmap_transform"]) == set(parameters["heatmap_transform"])


@pytest.mark.parametrize("page", ["conventions.md", "python-api.md"])
def test_the_examples_run(page: str, workplace: Path) -> None:
    run_python_of(DOCS / page, workplace)


def test_the_models_example_runs(workplace: Path) -> None:
    pytest.importorskip("monai")
    try:
        run_python_of(DOCS / "models.md", workplace)
        assert (workplace / "models" / "mine.pt").is_file()
    finally:
        (workplace / "models" / "mine.pt").unlink(missing_ok=True)


def test_indices_become_the_millimetres_of_the_maxima(workplace: Path) -> None:
    """The way shown in conventions.md, against looking the voxel up in the stored array."""
    script = next(b.text for b in blocks(DOCS / "conventions.md") if "points_mm" in b.text).replace(
        'Path("results', f'Path("{workplace}/results'
    )
    names: dict[str, object] = {}
    exec(compile(script, "conventions.md", "exec"), names)
    points_mm = np.asarray(names["internal_mm"])
    scan = load_scan(find_scans(workplace / "scans")["sub-01"])
    index = scan.grid.index_from_world(points_mm)
    assert np.allclose(index, np.round(index), atol=1e-6)
    assert (index >= -1e-6).all()
    assert (index <= np.array(scan.grid.shape) - 1 + 1e-6).all()
    canonical = scan.reoriented("RAS")
    heights = canonical.grid.index_from_world(points_mm)[..., 2]
    assert np.allclose(heights, np.arange(canonical.array.shape[2]), atol=1e-6)


def test_a_disc_is_sorted_by_series_as_shown(tmp_path: Path) -> None:
    from tests.dicom_series import assert_same_place, make_volume, write_classic, write_enhanced
    from tests.reading import read_dicom

    bright, dark = make_volume("LPS"), make_volume("PIL", tilt_degrees=12)
    write_classic(bright, tmp_path / "disc" / "A", uid="one", shuffle_seed=3, name="X{}".format)
    write_enhanced(dark, tmp_path / "disc" / "A" / "Y", uid="two")
    (tmp_path / "disc" / "README").write_text("no slice")
    run_python_of(DOCS / "data.md", tmp_path)
    folders = sorted((tmp_path / "series").iterdir(), key=lambda one: len(list(one.iterdir())))
    assert [one.name[:2] for one in folders] == ["7_", "7_"]
    for folder, expected in zip(folders, (dark, bright), strict=True):
        assert_same_place(read_dicom(folder), expected)
