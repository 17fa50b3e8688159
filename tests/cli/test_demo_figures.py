"""The figures at the end of `carotid demo`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from carotid.cli.demo_figures import print_truth, truth_rows
from carotid.evaluation.compare_centerlines import ArteryDistances, CenterlineComparison
from carotid.evaluation.compare_contours import ContourComparison
from carotid.evaluation.contour_agreement import OutlineAgreement

MM = np.array([0.1, 0.2, 0.3, np.nan])


def centers() -> CenterlineComparison:
    found = CenterlineComparison(Path("table"), Path("summary"))
    found.distances = [ArteryDistances(np.arange(4.0), MM, MM, MM, 1.0, (6, 5))]
    return found


def contours() -> ContourComparison:
    found = ContourComparison({})
    found.agreements["lumen"] = [OutlineAgreement(9, 9, mm, 1) for mm in (0.1, 0.4, 0.7)]
    for both, reference in ((True, True), (True, True), (True, True), (False, True), (True, False)):
        found.counts["lumen"].add(both or not reference, reference)
    found.dice["lumen"] = [0.9, float("nan"), 0.8, 0.95]
    return found


def test_shares_and_percentiles_are_those_of_the_truth() -> None:
    center, lumen, wall = truth_rows(centers(), contours())
    assert (center.found, center.median_mm, center.p95_mm) == pytest.approx((0.8, 0.2, 0.29))
    assert np.isnan(center.dice)
    assert (lumen.found, lumen.median_mm, lumen.dice) == pytest.approx((0.75, 0.4, 0.9))
    assert np.isnan([wall.found, wall.median_mm, wall.dice]).all()


def test_a_row_each(capsys: pytest.CaptureFixture[str]) -> None:
    print_truth(truth_rows(centers(), contours()))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == [
        "center",
        "of",
        "an",
        "artery",
        "80.0",
        "%",
        "0.20",
        "mm",
        "0.29",
        "mm",
    ]
    assert lines[2].split() == ["lumen", "75.0", "%", "0.40", "mm", "0.67", "mm", "0.90"]
