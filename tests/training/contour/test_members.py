"""Contour jobs on a device: the samples are those that one worker sees, made ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch

from carotid.training.contour.members import _ItemChoosers, _PoolChoosers
from carotid.training.contour.parameters import ContourTraining, LossWeights
from carotid.training.contour.plane_job import PlaneJob
from carotid.training.contour.plane_samples import PLANES, PlaneSample
from carotid.training.contour.polar_items import PolarSample
from carotid.training.contour.polar_job import PolarJob
from carotid.training.engine.ahead import DrawsAhead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.training.engine.job import Job

SETTINGS = ContourTraining(
    batch_size=2, planes=6, pool_size=3, steps_per_draw=1, precision="float32", dropout=False
)


def planes(number: int) -> list[PlaneSample]:
    rng = np.random.default_rng(number)
    image = rng.random((2, PLANES, 32, 64)).astype(np.float16)
    lumen = rng.uniform(2, 4, (PLANES, 32)).astype(np.float32)
    return [PlaneSample(image, lumen, lumen + 1)]


def polar(number: int) -> list[PolarSample]:
    rng = np.random.default_rng(number)
    image = rng.random((7, 31, 127)).astype(np.float32)
    return [PolarSample(image, rng.random((2, 31)).astype(np.float32)) for _ in range(2)]


class Drawer:
    """Draws around items, in a way that tells where."""

    def sample(self, item: object, move: NDArray[np.float64]) -> PolarSample:
        return polar(int(1e6 * abs(move[0])))[0]


@dataclass(frozen=True)
class Item:
    largest_offset: float = 1.0


ITEMS = _ItemChoosers(cast("Any", (Item(),) * 5), cast("Any", Drawer()), 4, 2)

JOBS: dict[str, Job] = {
    "planes": PlaneJob(planes, 4, LossWeights(), SETTINGS),
    "annotated polar": PolarJob(ITEMS, 4, SETTINGS),
    "simulated polar": PolarJob(_PoolChoosers(polar, 4, SETTINGS), 4, SETTINGS),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_device_learns_from_what_one_worker_would_see(name: str) -> None:
    job = JOBS[name]
    network = job.build().train()
    losses = []
    with DrawsAhead(2) as ahead:
        both = job.batches(0, 1), job.batches_on(torch.device("cpu"), ahead)
        for step in range(3):
            torch.manual_seed(step)
            with torch.random.fork_rng(devices=[]):
                one = both[0].add_gradients(network, step)
            assert torch.equal(one, both[1].add_gradients(network, step))
            losses.append(float(one))
    assert len(set(losses)) == 3
