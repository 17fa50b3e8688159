"""Parts of a cohort."""

from __future__ import annotations

import subprocess
import sys

import pytest

from carotid.cohort.participants import select_participants
from carotid.cohort.shard import Shard
from carotid.errors import UsageError

IDS = [f"sub-{number:04}" for number in range(2000)]


@pytest.mark.parametrize("count", [1, 2, 4, 7, 64])
def test_each_participant_is_in_one_part(count: int) -> None:
    parts = [Shard(number, count).of(IDS) for number in range(1, count + 1)]
    assert sorted(one for part in parts for one in part) == IDS
    expected = len(IDS) / count
    for part in parts:
        assert abs(len(part) - expected) < 5 * expected**0.5, "about as many in each"


def test_participants_that_are_added_move_no_other() -> None:
    before = {one: [n for n in range(1, 5) if Shard(n, 4).has(one)] for one in IDS[::2]}
    after = {one: [n for n in range(1, 5) if Shard(n, 4).has(one)] for one in IDS}
    assert {one: after[one] for one in before} == before


def test_parts_are_the_same_on_every_machine_and_in_every_process() -> None:
    known = {"sub-01": 4, "sub-02": 2, "Müller": 7, "": 5}  # by sha256sum
    assert {one: next(n for n in range(1, 9) if Shard(n, 8).has(one)) for one in known} == known
    code = "from carotid.cohort.shard import Shard; print(Shard(1, 3).of(map(str, range(40))))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(Shard(1, 3).of(map(str, range(40))))


def test_the_two_forms_of_an_accent_are_in_one_part() -> None:
    for count in (2, 3, 5, 1000):
        composed = [n for n in range(1, count + 1) if Shard(n, count).has("M\u00fcller")]
        assert composed == [n for n in range(1, count + 1) if Shard(n, count).has("Mu\u0308ller")]


@pytest.mark.parametrize(
    "text", ["", "3", "0/4", "5/4", "1/0", "-1/4", "1/4 ", "a/b", "1/4/2", "1.0/4"]
)
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="i/N with i from 1 to N"):
        Shard.parse(text)


def test_a_part_is_read_and_told_alike() -> None:
    assert str(Shard.parse("3/8")) == "3/8"
    assert Shard.parse("1/1").of(IDS) == IDS


def test_a_part_of_those_who_are_asked_for() -> None:
    part = Shard(2, 3)
    assert select_participants(IDS, [], part) == part.of(IDS)
    some = IDS[5:50]
    assert select_participants(IDS, some, part) == part.of(some)
