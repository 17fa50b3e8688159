"""`carotid train`: how its commands read what they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.command import run_carotid
from tests.dicom_series import make_volume, write_classic

from carotid.storage.results.layout import CONTOUR_TRANSFORM, centerline_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["heatmap", "contour"])
def test_a_series_is_chosen_as_in_a_run(kind: str, tmp_path: Path) -> None:
    raw, annotations = tmp_path / "raw", tmp_path / "annotations"
    for uid in ("2", "3"):
        write_classic(make_volume(), raw / "a", uid=uid, name=f"{uid}-{{}}".format)
    (annotations / "a" / CONTOUR_TRANSFORM).mkdir(parents=True)
    lines = centerline_file(annotations, "a", "left")
    lines.parent.mkdir()
    lines.write_text("label\tx\ty\tz\ninternal\t1\t2\t1\n")
    begun = ("train", kind, tmp_path / "out")
    done = run_carotid(*begun, raw, annotations)
    assert done.returncode == 1
    assert "there are 2 series" in done.stderr
    assert "`train`" in done.stderr
    done = run_carotid(*begun, raw, annotations, "--series", "T2 SPACE")
    assert done.returncode == 1
    assert "no series in this folder is 'T2 SPACE'" in done.stderr
    done = run_carotid(*begun, "--from_simulator", "--series", "2")
    assert done.returncode == 2
    assert "--series chooses among scans, --from_simulator needs none" in done.stderr
    assert not (tmp_path / "out").exists()
