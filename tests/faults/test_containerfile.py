"""The Containerfile, as far as it can be checked without a container engine."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
INSTRUCTIONS = {"FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT", "CMD"}


def stages() -> list[list[tuple[str, str]]]:
    """Instructions and their arguments, stage by stage."""
    text = (ROOT / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    found: list[list[tuple[str, str]]] = []
    for line in joined:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest.strip()))
    return found


def test_every_line_is_an_instruction() -> None:
    assert len(stages()) == 2
    for stage in stages():
        for word, rest in stage:
            assert word in INSTRUCTIONS, word
            assert rest


def test_what_is_copied_is_there_and_is_not_ignored() -> None:
    ignore = (ROOT / ".containerignore").read_text().splitlines()
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    for stage in stages():
        for word, rest in stage:
            if word == "COPY" and not rest.startswith("--from"):
                for source in rest.split()[:-1]:
                    assert (ROOT / source).exists(), source
                    assert any(fnmatch(source.removeprefix("./"), name) for name in allowed), source


def test_the_image_runs_the_command_as_nobody_in_particular() -> None:
    last = dict(stages()[-1])
    assert json.loads(last["ENTRYPOINT"]) == ["carotid"]
    assert json.loads(last["CMD"]) == ["algorithm", "/input", "/output"]
    user, _, group = last["USER"].partition(":")
    assert int(user) >= 1000
    assert int(group) >= 1000


def test_its_python_and_its_versions_are_the_tested_ones() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    supported = [line.rpartition(" ")[2] for line in project["classifiers"] if "Python ::" in line]
    for stage in stages():
        version = re.search(r"python:(\d+\.\d+)-slim", dict(stage)["FROM"])
        assert version is not None
        assert version.group(1) in supported
    install = next(rest for word, rest in stages()[0] if word == "RUN")
    assert "pip install --constraint constraints.txt ." in install
    scripts = project["scripts"]
    assert "carotid" in scripts
