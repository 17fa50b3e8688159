"""Training of the known architecture, against what the known tool computes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from carotid.geometry.polar import with_repeated_rows
from carotid.network.polar_cnn import PolarCNN, Variant
from carotid.stages.polar.parameters import PolarParameters
from carotid.training.contour.annotations import Item, find_contour_sources, folds, read_items
from carotid.training.contour.polar_items import PolarDrawer, PolarItem, items_of
from carotid.training.contour.polar_job import answers, polar_loss, stacked
from carotid.training.contour.polar_validation import item_losses

HERE = Path(__file__).parent / "train_contour"
KNOWN = PolarDrawer(PolarParameters(sampling="compatible"), compatible=True)


@pytest.fixture(scope="module")
def items() -> list[PolarItem]:
    wanted = read_items(HERE / "contours.tsv")
    found = items_of(find_contour_sources(HERE / "raw", HERE / "annotations", wanted))
    named: dict[Item, PolarItem] = {
        (one.source.participant, one.side, one.label, one.z): one for one in found
    }
    return [named[key] for key in wanted]


@pytest.fixture
def network() -> PolarCNN:
    net = PolarCNN(Variant(3, dropout=False))
    weights = torch.load(HERE / "start.pt", weights_only=True)
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    return net


def test_items(items: list[PolarItem]) -> None:
    expected = np.load(HERE / "items.npz")
    samples = [KNOWN.sample(one) for one in items]
    images = with_repeated_rows(np.stack([one.image for one in samples]))
    values = images.reshape(len(images), -1)[:, expected["places"]]
    np.testing.assert_allclose(values, expected["values"], atol=5e-5)
    np.testing.assert_allclose([one.center for one in items], expected["center"], atol=1e-9)
    offsets = [one.largest_offset for one in items]
    np.testing.assert_allclose(offsets, expected["largest_offset"], atol=1e-9)
    targets = np.stack([one.target.T for one in samples])
    np.testing.assert_allclose(targets, expected["target"], atol=0.011)


def test_targets_at_moved_centers(items: list[PolarItem]) -> None:
    expected = np.load(HERE / "shifted.npz")
    for k, item in enumerate(items):
        move = item.largest_offset * np.array([np.cos(k), np.sin(k)])
        sample = KNOWN.sample(item, move)
        np.testing.assert_allclose(sample.target.T, expected["target"][k], atol=0.011)


def test_losses_in_evaluation_mode(items: list[PolarItem], network: PolarCNN) -> None:
    expected = np.load(HERE / "steps.npz")
    losses = item_losses(network.eval(), [KNOWN.sample(one) for one in items])
    for column, name in enumerate(("eval_mse", "eval_l1", "eval_smoothl1")):
        np.testing.assert_allclose(losses[:, column], expected[name], rtol=1e-3)


def test_four_steps_of_adam(items: list[PolarItem], network: PolarCNN) -> None:
    """As the engine takes them with the defaults of polar networks: AdamW without decay."""
    expected = np.load(HERE / "steps.npz")
    images, targets = stacked([KNOWN.sample(one) for one in items])
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.0)
    for step in range(4):
        optimizer.zero_grad()
        loss = polar_loss(answers(network, images), targets)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 1e9)
        optimizer.step()
        tolerance = 1e-4 if step == 0 else 1e-3
        assert float(loss.detach()) == pytest.approx(expected["loss"][step], rel=tolerance)
        norm_tolerance = 1e-4 if step == 0 else 2e-2
        assert float(norm) == pytest.approx(expected["gradient_norm"][step], rel=norm_tolerance)
        if step == 0:
            state = network.state_dict()
            for name, key in (
                ("model.21.weight", "last_weight"),
                ("model.21.bias", "last_bias"),
                ("model.1.running_mean", "first_mean"),
                ("model.1.running_var", "first_var"),
            ):
                found = state[name].numpy().ravel()
                np.testing.assert_allclose(found, expected[key].ravel(), atol=1e-6)
    after = item_losses(network.eval(), [KNOWN.sample(one) for one in items])[:, 2].mean()
    assert after == pytest.approx(float(expected["loss_eval_after"]), rel=2e-2)


@pytest.mark.parametrize("n_splits", ["2", "3", "4"])
def test_folds(n_splits: str) -> None:
    expected = json.loads((HERE / "validation_participants.json").read_text())[n_splits]
    names = ["sub-A", "sub-B", "sub-C", "sub-D"]
    found = folds(names, int(n_splits), 42)
    assert [sorted(part) for part in found] == [sorted(part) for part in expected]


def test_exact_targets_are_those_of_the_known_tool_but_for_its_half_sample(
    items: list[PolarItem],
) -> None:
    exact = PolarDrawer(PolarParameters(), compatible=False)
    gaps = [exact.target(one, one.center) - KNOWN.target(one, one.center) for one in items]
    lumen, width = np.mean(gaps, axis=(0, 2))
    assert lumen == pytest.approx(0.5, abs=0.1)
    assert width == pytest.approx(0.0, abs=0.1)
