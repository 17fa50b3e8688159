"""Polar images are written if there is room."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from tests.stages.polar.test_draw import SCAN, SMALL, lines

from carotid.errors import ResourceError
from carotid.stages.polar.draw import draw_polar_images
from carotid.stages.polar.task import save

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("nine", [False, True])
def test_the_room_that_is_foreseen_is_what_the_images_take(tmp_path: Path, *, nine: bool) -> None:
    parameters = SMALL.model_copy(update={"multiple_centers": nine})
    images = draw_polar_images(SCAN, lines((10, 9, 5), (10, 9, 6)), parameters)
    save(images, tmp_path)
    taken = sum(path.stat().st_size for path in tmp_path.rglob("*_polar.npy"))
    assert 0 <= taken - images.stored_bytes <= 2 * 256, "and what describes each array"


def test_without_room_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = draw_polar_images(SCAN, lines((10, 9, 5)), SMALL)
    few = SimpleNamespace(free=images.stored_bytes - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: few)
    with pytest.raises(ResourceError, match="not enough room for the polar images"):
        save(images, tmp_path)
    assert not list(tmp_path.iterdir())
