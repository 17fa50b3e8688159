"""What arteries and outlines are called."""

from __future__ import annotations

from typing import Literal

Label = Literal["internal", "external"]
LABELS: tuple[Label, Label] = ("internal", "external")
"""The arteries of one side, in the order of a heatmap's channels. The common carotid is high in
both channels; in tables it is written as internal."""

Boundary = Literal["lumen", "wall"]
BOUNDARIES: tuple[Boundary, Boundary] = ("lumen", "wall")
"""What is outlined, the column `object` of a contour table; wall is the wall's outer boundary."""
