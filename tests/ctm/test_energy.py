"""The energy head's loss against its definition, written as loops, and what minimising it does."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire import CTM, Key
from cofire.checks import InvalidValue
from cofire.ctm import EnergyHead, energy_loss
from tests.ctm import machines


def plain(logits, energy, targets, margin, weight) -> float:
    total = 0.0
    batch, classes, ticks = logits.shape
    for b in range(batch):
        for t in range(ticks):
            y = [logits[b, c, t].item() for c in range(classes)]
            k, e = int(targets[b]), energy[b, t].item()
            total -= y[k] - math.log(sum(math.exp(one) for one in y))
            total += weight * (e**2 if max(y) == y[k] else max(margin - e, 0.0) ** 2)
    return total / (batch * ticks)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 4), st.integers(2, 5), st.integers(1, 6)),
    step=st.integers(0, 99),
    margin=st.floats(0.5, 8),
    weight=st.floats(0, 2),
)
def test_it_is_its_definition(sizes, step, margin, weight):
    key, (batch, classes, ticks) = Key(4), sizes
    logits = torch.from_numpy(key.fold("logits").normal(sizes, step=step, std=2.0))
    energy = torch.from_numpy(key.fold("energy").normal((batch, ticks), step=step, mean=2.0, std=3.0))
    targets = torch.from_numpy(key.fold("targets").integers(0, classes, (batch,), step=step))
    loss = energy_loss(logits, energy, targets, margin=margin, weight=weight)
    assert loss.item() == pytest.approx(plain(logits, energy, targets, margin, weight), rel=1e-5)


def test_descent_pulls_energies_apart():
    logits = torch.tensor([[[9.0, -9.0, 9.0], [-9.0, 9.0, -9.0]]])
    energy = torch.full((1, 3), 2.0, requires_grad=True)
    optimiser = torch.optim.SGD([energy], lr=1.0)
    for _ in range(60):
        optimiser.zero_grad()
        energy_loss(logits, energy, torch.tensor([0])).backward()
        optimiser.step()
    torch.testing.assert_close(energy.detach(), torch.tensor([[0.0, 5.0, 0.0]]), rtol=0, atol=1e-3)


def test_it_trains_the_head_of_a_machine():
    model = CTM(machines.small(energy=EnergyHead(hidden=4)), key=Key(0))
    thought = model(machines.tokens())
    energy_loss(thought.logits, thought.energy, torch.tensor([0, 1, 5])).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert all(one.grad.abs().max() > 0 for one in model.energy.parameters())


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((3, 2), (3, 2), (3,)), r"logits: wanted shape \(B, C, T\), got shape \(3, 2\)"),
        (((3, 2, 4), (3, 1, 4), (3,)), r"energy: wanted shape \(3, 4\), got .*thought.energy"),
        (((3, 2, 4), (3, 4), (3, 1)), r"targets: wanted shape \(3\), got .*one class per example"),
    ],
)
def test_shapes_that_do_not_fit_are_named(shapes, words):
    logits, energy, targets = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(InvalidValue, match=words):
        energy_loss(logits, energy, targets.long())
