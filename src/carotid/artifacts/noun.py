"""What all nouns share: they are told in one line and checked when they are made."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from carotid.counted import counted
from carotid.errors import CarotidError
from carotid.geometry.grid import Grid


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


def require_array(
    name: str, array: object, shape: tuple[int | None, ...], kinds: str = "iuf"
) -> None:
    """Refuse what is not an array of the right numbers and shape.

    Args:
        name: What it is called in its noun.
        array: What was given.
        shape: Its size along each axis; None where any size will do.
        kinds: NumPy's letters of the kinds of numbers that it may hold.

    Raises:
        CarotidError: Names it.
    """
    if not isinstance(array, np.ndarray):
        raise CarotidError(
            f"{name} is not an array",
            found=type(array).__name__,
            expected="a NumPy array",
            remedy="give numpy.asarray(...) of it",
        )
    if array.dtype.kind not in kinds:
        expected = "whole numbers" if "f" not in kinds else "real numbers"
        raise CarotidError(f"{name} has the wrong type", found=array.dtype, expected=expected)
    fits = zip(array.shape, shape, strict=False)
    if array.ndim != len(shape) or any(n not in (have, None) for have, n in fits):
        sizes = ", ".join("any" if n is None else str(n) for n in shape)
        raise CarotidError(f"{name} has the wrong shape", found=array.shape, expected=f"({sizes})")


def require_kinds(noun: object, *, may_lack: tuple[str, ...] = (), **kinds: type) -> None:
    """Refuse parts of a noun that are not what they should be.

    Args:
        noun: What is made.
        may_lack: Those that may be None.
        **kinds: What each part is.

    Raises:
        CarotidError: Names the first that is not.
    """
    for name, kind in kinds.items():
        part = getattr(noun, name)
        if not isinstance(part, kind) and not (part is None and name in may_lack):
            raise CarotidError(
                f"{name} of {type(noun).__name__} is of another kind",
                found=type(part).__name__,
                expected=kind.__name__,
            )
