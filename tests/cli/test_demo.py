"""`carotid demo` writes to a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cli.study import one_line
from tests.command import contents, run_carotid

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ("sub-01/contour_transform/left_contour.tsv", "sub-01"),
        ("results/sub-01/measurement_transform/arteries.tsv", "results/sub-01"),
        ("results/figure 1.png", "results/figure 1.png"),
        ("comparison/compare_contour_dice.tsv", "comparison/compare_contour_dice.tsv"),
    ],
)
def test_results_of_others_are_named_and_nothing_is_made(
    tmp_path: Path, there: str, named: str
) -> None:
    path = tmp_path / there
    path.parent.mkdir(parents=True)
    path.write_text("somebody's\n")
    before = contents(tmp_path)
    run = run_carotid("demo", tmp_path, "--participants", "1", "--force")
    assert run.returncode == 2
    line = one_line(run.stderr)
    assert "the folder holds results that no demo has made" in line
    assert named in line
    assert contents(tmp_path) == before


def test_a_folder_of_a_demo_is_its_own(tmp_path: Path) -> None:
    """It goes on to what a second demo is told without --force."""
    for there in (
        "truth/neck-001.json",
        "raw/neck-001.mha",
        "results/neck-002/contour_transform/x",
    ):
        (tmp_path / there).parent.mkdir(parents=True)
        (tmp_path / there).touch()
    run = run_carotid("demo", tmp_path, "--participants", "1")
    assert run.returncode == 2
    assert "simulated participants are here already" in run.stderr
    assert "making 1 simulated neck with" in run.stdout
