"""The notebook of the documentation runs from the tables of a cohort to a plot."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.command import run_carotid
from tests.documentation import DOCS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOTEBOOKS = DOCS / "notebooks"


def cells(path: Path) -> list[str]:
    """The code of a notebook, as `nbformat` 4 has it."""
    notebook = json.loads(path.read_text())
    assert notebook["nbformat"] == 4
    code = [one for one in notebook["cells"] if one["cell_type"] == "code"]
    assert all(one["outputs"] == [] for one in code), "stored without results"
    return ["".join(one["source"]) for one in code]


def test_from_tables_to_a_group_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = [sys.executable, str(NOTEBOOKS / "made_up_cohort.py"), "cohort"]
    script += ["--participants", "6"]
    subprocess.run(script, check=True, cwd=tmp_path)
    run = run_carotid("transform", "measurement", tmp_path / "cohort")
    assert run.returncode == 0, run.stderr
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "cohort" / "groups.tsv"
    table.write_text(table.read_text() + "sub-99\tcase\t70\n")
    names: dict[str, Any] = {}
    for code in cells(NOTEBOOKS / "group_plot.ipynb"):
        exec(compile(code, "cell", "exec"), names)
    said = capsys.readouterr().out
    assert "Max of both sides, internal_bulb" in said
    assert "Unit: mm" in said
    assert "case: 3 participants" in said
    assert "control: 3 participants" in said
    assert "left out: sub-99" in said
    assert names["difference"] > 0.3, "cases were made with thicker plaque"
    assert names["low"] < names["difference"] < names["high"]
    assert "<svg" in (tmp_path / "cohort" / "groups.svg").read_text()
