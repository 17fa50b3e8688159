"""Weights that other programs wrapped, renamed or counted are the same weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import torch
from tests.networks import weights
from torch import Tensor, nn

from carotid.errors import ModelError
from carotid.network.architecture import Architecture, ModelKind
from carotid.network.unet import HEATMAP
from carotid.network.weights import read_models, read_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

State = dict[str, Tensor]


def prefixed(prefix: str) -> Callable[[State], State]:
    return lambda state: {prefix + name: value for name, value in state.items()}


def averaged(state: State) -> State:
    return {"n_averaged": torch.tensor(7), **prefixed("module.")(state)}


def replaced(old: str, new: str) -> Callable[[State], State]:
    return lambda state: {re.sub(old, new, name): value for name, value in state.items()}


WRAPPED: dict[str, Callable[[State], State]] = {
    "parallel training": prefixed("module."),
    "parallel training twice": prefixed("module.module."),
    "compiled": prefixed("_orig_mod."),
    "compiled, then parallel": prefixed("module._orig_mod."),
    "an attribute of a framework": prefixed("net."),
    "an attribute with the name of the network's own": prefixed("model."),
    "several attributes": prefixed("student.backbone.model."),
    "a compiled part": replaced("model.1.", "model.1._orig_mod."),
    "sharded training": replaced("model.1.", "_fsdp_wrapped_module.model.1."),
    "averaged": averaged,
    "averaged and compiled": lambda state: prefixed("_orig_mod.")(averaged(state)),
    "the outermost part alone": replaced("^model.", ""),
    "MONAI before 0.4": replaced("adn.A", "act"),
    "MONAI before 0.2": replaced("adn.A", "prelu"),
    "an older MONAI, wrapped": lambda state: prefixed("net.")(replaced("adn.A", "act")(state)),
}


@pytest.mark.parametrize("how", WRAPPED)
def test_the_weights_are_found(how: str, tmp_path: Path) -> None:
    state = weights(1)
    torch.save(WRAPPED[how](state), tmp_path / "a.pt")
    found = read_weights(tmp_path / "a.pt", HEATMAP).state
    assert list(found) == list(HEATMAP.architectures[0].state)
    assert all(torch.equal(value, state[name]) for name, value in found.items())


def test_a_remedy_writes_another_file_than_the_one_that_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of the message, run as it stands, leaves the checkpoint as it was."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    wrapped = prefixed("net.")(weights(2))
    torch.save({"epoch": 3, "state_dict": wrapped, "optimizer": {}}, "last.pt")
    before = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(ModelError) as refusal:
        read_models(tmp_path, HEATMAP)
    command = re.search(r"torch\.save\(.*'\)", str(refusal.value))
    assert command is not None
    exec(command.group(), {"torch": torch})
    assert (tmp_path / "last.pt").read_bytes() == before
    [found] = read_models(tmp_path / "weights", HEATMAP)
    assert all(torch.equal(value, weights(2)[name]) for name, value in found.state.items())


class Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1))


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv3d(1, 3, 3), nn.BatchNorm3d(3), nn.Conv3d(3, 2, 1))


FLAT, DEEP = Architecture("a flat one", Flat), Architecture("a deep one", Deep)
EITHER = ModelKind("either", (FLAT, DEEP), 1 << 12, checkpoint_key="model")


def test_the_architecture_is_told_by_names_and_shapes(tmp_path: Path) -> None:
    for k, module in enumerate((Flat(), Deep())):
        torch.save(module.state_dict(), tmp_path / f"{k}.pt")
    for k, architecture in enumerate((FLAT, DEEP)):
        found = read_weights(tmp_path / f"{k}.pt", EITHER)
        assert found.architecture is architecture
        assert found.state["model.1.num_batches_tracked"].dtype == torch.int64
        architecture.build().load_state_dict(dict(found.state))
    with pytest.raises(ModelError, match=r"1\.pt.*one architecture.*a deep one.*a flat one"):
        read_models(tmp_path, EITHER)


def test_the_nearest_architecture_is_what_weights_are_compared_with(tmp_path: Path) -> None:
    state = Deep().state_dict()
    state["model.2.weight"] = torch.zeros(5, 3, 1, 1, 1)
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(ModelError, match=r"model\.2\.weight has another shape.*\(2, 3, 1, 1, 1\)"):
        read_weights(tmp_path / "a.pt", EITHER)
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "a.pt")
    with pytest.raises(ModelError, match="a flat one or a deep one"):
        read_weights(tmp_path / "a.pt", EITHER)


def test_weights_inside_a_checkpoint_of_a_kind_that_has_them_there(tmp_path: Path) -> None:
    state = Flat().state_dict()
    torch.save({"model": state, "epoch": 4}, tmp_path / "a.pt")
    found = read_weights(tmp_path / "a.pt", EITHER).state
    assert all(torch.equal(value, state[name]) for name, value in found.items())
