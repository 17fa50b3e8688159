"""`carotid models`: the models that come with the package, and checks of any model directory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE
from carotid.counted import counted
from carotid.network.shipped import SHIPPED
from carotid.stages.catalog import STAGES, stage_named

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.storage.model_description import ModelDescription

KINDS = [stage.name for stage in STAGES if stage.models]


@click.group()
def models() -> None:
    """See and check models."""


@models.command("list", short_help="List the models that come with the package.")
def list_models() -> None:
    """List the models that come with this package, with their SHA-256."""
    import hashlib

    from carotid.storage.model_description import read_model_description

    for kind in _kinds():
        files = sorted((SHIPPED / kind).glob("*.pt"))
        click.echo(f"{kind}: {counted(len(files), 'model')} in {SHIPPED / kind}")
        for file in files:
            content = file.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            click.echo(f"  {file.name}  {len(content) / 1e6:.1f} MB  SHA-256 {sha256}")
        described = read_model_description(SHIPPED / kind)
        if described is not None:
            click.echo(f"  {described.architecture}; {_expectation(described)}")
        card = SHIPPED / kind / "MODEL_CARD.md"
        if card.exists():
            click.echo(f"  model card: {card}")


@models.command(short_help="Print the folder of the package's models.")
@click.argument("kind", type=click.Choice(KINDS))
def path(kind: str) -> int:
    """Print the folder of shipped models, to be given as <KIND>_MODEL_DIR."""
    from carotid.errors import UsageError

    if kind not in _kinds():
        raise UsageError(f"this package holds no {kind} models", where=SHIPPED)
    click.echo(str(SHIPPED / kind))
    return 0


@models.command(short_help="Learn what contour networks' spread means in mm.")
@click.argument("model_dir", type=PLACE)
@click.option(
    "--necks",
    type=int,
    default=150,
    show_default=True,
    help="How many simulated necks the networks look at, 100 or more.",
)
def calibrate(model_dir: Path, necks: int) -> int:
    """Learn what the spread of contour networks on planes means in millimetres.

    The networks look at simulated necks that nothing was trained on; how far true radii lie from
    found ones goes into model.json of MODEL_DIR.
    """
    from carotid.cli.progress import duration
    from carotid.errors import UsageError
    from carotid.network.model_files import find_models
    from carotid.storage.described_models import check_kind
    from carotid.training.contour.calibration import calibrate as calibrated

    if model_dir.resolve().is_relative_to(SHIPPED):
        raise UsageError(
            "these models belong to the installed package, and are not changed",
            where=model_dir,
            remedy="copy the folder, and calibrate the copy",
        )
    check_kind(model_dir, "contour")
    find_models(model_dir)
    begin = time.monotonic()

    def on_neck(number: int) -> None:
        if (number + 1) % 10 == 0:
            took = duration(time.monotonic() - begin)
            click.echo(f"[{took}] {number + 1} of {necks} necks", err=True)

    described = calibrated(model_dir, necks, on_neck)
    for name, table in described.spread.items():
        low, high = table.sigma_mm[0], table.sigma_mm[-1]
        click.echo(f"{name}: half the width of the 68 % interval is {low:.2f} to {high:.2f} mm")
    return 0


@models.command(short_help="Check every model of a directory.")
@click.argument("model_dir", type=PLACE)
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    help=f"Of which step the models are.  [default: what model.json says, else {KINDS[0]}]",
)
def check(model_dir: Path, kind: str | None) -> int:
    """Check every model of a directory without using it; exit 2 where one is not usable.

    Where the directory holds a SHA256SUMS file or model.json, the files are compared with it.
    """
    from carotid.errors import ModelError
    from carotid.network.contour_models import find_contour_models
    from carotid.network.model_files import find_models, warn_of_unused
    from carotid.network.weights import read_weights
    from carotid.storage.described_models import check_kind
    from carotid.storage.model_description import read_model_description
    from carotid.storage.sha256sums import read_sha256sums

    described = read_model_description(model_dir)
    if kind is None:
        kind = KINDS[0] if described is None else described.kind
    check_kind(model_dir, kind)
    listed = {} if described is None else dict(described.files)
    expected = {**listed, **read_sha256sums(model_dir)}
    bad = 0
    files = find_contour_models(model_dir) if kind == "contour" else find_models(model_dir)
    warn_of_unused(model_dir, files)
    for file in files:
        name = file.relative_to(model_dir).as_posix()
        try:
            sha256 = read_weights(file, stage_named(kind).model_kind()).sha256
        except ModelError as error:
            click.echo(f"{name}  not usable: {error}")
            bad += 1
            continue
        known = expected.get(name)
        if known is not None and known != sha256:
            click.echo(f"{name}  not the file that is listed: {sha256}, expected {known}")
            bad += 1
        else:
            click.echo(f"{name}  usable  SHA-256 {sha256}")
    for name in sorted(set(expected) - {p.relative_to(model_dir).as_posix() for p in files}):
        if name.endswith(".pt"):
            click.echo(f"{name}  missing, though it is listed")
            bad += 1
    return 2 if bad else 0


def _kinds() -> list[str]:
    if not SHIPPED.is_dir():
        return []
    return sorted(p.name for p in SHIPPED.iterdir() if p.is_dir() and any(p.glob("*.pt")))


def _expectation(described: ModelDescription) -> str:
    """What networks expect of intensities, in words."""
    rescaling = described.rescaling
    return "intensities as they are" if rescaling is None else rescaling.in_words()
