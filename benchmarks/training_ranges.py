"""What the package's models have seen: ranges of field, voxels, intensities and polarity, as JSON.

    python -m benchmarks.training_ranges [--sides 300] > ranges.json

They stand in `model.json` beside the models under `seen`, so that a scan unlike all of them can be
told. Intensities are those of sides as training draws them, rescaled. The few necks with bright
blood or inverted contrast are left out: they are there to make networks robust, and the models are
not made for such scans. `settings.heatmap.min_height` there is the least height in voxels of
0.5 mm, rounded down.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.likeness import intensity_facts
from carotid.simulation.recipes import TRAINING_RECIPE
from carotid.simulation.sample import NETWORK_MM, SIDE_SHAPE, simulate_side
from carotid.simulation.scene import draw_scene
from carotid.stages.heatmap.impression import blood_contrast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.simulation.sample import SideSample

SCENES = 3000
DARK_BLOOD = TRAINING_RECIPE.model_copy(update={"p_bright_blood": 0.0, "p_inverted": 0.0})


def drawn() -> dict[str, list[float]]:
    """Fields of view and voxels, of scenes that are not painted."""
    scenes = [
        draw_scene(np.random.default_rng(seed), DARK_BLOOD, both=False) for seed in range(SCENES)
    ]
    slices = [one.acquired_mm[0] * (1 if one.slices is None else one.slices.step) for one in scenes]
    widest = span([max(one.acquired_mm[1:]) for one in scenes])[1]
    return {
        "height_mm": span([one.field.height_mm for one in scenes]),
        "depth_mm": span([one.field.depth_mm for one in scenes]),
        "width_mm": span([one.field.width_mm for one in scenes]),
        "slice_mm": [round(NETWORK_MM / 2, 2), span(slices)[1]],
        "plane_mm": [round(NETWORK_MM / 2, 2), widest],
    }


def intensities(sides: int) -> dict[str, list[float]]:
    """Figures of rescaled sides, each as the range in which 98 % of them lie."""
    figures = [figures_of(simulate_side(k, DARK_BLOOD, SIDE_SHAPE)) for k in range(sides)]
    return {name: span([one[name] for one in figures if name in one]) for name in figures[0]}


def figures_of(side: SideSample) -> dict[str, float]:
    """Figures of one side; the contrast of blood is its median along the internal carotid."""
    shape = np.array(side.image.shape[1:])
    places = side.centers[:, 0]
    with np.errstate(invalid="ignore"):
        inside = np.flatnonzero(((places >= 0) & (places <= shape - 1)).all(axis=1))
    found = intensity_facts(side.image[::3, ::3, ::3])
    if len(inside):
        at = np.rint(places[inside]).astype(np.int64)
        values = [
            blood_contrast(side.image[s], one, (NETWORK_MM, NETWORK_MM))
            for s, one in zip(inside[::4], at[::4], strict=True)
        ]
        found["blood_contrast"] = float(np.median(values))
    return found


def span(values: Sequence[float]) -> list[float]:
    """The 1st and the 99th percentile."""
    return [round(float(value), 3) for value in np.percentile(values, (1, 99))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sides", type=int, default=300)
    chosen = parser.parse_args()
    print(json.dumps({**drawn(), **intensities(chosen.sides)}, indent=1))


if __name__ == "__main__":
    main()
