"""The models that come with the package."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).resolve().parent.parent / "models"
"""One folder per kind of network."""


def shipped_models(kind: str = "heatmap") -> Path:
    """The folder of the package's own models, to be given to `load_members`.

    They were trained on simulated necks only and expect intensities that were rescaled between
    the 5th and the 95th percentile; see MODEL_CARD.md in the folder.
    """
    return SHIPPED / kind
