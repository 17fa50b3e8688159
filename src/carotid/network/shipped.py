"""The models that come with the package."""

from __future__ import annotations

from pathlib import Path

from carotid.errors import UsageError

SHIPPED = Path(__file__).resolve().parent.parent / "models"
"""One folder per kind of network."""


def shipped_models(kind: str = "heatmap") -> Path:
    """The folder of the package's own models, to be given to `load_members`.

    They were trained on simulated necks only and expect intensities that were rescaled between
    the 5th and the 95th percentile; see MODEL_CARD.md in the folder.

    Raises:
        UsageError: The package holds no models of that kind.
    """
    kinds = sorted(path.name for path in SHIPPED.iterdir() if path.is_dir())
    if kind not in kinds:
        raise UsageError(
            "this package holds no models of that kind", found=kind, expected=" or ".join(kinds)
        )
    return SHIPPED / kind


def given_or_shipped(kind: str, given: Path | None) -> Path:
    """The folder of models that a command uses: what it was given, else the package's own.

    Raises:
        UsageError: Nothing was given, and the package holds no models of that kind.
    """
    if given is not None:
        return given
    folder = SHIPPED / kind
    if not any(folder.rglob("*.pt")):
        raise UsageError(
            f"this package comes without {kind} models",
            where=folder,
            remedy=f"give a folder of weights with --{kind}_model_dir",
        )
    return folder


def shipped_checksums(kind: str) -> frozenset[str]:
    """SHA-256 of the package's own models of a kind; none where it has none."""
    path = SHIPPED / kind / "SHA256SUMS"
    if not path.is_file():
        return frozenset()
    lines = path.read_text("utf-8").splitlines()
    return frozenset(line.split()[0] for line in lines if line.strip())
