"""Figures against courses whose figures can be told by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from carotid.evaluation.figures import (
    DOUBTFUL,
    RIVAL_MM,
    SCORE_PARTS,
    ChannelFigures,
    Course,
    left_right_mm,
    make_course,
    participant_score,
    rival_heights,
    side_figures,
    side_score,
)

FINE = ChannelFigures(1.0, 0.3, 0.8, 0.0, 0.0, 1.0, 0.0, 0.0)


def course(slices: int = 20, slice_mm: float = 2.0) -> Course:
    """A straight vessel, high everywhere, on which three members agree."""
    position = np.broadcast_to([10.0, 20.0], (slices, 2, 2)).copy()
    peak, rival, apart = (
        np.full((slices, 2), 300.0),
        np.full((slices, 2), 40.0),
        np.zeros((slices, 2)),
    )
    return Course((0.5, 0.5, slice_mm), peak, rival, position, apart, 3)


def test_positions_and_disagreement_are_in_millimetres() -> None:
    indices = np.zeros((2, 2, 3, 2), np.int64)
    indices[1, 0, 1] = 6, 4  # the second member, internal, middle slice
    peak_index = np.full((3, 2, 2), 10, np.int64)
    rival = np.full((3, 2), 0.5)
    made = make_course(np.ones((3, 2)), peak_index, rival, indices, (0.5, 2.0, 1.0))
    assert made.rival is not made.peak
    assert made.position_mm[0, 0].tolist() == [5.0, 20.0]
    half = np.hypot(6 * 0.5, 4 * 2.0) / 2  # both lie half their distance from the middle
    np.testing.assert_allclose(made.disagreement_mm, [[0, 0], [half, 0], [0, 0]])
    assert made.members == 2


def test_straight_vessel_is_fine() -> None:
    found = side_figures(course(), 100)
    assert found.internal == ChannelFigures(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert found.score == 0
    assert found.separate_mm == 0


def test_gap_lies_between_peaks() -> None:
    made = course()
    made.peak[:3] = 0  # an end is no gap
    made.peak[8:12, 0] = 100.0  # not above 100
    found = side_figures(made, 100)
    assert found.internal.gap_mm == 8.0
    assert found.external.gap_mm == 0.0
    assert found.internal.peak_share == pytest.approx(13 / 20)


def test_no_peak_at_all() -> None:
    made = course()
    made.peak[:] = 5
    found = side_figures(made, 100)
    assert found.internal.gap_mm == 40.0
    assert np.isnan(found.internal.jump_mm)
    assert np.isnan(found.internal.disagreement_p95_mm)
    assert found.score == 100


def test_jump_counts_only_between_peaks() -> None:
    made = course()
    made.position_mm[10:, 1] += (3.0, 4.0)
    assert side_figures(made, 100).external.jump_mm == pytest.approx(5.0)
    made.peak[10, 1] = 0
    assert side_figures(made, 100).external.jump_mm == 0


def test_jumps_are_counted_beyond_a_slices_height() -> None:
    made = course(slices=51)  # 50 steps of 2 mm: 100 mm
    made.position_mm[10:, 1] += (4.0, 4.0)  # 5.7 mm
    made.position_mm[20:, 1] += (3.0, 3.0)  # 4.2 mm: an oblique vessel
    made.position_mm[30:, 1] -= (9.0, 9.0)
    assert side_figures(made, 100).external.jumps_per_dm == pytest.approx(2.0)
    made.peak[30, 1] = 0
    assert side_figures(made, 100).external.jumps_per_dm == pytest.approx(100 * 1 / (48 * 2))


def test_members_apart_are_counted() -> None:
    made = course()
    made.disagreement_mm[:5, 0] = 2.5
    made.disagreement_mm[5:10, 0] = 1.5
    assert side_figures(made, 100).internal.apart_share == 0.25


def test_disagreement_counts_only_where_there_is_a_peak() -> None:
    made = course()
    made.disagreement_mm[:10, 0] = 2.0
    made.disagreement_mm[10:, 0] = 50.0
    made.peak[10:] = 0
    found = side_figures(made, 100).internal
    assert (found.disagreement_median_mm, found.disagreement_p95_mm) == (2.0, 2.0)


def test_one_member_cannot_disagree() -> None:
    made = replace(course(), members=1)
    found = side_figures(made, 100)
    assert np.isnan(found.internal.disagreement_median_mm)
    assert found.score == 0


def test_rivals_count_where_there_is_a_peak() -> None:
    made = course()
    made.rival[:5, 0] = 210.0  # 70 % of 300
    made.rival[5:8, 0] = 209.0
    made.rival[8:, 0] = 99.0
    made.peak[8:10, 0] = 100.0
    found = side_figures(made, 100)
    assert found.internal.rival_share == pytest.approx(5 / 18)
    assert found.external.rival_share == 0.0


def test_a_rival_is_the_highest_value_further_away_along_one_of_the_axes() -> None:
    """Against a look at every voxel; a square around the maximum is its own."""
    heat = np.random.default_rng(3).random((2, 31, 23, 5))  # channel, x, y, z
    spacing_mm = 0.5, 0.9
    flat = heat.transpose(3, 0, 1, 2).reshape(5, 2, -1).argmax(axis=2)
    index = np.stack(np.divmod(flat, 23), axis=-1)
    found = rival_heights(heat.max(axis=2), heat.max(axis=1), index, spacing_mm)
    for z in range(5):
        for c in (0, 1):
            x, y = index[z, c]
            beside = [
                heat[c, i, j, z]
                for i in range(31)
                for j in range(23)
                if max(abs(i - x) * 0.5, abs(j - y) * 0.9) > RIVAL_MM
            ]
            assert found[z, c] == max(beside)


def test_parts_of_a_course() -> None:
    made = course()
    made.peak[:12] = 5
    assert side_figures(made, 100).internal.peak_share == pytest.approx(8 / 20)
    assert side_figures(made.part(10, 16), 100).internal.peak_share == pytest.approx(4 / 6)
    assert len(made.part(10, 16).position_mm) == len(made.part(10, 16).rival) == 6


def test_height_told_apart() -> None:
    made = course()
    made.position_mm[14:, 1, 1] += 4.0
    assert side_figures(made, 100).separate_mm == 12.0


def test_distance_between_sides() -> None:
    left, right = course(), course()
    right.position_mm[:, 0, 0] += 50
    assert left_right_mm(left, right, 100) == pytest.approx(50)
    right.peak[:] = 0
    assert np.isnan(left_right_mm(left, right, 100))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("peak_share", (1.0, 0.7, 0.4, 0.0)),
        ("rival_share", (0.0, 0.1, 0.3, 1.0)),
        ("apart_share", (0.0, 0.2, 0.5, 1.0)),
        ("jumps_per_dm", (0.0, 6.0, 12.0, 30.0)),
    ],
)
def test_worse_figures_never_lower_the_score(field: str, values: tuple[float, ...]) -> None:
    scores = [side_score(replace(FINE, **{field: value}), FINE) for value in values]
    assert scores == sorted(scores)
    assert scores[0] == 0
    assert scores[-1] > scores[0]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("field", "value", "points"),
    [("rival_share", 0.4, 45), ("apart_share", 0.4, 15), ("jumps_per_dm", 6.0, 5)],
)
def test_the_worse_channel_counts(
    field: str, value: float, points: float, *, swapped: bool
) -> None:
    channels = (replace(FINE, **{field: value}), FINE)
    assert side_score(*(channels[::-1] if swapped else channels)) == points
    unknown = (channels[0], replace(FINE, **{field: float("nan")}))
    assert side_score(*(unknown[::-1] if swapped else unknown)) == points


def test_a_sixth_of_the_internal_peaks_may_be_missing() -> None:
    assert side_score(replace(FINE, peak_share=0.85), FINE) == 0
    assert side_score(replace(FINE, peak_share=0.75), FINE) == 30


def test_parts_add_up_to_a_hundred() -> None:
    assert sum(part.weight for part in SCORE_PARTS.values()) == 100


def test_participant_score() -> None:
    assert participant_score([60, 30], 50.0) == 60
    assert participant_score([30, 60], float("nan")) == 60
    assert participant_score([0, 0], 5.0) == DOUBTFUL, "both sides on one vessel"
    assert participant_score([100, 100], 0.0) == 100
