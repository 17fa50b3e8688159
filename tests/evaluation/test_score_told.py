"""A doubtful score has a reason in words: its largest parts, with side and channel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from carotid.evaluation.figures import ChannelFigures, SideFigures, participant_score, side_score
from carotid.evaluation.score_told import score_parts

NAN = float("nan")
FINE = ChannelFigures(
    peak_share=0.95,
    disagreement_median_mm=0.4,
    disagreement_p95_mm=1.0,
    apart_share=0.0,
    gap_mm=0.0,
    jump_mm=0.5,
    jumps_per_dm=0.0,
    rival_share=0.0,
)


def side(internal: ChannelFigures = FINE, external: ChannelFigures = FINE) -> SideFigures:
    return SideFigures(internal, external, 20.0, side_score(internal, external))


def test_nothing_is_said_of_a_fine_neck() -> None:
    assert score_parts({"left": side(), "right": side()}, 55.0) == []


def test_the_largest_part_of_the_worse_side_comes_first() -> None:
    poor = replace(FINE, apart_share=0.3, disagreement_p95_mm=4.2, jumps_per_dm=3.4)
    left = side(replace(FINE, rival_share=0.06))
    right = side(FINE, poor)
    told = score_parts({"left": left, "right": right}, 55.0)
    assert [part.words for part in told] == [
        "members disagree by up to 4 mm in 30% of slices, right external",
        "3 jumps along 100 mm, right external",
    ]
    assert sum(part.points for part in told) == pytest.approx(participant_score(
        [left.score, right.score], 55.0
    ))  # fmt: skip


def test_other_parts_in_words() -> None:
    low = replace(FINE, peak_share=0.7, rival_share=0.2)
    words = {part.words for part in score_parts({"left": side(low), "right": side()}, 11.0)}
    assert words == {
        "a peak in 70% of slices only, left internal",
        "another place nearly as high in 20% of slices, left internal",
        "left and right only 11 mm apart",
    }


def test_no_peak_at_all() -> None:
    none = ChannelFigures(0.0, NAN, NAN, NAN, 80.0, NAN, NAN, NAN)
    words = [part.words for part in score_parts({"left": side(none, none), "right": side()}, NAN)]
    assert words[0] == "no slice has a peak, left"
    assert "a peak in 0% of slices only, left internal" in words
