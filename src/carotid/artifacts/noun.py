"""What all nouns share: they are told in one line and checked when they are made."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.counted import counted
from carotid.errors import CarotidError
from carotid.geometry.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray


def short(noun: Any) -> str:
    """A noun in one line: arrays as type and shape, grids as sizes, nouns in it by their kind."""
    parts = (f"{one.name}={_brief(getattr(noun, one.name))}" for one in fields(noun))
    return f"{type(noun).__name__}({', '.join(parts)})"


def _brief(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, Grid):
        spacing = " x ".join(f"{one:.3g}" for one in value.spacing_mm)
        return f"{' x '.join(map(str, value.shape))} voxels of {spacing} mm, {value.orientation}"
    if isinstance(value, tuple):
        return counted(len(value), "item")
    return type(value).__name__ if is_dataclass(value) else repr(value)


def require(fits: bool, name: str, array: NDArray[np.generic]) -> None:  # noqa: FBT001
    """Refuse an array that does not fit.

    Raises:
        CarotidError: Names it.
    """
    if not fits:
        raise CarotidError(f"{name} has the wrong shape", found=array.shape)
