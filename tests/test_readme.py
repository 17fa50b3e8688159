"""The README's Python example runs as it stands, and gives what its remarks say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from tests.documentation import ROOT, blocks, run_python_of, write_models, write_scan

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "README.md"


def test_the_python_example_runs(tmp_path: Path) -> None:
    write_models(tmp_path / "models", 2)
    write_scan(tmp_path / "neck.nii.gz")

    run_python_of(README, tmp_path)

    scan: Any = nibabel.load(tmp_path / "neck.nii.gz")
    made: Any = nibabel.load(tmp_path / "left_internal.nii.gz")
    assert made.shape == scan.shape
    np.testing.assert_allclose(made.affine, scan.affine, atol=1e-5)
    assert np.ptp(made.get_fdata()) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "left_internal.nii.gz",
        "models",
        "neck.nii.gz",
    ]


def test_the_first_screen_has_what_one_does_first() -> None:
    own, without_scans = (block.text for block in blocks(README)[:2])
    assert own.split() == ["pip", "install", ".", "carotid", "run", "scans", "results"]
    assert "make demo" in without_scans
    assert "make test" in without_scans


def test_it_says_what_it_is_not() -> None:
    text = " ".join(README.read_text("utf-8").split())
    assert "not a medical device" in text
    assert "simulated necks only and have not been validated on patients" in text
