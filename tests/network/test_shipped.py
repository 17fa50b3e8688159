"""Which models a command uses that was given none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from carotid.errors import UsageError
from carotid.network import shipped
from carotid.storage.checksums import sha256_of_file
from carotid.storage.model_description import read_model_description

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_given_else_what_is_shipped_else_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path)
    given = tmp_path / "mine"
    assert shipped.given_or_shipped("contour", given) == given
    with pytest.raises(UsageError, match=r"without contour models.*--contour_model_dir"):
        shipped.given_or_shipped("contour", None)
    (tmp_path / "contour" / "split-1").mkdir(parents=True)
    with pytest.raises(UsageError):
        shipped.given_or_shipped("contour", None)
    (tmp_path / "contour" / "split-1" / "model.pt").touch()
    assert shipped.given_or_shipped("contour", None) == tmp_path / "contour"


@pytest.mark.parametrize("kind", ["x", "", "..", None])
def test_kinds_that_are_not_shipped(kind: Any) -> None:
    with pytest.raises(UsageError, match=r"no models of that kind.*expected contour or heatmap"):
        shipped.shipped_models(kind)


def test_heatmap_models_are_shipped() -> None:
    assert any(shipped.given_or_shipped("heatmap", None).glob("*.pt"))


@pytest.mark.parametrize("kind", sorted(path.name for path in shipped.SHIPPED.iterdir()))
def test_shipped_models_say_what_they_expect(kind: str) -> None:
    folder = shipped.shipped_models(kind)
    described = read_model_description(folder)
    assert described is not None
    assert described.kind == kind
    assert described.files == {
        path.relative_to(folder).as_posix(): sha256_of_file(path) for path in folder.rglob("*.pt")
    }
    assert described.rescaling is None or described.rescaling.percentiles is not None
