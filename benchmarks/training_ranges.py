"""What the package's models have seen: ranges of field, voxels, polarity and intensities, as JSON.

    python -m benchmarks.training_ranges [--necks 60] > ranges.json

They stand in `model.json` beside the models, so that a scan unlike all of them can be told.
Intensities are those after rescaling the 5th and the 95th percentile of a whole neck to 0 and 1.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.geometry.grid import CANONICAL
from carotid.simulation.neck import simulate_neck
from carotid.simulation.recipes import TRAINING_RECIPE
from carotid.simulation.scene import draw_scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.simulation.truth import SimulatedNeck

SCENES = 3000
PERCENTILES = (5.0, 95.0)


def drawn() -> dict[str, Any]:
    """Fields of view, voxel sizes, slices and polarity, of scenes that are not painted."""
    scenes = [
        draw_scene(np.random.default_rng(seed), TRAINING_RECIPE, both=False)
        for seed in range(SCENES)
    ]
    slices = [one.acquired_mm[0] * (1 if one.slices is None else one.slices.step) for one in scenes]
    bright = np.mean([one.contrast.lumen > one.contrast.wall or one.inverted for one in scenes])
    whole = np.mean([one.body is not None and one.body.whole for one in scenes])
    return {
        "field_mm": {
            "superior": span([one.field.height_mm for one in scenes]),
            "anterior": span([one.field.depth_mm for one in scenes]),
            "right": span([one.field.width_mm for one in scenes]),
        },
        "slice_mm": span(slices),
        "plane_mm": span([mm for one in scenes for mm in one.acquired_mm[1:]]),
        "noise_over_wall": span([one.noise for one in scenes]),
        "share_whole_sections": round(float(whole), 3),
        "share_bright_blood": round(float(bright), 3),
    }


def intensities(necks: int) -> dict[str, list[float]]:
    """Figures of whole rescaled necks, each as the range in which 98 % of the necks lie."""
    figures = [figures_of(simulate_neck(seed, TRAINING_RECIPE)) for seed in range(necks)]
    return {name: span([one[name] for one in figures]) for name in figures[0]}


def figures_of(neck: SimulatedNeck) -> dict[str, float]:
    """Figures of one neck's intensities after rescaling."""
    array = neck.volume.reoriented(CANONICAL).array[::2, ::2, ::2].astype(np.float32)
    low, high = np.percentile(array, PERCENTILES)
    image: NDArray[np.float32] = np.clip((array - low) / max(high - low, 1e-6), 0, 1)
    lower, middle, upper = np.percentile(image, (25, 50, 75))
    return {
        "lower_quartile": float(lower),
        "median": float(middle),
        "upper_quartile": float(upper),
        "mean": float(image.mean()),
        "share_below_0.05": float((image < 0.05).mean()),
    }


def span(values: Sequence[float]) -> list[float]:
    """The 1st and the 99th percentile."""
    return [round(float(value), 3) for value in np.percentile(values, (1, 99))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--necks", type=int, default=60)
    chosen = parser.parse_args()
    seen = {**drawn(), "intensity": intensities(chosen.necks)}
    print(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main()
