"""How a scan's grids are written beside results that are in canonical voxel indices.

`orig_shape` and `affine` are the grid in canonical order, as the known tool writes it; the stored
grid stands beside it, so that masks can be made in the scan's own order. What other programs or
hands have written lacks the second.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from carotid.errors import CarotidError, InputError
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES = 1 << 20

_TIE = 1e-6
"""Products of cosines that differ by less are equal: a scan turned by 45° has two best orders."""


class Grids(NamedTuple):
    """The grids of one scan.

    Attributes:
        canonical: In canonical order.
        stored: As it is stored; None where that is unknown.
    """

    canonical: Grid
    stored: Grid | None


def grids_as_json(canonical: Grid, stored: Grid | None) -> dict[str, Any]:
    """The keys of a JSON object that hold the grids."""
    found: dict[str, Any] = {
        "orig_shape": list(canonical.shape),
        "affine": canonical.affine.tolist(),
    }
    if stored is not None:
        found["stored_shape"] = list(stored.shape)
        found["stored_affine_ras_mm"] = stored.affine.tolist()
    return found


def read_grids(path: Path) -> tuple[Grids, Mapping[str, Any]]:
    """The grids in a JSON file, and all that it holds.

    Raises:
        InputError: The file is missing or cannot be used.
    """
    with open_regular(path) as file:
        content = file.read(MAX_BYTES + 1)
    try:
        values = json.loads(content.decode("utf-8-sig"))
        canonical = _grid(values["orig_shape"], values["affine"])
        stored = None
        if values.get("stored_shape") is not None:
            stored = _grid(values["stored_shape"], values["stored_affine_ras_mm"])
        _check(canonical, stored)
    except CarotidError as error:
        raise error.at(path) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            "this does not tell which grid the coordinates beside it refer to",
            where=path,
            found=f"{type(error).__name__}: {error}"[:200],
            expected="a JSON object with orig_shape and affine",
        ) from error
    return Grids(canonical, stored), values


def _grid(shape: object, affine: object) -> Grid:
    sizes = np.asarray(shape)
    if sizes.shape != (3,) or sizes.dtype.kind not in "iu":
        raise InputError("the grid's size is not three whole numbers", found=str(shape)[:80])
    return Grid((int(sizes[0]), int(sizes[1]), int(sizes[2])), np.asarray(affine, np.float64))


def _check(canonical: Grid, stored: Grid | None) -> None:
    cosines = np.diag(canonical.direction)
    best = Reordering.between(canonical, CANONICAL).grid(canonical)
    if np.prod(cosines) < np.prod(np.diag(best.direction)) - _TIE or (cosines <= 0).any():
        raise InputError(
            "the grid is not in canonical order",
            found=canonical.orientation,
            expected=f"{CANONICAL}: indices that grow to right, anterior and superior",
        )
    if stored is not None and not stored.reoriented(CANONICAL).agrees_with(canonical):
        raise InputError("the stored grid is another one than the canonical grid beside it")
