"""Templates to text: whatever is put into a page is escaped, unless a template made it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from markupsafe import Markup

from carotid.report.drawing.lines import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Environment


def render(template: str, **values: object) -> Markup:
    """The text of one of the templates beside this file; values that it lacks are errors."""
    return Markup(_environment().get_template(template).render(values))  # noqa: S704 - escaped there


def stream(template: str, **values: object) -> Iterator[str]:
    """The same in pieces, for what does not fit into memory."""
    return _environment().get_template(template).generate(values)


def asset(name: str) -> Markup:
    """A style sheet or script, as it is."""
    text = resources.files("carotid.report").joinpath("templates", name).read_text("utf-8")
    return Markup(text.replace("\r\n", "\n"))  # noqa: S704 - ours


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("carotid.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "g": "{:g}".format, "digest": _digest}
    return environment


def _digest(text: str) -> str:
    """What a content security policy calls a style sheet or script by."""
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
