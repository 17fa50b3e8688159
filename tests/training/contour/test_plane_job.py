from __future__ import annotations

import numpy as np
import pytest
import torch

from carotid.network.plane_cnn import PlaneCNN
from carotid.stages.planes.images import RAYS, SAMPLE_MM, SAMPLES
from carotid.training.contour.parameters import ContourTraining, LossWeights
from carotid.training.contour.plane_job import PlaneJob, batch_loss, stacked, varied
from carotid.training.contour.plane_loss import inside_share, plane_loss
from carotid.training.contour.plane_samples import PLANES, PlaneSample
from carotid.training.contour.plane_validation import plane_errors, validate_planes

WEIGHTS = LossWeights(radius=0.5, thickness=0.3, thick=2.0)


def ring(seed: int, *, radius: float = 2.5, wall: float = 1.2) -> PlaneSample:
    """A dark lumen and a bright wall, wider on one side."""
    rng = np.random.default_rng(seed)
    turn = 2 * np.pi * np.arange(RAYS) / RAYS
    lumen = radius + 0.4 * np.cos(turn - rng.uniform(0, 6)) + np.zeros((PLANES, 1))
    outer = lumen + wall * (1 + 0.5 * np.cos(turn - rng.uniform(0, 6)))
    r = (np.arange(SAMPLES) + 0.5) * SAMPLE_MM
    image = np.where(r < lumen[..., None], 0.1, np.where(r < outer[..., None], 1.8, 1.0))
    image += rng.normal(0, 0.05, image.shape)
    both = np.stack([image, np.zeros_like(image)]).astype(np.float16)
    return PlaneSample(both, lumen.astype(np.float32), outer.astype(np.float32))


def _logits(lumen: torch.Tensor, outer: torch.Tensor, sure: float = 30.0) -> torch.Tensor:
    """What a perfect network says, but for cells that an edge goes through."""
    inner, whole = inside_share(lumen, SAMPLES), inside_share(outer, SAMPLES)
    return torch.stack([inner * 2 - 1, whole * 2 - 1], dim=1) * sure


def test_a_right_answer_has_the_lowest_loss() -> None:
    _, lumen, outer = stacked([ring(0), ring(1)])
    right = plane_loss(_logits(lumen, outer), lumen, outer, WEIGHTS)
    wrong = plane_loss(_logits(lumen + 0.5, outer), lumen, outer, WEIGHTS)
    worse = plane_loss(_logits(lumen, outer + 2.0), lumen, outer, WEIGHTS)
    assert float(right) < 0.3 * float(wrong)
    assert float(wrong) < float(worse)


def test_unknown_planes_do_not_count() -> None:
    _, lumen, outer = stacked([ring(0)])
    logits = torch.randn(1, 2, PLANES, RAYS, SAMPLES)
    lumen[:, 5:] = torch.nan
    some = plane_loss(logits, lumen, outer, WEIGHTS)
    alone = plane_loss(logits[:, :, :5], lumen[:, :5], outer[:, :5], WEIGHTS)
    torch.testing.assert_close(some, alone)
    lumen[:] = torch.nan
    assert float(plane_loss(logits, lumen, outer, WEIGHTS)) == 0


def test_rays_through_plaque_count_more() -> None:
    _, lumen, _ = stacked([ring(0, wall=0.8)])
    outer = lumen + 1.0
    outer[..., :4] += 2.0  # a plaque on four rays
    missed, off = outer.clone(), outer.clone()
    missed[..., :4] -= 1.0
    off[..., 10:14] += 1.0
    ratios = []
    for plaque in (0.0, 2.0):
        weights = LossWeights(thick=0, plaque=plaque)
        on_it, beside = (
            float(plane_loss(_logits(lumen, found), lumen, outer, weights))
            for found in (missed, off)
        )
        ratios.append(on_it / beside)
    assert ratios[1] > 2.5 * ratios[0]


def test_thick_walls_count_more() -> None:
    _, thin, _ = stacked([ring(0, wall=0.8)])
    both = torch.cat([thin, thin])
    outer = both + torch.tensor([0.8, 3.0])[:, None, None]
    bad_thin = torch.stack([thin[0] + 1, thin[0]])
    bad_thick = torch.stack([thin[0], thin[0] + 1])
    losses = [
        float(plane_loss(_logits(found, outer), both, outer, WEIGHTS))
        for found in (bad_thin, bad_thick)
    ]
    assert losses[1] > 2 * losses[0]


def test_shares_of_cells_add_up_to_the_radius() -> None:
    radius = torch.tensor([0.0, 0.1, 2.37, 15.9])
    total = inside_share(radius, SAMPLES).sum(dim=-1) * SAMPLE_MM
    torch.testing.assert_close(total, radius)


def test_variation_turns_image_and_truth_together() -> None:
    sample = ring(3)
    for seed in range(6):
        one = varied(sample, np.random.default_rng(seed), 12)
        assert one.image.shape == (2, 12, RAYS, SAMPLES)
        r = (np.arange(SAMPLES) + 0.5) * SAMPLE_MM
        within = r < one.lumen[..., None] - 0.3
        wall = (r > one.lumen[..., None] + 0.3) & (r < one.outer[..., None] - 0.3)
        assert one.image[0][within].mean() < one.image[0][wall].mean() - 0.5


def test_variation_depends_on_its_seed_alone() -> None:
    one, two = (varied(ring(3), np.random.default_rng(5), 12) for _ in range(2))
    assert one.image.tobytes() == two.image.tobytes()


def _draw(number: int) -> list[PlaneSample]:
    return [ring(number)]


def test_a_few_steps_learn_rings() -> None:
    """The part that the engine plays: gradients of the job, and a step along them."""
    parameters = ContourTraining(
        batch_size=2, planes=6, pool_size=4, steps_per_draw=1, precision="float32"
    )
    job = PlaneJob(_draw, 0, WEIGHTS, parameters)
    torch.manual_seed(0)
    network = job.build().train()
    optimizer = torch.optim.AdamW(job.trained(network), lr=1e-2)
    batches = job.batches(0, 1)
    losses = []
    for step in range(12):
        optimizer.zero_grad()
        losses.append(float(batches.add_gradients(network, step)))
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]


def test_low_precision_gives_about_the_same_loss() -> None:
    torch.manual_seed(0)
    network = PlaneCNN().eval()
    samples = [ring(0)]
    with torch.no_grad():
        exact, low = (
            float(batch_loss(network, samples, WEIGHTS, p)) for p in ("float32", "bfloat16")
        )
    assert low == pytest.approx(exact, rel=0.05)


def test_errors_in_millimetres() -> None:
    true = np.zeros((2, 4, RAYS))
    true[0], true[1] = 2.0, 3.0
    true[1, 0] = 5.0
    found = true + np.array([0.1, 0.3])[:, None, None]
    true[:, 3] = np.nan
    errors = plane_errors(found, true)
    assert errors["lumen_median_mm"] == pytest.approx(0.1)
    assert errors["outer_p95_mm"] == pytest.approx(0.3)
    assert errors["wall_bias_mm"] == pytest.approx(0.2)
    assert errors["thick_bias_mm"] == pytest.approx(0.2)
    assert plane_errors(found, np.full_like(true, np.nan)) == {}


def test_validation_is_in_evaluation_mode_and_finite() -> None:
    torch.manual_seed(1)
    network = PlaneCNN().eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    found = validate_planes(network, [ring(k) for k in range(3)], WEIGHTS)
    assert np.isfinite(found.loss)
    assert found.metrics["lumen_median_mm"] > 0
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
