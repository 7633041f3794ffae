"""Losses against the published implementation's figures and against their plain definition."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.tasks import losses


@pytest.mark.parametrize(("entry", "use_most_certain"), [("image", True), ("image_last", False)])
def test_image_gives_what_the_published_loss_gives(fixtures: Path, entry: str, use_most_certain: bool):
    data = load_file(fixtures / "losses" / "losses.safetensors")
    logits, certainty = data["image.predictions"], data["image.certainties"][:, 1]
    loss, tick = losses.image(logits, certainty, data["image.targets"], use_most_certain)
    torch.testing.assert_close(loss, data[f"{entry}.loss"][0], rtol=1e-6, atol=1e-6)
    assert tick.tolist() == (data[f"{entry}.tick"] % logits.shape[2]).tolist()  # published -1: the last tick


def draws(batch: int, classes: int, ticks: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    key = Key(seed)
    logits = torch.from_numpy(key.fold("logits").normal((batch, classes, ticks), std=3.0))
    certainty = torch.from_numpy(key.fold("certainty").uniform((batch, ticks)))
    return logits, certainty, torch.from_numpy(key.fold("targets").integers(0, classes, (batch,)))


@given(st.integers(1, 5), st.integers(2, 6), st.integers(1, 7), st.integers(0, 1000))
def test_image_is_its_plain_definition(batch: int, classes: int, ticks: int, seed: int):
    logits, certainty, targets = draws(batch, classes, ticks, seed)
    total = 0.0
    for b in range(batch):
        per_tick = [-torch.log_softmax(logits[b, :, t], 0)[targets[b]].item() for t in range(ticks)]
        total += (min(per_tick) + per_tick[int(certainty[b].argmax())]) / 2
    loss, tick = losses.image(logits, certainty, targets)
    assert loss.item() == pytest.approx(total / batch, rel=1e-5)
    assert tick.tolist() == certainty.argmax(1).tolist()
    picked = [logits[b, :, certainty[b].argmax()].argmax() == targets[b] for b in range(batch)]
    assert losses.right(logits, targets, tick).mean().item() == pytest.approx(sum(map(float, picked)) / batch)


def test_only_the_two_chosen_ticks_learn():
    logits, certainty, targets = draws(3, 4, 6, seed=1)
    logits.requires_grad_()
    loss, tick = losses.image(logits, certainty, targets)
    loss.backward()
    assert logits.grad is not None
    moved = logits.grad.abs().sum(1) > 0
    lowest = losses.cross_entropy(logits, targets).argmin(1)
    for b in range(3):
        assert set(moved[b].nonzero().flatten().tolist()) == {int(tick[b]), int(lowest[b])}


def test_shapes_that_do_not_fit_are_named():
    logits, certainty, targets = draws(3, 4, 6, seed=1)
    with pytest.raises(InvalidValue, match=r"certainty: wanted shape \(3, 6\), got shape \(3, 5\)"):
        losses.image(logits, certainty[:, :5], targets)
    with pytest.raises(InvalidValue, match="one class per example"):
        losses.image(logits, certainty, targets[:2])
