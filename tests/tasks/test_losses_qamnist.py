"""The loss of questions against the published implementation's figures."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cofire.checks import InvalidValue
from cofire.tasks import losses


def test_it_gives_what_the_published_loss_gives_over_the_last_four_ticks(fixtures: Path):
    data = load_file(fixtures / "losses" / "losses.safetensors")
    logits, certainty = data["qamnist.predictions"][..., -4:], data["qamnist.certainties"][:, 1, -4:]
    loss, tick = losses.qamnist(logits, certainty, data["qamnist.targets"])
    torch.testing.assert_close(loss, data["qamnist.loss_last4"][0], rtol=1e-6, atol=1e-6)
    assert torch.equal(tick, data["qamnist.tick_last4"])


def test_the_last_tick_in_place_of_the_most_certain():
    logits, certainty = torch.zeros(2, 10, 3), torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.2, 0.1]])
    _, tick = losses.qamnist(logits, certainty, torch.tensor([1, 2]), False)
    assert tick.tolist() == [2, 2]


def test_certainty_of_other_ticks_is_refused():
    with pytest.raises(InvalidValue, match=r"certainty: wanted shape \(2, 3\), got shape \(2, 7\)"):
        losses.qamnist(torch.zeros(2, 10, 3), torch.zeros(2, 7), torch.tensor([1, 2]))


def test_the_right_class_among_the_likely_ones():
    logits = torch.tensor([[[0.0], [3.0], [2.0], [1.0]]]).expand(4, 4, 1)
    targets, tick = torch.arange(4), torch.zeros(4, dtype=torch.long)
    assert losses.right_among(2, logits, targets, tick).tolist() == [0, 1, 1, 0]
    assert torch.equal(losses.right_among(1, logits, targets, tick), losses.right(logits, targets, tick))
