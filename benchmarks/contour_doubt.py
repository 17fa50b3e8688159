"""Whether the contours' score finds the contours that went wrong, on simulated necks with truth.

    python -m benchmarks.contour_doubt [MODEL_DIR] [CASE ...]

A case is as in `benchmarks.doubt`: a kind of neck, its number, and perhaps how its scan is spoilt;
`aside=2` leaves the scan as it is and moves the centers, which are the true ones otherwise, by
2 mm. A cross-section is wrong where it was not found, or where its outer wall lies more than
`WRONG_MM` from the true one in the mean over its rays. Prints a line per case, what the page says
of the bad ones (more than a fifth wrong) and of the good ones (at most a twentieth), and Spearman's
rank correlation of the score with the share that is wrong.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.accuracy import KINDS
from benchmarks.contour_accuracy import finder_of, true_centerlines
from benchmarks.contour_scores import Scores
from benchmarks.doubt import NAMES, spoilt
from carotid.evaluation.figures import CHECK, DOUBTFUL
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.shipped import shipped_models
from carotid.report.contour_case import figures_of
from carotid.report.contour_figures import contour_score
from carotid.report.contour_pictures import make_contour_scene

if TYPE_CHECKING:
    from carotid.artifacts import Centerline, Centerlines

BAD, GOOD = 0.2, 0.05
WRONG_MM = 0.7

CASES = """
second-plain:0 second-hard:0 second-hard:3 second-plain:1:noise=0.25 second-hard:1:blur=0.8
second-plain:2:aside=2 second-hard:2:aside=3 second-plain:3:thick=4
"""
"""What is measured unless other cases are asked for."""


def moved(lines: Centerlines, by_voxels: float) -> Centerlines:
    """The same centers, further to the patient's right."""

    def aside(line: Centerline) -> Centerline:
        return replace(line, points=line.points + np.array([by_voxels, 0.0, 0.0]))

    left, right = (
        replace(side, internal=aside(side.internal), external=aside(side.external))
        for side in (lines.left, lines.right)
    )
    return replace(lines, left=left, right=right)


def measured(case: str, model_dir: Path) -> tuple[float, float]:
    """The score of a case's contours, and the share of its cross-sections that is wrong."""
    kind, number, *how = case.split(":")
    name, _, amount = (how[0] if how else "").partition("=")
    neck = KINDS[NAMES[kind]](int(number))
    if name != "aside":
        neck, _, _ = spoilt(neck, how[0] if how else "", int(number))
    across_mm = neck.volume.grid.reoriented(CANONICAL).spacing_mm[0]
    aside_mm = float(amount) if name == "aside" else 0.0
    lines = moved(true_centerlines(neck), aside_mm / across_mm)
    found = finder_of(model_dir)(neck.volume, lines)
    scores = Scores()
    scores.add(case, neck, found)
    wrong = scores.missing + sum(np.abs(row.outer).mean() > WRONG_MM for row in scores.rows)
    scene = make_contour_scene(found, neck.volume.reoriented(CANONICAL).array)
    score = 100.0
    if scene is not None:
        score = contour_score({side: figures_of(scene, side) for side in SIDE_NAMES})
    return score, float(wrong / (scores.missing + len(scores.rows)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model_dir", type=Path, nargs="?", default=shipped_models("contour"))
    parser.add_argument("cases", nargs="*", metavar="CASE")
    chosen = parser.parse_args()
    found = []
    for case in chosen.cases or CASES.split():
        score, wrong = measured(case, chosen.model_dir)
        found.append((score, wrong))
        print(f"{score:5.0f}  {100 * wrong:5.1f} % wrong  {case}", flush=True)
    scores, wrong_share = np.array(found).T
    for words, group in (("bad", wrong_share > BAD), ("good", wrong_share <= GOOD)):
        doubtful = int((scores[group] >= DOUBTFUL).sum())
        check = int((scores[group] >= CHECK).sum()) - doubtful
        print(f"{words}: {doubtful} of {group.sum()} doubtful, {check} to check")
    if len(found) > 2:
        from scipy.stats import spearmanr

        print(f"rank correlation {spearmanr(scores, wrong_share)[0]:.2f}")


if __name__ == "__main__":
    main()
