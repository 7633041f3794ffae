"""Parity against brute force; no sequence in training and in the test set."""

import numpy as np
import pytest
import torch

from cofire.checks import InvalidValue
from cofire.ctm import Thought
from cofire.random import Key
from cofire.tasks import Parity, Task, make_task
from tests.tasks.streams import check_disjoint, check_positions, check_remade, check_stream, rows


@pytest.mark.parametrize("length", [1, 2, 7, 16, 64, 100])
def test_targets_are_the_parity_counted_by_hand(length: int):
    task = Parity(length=length, key=Key(3))
    for batch in (task.train(np.arange(50)), task.test(np.arange(min(50, task.test_size)))):
        for signs, parities in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
            assert set(signs) <= {-1.0, 1.0}
            assert parities == [signs[: k + 1].count(-1.0) % 2 for k in range(length)]
        assert batch.inputs.dtype == torch.float32


def test_the_stream_and_its_settings():
    task = Parity(length=16, key=Key(0))
    assert isinstance(task, Task)
    check_stream(lambda key: Parity(length=16, key=key))
    check_remade(task, Parity)
    check_positions(task)
    assert make_task("parity", {"key": Key(0).to_json()}).settings["length"] == 64


def test_no_sequence_is_both_trained_on_and_held_out():
    check_disjoint(Parity(length=16, key=Key(1)), 100_000)  # more positions than there are sequences
    short = Parity(length=8, key=Key(1))
    trained, held_out = rows(short.train(np.arange(20_000))), rows(short.test(np.arange(short.test_size)))
    assert len(held_out) == 16
    assert len(trained) == 240  # all the others
    assert not trained & held_out


def test_signs_are_even_and_independent():
    signs = Parity(length=16, key=Key(2)).train(np.arange(40_000)).inputs.numpy()
    assert np.abs(signs.mean(axis=0)).max() < 4 / 200  # four standard errors
    together = signs.T @ signs / len(signs) - np.eye(16)
    assert np.abs(together).max() < 4.5 / 200


def answer(parities: torch.Tensor, ticks: int) -> torch.Tensor:
    """Logits (B, 2 L, T) that say these parities (B, L) at every tick."""
    one_hot = torch.nn.functional.one_hot(parities, 2).float() * 10
    return one_hot.flatten(1)[..., None].repeat(1, 1, ticks)


def test_scores_count_places_and_whole_sequences():
    task = Parity(length=6, key=Key(0))
    batch = task.train(np.arange(4))
    logits = answer(batch.targets, 3)
    wrong = batch.targets.clone()
    wrong[1, 2:4] = 1 - wrong[1, 2:4]
    logits[:, :, 2] = answer(wrong, 1)[..., 0]  # what is right before goes wrong at the last tick
    early, late = (task.score(logits, batch.targets, torch.full((4,), tick)) for tick in (0, 2))
    assert early["accuracy"].tolist() == early["whole"].tolist() == [1.0] * 4
    torch.testing.assert_close(late["accuracy"], torch.tensor([1, 4 / 6, 1, 1]))
    assert late["whole"].tolist() == [1, 0, 1, 1]
    certainty = torch.tensor([[0.0, 0.1, 0.2]]).expand(4, 3)
    thought = Thought(logits=logits, certainty=certainty, energy=None, sync_out=torch.zeros(4, 1, 3))
    loss, metrics = task.loss(thought, batch.targets)
    assert metrics["thinking_time"].item() == 3
    assert metrics["whole"].item() == 0.75
    assert loss.item() == pytest.approx(2 / 6 * 10 / 4 / 2, rel=1e-3)  # two wrong places, at one of the two ticks


def test_bad_input_is_named():
    with pytest.raises(InvalidValue, match="length: wanted an integer of at least 1, got 0"):
        Parity(length=0, key=Key(0))
    with pytest.raises(InvalidValue, match="sequences of 8 have 16 that are held out"):
        Parity(length=8, key=Key(0), test_size=17)
    with pytest.raises(InvalidValue, match=r"logits: wanted shape \(B, 16, T\).*Answer\(outputs=16, positions=8\)"):
        Parity(length=8, key=Key(0)).score(torch.zeros(2, 12, 3), torch.zeros(2, 8).long(), torch.zeros(2).long())
