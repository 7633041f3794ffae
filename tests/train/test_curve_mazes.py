"""Mazes are learned step by step as the equations say: machine and loop against a plain machine in a plain loop."""

from pathlib import Path

import torch
from torch import Tensor, nn

from cofire import CTMConfig, Key
from cofire.ctm import (
    Answer,
    Attention,
    Decayed,
    DeepNeuronModel,
    LearnableFourier,
    RandomPairs,
    StridedConvolutions,
    SynapseUNet,
)
from cofire.tasks import Mazes
from tests.train.test_curves_questions_images import compare

LENGTH, LOOKAHEAD = 8, 3
MACHINE = CTMConfig(
    neurons=24,
    ticks=5,
    memory_length=3,
    backbone=StridedConvolutions(steps=((8, 3, 1), (8, 3, 1)), channels=3),
    position=LearnableFourier(frequencies=16, hidden=16),
    attention=Attention(width=16, heads=2),
    synapse=SynapseUNet(depth=3, narrowest=8),
    neuron_model=DeepNeuronModel(hidden=2),
    sync_out=Decayed(pairs=RandomPairs(pairs=30)),
    sync_action=Decayed(pairs=RandomPairs(pairs=16)),
    answer=Answer(outputs=5 * LENGTH, positions=LENGTH),
)


def first_steps(logits: Tensor, certainty: Tensor, targets: Tensor) -> Tensor:
    """Per maze: mean cross-entropy of the steps known at some tick and a few more, at two ticks."""
    total = torch.zeros(())
    for said, sure, route in zip(logits.unflatten(1, (LENGTH, 5)), certainty, targets, strict=True):
        ticks = said.unbind(-1)
        wrong = [(tick.argmax(1) != route).nonzero().flatten().tolist() for tick in ticks]
        known = max(places[0] if places else LENGTH for places in wrong)
        counted = min(max(known, 1) - 1 + LOOKAHEAD, LENGTH)
        by_tick = torch.stack([nn.functional.cross_entropy(tick[:counted], route[:counted]) for tick in ticks])
        total = total + (by_tick.min() + by_tick[sure.argmax()]) / 2
    return total / len(logits)


def test_the_curve_is_that_of_the_plain_machine(tmp_path: Path):
    task = Mazes(key=Key(6), size=7, route_length=LENGTH, lookahead=LOOKAHEAD)
    compare(MACHINE, task, first_steps, tmp_path, Key(7))
