"""What stops a command before it begins: the documented code, one clear line, nothing touched."""

from __future__ import annotations

import os
import re
import stat
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.command import tree, unfinished
from tests.faults.bad_commands import CONFIGURATION, OUTPUT, PARTICIPANTS, precious
from tests.faults.bad_models import DONE, MODELS, proof
from tests.faults.harness import MEMORY_LIMIT_BYTES, Place, Ran, run

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = {
    "models": MODELS,
    "configuration": CONFIGURATION,
    "participants": PARTICIPANTS,
    "output": OUTPUT,
}
QUICK = {
    ("models", "a pickle that runs code"),
    ("models", "a deflate bomb"),
    ("models", "cut short"),
    ("configuration", "unknown key"),
    ("configuration", "nested without end"),
    ("participants", "above"),
    ("output", "a final name that is a link"),
    ("output", "leftovers of a run that died"),
}
ROWS = [
    pytest.param(
        group, name, id=f"{group}: {name}", marks=[] if (group, name) in QUICK else [FAULTS]
    )
    for FAULTS in [pytest.mark.faults]
    for group, rows in GROUPS.items()
    for name in rows
]


def umask(mode: int) -> None:
    os.umask(mode)


def errors(ran: Ran) -> list[str]:
    return [line for line in ran.err.splitlines() if line.startswith("carotid: error: ")]


@pytest.mark.parametrize(("group", "name"), ROWS)
def test_what_is_wrong_is_one_clear_line(group: str, name: str, tmp_path: Path) -> None:
    spoil, code, words = GROUPS[group][name]
    place = Place.made(tmp_path)
    options = spoil(place)
    more = options if isinstance(options, list) else []
    beside = {k: v for k, v in tree(tmp_path).items() if not k.startswith("out/")}
    before = tree(place.out)

    ran = run([*place.arguments, *more], tmp_path)

    assert ran.code == code, ran.said
    assert "Traceback" not in ran.said
    assert "Warning" not in ran.said, "another library's warning came through"
    assert "-vv for the traceback" not in ran.said
    assert ran.peak_bytes < MEMORY_LIMIT_BYTES
    assert not proof(place).exists(), "code from a file was run"
    after = {k: v for k, v in tree(tmp_path).items() if not k.startswith("out/")}
    assert {k: v for k, v in after.items() if k not in ("stdout", "stderr")} == beside
    if code == DONE:
        assert place.complete() == ["good"]
        assert words in ran.err
        assert unfinished(place.out) == []
        return
    if code == 2:
        (line,) = errors(ran)
        assert ran.out == ""
        assert tree(place.out) == before
    else:
        (line,) = [text for text in ran.out.splitlines() if text.startswith("good ")]
    assert re.search(words, line), line
    assert len(line) < 1000
    assert str(tmp_path) in line or "--participant" in line
    if precious(place).exists():
        assert [path.name for path in precious(place).iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("which", ["raw", "models", "inside raw", "inside models"])
def test_an_output_among_the_input_is_refused(which: str, tmp_path: Path) -> None:
    place = Place.made(tmp_path)
    folder = {
        "raw": place.raw,
        "models": place.models,
        "inside raw": place.raw / "deep" / "out",
        "inside models": place.models / ".." / "models" / "out",
    }[which]
    before = place.inputs()
    words = [str(folder) if word == str(place.out) else word for word in place.arguments]
    ran = run(words, tmp_path)
    assert ran.code == 2
    (line,) = errors(ran)
    assert "is, or lies inside, an input directory" in line
    assert place.inputs() == before


@pytest.mark.faults
def test_results_of_others_stay_private(tmp_path: Path) -> None:
    place = Place.made(tmp_path)
    ran = run(place.arguments, tmp_path, before=partial(umask, 0o077))
    assert ran.code == 0, ran.err
    for path in [place.out, *place.out.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.faults
def test_results_are_readable_for_the_group_where_the_umask_says_so(tmp_path: Path) -> None:
    place = Place.made(tmp_path)
    ran = run(place.arguments, tmp_path, before=partial(umask, 0o002))
    assert ran.code == 0, ran.err
    for path in place.out.rglob("*"):
        wanted = 0o775 if path.is_dir() else 0o664
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
