"""Weight files as strangers send them: used where they are whole, named where they are not."""

from __future__ import annotations

import gzip
import logging
import os
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.networks import weights

from carotid.errors import ModelError
from carotid.network.members import Member, load_members
from carotid.network.model_files import find_models
from carotid.network.unet import HEATMAP, UNet
from carotid.network.weights import read_weights

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = "model.0.conv.unit0.conv.weight"
RAN = Path("a-stranger-was-here")


class Stranger:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {RAN}",)


def changed(**more: Any) -> dict[str, Any]:
    return {**weights(0), **more}


def prefixed(prefix: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in state.items()}


def with_first(tensor: torch.Tensor) -> dict[str, Any]:
    return {**weights(0), FIRST: tensor}


def claims_terabytes(path: Path) -> None:
    huge = torch.zeros(1).as_strided((1 << 20, 1 << 20, 8), (0, 0, 0))
    torch.save({**weights(0), "model.extra": huge, FIRST: huge}, path)


def zip_bomb(path: Path) -> None:
    torch.save(weights(0), path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/9999", bytes(300 << 20))


def zipped(path: Path) -> None:
    """A model as a browser or a mail program packs it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/member.pt", b"PK")


def cut(share: float, *, legacy: bool = False) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        torch.save(weights(0), path, _use_new_zipfile_serialization=not legacy)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return write


def scripted(path: Path) -> None:
    import warnings

    class Double(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(Double(), torch.ones(1)), str(path))


def saved(content: Callable[[], Any], *, legacy: bool = False) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        torch.save(content(), path, _use_new_zipfile_serialization=not legacy)

    return write


def written(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


NAN, INF = torch.full((8, 1, 3, 3, 3), torch.nan), torch.full((8, 1, 3, 3, 3), torch.inf)
FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "code, zip": (saved(lambda: {**weights(0), "x": Stranger()}), "run code.*system"),
    "code, legacy": (saved(lambda: {"x": Stranger()}, legacy=True), "run code.*system"),
    "code, bare pickle": (lambda p: p.write_bytes(pickle.dumps(Stranger())), "run code"),
    "whole module": (saved(UNet), "run code.*UNet.*state_dict"),
    "whole module, legacy": (saved(UNet, legacy=True), "run code.*UNet"),
    "cut": (cut(0.6), "damaged or cut"),
    "cut at the end": (cut(0.999), "damaged or cut"),
    "cut, legacy": (cut(0.6, legacy=True), "damaged or cut"),
    "cut early, legacy": (cut(0.002, legacy=True), "damaged or cut"),
    "empty": (written(b""), "empty"),
    "junk": (written(bytes(range(256)) * 40), "damaged or cut"),
    "text": (
        written(b"Dear colleague, please find attached\n" * 9),
        "a text that begins 'Dear colleague",
    ),
    "git-annex pointer": (written(b"/annex/objects/MD5E-s9--0.pt\n"), "datalad get"),
    "JSON of an error": (written(b'{"message":"Not Found"}'), "a JSON text, not weights"),
    "zeros": (written(bytes(9000)), "nothing but zeros, not weights"),
    "gzip": (written(gzip.compress(bytes(9000))), "a gzip file.*Unpack it once"),
    "zip of a model": (zipped, r"a zip archive of other files.*\(found a/member\.pt\).*Unpack"),
    "a link to nowhere": (lambda p: p.symlink_to("/mnt/gone/a.pt"), "found a link to /mnt/gone"),
    "web page": (written(b"\n<!DOCTYPE html><html><body>404"), "web page"),
    "LFS pointer": (
        written(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 2424225\n"),
        "Git-LFS pointer.*git lfs pull",
    ),
    "NaN": (saved(lambda: with_first(NAN)), f"NaN or infinity in {FIRST}"),
    "Inf": (saved(lambda: with_first(INF)), "NaN or infinity"),
    "overflows float32": (
        saved(lambda: with_first(torch.full((8, 1, 3, 3, 3), 1e300, dtype=torch.float64))),
        "NaN or infinity",
    ),
    "wrong shape": (
        saved(lambda: with_first(torch.zeros(8, 2, 3, 3, 3))),
        r"found \(8, 2, 3, 3, 3\)",
    ),
    "missing key": (
        saved(lambda: {k: v for k, v in weights(0).items() if k != FIRST}),
        f"1 weight missing, such as {FIRST}",
    ),
    "extra key": (
        saved(lambda: changed(extra=torch.zeros(1))),
        "others beside them.*such as extra",
    ),
    "another network": (saved(lambda: torch.nn.Linear(2, 2).state_dict()), "another architecture"),
    "integers": (saved(lambda: with_first(torch.ones(8, 1, 3, 3, 3, dtype=torch.int64))), "int64"),
    "sparse": (saved(lambda: with_first(torch.zeros(8, 1, 3, 3, 3).to_sparse())), "sparse"),
    "meta": (saved(lambda: with_first(torch.zeros(8, 1, 3, 3, 3, device="meta"))), "meta"),
    "a checkpoint": (saved(lambda: {"state_dict": weights(0), "epoch": 3}), "under 'state_dict'"),
    "a checkpoint with a name of its own": (
        saved(lambda: {"epoch": 3, "ema": weights(0), "optimizer": {"state": {}}}),
        r"under 'ema'.*torch\.load\('.*unet_0\.pt', map_location='cpu'\)\['ema'\]",
    ),
    "twice": (
        saved(lambda: {**prefixed("net.", weights(0)), **prefixed("ema.", weights(1))}),
        r"more than once.*'net\.model\.' and with 'ema\.model\.'",
    ),
    "a prefix and a weight too many": (
        saved(lambda: {**prefixed("net.", weights(0)), "net.loss.weight": torch.ones(2)}),
        "the network's weights, and others beside them.*1 other, such as net.loss.weight",
    ),
    "two prefixes, mixed": (
        saved(lambda: {f"{'ab'[k % 2]}.{n}": v for k, (n, v) in enumerate(weights(0).items())}),
        "another architecture",
    ),
    "a list": (saved(lambda: [1, 2]), "found list"),
    "nothing inside": (saved(dict), "found dict"),
    "zip bomb": (zip_bomb, "unpack to more"),
    "claims terabytes": (claims_terabytes, "another architecture"),
    "TorchScript": (scripted, "TorchScript"),
    "a folder": (lambda p: p.mkdir(), "not a regular file"),
    "a pipe": (os.mkfifo, "not a regular file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_models_are_named(fault: str, tmp_path: Path) -> None:
    write, words = FAULTS[fault]
    path = tmp_path / "unet_0.pt"
    write(path)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=words) as caught:
            load_members(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 400e6
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert not RAN.exists()


def test_the_pickle_would_have_run_code(tmp_path: Path) -> None:
    torch.save({"x": Stranger()}, tmp_path / "a.pt")
    torch.load(tmp_path / "a.pt", weights_only=False)
    assert RAN.exists()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("legacy", [False, True])
def test_every_floating_type_is_loaded(dtype: torch.dtype, tmp_path: Path, *, legacy: bool) -> None:
    state = {key: value.to(dtype) for key, value in weights(4).items()}
    torch.save(state, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    found = read_weights(tmp_path / "a.pt", HEATMAP)
    assert len(found.sha256) == 64
    assert all(value.dtype == torch.float32 for value in found.state.values())
    assert all(torch.equal(found.state[key], value.float()) for key, value in state.items())


def test_members_compute_what_the_plain_network_computes(tmp_path: Path) -> None:
    for seed in (0, 1):
        torch.save(OrderedDict(weights(seed)), tmp_path / f"unet_{seed}.pt")
    x = torch.rand((1, 1, 32, 16, 32), generator=torch.Generator().manual_seed(1))
    for plain in (True, False):
        members = load_members(tmp_path, plain=plain)
        assert [m.name for m in members] == ["unet_0.pt", "unet_1.pt"]
        for seed, member in enumerate(members):
            net = UNet().eval()
            net.load_state_dict(weights(seed))
            with torch.no_grad():
                expected = net(x)
                found = member.network(x)
            peak = float(expected.abs().max())
            np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-5 * peak, rtol=0)


def test_a_member_is_a_copy_of_its_weights() -> None:
    state = weights(0)
    member = Member.from_state(state, plain=True)
    x = torch.rand((1, 1, 16, 16, 32), generator=torch.Generator().manual_seed(1))
    before = member.network(x)
    for value in state.values():
        value.zero_()
    assert torch.equal(member.network(x), before)
    assert not before.requires_grad


def test_order_of_members(tmp_path: Path) -> None:
    for name in ("b.pt", "a10.pt", "a2.pt", ".hidden.pt", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in find_models(tmp_path)] == ["a10.pt", "a2.pt", "b.pt"]


def test_folder_of_a_training(tmp_path: Path) -> None:
    for k in (10, 2, 0):
        (tmp_path / f"split-{k}").mkdir()
        (tmp_path / f"split-{k}" / "model.pt").touch()
    found = [p.parent.name for p in find_models(tmp_path)]
    assert found == ["split-0", "split-2", "split-10"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, "does not exist"),
        (lambda p: p.write_text("x"), r"this is a file.*[Gg]ive its folder"),
        (lambda p: p.mkdir(), "no model in this directory"),
    ],
)
def test_no_model_at_all(make: Callable[[Path], Any], words: str, tmp_path: Path) -> None:
    make(tmp_path / "models")
    with pytest.raises(ModelError, match=words):
        load_members(tmp_path / "models")


def test_the_same_file_twice_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.pt", "b.pt"):
        torch.save(weights(0), tmp_path / name)
    (tmp_path / "b.pt").write_bytes((tmp_path / "a.pt").read_bytes())
    with caplog.at_level(logging.WARNING, "carotid"):
        members = load_members(tmp_path)
    assert members[0].sha256 == members[1].sha256
    assert "a.pt and b.pt are the same file" in caplog.text


def test_all_are_checked_before_any_is_built(tmp_path: Path) -> None:
    torch.save(weights(0), tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(b"")
    with pytest.raises(ModelError, match=r"b\.pt.*empty"):
        load_members(tmp_path)
