"""What holds for the data of every task: fixed test sets, a stream that is a function of key and position."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from cofire.checks import CofireError
from cofire.random import Key
from cofire.tasks import Batch, Task


def same(left: Batch, right: Batch) -> bool:
    """Whether two batches hold the same examples, to the bit."""
    return all(
        (one is None and other is None) or (one is not None and other is not None and torch.equal(one, other))
        for one, other in zip(left, right, strict=True)
    )


def picked(batch: Batch, places: np.ndarray) -> Batch:
    """These examples of a batch."""
    question = None if batch.question is None else batch.question[places]
    return Batch(batch.inputs[places], batch.targets[places], question)


def rows(batch: Batch) -> set[bytes]:
    """The inputs of a batch, each as bytes."""
    return {one.numpy().tobytes() for one in batch.inputs}


def check_stream(make: Callable[[Key], Task], positions: int = 500) -> None:
    """The stream does not depend on batches, order or what was asked before; keys and positions tell examples apart."""
    task, again = make(Key(5)), make(Key(5))
    together = task.train(np.arange(positions))
    order = Key(1).permutation(positions)
    shuffled = again.train(order)
    assert same(shuffled, picked(together, order))
    halves = [again.train(half) for half in np.array_split(np.arange(positions), 7)]
    assert torch.equal(torch.cat([half.inputs for half in halves]), together.inputs)
    assert torch.equal(torch.cat([half.targets for half in halves]), together.targets)
    assert same(task.train(np.array([3, 3, 10**9])), again.train(np.array([3, 3, 10**9])))
    assert not same(make(Key(6)).train(np.arange(positions)), together)
    assert same(task.test(np.arange(task.test_size)), again.test(np.arange(task.test_size)))
    assert same(task.test(np.array([1])), picked(task.test(np.arange(2)), np.array([1])))


def check_disjoint(task: Task, positions: int) -> None:
    """No training example is in the test set."""
    test = rows(task.test(np.arange(task.test_size)))
    assert not test & rows(task.train(np.arange(positions)))


def check_remade(task: Task, kind: type) -> None:
    """The settings make the same task again."""
    again = kind.from_settings(dict(task.settings))
    assert again.settings == task.settings
    assert same(again.train(np.arange(20)), task.train(np.arange(20)))
    assert same(again.test(np.arange(5)), task.test(np.arange(5)))


def check_positions(task: Task) -> None:
    """Positions that do not exist are refused."""
    with pytest.raises(CofireError, match=f"positions: wanted an integer of at most {task.test_size - 1}"):
        task.test(np.array([task.test_size]))
    with pytest.raises(CofireError, match="positions: wanted an integer of at least 0, got -1"):
        task.train(np.array([-1]))
