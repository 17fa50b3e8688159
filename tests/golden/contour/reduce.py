"""Makes the small inputs and expectations of the contour cases from the complete ones.

    python tests/golden/contour/reduce.py COMPLETE_DIR

COMPLETE_DIR holds `inputs.npz` and `expected/<case>.npz`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from carotid.geometry.polar import without_repeated_rows

HERE = Path(__file__).parent
CASES = ("v1_polynomial_nine", "v1_polynomial_single", "v1_mean")


def main(complete_dir: Path) -> None:
    """Reduce images to one row an angle, and keep the cases whose models are kept."""
    inputs = np.load(complete_dir / "inputs.npz")
    kept: dict[str, Any] = {}
    for kind in ("nine", "single"):
        images = inputs[f"{kind}_polar"][:, 0]
        kept[f"{kind}_images"] = without_repeated_rows(images)
        kept[f"{kind}_centers"] = inputs[f"{kind}_center"]
    np.savez_compressed(HERE / "inputs.npz", **kept)
    expected: dict[str, Any] = {}
    for case in CASES:
        found = np.load(complete_dir / "expected" / f"{case}.npz")
        expected |= {f"{case}_{key}": found[key] for key in ("prediction", "lumen", "wall")}
    found = np.load(complete_dir / "expected" / "v2_2d_dropout_off.npz")
    expected["v2_2d_dropout_off_prediction"] = found["prediction"][:, :, :1]
    found = np.load(complete_dir / "expected" / "v2_2d_dropout_on.npz")
    expected |= {f"v2_2d_dropout_on_{key}": found[key][:1] for key in ("mean", "sd")}
    expected["v2_2d_dropout_on_n"] = found["n"]
    np.savez_compressed(HERE / "expected.npz", **expected)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
