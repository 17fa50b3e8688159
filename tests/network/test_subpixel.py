"""Every kernel is compared with PyTorch's own operator on whole numbers: equal to the last bit."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from carotid.network import subpixel

GRID = (3, 4, 5)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(11)


def whole_numbers(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randint(-9, 10, shape, generator=generator).to(torch.float32)


def to_blocks(fine: Tensor) -> Tensor:
    """(1, c, 2d, 2h, 2w) to (1, c·8, d, h, w), spelled out."""
    _, channels, d, h, w = fine.shape
    blocks = torch.empty(1, channels * 8, d // 2, h // 2, w // 2)
    for c in range(channels):
        for s in range(2):
            for p in range(2):
                for x in range(2):
                    blocks[0, ((c * 2 + s) * 2 + p) * 2 + x] = fine[0, c, s::2, p::2, x::2]
    return blocks


def test_transposed_convolution_as_blocks(generator: torch.Generator) -> None:
    x = whole_numbers(generator, 1, 6, *GRID)
    weight = whole_numbers(generator, 6, 2, 3, 3, 3)
    fine = functional.conv_transpose3d(x, weight, stride=2, padding=1, output_padding=1)
    padded = functional.pad(x, (0, 1, 0, 1, 0, 1))
    found = functional.conv3d(padded, subpixel.transposed_as_blocks(weight))
    assert torch.equal(found, to_blocks(fine))


def test_convolution_as_shifted_blocks(generator: torch.Generator) -> None:
    fine = whole_numbers(generator, 1, 3, *(2 * n for n in GRID))
    weight = whole_numbers(generator, 2, 3, 3, 3, 3)
    kernel = subpixel.convolution_as_shifted_blocks(weight)
    blocks = functional.conv3d(to_blocks(fine), kernel, padding=1)
    whole = to_blocks(functional.pad(functional.conv3d(fine, weight, padding=1), (1,) * 6))
    assert blocks.shape == (1, 16, 4, 5, 6)
    inside = to_blocks(functional.pad(torch.ones(1, 2, *fine.shape[2:]), (1,) * 6)) == 1
    assert torch.equal(blocks[inside], whole[inside])
    assert int(inside.sum()) == 2 * fine[0, 0].numel()


def test_kernels_only_move_numbers(generator: torch.Generator) -> None:
    weight = torch.rand(2, 2, 3, 3, 3, generator=generator) + 1
    # per axis, 2 output positions × 3 taps; the transposed convolution has 3 taps for 2 outputs
    for kernel, copies in (
        (subpixel.convolution_as_shifted_blocks(weight), 2**3),
        (subpixel.transposed_as_blocks(weight), 1),
    ):
        entries = kernel[kernel != 0].sort().values
        assert torch.equal(entries, weight.flatten().repeat(copies).sort().values)


def test_identity_is_added_once_a_channel(generator: torch.Generator) -> None:
    x = whole_numbers(generator, 1, 2, *GRID)
    weight = whole_numbers(generator, 2, 2, 3, 3, 3)
    before = weight.clone()
    found = functional.conv3d(x, subpixel.with_identity(weight), padding=1)
    assert torch.equal(found, functional.conv3d(x, weight, padding=1) + x)
    assert torch.equal(weight, before)


@pytest.mark.parametrize("cuts", [[4], [1, 3], [2, 2], [1, 1, 1, 1]])
def test_shifted_blocks_are_written_as_voxels(generator: torch.Generator, cuts: list[int]) -> None:
    fine = torch.rand(2, *(2 * n for n in GRID), generator=generator)
    outside = functional.pad(fine[None], (1,) * 6, value=torch.nan)
    blocks = to_blocks(outside)[0].permute(1, 2, 3, 0)
    framed = torch.full_like(outside[0], 7)
    first = 0
    for part in torch.split(blocks, cuts):
        subpixel.write_blocks(part.contiguous(), framed, first)
        first += len(part)
    assert torch.equal(framed[:, 1:-1, 1:-1, 1:-1], fine)
