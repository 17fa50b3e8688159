from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

from carotid.network.unet import HEATMAP, UNet
from carotid.network.weights import read_weights
from carotid.training.heatmap.export import LAST_UNIT, with_scale, write_model

if TYPE_CHECKING:
    from pathlib import Path


def test_folding_multiplies_the_output_by_100() -> None:
    torch.manual_seed(2)
    plain, folded = UNet().eval(), UNet().eval()
    folded.load_state_dict(with_scale(plain.state_dict()))
    x = torch.rand(1, 1, 32, 32, 48)
    with torch.no_grad():
        wanted, found = 100 * plain(x), folded(x)
    assert (found - wanted).abs().max() < 1e-6 * wanted.abs().max()
    assert f"{LAST_UNIT}.weight" in plain.state_dict()


def test_written_model_is_half_precision_and_loads(tmp_path: Path) -> None:
    torch.manual_seed(2)
    state = UNet().state_dict()
    sha256 = write_model(tmp_path / "member_0.pt", state)
    content = (tmp_path / "member_0.pt").read_bytes()
    assert hashlib.sha256(content).hexdigest() == sha256
    assert len(content) < 2_600_000
    stored = torch.load(tmp_path / "member_0.pt", weights_only=True)
    assert {value.dtype for value in stored.values()} == {torch.float16}
    loaded = read_weights(tmp_path / "member_0.pt", HEATMAP).state
    scaled = with_scale(state)
    assert all(torch.equal(loaded[key], scaled[key].half().float()) for key in scaled)


def test_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    torch.manual_seed(2)
    state = UNet().state_dict()
    assert write_model(tmp_path / "a.pt", state) == write_model(tmp_path / "a.pt", state)
