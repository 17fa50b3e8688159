"""The page in a real browser: it draws, moves, asks for nothing and complains of nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.figures.arteries import measured, neck, scan
from tests.report.browser import Browser, find_browser

from carotid.viewer.page import page_of
from carotid.viewer.scene import Seen
from carotid.viewer.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("plotly")
EXECUTABLE = find_browser()
pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium here")

DRAWING = ("GL Driver Message", "software WebGL", "willReadFrequently")
"""What Chromium says about how it draws itself where there is no GPU."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    contours, centerlines = neck()
    seen = Seen("sub-01 <&>", measured(), contours, centerlines, scan("LPS"))
    path = tmp_path_factory.mktemp("page") / "sub-01.html"
    View("sub-01", page_of(seen)).save(path)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    profile = tmp_path_factory.mktemp("profile")
    assert EXECUTABLE is not None
    with Browser(EXECUTABLE, profile) as one:
        yield one
    shutil.rmtree(profile, ignore_errors=True)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_it_draws_without_requests_and_errors(
    path: Path, browser: Browser, width: int, *, dark: bool
) -> None:
    browser.open(path, width=width, dark=dark)
    assert browser.run("document.querySelectorAll('#space canvas').length") > 0
    assert browser.run("document.documentElement.scrollWidth") <= width
    kinds = browser.run("document.querySelector('#space').data.map(t => t.type)")
    assert kinds.count("mesh3d") >= 4
    assert kinds.count("scatter3d") == 2 + 4 + 2
    shade = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (shade == "rgb(255, 255, 255)") is not dark
    assert painted(browser) > 20
    assert browser.requests == [path.as_uri()]
    assert [one for one in browser.errors if not any(word in one for word in DRAWING)] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_arteries_fit_into_the_picture_in_their_proportions(
    path: Path, browser: Browser, width: int
) -> None:
    browser.open(path, width=width)
    scene = browser.run(
        "(({scene: s}) => ['x', 'y', 'z'].map(c => [s.aspectratio[c], ...s[c + 'axis'].range]))"
        "(document.querySelector('#space')._fullLayout)"
    )
    shown = [one[0] for one in scene]
    lengths = [high - low for _, low, high in scene]
    box = browser.run(
        "(b => [b.width, b.height])(document.querySelector('#space').getBoundingClientRect())"
    )
    assert [one / shown[2] for one in shown] == pytest.approx([one / lengths[2] for one in lengths])
    assert max(shown[2], max(shown[:2]) * box[1] / box[0]) == pytest.approx(1.9, rel=0.1)


def test_keyboard_mouse_and_buttons_move_the_slice(path: Path, browser: Browser) -> None:
    browser.open(path)
    where = "document.querySelector('#where').textContent"
    assert browser.run(where).startswith("0.0 mm from the bifurcation")
    browser.run("document.querySelector('#s').focus()")
    right = {"key": "ArrowRight", "code": "ArrowRight", "windowsVirtualKeyCode": 39}
    browser.call("Input.dispatchKeyEvent", type="keyDown", **right)
    browser.call("Input.dispatchKeyEvent", type="keyUp", **right)
    assert browser.run(where).startswith("+1.")
    browser.click("#thickest")
    numbers = browser.run("document.querySelector('#numbers').textContent")
    assert "largest2.1" in numbers
    before = browser.run(where)
    browser.click("#curve")
    assert browser.run(where) != before
    ring: Any = "document.querySelector('#space').data[0].z[0]"
    high = browser.run(f"new Promise(done => setTimeout(() => done({ring}), 300))")
    browser.run(
        "(e => { e.value = 2; e.dispatchEvent(new Event('change')); })"
        "(document.querySelector('#artery'))"
    )
    browser.click("#narrowest")
    assert browser.run(f"new Promise(done => setTimeout(() => done({ring}), 300))") != high
    browser.run(
        "(e => { e.value = 'lumen'; e.dispatchEvent(new Event('change')); })"
        "(document.querySelector('#surface'))"
    )
    kinds = browser.run("document.querySelector('#space').data.map(t => t.type)")
    assert kinds.count("mesh3d") == 4
    names = "document.querySelector('#space').data.filter(t => t.type === 'mesh3d').map(t => t.uid)"
    assert browser.run(names) == [f"lumen{k}" for k in range(4)]
    colors = "document.querySelector('#space')._fullData.filter(t => t.type === 'mesh3d')"
    assert browser.run(f"{colors}.filter(t => t.intensity).length") == 0, "no colors of the wall"
    assert [one for one in browser.errors if not any(word in one for word in DRAWING)] == []


def painted(browser: Browser) -> int:
    """How many shades the slice's canvas has."""
    return int(
        browser.run(
            "new Promise(done => setTimeout(() => { const c = document.querySelector('#slice');"
            " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            " done(new Set(d).size); }, 500))"
        )
    )
