"""Who is asked for, among those who are there."""

from __future__ import annotations

import pytest

from carotid.cohort.participants import select_participants
from carotid.errors import UsageError

COMPOSED, DECOMPOSED = "M\u00fcller", "Mu\u0308ller"


def test_all_some_and_repeated_participants() -> None:
    assert select_participants(["c", "a", "b"], []) == ["a", "b", "c"]
    assert select_participants(["c", "a", "b"], ["c", "a", "c"]) == ["a", "c"]


@pytest.mark.parametrize(
    "wanted", ["../x", "/etc", "", "a\nb", "-a", "sub-1.mha", "SUB-1", "sub-1 ", "sub-1/", "."]
)
def test_an_id_that_is_not_there_lists_what_is(wanted: str) -> None:
    with pytest.raises(UsageError) as caught:
        select_participants(["sub-1", "other"], ["other", wanted])
    message = str(caught.value)
    assert "--participant: there is no participant of that name" in message
    assert "ids among other, sub-1" in message
    assert "\n" not in message
    assert repr(wanted) in message


def test_the_nearest_id_is_named_and_long_lists_are_shortened() -> None:
    there = [f"sub-{n:03}" for n in range(1000)]
    with pytest.raises(UsageError) as caught:
        select_participants(there, ["sub-0005"])
    assert "Perhaps 'sub-0" in str(caught.value)
    assert "sub-019 and 980 more" in str(caught.value)
    with pytest.raises(UsageError) as caught:
        select_participants(there, ["zzz", "yyy", "zzz"])
    assert "Perhaps" not in str(caught.value)
    assert "found 'zzz', 'yyy'," in str(caught.value)


def test_what_others_lack_is_said() -> None:
    with pytest.raises(UsageError, match=r"of that name with masks or heatmaps \(found 'b'"):
        select_participants(["a"], ["b"], having="masks or heatmaps")


@pytest.mark.parametrize(("there", "typed"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_accents_may_be_typed_in_either_form(there: str, typed: str) -> None:
    assert select_participants(["a", there], [typed]) == [there]


def test_the_form_that_was_typed_comes_first() -> None:
    assert select_participants([COMPOSED, DECOMPOSED], [COMPOSED]) == [COMPOSED]
    assert select_participants([COMPOSED, DECOMPOSED], [DECOMPOSED]) == [DECOMPOSED]


@pytest.mark.parametrize("space", ["\xa0", "\u200b", "\u2009", "\t"])
def test_characters_that_cannot_be_seen_are_spelled_out(space: str) -> None:
    with pytest.raises(UsageError) as caught:
        select_participants(["sub 1"], [f"sub{space}1"])
    spelled = repr(space)[1:-1]
    assert f"found 'sub{spelled}1'" in str(caught.value)
