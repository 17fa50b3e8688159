"""Where samples of plane networks come from: the order of annotated sides and close-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carotid.training.contour.sources import MixedPlanes

if TYPE_CHECKING:
    from collections.abc import Callable

    from carotid.training.contour.plane_samples import PlaneSample


def noting(made: list[int]) -> Callable[[int], list[PlaneSample]]:
    def draw(number: int) -> list[PlaneSample]:
        made.append(number)
        return []

    return draw


@pytest.mark.parametrize(("share", "simulated"), [(0.0, 0), (0.25, 10), (0.5, 20), (0.7, 28)])
def test_close_ups_come_in_between_and_none_of_either_is_left_out(
    share: float, simulated: int
) -> None:
    annotated_draws: list[int] = []
    close_ups: list[int] = []
    draw = MixedPlanes(noting(annotated_draws), noting(close_ups), share)
    for number in range(40):
        draw(number)
    assert close_ups == list(range(simulated))
    assert annotated_draws == list(range(40 - simulated))


def test_close_ups_are_spread_evenly() -> None:
    annotated_draws: list[int] = []
    close_ups: list[int] = []
    draw = MixedPlanes(noting(annotated_draws), noting(close_ups), 0.5)
    for number in range(6):
        draw(number)
        assert len(annotated_draws) - len(close_ups) == (number + 1) % 2
