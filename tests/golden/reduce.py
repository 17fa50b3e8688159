"""Makes the small expectations of the golden cases from the complete ones.

    python tests/golden/reduce.py COMPLETE_DIR

COMPLETE_DIR holds `<case>/expected/<id>.npz` with whole heatmaps, tens of megabytes. What is kept
beside this script, in `heatmap/<case>/expected/<id>.npz`, is every maximum, the largest |mean|,
and the values at voxels drawn with a fixed seed. All arrays are in canonical (R-A-S) order.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent / "heatmap"
SAMPLES = 5000


def reduced(complete: Any) -> dict[str, Any]:
    """The expectations of one participant: samples instead of whole volumes."""
    generator = np.random.default_rng(0)
    kept: dict[str, Any] = {
        "affine_ras": complete["affine_ras"],
        "shape_ras": np.array(complete["image_ras"].shape),
    }
    for side in ("left", "right"):
        mean, std = complete[f"{side}_mean"], complete[f"{side}_std"]
        voxels = generator.choice(mean[0].size, SAMPLES, replace=False)
        seen = complete[f"{side}_network_input"]
        inputs = generator.choice(seen.size, SAMPLES, replace=False)
        kept |= {
            f"{side}_voxels": voxels.astype(np.int32),
            f"{side}_mean": mean.reshape(2, -1)[:, voxels],
            f"{side}_std": std.reshape(2, -1)[:, voxels],
            f"{side}_peak": np.abs(mean).max(),
            f"{side}_max_indices": complete[f"{side}_max_indices"].astype(np.int16),
            f"{side}_input_shape": np.array(seen.shape[1:]),
            f"{side}_input_voxels": inputs.astype(np.int32),
            f"{side}_input": seen.reshape(-1)[inputs],
        }
    return kept


def main(complete_dir: Path) -> None:
    """Reduce every case below a folder."""
    for path in sorted(complete_dir.glob("*/expected/*.npz")):
        place = HERE / path.relative_to(complete_dir)
        place.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(place, **reduced(np.load(path)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
