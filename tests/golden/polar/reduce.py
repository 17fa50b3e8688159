"""Makes the small expectations of the polar cases from the complete ones.

    python tests/golden/polar/reduce.py COMPLETE_DIR

COMPLETE_DIR holds `<case>/expected/<id>.npz` with whole polar images.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
SAMPLES = 1500


def reduced(complete: Any) -> dict[str, Any]:
    """The expectations of one participant: some values instead of whole images."""
    generator = np.random.default_rng(0)
    kept: dict[str, Any] = {key: complete[key] for key in ("orig_shape", "affine_ras")}
    for side in ("left", "right"):
        images = complete[f"{side}_polar"]
        flat = images.reshape(len(images), -1)
        drawn = [generator.choice(flat.shape[1], SAMPLES, replace=False) for _ in flat]
        extremes = np.stack([flat.argmin(axis=1), flat.argmax(axis=1)], axis=1)
        places = np.concatenate([np.array(drawn), extremes], axis=1)
        kept |= {
            f"{side}_name": complete[f"{side}_name"],
            f"{side}_center": complete[f"{side}_center"],
            f"{side}_shape": np.array(images.shape),
            f"{side}_places": places.astype(np.int32),
            f"{side}_values": np.take_along_axis(flat, places, axis=1),
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
