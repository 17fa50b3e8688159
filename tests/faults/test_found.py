"""What the mutations and the catalogue have found, kept so that it stays mended."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.networks import weights

from carotid.errors import InputError, ModelError
from carotid.geometry.intensity import MAX_INTENSITY, check_intensities
from carotid.network.unet import HEATMAP
from carotid.network.weights import read_weights
from carotid.storage.results.atomic import write_json

if TYPE_CHECKING:
    from pathlib import Path


def test_a_flipped_bit_in_weights_is_noticed(tmp_path: Path) -> None:
    """PyTorch reads such a file without a word: it skips the archive's checksums."""
    path = tmp_path / "x.pt"
    torch.save(weights(0), path)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = max(archive.infolist(), key=lambda one: one.file_size)
    content[entry.header_offset + 200 + entry.file_size // 2] ^= 1
    path.write_bytes(bytes(content))
    torch.load(path, weights_only=True)
    with pytest.raises(ModelError, match="damaged or cut short"):
        read_weights(path, HEATMAP)


def test_weights_saved_without_checksums_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(torch.serialization, "set_crc32_options"):
        pytest.skip("this PyTorch always writes checksums")
    path = tmp_path / "x.pt"
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(weights(0), path)
    finally:
        torch.serialization.set_crc32_options(True)
    found = read_weights(path, HEATMAP).state
    assert all(torch.equal(found[name], value) for name, value in weights(0).items())


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint64])
def test_intensities_that_overflow_in_the_networks_are_named(kind: type[np.generic]) -> None:
    array = np.zeros((3, 4, 5), kind)
    array[1, 2, 3] = 1.5e19
    with pytest.raises(InputError, match=r"too large to compute with \(found 1.5e\+19"):
        check_intensities(array)
    array[1, 2, 3] = MAX_INTENSITY / 2
    check_intensities(array)


def test_temporary_names_do_not_pile_up(tmp_path: Path) -> None:
    """Every killed run left one more file beside `parameters.json`."""
    for number in range(3):
        (tmp_path / ".a.json.part").write_text("left by a killed process")
        write_json(tmp_path / "a.json", number)
        assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
