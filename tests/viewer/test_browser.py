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
    assert kinds.count("scatter3d") == 1, "the ring at the slider"
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
    assert "largest (arrow)2.1" in numbers
    before = browser.run(where)
    browser.click("#curve")
    assert browser.run(where) != before
    ring: Any = "document.querySelector('#space').data[0].z[0]"
    browser.drawn()
    high = browser.run(ring)
    browser.run(
        "(e => { e.value = 2; e.dispatchEvent(new Event('change')); })"
        "(document.querySelector('#artery'))"
    )
    browser.click("#narrowest")
    browser.drawn()
    assert browser.run(ring) != high
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


def choose(browser: Browser, name: str, value: object) -> None:
    """Choose from a list as a person does, and wait until it is drawn."""
    browser.run(
        f"(e => {{ e.value = '{value}'; e.dispatchEvent(new Event('change')); }})"
        f"(document.querySelector('#{name}'))"
    )
    browser.drawn()


def turn_by_hand(browser: Browser) -> None:
    """Turn the arteries with the mouse, and once more where it did not take.

    Where drawing is slow, Plotly may report a drag and leave the camera where it was.
    """
    eye = "document.querySelector('#space')._fullLayout.scene._scene.getCamera().eye"
    before = browser.run(eye)
    for _ in range(5):
        drag(browser)
        if browser.run(eye) != before:
            return


def drag(browser: Browser) -> None:
    """Move the mouse over the arteries with its button down."""
    box = "document.querySelector('#space').getBoundingClientRect()"
    x, y = browser.run(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({box})")
    # A hand comes from somewhere: Plotly takes the way to where the button goes down for a turn.
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    browser.drawn()
    mouse: dict[str, Any] = {"button": "left", "clickCount": 1}
    browser.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **mouse)
    for step in range(1, 6):
        at = {"x": x + 15 * step, "y": y + 5 * step}
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", buttons=1, **at, **mouse)
    browser.call("Input.dispatchMouseEvent", type="mouseReleased", **at, **mouse)
    browser.drawn()


def test_letters_belong_to_the_view_and_a_turned_view_is_called_so(
    path: Path, browser: Browser
) -> None:
    browser.open(path)
    letters = "document.querySelector('#space').layout.scene.annotations.map(a => a.text)"
    view = "document.querySelector('#view').value"
    assert browser.run(letters) == ["R", "L", "head"]
    choose(browser, "view", "right")
    assert browser.run(letters) == ["A", "P", "head"]
    assert browser.run(view) == "right"
    turn_by_hand(browser)
    assert browser.until(view, "hand") == "hand"
    eye = "document.querySelector('#space')._fullLayout.scene.camera.eye"
    turned = browser.run(eye)
    choose(browser, "surface", "both")
    assert browser.run(eye) == turned, "as it was turned"
    choose(browser, "view", "front")
    assert browser.run(f"{eye}.x") == pytest.approx(0)
    assert browser.run(letters) == ["R", "L", "head"]


def test_centerlines_can_be_seen_and_the_ring_lies_around_the_wall(
    path: Path, browser: Browser
) -> None:
    browser.open(path)
    opacity = (
        "document.querySelector('#space')._fullData"
        ".filter(t => t.type === 'mesh3d').map(t => t.opacity)"
    )
    assert set(browser.run(opacity)) == {1}
    browser.click("#lines")
    browser.drawn()
    assert max(browser.run(opacity)) < 0.5
    kinds = browser.run("document.querySelector('#space').data.map(t => t.type)")
    assert kinds.count("scatter3d") == 1 + 4 + 2
    ring = browser.run("(t => [t.x, t.y, t.z[0]])(document.querySelector('#space').data[0])")
    wall = browser.run(
        "(t => [t.x, t.y, t.z])(document.querySelector('#space').data.find(t => t.uid === 'wall0'))"
    )
    own = [k for k, z in enumerate(wall[2]) if z == ring[2]]
    width = [max(ring[c]) - min(ring[c]) for c in (0, 1)]
    inside = [max(wall[c][k] for k in own) - min(wall[c][k] for k in own) for c in (0, 1)]
    assert width == pytest.approx([1.15 * one for one in inside])


def test_depth_is_sorted_finely_enough_for_thin_walls(path: Path, browser: Browser) -> None:
    browser.open(path)
    browser.drawn()
    far = browser.run("document.querySelector('#space')._fullLayout.scene._scene.glplot.zFar")
    step = far / 2**16  # Plotly's buffers have 16 bits
    length = "(s => s.aspectratio.z / (s.zaxis.range[1] - s.zaxis.range[0]))"
    per_mm = browser.run(f"{length}(document.querySelector('#space')._fullLayout.scene)")
    assert step < 0.3 * per_mm


@pytest.mark.parametrize("width", [1280, 390])
def test_the_curve_has_words_that_can_be_read_and_one_scale(
    path: Path, browser: Browser, width: int
) -> None:
    browser.open(path, width=width)
    words = "[...document.querySelectorAll('#curve text')].map(t => t.textContent)"
    assert {"area, mm²", "0", "bifurcation"} <= set(browser.run(words))
    size = "document.querySelector('#curve text').getBoundingClientRect().height"
    assert browser.run(size) > 11
    heights = []
    for number in range(4):
        choose(browser, "artery", number)
        heights.append([one for one in browser.run(words) if one.isdigit()])
    assert all(one == heights[0] for one in heights)
    scale = "[...document.querySelectorAll('#space .infolayer text')]"
    right = f"Math.max(...{scale}.map(t => t.getBoundingClientRect().right))"
    edge = browser.run("document.querySelector('#space').getBoundingClientRect().right")
    assert browser.run(right) < edge, "the color bar is not cut"


@pytest.mark.parametrize(("number", "left"), [(0, True), (2, False)])
def test_an_arrow_points_at_the_thickest_place(
    tmp_path: Path, browser: Browser, number: int, *, left: bool
) -> None:
    contours, _ = neck()
    path = tmp_path / "bare.html"
    path.write_text(page_of(Seen("a", measured(), contours, None, None)))
    browser.open(path)
    choose(browser, "artery", number)
    browser.click("#thickest")
    white = browser.run(
        "(c => { const n = c.width, d = c.getContext('2d').getImageData(0, 0, n, n).data;"
        " const found = [0, 0];"
        " for (let y = 0.3 * n; y < 0.7 * n; y++) for (let x = 60; x < n; x++) {"
        "   const k = 4 * (Math.floor(y) * n + x);"
        "   if (d[k] === 255 && d[k + 1] === 255 && d[k + 2] === 255) found[x < n / 2 ? 0 : 1]++;"
        " } return found; })(document.querySelector('#slice'))"
    )
    assert white[0 if left else 1] > 50, "lateral, seen from the feet"
    assert white[1 if left else 0] == 0


def painted(browser: Browser) -> int:
    """How many shades the slice's canvas has."""
    return int(
        browser.run(
            "new Promise(done => setTimeout(() => { const c = document.querySelector('#slice');"
            " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            " done(new Set(d).size); }, 500))"
        )
    )
