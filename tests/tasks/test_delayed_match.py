"""Delayed match: what is shown when, and what the right answer is."""

import numpy as np
import pytest
import torch

from cofire import CTM, CTMConfig
from cofire.checks import InvalidValue
from cofire.ctm import Answer, Decayed, DeepNeuronModel, Direct, RandomPairs, Thought
from cofire.random import Key
from cofire.tasks import Batch, DelayedMatch, Task, losses, make_task
from tests.tasks.streams import check_positions, check_remade, check_stream


def both(task: DelayedMatch) -> list[Batch]:
    return [task.train(np.arange(3000)), task.test(np.arange(task.test_size))]


@pytest.mark.parametrize("changes", [1, 5])
def test_the_probe_comes_after_the_delay_and_differs_where_it_should(changes: int):
    task = DelayedMatch(features=14, delay=4, changes=changes, key=Key(0))
    for batch in both(task):
        arrivals, different = [], []
        for frames, target in zip(batch.inputs.numpy(), batch.targets.tolist(), strict=True):
            shown = np.flatnonzero(np.abs(frames).sum(axis=1))
            assert len(shown) == 2
            assert shown[0] == 0
            assert set(np.abs(frames[shown]).ravel()) == {1.0}
            changed = int((frames[0] != frames[shown[1]]).sum())
            assert (changed == 0) == bool(target)
            assert changed <= changes
            arrivals.append(shown[1])
            different.append(changed)
        assert set(arrivals) == {2, 3, 4, 5}
        assert set(different) == set(range(changes + 1))
        assert batch.targets.float().mean().item() == pytest.approx(0.5, abs=2 / len(arrivals) ** 0.5)


def test_no_sample_is_both_trained_on_and_held_out():
    task = DelayedMatch(features=12, key=Key(1))
    train, test = ({one.numpy().tobytes() for one in batch.inputs[:, 0]} for batch in both(task))
    assert len(test) == task.test_size == 128
    assert not train & test


def test_the_stream_and_its_settings():
    task = DelayedMatch(features=12, delay=3, key=Key(0))
    assert isinstance(task, Task)
    check_stream(lambda key: DelayedMatch(features=12, delay=3, key=key))
    check_remade(task, DelayedMatch)
    check_positions(task)
    assert make_task("delayed-match", {"key": Key(0).to_json()}).test_size == 500


def test_only_the_ticks_after_the_last_frame_count():
    task = DelayedMatch(features=10, delay=2, key=Key(0))
    targets = torch.tensor([1, 0])
    logits = torch.from_numpy(Key(2).normal((2, 2, 7)))
    certainty = torch.from_numpy(Key(3).uniform((2, 7)))
    thought = Thought(logits=logits, certainty=certainty, energy=None, sync_out=torch.zeros(2, 1, 7))
    loss, metrics = task.loss(thought, targets)
    expected, tick = losses.image(logits[..., 4:], certainty[..., 4:], targets)
    assert loss.item() == expected.item()
    assert metrics["accuracy"].item() == task.score(logits, targets, tick + 4)["accuracy"].mean().item()
    short = Thought(logits=logits[..., :4], certainty=certainty[:, :4], energy=None, sync_out=torch.zeros(2, 1, 4))
    with pytest.raises(InvalidValue, match="ticks after the last frame: wanted an integer of at least 1, got 0"):
        task.loss(short, targets)


def test_a_streamed_machine_answers():
    task = DelayedMatch(features=12, delay=3, key=Key(0))
    config = CTMConfig(
        neurons=16,
        ticks=2,
        memory_length=3,
        backbone=Direct(features=12),
        neuron_model=DeepNeuronModel(hidden=2),
        sync_out=Decayed(pairs=RandomPairs(pairs=8)),
        answer=Answer(outputs=2),
        streamed=True,
    )
    batch = task.train(np.arange(4))
    thought = batch.show(CTM(config, key=Key(0)))
    assert thought.logits.shape == (4, 2, 3 + 2 + 2)
    loss, _ = task.loss(thought, batch.targets)
    assert loss.item() == pytest.approx(np.log(2), abs=0.4)


def test_bad_input_is_named():
    with pytest.raises(InvalidValue, match=r"features: wanted an integer from 10 to 10000, got 4.*too few patterns"):
        DelayedMatch(features=4, key=Key(0))
    with pytest.raises(InvalidValue, match="changes: wanted an integer from 1 to 12, got 13"):
        DelayedMatch(features=12, changes=13, key=Key(0))
    with pytest.raises(InvalidValue, match=r"test_size: wanted an integer from 1 to 128, got 200.*more features"):
        DelayedMatch(features=12, test_size=200, key=Key(0))
    with pytest.raises(InvalidValue, match=r"logits: wanted shape \(B, 2, T\)"):
        DelayedMatch(key=Key(0)).score(torch.zeros(2, 3, 3), torch.zeros(2).long(), torch.zeros(2).long())
