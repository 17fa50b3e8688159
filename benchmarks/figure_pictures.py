"""Pictures for the documentation: the figures of a simulated neck, and its page in 3D.

    python -m benchmarks.figure_pictures docs/images [--seed 2003]

A neck of the second simulator with plaque and little noise is measured by its true outlines. The
picture of the page needs Chromium and the extra `viewer`; without them it is left out.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.repeat_scans import scan_of, true_lines
from benchmarks.second_simulator import paint_second
from carotid.errors import UsageError
from carotid.figures.draw_curve import draw_curve
from carotid.figures.draw_cuts import draw_cuts
from carotid.figures.draw_map import draw_map
from carotid.figures.style import encoded
from carotid.simulation.contours import true_contours
from carotid.stages.measurement.measure import measure
from carotid.viewer.page import page_of
from carotid.viewer.scene import Seen

DPI = 110
SIGMA = 0.06
SIZE = "1280,900"
PATIENCE_MS = 20000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--seed", type=int, default=2003)
    given = parser.parse_args()
    painted = replace(paint_second(given.seed, hard=True), sigma=SIGMA)
    neck = scan_of(painted, np.random.default_rng(given.seed))
    contours, lines = true_contours(neck), true_lines(neck)
    measurements = measure(contours, lines)
    for name, figure in (
        ("map", draw_map(measurements)),
        ("curve", draw_curve(measurements)),
        ("sections", draw_cuts(measurements, contours, neck.volume)),
    ):
        if figure is not None:
            (given.images / f"figure-{name}.png").write_bytes(encoded(figure, "png", DPI))
    seen = Seen("simulated neck", measurements, contours, lines, neck.volume)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        page = page_of(seen)
    except UsageError as error:
        print(error)
        return
    if browser is None:
        print("no Chromium: no picture of the page")
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "neck.html"
        # The thickest place is more to look at than the bifurcation.
        path.write_text(page.replace("  choose(0);\n", "  choose(2);\n  $('thickest').click();\n"))
        flags = ["--headless", "--no-sandbox", "--hide-scrollbars", "--enable-unsafe-swiftshader"]
        flags += [f"--window-size={SIZE}", f"--virtual-time-budget={PATIENCE_MS}"]
        target = (given.images / "viewer.png").resolve()
        subprocess.run(
            [browser, *flags, f"--screenshot={target}", path.as_uri()], check=True, timeout=300
        )


if __name__ == "__main__":
    main()
