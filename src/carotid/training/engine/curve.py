"""The loss over the epochs as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from carotid.storage.results.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carotid.training.engine.loop import EpochRow


def draw_curve(path: Path, rows: Mapping[str, Sequence[EpochRow]]) -> None:
    """Draw training and validation loss of every split as a PNG.

    Args:
        path: The picture.
        rows: The epochs of every split by its name.

    Raises:
        OutputError: The picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, (name, epochs) in enumerate(rows.items()):
        color = f"C{number % 10}"
        steps = [row.step for row in epochs]
        axes.plot(steps, [row.training_loss for row in epochs], ":", color=color, linewidth=1)
        validation = [row.validation_loss for row in epochs]
        axes.plot(steps, validation, color=color, linewidth=1.5, label=name)
        if epochs:
            best = min(epochs, key=lambda row: row.validation_loss)
            axes.plot(best.step, best.validation_loss, "o", color=color, markersize=5)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss (dotted: training, solid: validation, dot: kept)")
    axes.set_yscale("log")
    axes.grid(visible=True, which="both", alpha=0.3)
    if rows:
        axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    write_atomically(path, buffer.getvalue())
