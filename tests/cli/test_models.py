"""`carotid models` on folders that it cannot work with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carotid.cli.models import calibrate, check
from carotid.errors import ModelError, UsageError
from carotid.network.shipped import SHIPPED
from carotid.storage.checksums import sha256_of_file
from carotid.storage.model_description import ModelDescription, write_model_description

if TYPE_CHECKING:
    from pathlib import Path


def heatmap_models(folder: Path) -> Path:
    """A folder that says of itself that it holds heatmap models; its weights cannot be read."""
    folder.mkdir()
    (folder / "member_0.pt").write_bytes(b"no weights")
    write_model_description(folder, ModelDescription("heatmap", "a network"))
    return folder


def test_models_of_another_step_are_called_so(tmp_path: Path) -> None:
    folder = heatmap_models(tmp_path / "models")
    for command, more in ((calibrate, {"necks": 150}), (check, {"kind": "contour"})):
        assert command.callback is not None
        with pytest.raises(ModelError, match=r"these are heatmap models .expected contour models"):
            command.callback(model_dir=folder, **more)


def test_the_package_s_own_models_are_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHIPPED.parent)
    before = (SHIPPED / "contour" / "model.json").read_bytes()
    for folder in (SHIPPED / "contour", (SHIPPED / "contour").relative_to(SHIPPED.parent)):
        assert calibrate.callback is not None
        with pytest.raises(UsageError, match=r"installed package.*Copy the folder"):
            calibrate.callback(model_dir=folder, necks=150)
    assert (SHIPPED / "contour" / "model.json").read_bytes() == before


def test_a_file_is_no_folder_of_models(tmp_path: Path) -> None:
    file = tmp_path / "member_0.pt"
    file.write_bytes(b"weights")
    for command, more in ((calibrate, {"necks": 150}), (check, {"kind": None})):
        assert command.callback is not None
        with pytest.raises(ModelError, match=r"this is a file.*[Gg]ive its folder"):
            command.callback(model_dir=file, **more)


@pytest.mark.parametrize("line", ["{}  ./member_0.pt", "SHA256 (member_0.pt) = {}"])
def test_checksums_in_other_forms_count(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "member_0.pt").symlink_to(SHIPPED / "contour" / "member_0.pt")
    known = sha256_of_file(tmp_path / "member_0.pt")
    for sha256, code, words in ((known, 0, "usable"), ("0" * 64, 2, "not the file that is listed")):
        (tmp_path / "SHA256SUMS").write_text(line.format(sha256))
        assert check.callback is not None
        assert check.callback(model_dir=tmp_path, kind="contour") == code
        told = capsys.readouterr().out
        assert words in told
        assert "missing" not in told
