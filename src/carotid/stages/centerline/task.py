"""The centerline stage at work: heatmaps in, tables out, in one piece."""

from __future__ import annotations

from carotid.stages.centerline.find import find_centerlines
from carotid.stages.one_piece import one_piece
from carotid.storage.results.centerlines import save_centerlines

centerline_task = one_piece(find_centerlines, save_centerlines)
