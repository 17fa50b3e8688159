"""Output directories with measurements of drawn necks, for what compares them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.stages.measurement.phantoms import (
    Vessel,
    centerlines_of,
    contours_of,
    grid_of,
    straight,
)

from carotid.artifacts import Contours
from carotid.stages.measurement.measure import measure
from carotid.storage.results.layout import (
    MEASUREMENT_TRANSFORM,
    MeasurementLayout,
    OutputLayout,
)
from carotid.storage.results.measurement_tables import load_table, save_table
from carotid.storage.results.measurements import save_measurements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.stages.measurement.parameters import MeasurementParameters

SPACING = (0.6, 0.6, 1.0)


def fork(plaque_mm: float = 1.2, at_mm: float = 10.0, scale: float = 1.0) -> dict[str, Vessel]:
    """A left carotid fork that divides at the origin, with plaque on the internal's lateral side.

    Args:
        plaque_mm: Thickness of the plaque beside the wall's 1 mm.
        at_mm: Where it is.
        scale: What all calibres are multiplied by.
    """
    along = straight()[:, 2]
    up = np.clip(along, 0, None)
    bulb = np.exp(-(((along - 3) / 5) ** 2))
    lesion = plaque_mm * np.exp(-(((along - at_mm) / 3) ** 2))
    internal = straight() + np.column_stack([-0.45 * up, -0.3 * up, 0 * up])
    outward = np.column_stack([-lesion / 2, 0 * lesion, 0 * lesion])
    external = straight() + np.column_stack([0.45 * up, 0.5 * up, 0 * up])
    above = along >= 0
    lumen = scale * (2.4 + 0.9 * bulb)
    return {
        "internal": Vessel(internal, lumen, internal + outward, lumen + 1 + lesion / 2),
        "external": Vessel.around(external[above], 1.9 * scale, 1.9 * scale + 0.8),
    }


def turned_about_the_body(vessels: dict[str, Vessel], by_deg: float) -> dict[str, Vessel]:
    """The same with the head turned, from anterior towards the patient's left."""
    turn = np.deg2rad(by_deg)
    rotation = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    return {
        label: Vessel(v.course @ rotation.T, v.radius, v.outer @ rotation.T, v.outer_radius)
        for label, v in vessels.items()
    }


def save(
    root: Path,
    participant_id: str,
    vessels: dict[str, Vessel],
    fork_mm: Sequence[float] = (0, 0, 0),
    slices: range | None = None,
    parameters: MeasurementParameters | None = None,
) -> None:
    """Measure vessels on the left side and write what was measured.

    Args:
        root: An output directory.
        participant_id: Whose.
        vessels: The arteries.
        fork_mm: Where the bifurcation was set by hand.
        slices: Which slices have outlines; all where it is None.
        parameters: How they are measured.
    """
    grid = grid_of(SPACING)
    typed: Any = vessels
    contours = contours_of(typed, grid)
    if slices is not None:
        kept = tuple(one for one in contours.left if one.z in slices)
        contours = Contours(kept, (), contours.canonical, contours.stored)
    found = measure(contours, centerlines_of(typed, grid, fork_mm, by_hand=True), parameters)
    folder = OutputLayout(root).transform(participant_id, MEASUREMENT_TRANSFORM)
    folder.mkdir(parents=True)
    save_measurements(found, folder)


def doubt(root: Path, participant_id: str, from_mm: float, to_mm: float) -> None:
    """Make the left internal's lumens unsure between two positions, as contours may state it."""
    folder = OutputLayout(root).transform(participant_id, MEASUREMENT_TRANSFORM)
    path = MeasurementLayout(folder).slices("left")
    table = load_table(path)
    s = table.numbers("s_mm")
    here = (np.array(table.words("label")) == "internal") & (from_mm <= s) & (s <= to_mm)
    changed: dict[str, Any] = {
        "flags": tuple(np.where(here, "unsure_lumen", table.words("flags"))),
        "readable": tuple(np.where(here, "no", table.words("readable"))),
        "la_sd_mm2": np.where(here, table.numbers("la_mm2") / 2, table.numbers("la_sd_mm2")),
    }
    save_table(path, replace(table, cells={**table.cells, **changed}))


def of(table: Any, name: str, **key: str) -> NDArray[np.float64]:
    """The numbers of a column in the rows that have these words."""
    keep = np.ones(len(table), np.bool_)
    for column, word in key.items():
        keep &= np.array(table.words(column)) == word
    return np.asarray(table.numbers(name)[keep], np.float64)
