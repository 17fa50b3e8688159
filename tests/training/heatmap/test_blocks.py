from __future__ import annotations

import torch

from carotid.training.heatmap.blocks import from_blocks, to_blocks


def test_blocks_are_undone_exactly() -> None:
    array = torch.rand(2, 2, 6, 8, 10)
    blocks = to_blocks(array)
    assert blocks.shape == (2, 16, 4, 5, 6)
    assert torch.equal(from_blocks(blocks), array)
