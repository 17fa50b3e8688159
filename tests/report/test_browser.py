"""The page in a real browser: no error, no request, sorting and filtering by mouse and keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.report.browser import Browser, find_browser
from tests.report.conftest import EVIL

from carotid.report.write import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXECUTABLE = find_browser()
pytestmark = [
    pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium on this machine"),
]

IDS = (
    "[...document.querySelectorAll('#table tbody tr')]"
    ".filter(r => !r.hidden).map(r => r.dataset.id)"
)
CARDS = (
    "[...document.querySelectorAll('article')].filter(a => !a.hidden)"
    ".map(a => a.querySelector('h2 a').textContent)"
)
CONTRAST = """
(() => {
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = s => s.match(/[\\d.]+/g).map(Number);
  const opaque = c => c.length < 4 || c[3] > 0.99;
  const brightness = c =>
    [0.2126, 0.7152, 0.0722].reduce((sum, w, k) => sum + w * linear(c[k] / 255), 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (opaque(c)) return c;
    }
    return [255, 255, 255];
  };
  const texts = 'h1, p, li, td, th, button, a, small, kbd, label, output, dd, dt, figcaption, ' +
    'summary, .badge, abbr, tr span';
  let worst = [99, ''];
  for (const e of document.querySelectorAll(texts)) {
    if (!e.textContent.trim() || e.closest('.view') || e.closest('.out')) continue;
    const a = brightness(parse(getComputedStyle(e).color)), b = brightness(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, e.outerHTML.slice(0, 80)];
  }
  return worst;
})()
"""
"""The lowest contrast of a text on the page to what is behind it, as WCAG 2 defines it."""


@pytest.fixture(scope="module")
def page(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    return write_report(made / "out", output_path=path).page


@pytest.fixture(scope="module")
def later(staged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of all stages."""
    path = tmp_path_factory.mktemp("later") / "report.html"
    return write_report(staged / "out", output_path=path).page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert EXECUTABLE is not None
    with Browser(EXECUTABLE, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_loads_without_error_or_request(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.run("document.querySelectorAll('article').length") == 5
    decoded = "Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth)))"
    widths = browser.run(
        f"({{}}, [...document.images].forEach(i => i.loading = 'eager'), {decoded})"
    )
    assert len(widths) >= 3 * 24
    assert min(widths) > 1
    assert browser.requests == [page.as_uri()]
    assert browser.errors == []


def test_later_stages_load_without_error_or_request(browser: Browser, later: Path) -> None:
    browser.open(later)
    decoded = "Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth)))"
    widths = browser.run(
        f"({{}}, [...document.images].forEach(i => i.loading = 'eager'), {decoded})"
    )
    assert len(widths) > 60
    assert min(widths) > 1
    assert browser.requests == [later.as_uri()]
    assert browser.errors == []


def test_cross_sections_open_by_keyboard_and_fill_their_frame(
    browser: Browser, later: Path
) -> None:
    browser.open(later)
    browser.run("document.querySelector('.cuts summary').focus()")
    picture = "document.querySelector('.cuts img')"
    assert not browser.run(f"{picture}.checkVisibility()")
    browser.press("Enter")
    assert browser.run(f"{picture}.checkVisibility()")
    sizes = (
        f"[{picture}, {picture}.nextElementSibling, {picture}.parentElement]"
        ".map(e => e.getBoundingClientRect().width)"
    )
    image, outlines, frame = browser.run(sizes)
    assert image == pytest.approx(outlines, abs=1)
    assert image == pytest.approx(frame, abs=1)


def test_outlines_cover_their_pictures_at_every_width(browser: Browser, later: Path) -> None:
    for width in (1280, 390):
        browser.open(later, width=width)
        browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        apart = browser.run(
            "Math.max(...[...document.querySelectorAll('.view')].map(v => {"
            " const [a, b] = [v.querySelector('img'), v.querySelector('svg')]"
            ".map(e => e.getBoundingClientRect());"
            " return Math.max(Math.abs(a.width - b.width), Math.abs(a.height - b.height)); }))"
        )
        assert apart <= 1.5, width


def test_prints_without_tools(browser: Browser, later: Path) -> None:
    browser.open(later)
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        shown = "getComputedStyle(document.querySelector('.tools')).display"
        assert browser.run(shown) == "none"
        printed = browser.call("Page.printToPDF", printBackground=True)["data"]
        assert len(printed) > 100_000
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


def test_no_other_script_may_run(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.hit = 1';"
        " document.body.append(s); const i = new Image(); i.src = 'https://example.invalid/x.png';"
        " document.body.append(i); })()"
    )
    assert browser.run("window.hit") is None
    browser.drawn()
    assert browser.requests == [page.as_uri()]
    assert any("Content Security Policy" in error for error in browser.errors)


def test_sorts_by_mouse(browser: Browser, page: Path) -> None:
    browser.open(page)
    start = browser.run(IDS)
    assert start[2:] == ["poor", "fair", "good"]
    assert browser.run(CARDS) == start
    assert (
        browser.run("document.querySelector('#table th').getAttribute('aria-sort')") == "ascending"
    )
    browser.click("th:nth-child(4) button")
    head = "document.querySelector('#table th:nth-child(4)').getAttribute('aria-sort')"
    assert browser.run(head) == "descending"
    assert browser.run(IDS)[:3] == ["poor", "fair", "good"]
    browser.click("th:nth-child(4) button")
    assert browser.run(head) == "ascending"
    assert browser.run(IDS)[:3] == ["good", "fair", "poor"]
    assert browser.run(CARDS) == browser.run(IDS)
    assert browser.run("document.querySelectorAll('[aria-sort]').length") == 1


def test_sorts_and_filters_by_keyboard(browser: Browser, page: Path) -> None:
    browser.open(page)
    for _ in range(40):
        browser.press("Tab")
        if browser.run("document.activeElement.textContent") == "Participant":
            break
    browser.press("Enter")
    ids = browser.run(IDS)
    assert ids == sorted(ids, key=str.lower)
    browser.run("document.getElementById('search').focus()")
    browser.write("OO")
    assert sorted(browser.run(IDS)) == ["good", "poor"]
    assert sorted(browser.run(CARDS)) == ["good", "poor"]
    assert browser.run("document.getElementById('count').textContent") == "2 of 5 shown"


def test_filters_by_what_the_score_says(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run(
        "(g => { g.value = 'no result'; g.dispatchEvent(new Event('change')); })"
        "(document.getElementById('group'))"
    )
    assert browser.run(IDS) == [EVIL, "unrun"]


def test_keys_go_from_case_to_case(browser: Browser, page: Path) -> None:
    browser.open(page)
    numbers = "document.querySelector(location.hash + ' h2 a').textContent"
    seen = []
    for _ in range(3):
        browser.press("j")
        seen.append(browser.run(numbers))
    assert seen == browser.run(IDS)[:3]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("which", ["page", "later"])
def test_text_can_be_read(
    browser: Browser, request: pytest.FixtureRequest, which: str, width: int, dark: bool
) -> None:
    browser.open(request.getfixturevalue(which), width=width, dark=dark)
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    ratio, what = browser.run(CONTRAST)
    assert ratio >= 4.5, what
    assert browser.run("document.documentElement.scrollWidth") <= width
    sizes = (
        "[...document.querySelectorAll('p, td, th, dd, figcaption, .chart text')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(browser.run(sizes)) >= 11


def test_works_without_script(browser: Browser, page: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        assert browser.run(IDS)[2:] == ["poor", "fair", "good"]
        assert browser.run("getComputedStyle(document.querySelector('.tools')).display") == "none"
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
