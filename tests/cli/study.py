"""A folder with scans, models and a configuration, done once, and copies of it to work on."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.command import run_carotid
from tests.necks import write_scan
from tests.networks import write_models

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


CONFIG = "[heatmap_transform]\nroi_size = [32, 32, 32]\noverlap = 0.25\n"

AS_THEY_ARE = json.dumps(
    {"rescale": False, "lower_percentile_rescaler": 0, "upper_percentile_rescaler": 100}
)

RESULT = "heatmap_transform/left_heatmap/mean.mha"


class Study:
    """A folder with scans, models and a configuration, and the command that works on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw, self.models, self.out = folder / "raw", folder / "models", folder / "out"
        self.config = folder / "config.toml"

    def run(self, *more: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return run_carotid(*self.arguments(*more), **variables)

    def arguments(self, *more: str | Path) -> list[str | Path]:
        base: list[str | Path] = ["transform", "heatmap", self.raw, self.models, self.out]
        return [*base, "--config_path", self.config, "--device", "cpu", *more]

    def reasons(self) -> dict[str, tuple[str, str]]:
        rows = json.loads((self.out / "summary.json").read_text())["heatmap_transform"]
        return {
            row["participant_id"]: (row["result"], row["reason"]) for row in rows["participants"]
        }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two participants, two models, done once; tests work on copies."""
    study = Study(tmp_path_factory.mktemp("finished"))
    for k, participant in enumerate(("sub-01", "sub-02")):
        write_scan(study.raw / f"{participant}.mha", 1 + k)
    (study.raw / "parameters.json").write_text(AS_THEY_ARE)
    write_models(study.models, 2)
    study.config.write_text(CONFIG)
    run = study.run()
    assert run.returncode == 0, run.stderr
    (study.folder / "stdout").write_text(run.stdout)
    return study


@pytest.fixture
def study(finished: Study, tmp_path: Path) -> Study:
    folder = tmp_path / "study"
    shutil.copytree(finished.folder, folder)
    return Study(folder)


def one_line(text: str) -> str:
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]
