"""Whether a scan is like those that networks were trained on.

Networks answer whatever they are shown. So what can be told of a scan without knowing where its
arteries are is compared with the ranges that training had, which stand in `model.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.geometry.intensity import IntensityRange
    from carotid.geometry.sides import SideName

TOLERANCE = 0.1
"""A length may lie beyond its range by this share of it before it is told."""

DARK = 0.05
"""Rescaled intensities below this are dark."""

CUT_OFF = 0.03
"""Share of voxels with the largest value above which what is bright was cut off. In a scan that was
not cut off it is one of a thousand at most."""

_ABOVE_ZERO = 0.8
"""Dark voxels further above zero than this share of the range are not black. Of 163 sound scans it
is 0.53 at most, and 0.22 in all but one."""

UNEVEN = 3.0
"""Contrasts of blood so many times apart are told. Of 71 sound necks none has its sides more than
1.9 times apart."""

_SOME_CONTRAST = 0.1
"""What the better side has at least, for there to be something to compare."""

_MOST_TIMES = 20.0
"""More cannot be counted."""


@dataclass(frozen=True)
class Known:
    """One thing that is compared.

    Attributes:
        words: What it is.
        unit: Of its values.
        tolerance: How far beyond the range it may lie, as a share of the range's end.
    """

    words: str
    unit: str
    tolerance: float = 0.0


KNOWN = {
    "height_mm": Known("the field of view from feet to head", "mm", TOLERANCE),
    "depth_mm": Known("the field of view from front to back", "mm", TOLERANCE),
    "width_mm": Known("the field of view from left to right", "mm", TOLERANCE),
    "slice_mm": Known("the distance of axial slices", "mm", TOLERANCE),
    "plane_mm": Known("the voxels within axial slices", "mm", TOLERANCE),
    "median": Known("the median of rescaled intensities", ""),
    "upper_quartile": Known("the upper quartile of rescaled intensities", ""),
    "share_dark": Known("the share of dark voxels", ""),
    "blood_contrast": Known("the contrast of blood (positive where it is dark)", ""),
}
"""What scans are compared by, in the order in which it is told; keys as in `model.json`."""


_BELOW_ZERO = 0.05
"""Dark voxels further below zero than this share of the range are no rounding."""


def geometry_facts(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]
) -> dict[str, float]:
    """Size and voxels of a scan.

    Args:
        shape: (x, y, z) canonical.
        spacing_mm: Likewise.
    """
    width, depth, height = (n * mm for n, mm in zip(shape, spacing_mm, strict=True))
    return {
        "height_mm": height,
        "depth_mm": depth,
        "width_mm": width,
        "slice_mm": spacing_mm[2],
        "plane_mm": max(spacing_mm[:2]),
    }


def intensity_facts(image: NDArray[np.floating]) -> dict[str, float]:
    """Intensities as the networks see them.

    Args:
        image: Rescaled ones, of any shape.
    """
    middle, upper = np.percentile(image, (50, 75))
    return {
        "median": float(middle),
        "upper_quartile": float(upper),
        "share_dark": float((image < DARK).mean()),
    }


def differences(
    facts: Mapping[str, float],
    seen: Mapping[str, tuple[float, float]],
    shares: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[str, ...]:
    """What a scan has that training had not, in words; nothing where training's range is unknown.

    `shares` are factors for the ends of ranges, where they are others for this scan.

    >>> differences({"depth_mm": 310.0}, {"depth_mm": (30.0, 260.0)})
    ('the field of view from front to back is 310 mm, in training 30 to 260',)
    """
    found = []
    for name, known in KNOWN.items():
        value, span = facts.get(name), seen.get(name)
        if value is None or span is None or np.isnan(value):
            continue
        low, high = span
        lowest, highest = (shares or {}).get(name, (1.0, 1.0))
        least, most = lowest * low * (1 - known.tolerance), highest * high * (1 + known.tolerance)
        if least <= value <= most:
            continue
        told = f"{value:.3g} {known.unit}".rstrip()
        found.append(f"{known.words} is {told}, in training {low:.3g} to {high:.3g}")
    return tuple(found)


def cut_off(
    array: NDArray[np.generic], padding: NDArray[np.bool_] | None = None
) -> tuple[str, ...]:
    """That what is bright was cut off when a scan was stored, in words; nothing where it was not.

    Windows of viewers do so, and exports to few bits. A wall that is as bright as all around it
    looks thicker.

    Args:
        array: Voxels as they are stored.
        padding: Which of them the scanner filled in; they do not count.

    >>> cut_off(np.minimum(np.arange(100), 79))
    ('21 % of its voxels have the largest value: what is brighter was cut off, export it again',)
    """
    seen = array if padding is None else array[~padding]
    share = float((seen == seen.max()).mean()) if seen.size else 0.0
    if not CUT_OFF < share < 1:
        return ()
    told = f"{100 * share:.0f} % of its voxels have the largest value"
    return (f"{told}: what is brighter was cut off, export it again",)


def uneven_sides(contrasts: Mapping[SideName, float]) -> tuple[str, ...]:
    """That arteries stand out on one side much less than on the other, in words.

    Args:
        contrasts: By side, how much brighter what is around its internal carotid is than blood.

    >>> uneven_sides({"left": 0.44, "right": 0.07})
    ('blood is 6 times less dark on the right than on the left: compare no sides, and look at the \
right (coil, fat or slow flow)',)
    """
    if len(contrasts) < 2 or not all(np.isfinite(one) for one in contrasts.values()):
        return ()
    weaker, stronger = sorted(contrasts, key=lambda side: contrasts[side])
    least, most = contrasts[weaker], contrasts[stronger]
    if most < _SOME_CONTRAST or least * UNEVEN > most:
        return ()
    times = f"{most / least:.0f}" if least * _MOST_TIMES > most else "many"
    told = f"blood is {times} times less dark on the {weaker} than on the {stronger}"
    return (f"{told}: compare no sides, and look at the {weaker} (coil, fat or slow flow)",)


def below_zero(intensities: IntensityRange) -> tuple[str, ...]:
    """That zero is not what is black, in words; nothing where it is.

    Percentiles bring any scan to 0 and 1 for the heatmaps. Contours compare brightness as it is
    stored, where a scan has nothing below zero but rounding.

    """
    if intensities.lower >= -_BELOW_ZERO * (intensities.upper - intensities.lower):
        return ()
    near = f"its dark voxels lie below zero (near {intensities.lower:.3g})"
    return (f"{near}: add a constant that makes air 0 for the contours",)


def above_zero(intensities: IntensityRange) -> tuple[str, ...]:
    """That nothing in a scan is black, in words; nothing where something is.

    A constant that was added takes contrast from the arteries: blood differs less from wall, by
    ratio, and contours find walls too thin.
    """
    if intensities.lower <= _ABOVE_ZERO * (intensities.upper - intensities.lower):
        return ()
    near = f"nothing in it is black (its dark voxels are near {intensities.lower:.3g})"
    return (f"{near}: subtract a constant that makes air 0 for the contours",)
