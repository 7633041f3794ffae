"""Thoughts: certainty and the ways to pick an answer, by their definitions."""

import math

import pytest
import torch

from cofire import Key, Thought
from cofire.checks import InvalidValue
from cofire.ctm import certainty


@pytest.fixture
def thought() -> Thought:
    logits = torch.from_numpy(Key(1).normal((4, 6, 5)))
    energy = torch.from_numpy(Key(2).normal((4, 5)))
    return Thought(logits, certainty(logits.movedim(-1, 1), positions=2), energy=energy)


def test_certainty_of_known_distributions():
    p = torch.tensor([0.5, 0.25, 0.25])
    entropy = 1.5 * math.log(2)
    assert certainty(p.log()[None]).item() == pytest.approx(1 - entropy / math.log(3), abs=1e-6)
    assert certainty(torch.zeros(1, 7)).item() == pytest.approx(0, abs=1e-6)
    assert certainty(torch.tensor([[80.0, 0.0, 0.0]])).item() == pytest.approx(1)


def test_certainty_is_the_mean_over_positions():
    sure, unsure = torch.tensor([60.0, 0.0]), torch.zeros(2)
    assert certainty(torch.cat([sure, unsure])[None], positions=2).item() == pytest.approx(0.5, abs=1e-6)


def test_answers_by_their_definitions(thought):
    for sample in range(4):
        sure, logits, energy = thought.certainty[sample], thought.logits[sample], thought.energy[sample]
        tick = max(range(5), key=lambda t: sure[t].item())
        assert thought.most_certain()[sample] == tick
        assert torch.equal(thought.answer()[sample], logits[:, tick])
        assert torch.equal(thought.last()[sample], logits[:, 4])
        torch.testing.assert_close(thought.mean()[sample], sum(logits[:, t] for t in range(5)) / 5)
        weighted = sum(sure[t] * logits[:, t] for t in range(5)) / sum(sure)
        torch.testing.assert_close(thought.weighted()[sample], weighted)
        assert torch.equal(thought.lowest_energy()[sample], logits[:, int(energy.argmin())])


def test_the_first_of_equally_certain_ticks_is_taken():
    assert Thought(torch.zeros(1, 2, 3), torch.tensor([[0.2, 0.7, 0.7]])).most_certain().item() == 1


def test_a_machine_without_energy_says_so(thought):
    with pytest.raises(InvalidValue, match="energy: wanted a machine with an energy head, got none"):
        Thought(thought.logits, thought.certainty).lowest_energy()
