"""The segmentation stage at work: contours in, masks out, in one piece."""

from __future__ import annotations

from carotid.stages.one_piece import one_piece
from carotid.stages.segmentation.fill import fill_contours
from carotid.storage.results.segmentations import save_segmentation

segmentation_task = one_piece(fill_contours, save_segmentation)
