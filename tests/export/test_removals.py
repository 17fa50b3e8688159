"""Outlines that are taken away, by their words."""

from __future__ import annotations

import pytest

from carotid.errors import UsageError
from carotid.export.removals import Removal, read_removal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("left external 40-60", Removal("left", "external", 40, 60)),
        ("  right  internal   7 ", Removal("right", "internal", 7, 7)),
        ("left internal 3 - 9", Removal("left", "internal", 3, 9)),
        ("left external", Removal("left", "external")),
    ],
)
def test_words_are_read(text: str, expected: Removal) -> None:
    assert read_removal(text) == expected


@pytest.mark.parametrize(
    "text", ["", "left", "external left", "left external 4-", "left external -4", "left common 4"]
)
def test_other_words_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r'not understood.*such as "left external 40-60"'):
        read_removal(text)


def test_slices_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(UsageError, match="last slice comes before the first"):
        read_removal("left external 60-40")
