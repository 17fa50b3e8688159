"""What a release says of itself agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from carotid import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_citation_is_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (\S+)$", text, re.M)[1] == __version__  # type: ignore[index]
    assert re.search(r"^date-released: \d{4}-\d\d-\d\d$", text, re.M)
    assert re.search(r"^license: (\S+)$", text, re.M)[1] == PROJECT["project"]["license"]  # type: ignore[index]


def test_the_changelog_has_a_place_for_what_comes() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize(
    "extra",
    sorted({*PROJECT["project"]["optional-dependencies"]} - {"check", "dist", "docs", "test"}),
)
def test_extras_for_users_are_on_the_page(extra: str) -> None:
    assert f"\n| `{extra}` |" in (ROOT / "docs" / "installation.md").read_text("utf-8")


def test_tested_versions_are_within_the_bounds() -> None:
    """Every package that the project names has one tested version, not below its bound."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    tested = {
        name.lower().replace("_", "-"): version
        for name, _, version in (line.partition("==") for line in lines if "==" in line)
    }
    extras = PROJECT["project"]["optional-dependencies"].values()
    named = [*PROJECT["project"]["dependencies"], *(one for extra in extras for one in extra)]
    for requirement in named:
        name, _, bound = requirement.partition(">=")
        version = tested[name.lower().replace("_", "-")]
        assert _numbers(version) >= _numbers(bound), requirement


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]
