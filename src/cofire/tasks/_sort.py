"""Sorting numbers: name the places of a list's numbers in ascending order, one after the other, when it suits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cofire import checks
from cofire.random import Key
from cofire.tasks import losses
from cofire.tasks._emissions import NOTHING, decode
from cofire.tasks._held_out import HeldOut
from cofire.tasks._stream import check_positions
from cofire.tasks._task import Batch, Thoughtlike

HELD_OUT = 1 / 16  # of all lists


class Sort:
    """Lists x of N normal numbers; the target is the order that sorts them: their places, least number first.

    Inputs are float32 (B, N), targets int64 (B, N). A machine answers with `Answer(outputs=N + 1)`: at every tick it
    emits a place, or with the last class nothing. What counts is the list that it has emitted in the end (`decode`);
    in between it may wait. It has to think for N ticks at least.

    Every position of the training stream is drawn anew; an epoch is 100,000 of them in name only. One list in 16,
    chosen by a hash of its numbers, is held out: the test set takes only such ones, the training stream leaves them
    out. `count` is N; `test_size` the number of held-out examples.
    Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section 10.

    >>> task = Sort(count=4, key=Key(0))
    >>> batch = task.train(np.arange(1))
    >>> batch.inputs.double().round(decimals=2).tolist(), batch.targets.tolist()
    ([[1.24, -0.67, 0.54, -0.55]], [[1, 3, 2, 0]])
    """

    name = "sort"
    train_size = 100_000

    def __init__(self, *, count: int = 30, key: Key, test_size: int = 1000):
        self.count = checks.integer("count", count, low=1)
        self.test_size = checks.integer("test_size", test_size, low=1, high=1_000_000)
        self._held_out = HeldOut(count, key=key.fold("held out"), share=HELD_OUT)
        self._key = key.fold("train")
        self._test = self._held_out.test(test_size, lambda attempt, at: _numbers(key.fold("test", attempt), at, count))
        self.settings: Mapping[str, Any] = {"key": key.to_json(), "count": count, "test_size": test_size}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Sort":
        """Return the task whose `settings` these are; what is left out takes its default."""
        given = dict(settings)
        return cls(key=Key.from_json(given.pop("key")), **given)

    def train(self, positions: np.ndarray) -> Batch:
        """Return the training examples at these positions (B,) of the stream."""
        positions = check_positions(positions)
        return _batch(self._held_out.training(positions, lambda n, at: _numbers(self._key.fold(n), at, self.count)))

    def test(self, positions: np.ndarray) -> Batch:
        """Return the held-out examples at these positions (B,)."""
        return _batch(self._test[check_positions(positions, self.test_size)])

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.sort`, with the scores of the list that is there in the end."""
        loss = losses.sort(self._checked(thought.logits), targets)
        last = torch.full_like(targets[:, 0], thought.logits.shape[2] - 1)
        scores = self.score(thought.logits.detach(), targets, last)
        return loss, {name: score.mean() for name, score in scores.items()}

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return the share of places that are right in what is emitted by the tick, and whether all is, (B,) each."""
        said = decode(self._checked(logits), tick)
        missing = max(0, self.count - said.symbols.shape[1])
        right = functional.pad(said.symbols, (0, missing), value=NOTHING)[:, : self.count] == targets
        whole = right.all(dim=1) & (said.counts == self.count)
        return {"accuracy": right.float().mean(dim=1), "whole": whole.float()}

    def _checked(self, logits: Tensor) -> Tensor:
        return checks.shape("logits", logits, ("B", self.count + 1, "T"), fix=f"Answer(outputs={self.count + 1})")


def _numbers(key: Key, positions: np.ndarray, count: int) -> np.ndarray:
    """The numbers drawn at these positions, as the bits of float32 (B, N): so they can be hashed."""
    return key.units(range(count)).normal(positions).view(np.int32)


def _batch(bits: np.ndarray) -> Batch:
    numbers = np.ascontiguousarray(bits).view(np.float32)
    order = np.argsort(numbers, axis=1, kind="stable")  # equal numbers: the earlier place first
    return Batch(torch.from_numpy(numbers), torch.from_numpy(order))
