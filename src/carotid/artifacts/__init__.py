"""What stages make and hand on: nouns of the pipeline, checked when they are made."""

from carotid.artifacts.centerlines import Bifurcation, Centerline, Centerlines, SideCenterlines
from carotid.artifacts.contours import Contours, CrossSection, Outline, OutlinePlace
from carotid.artifacts.heatmaps import (
    Heatmaps,
    HeatmapSlices,
    HeatmapSource,
    Scan,
    SideHeatmaps,
    SlicesInMemory,
)
from carotid.artifacts.labels import BOUNDARIES, LABELS, Boundary, Label
from carotid.artifacts.polar import FromScan, PolarBlock, PolarImages
from carotid.artifacts.rays import RADIUS_NAMES, RayRadii
from carotid.artifacts.segmentations import (
    LABEL_VALUES,
    SEGMENTATION_COMPONENTS,
    Segmentation,
    SideMasks,
)

__all__ = [
    "BOUNDARIES",
    "LABELS",
    "LABEL_VALUES",
    "RADIUS_NAMES",
    "SEGMENTATION_COMPONENTS",
    "Bifurcation",
    "Boundary",
    "Centerline",
    "Centerlines",
    "Contours",
    "CrossSection",
    "FromScan",
    "HeatmapSlices",
    "HeatmapSource",
    "Heatmaps",
    "Label",
    "Outline",
    "OutlinePlace",
    "PolarBlock",
    "PolarImages",
    "RayRadii",
    "Scan",
    "Segmentation",
    "SideCenterlines",
    "SideHeatmaps",
    "SideMasks",
    "SlicesInMemory",
]
