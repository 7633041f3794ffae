"""The loss of a route against the published figures and against its plain definition, example by example."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.tasks import losses


def test_it_gives_what_the_published_loss_gives(fixtures: Path):
    data = load_file(fixtures / "losses" / "losses.safetensors")
    loss, tick, upto = losses.maze(data["maze.predictions"], data["maze.certainties"][:, 1], data["maze.targets"])
    torch.testing.assert_close(loss, data["maze.loss"][0], rtol=1e-6, atol=1e-6)
    assert tick.tolist() == data["maze.tick"].tolist()
    assert upto.tolist() == data["maze.upto"].tolist()


def draws(batch: int, steps: int, ticks: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Answers that are right at most steps, so that prefixes have many lengths."""
    key = Key(seed)
    targets = torch.from_numpy(key.fold("targets").integers(0, 5, (batch, steps)))
    logits = torch.from_numpy(key.fold("logits").normal((batch, steps, 5, ticks)))
    logits += 1.5 * torch.nn.functional.one_hot(targets, 5)[..., None]
    return logits, torch.from_numpy(key.fold("certainty").uniform((batch, ticks))), targets


@given(st.integers(1, 4), st.integers(1, 12), st.integers(1, 5), st.integers(1, 7), st.booleans(), st.integers(0, 999))
def test_it_is_its_plain_definition(batch: int, steps: int, ticks: int, lookahead: int, certain: bool, seed: int):
    logits, certainty, targets = draws(batch, steps, ticks, seed)
    total, expected_upto = 0.0, []
    for b in range(batch):
        longest = 0
        for t in range(ticks):
            known = 0
            while known < steps and logits[b, known, :, t].argmax() == targets[b, known]:
                known += 1
            longest = max(longest, known)
        expected_upto.append(max(longest, 1) - 1 + lookahead)
        counted = range(min(expected_upto[b], steps))
        entropies = [
            [-torch.log_softmax(logits[b, k, :, t], 0)[targets[b, k]].item() for k in counted] for t in range(ticks)
        ]
        means = [sum(one) / len(one) for one in entropies]
        total += (min(means) + means[int(certainty[b].argmax()) if certain else -1]) / 2
    loss, tick, upto = losses.maze(logits, certainty, targets, certain, lookahead)
    assert upto.tolist() == expected_upto
    assert loss.item() == pytest.approx(total / batch, rel=1e-5)
    assert tick.tolist() == (certainty.argmax(1) if certain else torch.full((batch,), ticks - 1)).tolist()


def test_steps_beyond_those_that_count_do_not_learn():
    logits, certainty, targets = draws(6, 20, 4, seed=3)
    logits.requires_grad_()
    loss, _, upto = losses.maze(logits, certainty, targets, lookahead=2)
    loss.backward()
    assert logits.grad is not None
    moved = logits.grad.abs().sum((2, 3)) > 0
    for b in range(6):
        assert moved[b].tolist() == [step < upto[b] for step in range(20)]
    assert 2 < upto.float().mean() < 20


def test_what_does_not_fit_is_named():
    logits, certainty, targets = draws(3, 6, 4, seed=1)
    with pytest.raises(InvalidValue, match=r"logits: wanted shape \(B, R, C, T\).*unflatten"):
        losses.maze(logits.flatten(1, 2), certainty, targets)
    with pytest.raises(InvalidValue, match=r"certainty: wanted shape \(3, 4\), got shape \(3, 3\)"):
        losses.maze(logits, certainty[:, :3], targets)
    with pytest.raises(InvalidValue, match=r"targets: wanted shape \(3, 6\), got shape \(3, 5\)"):
        losses.maze(logits, certainty, targets[:, :5])
    with pytest.raises(InvalidValue, match="lookahead: wanted an integer of at least 1, got 0"):
        losses.maze(logits, certainty, targets, lookahead=0)
