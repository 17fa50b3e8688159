"""The way in: help at once, one line per mistake, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.command import CAROTID, environment, run_carotid

import carotid

HEAVY = ("torch", "monai", "numpy.random", "scipy", "matplotlib", "nibabel", "highdicom", "pydicom")


@pytest.mark.parametrize(
    "arguments",
    [("-h",), ("--help",), ("transform", "-h"), ("transform", "heatmap", "-h"), ("models", "-h")],
)
def test_help_is_everywhere(arguments: tuple[str, ...]) -> None:
    run = run_carotid(*arguments)
    assert run.returncode == 0
    assert run.stdout.startswith("Usage: carotid")
    assert run.stderr == ""


def test_help_names_what_the_transform_takes() -> None:
    text = " ".join(run_carotid("transform", "heatmap", "--help").stdout.split())
    for word in (
        "RAW_DIR HEATMAP_MODEL_DIR OUTPUT_DIR",
        "--config_path",
        "--participant",
        "--device",
        "--force",
    ):
        assert word in text


@pytest.mark.parametrize("statement", ["import carotid", "from carotid.cli import main"])
def test_nothing_heavy_is_imported_at_the_start(statement: str) -> None:
    code = f"import sys; {statement}; import json; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(json.loads(run.stdout))


def test_help_imports_nothing_heavy() -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", str(CAROTID), "transform", "heatmap", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rsplit("|", 1)[-1].strip() for line in run.stderr.splitlines()}
    assert "carotid.cli" in imported
    assert not set(HEAVY) & imported


def test_version() -> None:
    run = run_carotid("--version")
    assert (run.returncode, run.stdout) == (0, f"carotid, version {carotid.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("transform", "nonsense"), ("--nonsense",), ("transform", "heatmap", "a")],
)
def test_usage_mistakes_are_told(arguments: tuple[str, ...]) -> None:
    run = run_carotid(*arguments)
    assert run.returncode == 2
    assert "Error:" in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


def test_errors_are_one_line_and_have_a_traceback_at_vv() -> None:
    command = ("transform", "heatmap", "absent", "models", "out")
    run = run_carotid(*command)
    assert run.returncode == 2
    assert run.stderr == "carotid: error: absent: there is no such folder.\n" or (
        "absent: there is no such folder" in run.stderr and run.stderr.count("\n") == 1
    )
    loud = run_carotid("-vv", *command)
    assert loud.returncode == 2
    assert "Traceback" in loud.stderr


@pytest.mark.parametrize("spelling", ["--config_path", "--config-path"])
def test_both_spellings(spelling: str) -> None:
    run = run_carotid("transform", "heatmap", "raw", "models", "out", spelling, "absent.toml")
    assert run.returncode == 2
    assert "absent.toml: the configuration file does not exist" in run.stderr


def test_module_is_the_command_and_streams_may_be_closed() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "carotid", "--version"], capture_output=True, text=True, check=True
    )
    assert carotid.__version__ in run.stdout
    closed = subprocess.run(
        f"'{CAROTID}' --version >&- 2>&-", shell=True, env=environment(), check=False
    )
    assert closed.returncode in {0, 1}
