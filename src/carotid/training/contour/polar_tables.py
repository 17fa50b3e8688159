"""What a trained polar network makes of its own participants, in the known tool's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.network.polar_cnn import CONTOUR
from carotid.network.weights import read_weights
from carotid.storage.results.atomic import write_atomically
from carotid.training.contour.polar_items import items_of
from carotid.training.contour.polar_validation import item_losses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.training.contour.annotations import ContourSource
    from carotid.training.contour.parameters import ContourTraining
    from carotid.training.contour.polar_items import PolarDrawer, PolarItem

_LOSSES = ("MSE", "L1", "SmoothL1")


def write_polar_tables(
    model: Path,
    sources: Sequence[ContourSource],
    held_out: Sequence[str],
    drawer: PolarDrawer,
    parameters: ContourTraining,
) -> None:
    """Write predictions and metrics of the training and of the validation items of one fold.

    They are taken in evaluation mode, with centers that are not moved.

    Args:
        model: The member's file; the tables go beside it.
        sources: All annotated sides.
        held_out: Participants that it was validated on.
        drawer: Draws the images.
        parameters: The settings.

    Raises:
        OutputError: A table cannot be written.
    """
    read = read_weights(model, CONTOUR)
    network = read.architecture.without_numbers()
    network.load_state_dict(dict(read.state), assign=True)
    network.eval()
    groups = {
        "train": [one for one in sources if one.participant not in held_out],
        "validation": [one for one in sources if one.participant in held_out],
    }
    for name, group in groups.items():
        items = items_of(group)
        losses = item_losses(network, (drawer.sample(one) for one in items))
        rows = ["\t".join(("participant_id", "side", "label", "z", *_LOSSES))]
        rows += [_row(item, values) for item, values in zip(items, losses.tolist(), strict=True)]
        write_atomically(
            model.parent / f"group-{name}_prediction.tsv", ("\n".join(rows) + "\n").encode()
        )
        means = "\t".join(f"{value:.6g}" for value in losses.mean(axis=0))
        text = "\t".join(_LOSSES) + "\n" + means + "\n"
        write_atomically(model.parent / f"group-{name}_metrics.tsv", text.encode())


def _row(item: PolarItem, losses: list[float]) -> str:
    cells = (item.source.participant, item.side, item.label, str(item.z))
    return "\t".join((*cells, *(f"{value:.6g}" for value in losses)))
