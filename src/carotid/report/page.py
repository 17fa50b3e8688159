"""The page around the cases: style, script, legend, explanations, the table of everyone.

The page stands alone. A content security policy, with hashes of the one style sheet and the one
script, forbids it every request and every other script, whatever a participant may be called.
"""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from carotid.report.columns import CHECK, COLUMNS, DOUBTFUL, TRUTH_COLUMNS, Column, Row
from carotid.report.figures import NEAR, SCORE_PARTS, Part

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class PageFacts:
    """What the page says about the whole run.

    Attributes:
        threshold: What a peak has to exceed.
        pictures: For how many participants there are pictures at most.
        trouble: Why scans are not shown; empty where they are.
    """

    threshold: float
    pictures: int
    trouble: str


def head(rows: Sequence[Row], facts: PageFacts) -> str:
    """Everything above the cases.

    Args:
        rows: All participants, worst first.
        facts: About the run.
    """
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    columns = columns_of(rows)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        "<title>Carotid heatmaps: report</title>\n"
        f"<style>{style}</style>\n</head>\n<body>\n"
        f'<div class="top" id="top">\n<h1>Carotid heatmaps</h1>\n{_lead(rows, facts)}'
        f"{_legend(facts, truth=any(row.truth for row in rows))}"
        f"{_how_to_read(facts)}{_explanations(columns)}{_tools()}{_table(rows, columns)}</div>\n"
        '<main id="cases">\n'
    )


def tail() -> str:
    """Everything below the cases."""
    return (
        '</main>\n<footer class="top">Made by carotid from files on disk; '
        "it needs no network. Not a medical device: figures predict where to look, no more."
        f"</footer>\n<script>{_asset('page.js')}</script>\n</body>\n</html>\n"
    )


def columns_of(rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns of a page: those of the truth only where some is known."""
    return COLUMNS + TRUTH_COLUMNS if any(row.truth for row in rows) else COLUMNS


def _lead(rows: Sequence[Row], facts: PageFacts) -> str:
    groups = ("doubtful", "check", "unremarkable", "no heatmaps")
    counts = [(group, sum(row.group == group for row in rows)) for group in groups]
    told = ", ".join(f"{number} {_GROUP_WORDS[group]}" for group, number in counts if number)
    some = "participant" if len(rows) == 1 else "participants"
    text = (
        f'<p class="lead">{len(rows)} {some}: {told}. The cases that most need a look '
        "come first.</p>\n"
    )
    if facts.trouble:
        text += f'<p class="note">Scans are not shown: {escape(facts.trouble)}.</p>\n'
    if sum(bool(row.sides) for row in rows) > facts.pictures:
        text += (
            f'<p class="note">Pictures are shown for the {facts.pictures} worst; '
            "--pictures shows more.</p>\n"
        )
    return text


_GROUP_WORDS = {
    "doubtful": "doubtful",
    "check": "worth a check",
    "unremarkable": "unremarkable",
    "no heatmaps": "without heatmaps",
}


def _legend(facts: PageFacts, *, truth: bool) -> str:
    internal = (
        '<path class="outline internal" d="M1 8h18"/>'
        '<path class="dot internal" d="M32 3l5 9h-10z"/>'
    )
    external = (
        '<path class="outline external" d="M1 8h18"/>'
        '<path class="dot external" d="M28 8a4 4 0 1 0 8 0a4 4 0 1 0-8 0"/>'
    )
    items = [
        (internal, "internal: red, solid, triangles"),
        (external, "external: green, dashed, circles; both together: yellow"),
    ]
    if truth:
        items.append(('<path class="truth" d="M1 8h18M28 8h10M33 3v10"/>', "known centers"))
    shown = "".join(
        f'<li><svg viewBox="0 0 44 16" aria-hidden="true">{drawing}</svg>{words}</li>'
        for drawing, words in items
    )
    return (
        f'<ul class="legend">{shown}<li>outlines: mean heatmap of {facts.threshold:g}</li>'
        "<li><b>The patient's right is on the left</b> of coronal and axial pictures</li></ul>\n"
    )


def _how_to_read(facts: PageFacts) -> str:
    return (
        "<details><summary>How to read the pictures</summary><dl>"
        "<dt>Mean heatmap</dt><dd>Coronal view from the front: the largest mean of the ensemble "
        "through the depth, over the scan averaged across 8 mm at the depth of the maxima. "
        "R and L, S and I, A and P name the patient's right and left, superior and inferior, "
        "anterior and posterior. The numbered ticks are the heights of the axial sections.</dd>"
        "<dt>Standard deviation</dt><dd>The same for the spread of the members; full colour is "
        "200. Colour away from the vessels means that members looked "
        "elsewhere.</dd>"
        "<dt>Right, Left</dt><dd>Sagittal views of each side's heatmap, anterior on the left "
        "of the picture.</dd>"
        f"<dt>Peak</dt><dd>Height of the mean heatmap's maximum in each axial slice, drawn "
        f"beside the pictures at the same height; the dotted line is the threshold "
        f"({facts.threshold:g}) that later steps use.</dd>"
        "<dt>Disagree</dt><dd>How far the members' maxima lie apart, where there is a peak; "
        "what exceeds 10 mm is drawn at the border.</dd>"
        "<dt>R int., R ext., …</dt><dd>The scan straightened along the maxima, 30 mm wide. A "
        "carotid is a dark, straight band in the middle, between the marks at both ends; where "
        "it leaves the middle, breaks or changes its look, the maxima left the vessel. Shaded: no "
        "peak above the threshold.</dd>"
        "<dt>Axial sections</dt><dd>From the feet, at regular heights from the top down, the "
        "right side beside the left one. Dots are the maxima of every member; those that lie "
        "elsewhere in the slice are counted as outside.</dd></dl></details>\n"
    )


def _explanations(columns: Sequence[Column]) -> str:
    defined = "".join(f"<dt>{escape(c.head)}</dt><dd>{escape(c.explanation)}</dd>" for c in columns)
    parts = "".join(_part(part) for part in SCORE_PARTS.values())
    return (
        "<details><summary>What the columns and the score mean</summary>"
        f'<dl>{defined}</dl><p class="lead">Figures are those of the worse side, R or L behind '
        "them says which. A side's score adds the points below; each figure gives none at the "
        "first value, all at the second, and in proportion between. A figure that cannot be "
        "counted because no slice has a peak gives all. The participant's score is two thirds "
        "of the worse side's and one third of the better one's, plus up to "
        f"{NEAR.weight:g} points where the sides' internal maxima are closer than "
        f"{NEAR.fine:g} mm (all at {NEAR.bad:g} mm). From {DOUBTFUL:g} it is called doubtful, "
        f"from {CHECK:g} worth a check.</p>"
        '<div class="scroll"><table><thead><tr><th scope="col">part</th><th scope="col">points'
        '</th><th scope="col">none at</th><th scope="col">all at</th></tr></thead>'
        f"<tbody>{parts}</tbody></table></div></details>\n"
    )


def _part(part: Part) -> str:
    values = "".join(
        f"<td>{100 * v:g} %</td>" if not part.unit else f"<td>{v:g} {part.unit}</td>"
        for v in (part.fine, part.bad)
    )
    return f'<tr><th scope="row">{part.title}</th><td>{part.weight:g}</td>{values}</tr>'


def _tools() -> str:
    options = "".join(
        f'<option value="{group}">{words}</option>' for group, words in _GROUP_WORDS.items()
    )
    return (
        '<div class="tools" role="search">'
        '<label>Participant<input id="search" type="search" autocomplete="off" '
        'spellcheck="false" placeholder="part of an id"></label>'
        f'<label>Show<select id="group"><option value="">everyone</option>{options}</select>'
        '</label><output id="count" role="status"></output>'
        '<span class="keys soft"><kbd>/</kbd> search, <kbd>j</kbd> next case, <kbd>k</kbd> '
        "previous case</span></div>\n"
    )


def _table(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    heads = [
        _head_cell("#", "Place in the order, worst first", "ascending", "number", now="ascending"),
        _head_cell("Participant", "Id", "ascending", "text"),
        _head_cell("Result", "What the score says", "ascending", "text"),
    ]
    for column in columns:
        first = "descending" if column.worse == "high" else "ascending"
        heads.append(_head_cell(column.head, column.explanation, first, "number", unit=column.unit))
    lines = "".join(_line(row, order, columns) for order, row in enumerate(rows, start=1))
    return (
        '<div class="list" tabindex="0" role="region" aria-label="All participants">'
        f'<table id="table"><thead><tr>{"".join(heads)}</tr></thead>\n'
        f"<tbody>\n{lines}</tbody></table></div>\n"
    )


def _head_cell(
    text: str, title: str, first: str, kind: str, *, now: str = "", unit: str = ""
) -> str:
    sorted_by = f' aria-sort="{now}"' if now else ""
    behind = f" <small>{unit}</small>" if unit else ""
    return (
        f'<th scope="col" data-first="{first}" data-kind="{kind}" title="{escape(title)}"'
        f"{sorted_by}>{escape(text)}{behind}</th>"
    )


def _line(row: Row, order: int, columns: Sequence[Column]) -> str:
    name = escape(row.participant_id)
    kind = row.group.replace(" ", "-")
    word = escape(row.result if not row.sides else row.group)
    cells = [
        f'<td data-v="{order}">{order}</td>',
        f'<td data-v="{name}"><a href="#c{row.number}" title="{name}">{name}</a></td>',
        f'<td data-v="{word}"><span class="{kind}">{word}</span></td>',
    ]
    if not row.sides:
        cells += ['<td data-v="" class="soft">&ndash;</td>' for _ in columns]
    else:
        cells += [_figure_cell(row, column) for column in columns]
    return (
        f'<tr data-card="c{row.number}" data-id="{name}" data-group="{row.group}">'
        f"{''.join(cells)}</tr>\n"
    )


def _figure_cell(row: Row, column: Column) -> str:
    value, side = column.worst(row)
    if math.isnan(value):
        return '<td data-v="">&ndash;</td>'
    whose = "" if side is None else f'<abbr title="{side} side">{side[0].upper()}</abbr>'
    return f'<td data-v="{value:.6g}">{column.text(value)}{whose}</td>'


def _asset(name: str) -> str:
    text = resources.files("carotid.report").joinpath(name).read_text("utf-8")
    return text.replace("\r\n", "\n")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
