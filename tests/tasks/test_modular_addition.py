"""Modular addition: every pair on one side, sums by hand."""

import numpy as np
import pytest
import torch

from cofire.checks import InvalidValue
from cofire.ctm import Thought
from cofire.random import Key
from cofire.tasks import ModularAddition, Task, make_task
from tests.tasks.streams import check_disjoint, check_positions, check_remade, check_stream, rows


@pytest.mark.parametrize(("modulus", "held_out"), [(2, 0.5), (7, 0.3), (113, 0.7)])
def test_training_and_test_are_all_pairs_once(modulus: int, held_out: float):
    task = ModularAddition(modulus=modulus, held_out=held_out, key=Key(0))
    assert task.test_size == round(held_out * modulus**2)
    train, test = task.train(np.arange(task.train_size)), task.test(np.arange(task.test_size))
    assert not rows(train) & rows(test)
    assert len(rows(train) | rows(test)) == modulus**2 == task.train_size + task.test_size
    for batch in (train, test):
        assert [(a + b) % modulus for a, b in batch.inputs.tolist()] == batch.targets.tolist()


def test_the_stream_and_its_settings():
    task = ModularAddition(modulus=11, held_out=0.25, key=Key(0))
    assert isinstance(task, Task)
    check_stream(lambda key: ModularAddition(modulus=11, held_out=0.25, key=key))
    check_remade(task, ModularAddition)
    check_positions(task)
    check_disjoint(task, 2000)
    assert make_task("modular-addition", {"key": Key(0).to_json()}).test_size == 8938


def test_scores():
    task = ModularAddition(modulus=5, held_out=0.2, key=Key(0))
    logits = torch.zeros(2, 5, 3)
    logits[0, 4, 2], logits[1, 1, :] = 9, 9
    scores = task.score(logits, torch.tensor([4, 2]), torch.tensor([2, 0]))
    assert {name: score.tolist() for name, score in scores.items()} == {"accuracy": [1, 0]}
    certainty = torch.tensor([[0.0, 0.1, 0.2], [0.0, 0.9, 0.2]])
    thought = Thought(logits=logits, certainty=certainty, energy=None, sync_out=torch.zeros(2, 1, 3))
    _, metrics = task.loss(thought, torch.tensor([4, 2]))
    assert metrics["accuracy"].item() == 0.5
    assert metrics["thinking_time"].item() == 2.5


def test_bad_input_is_named():
    with pytest.raises(InvalidValue, match="modulus: wanted an integer from 2 to 4096, got 1"):
        ModularAddition(modulus=1, key=Key(0))
    with pytest.raises(InvalidValue, match=r"held-out pairs: wanted an integer from 1 to 8, got 9.*a share of 9 pairs"):
        ModularAddition(modulus=3, held_out=1.0, key=Key(0))
    with pytest.raises(InvalidValue, match=r"logits: wanted shape \(B, 5, T\).*Answer\(outputs=5\)"):
        ModularAddition(modulus=5, key=Key(0)).score(torch.zeros(2, 4, 3), torch.zeros(2).long(), torch.zeros(2).long())
