"""Modular addition: (a + b) mod p, learned from a part of all pairs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cofire import checks
from cofire.random import Key
from cofire.tasks import losses
from cofire.tasks._sequences import means
from cofire.tasks._stream import Stream, check_positions
from cofire.tasks._task import Batch, Thoughtlike


class ModularAddition:
    """Pairs (a, b) of 0 .. p - 1; the target is (a + b) mod p.

    Inputs are int64 (B, 2), for `TokenEmbedding(vocabulary=p, signed=False)`; targets int64 (B,), for
    `Answer(outputs=p)`. All p^2 pairs are divided once, by key: a share of `held_out` is for the test, the others are
    trained on, in an order that is new in every epoch. As in the source (a, b) and (b, a) are two pairs, so that a
    held-out pair may be known the other way round.

    `modulus` is p. Source: Nanda et al., Progress measures for grokking via mechanistic interpretability, arXiv
    2301.05217: p = 113, of whose pairs 70 % are held out.

    >>> task = ModularAddition(modulus=5, held_out=0.2, key=Key(0))
    >>> task.train_size, task.test_size, task.test(np.arange(2)).inputs.tolist()
    (20, 5, [[3, 2], [1, 3]])
    """

    name = "modular-addition"

    def __init__(self, *, modulus: int = 113, held_out: float = 0.7, key: Key):
        self.modulus = checks.integer("modulus", modulus, low=2, high=4096)
        checks.number("held_out", held_out, above=0, high=1)
        pairs = modulus * modulus
        self.test_size = round(pairs * held_out)
        checks.integer("held-out pairs", self.test_size, low=1, high=pairs - 1, fix=f"a share of {pairs} pairs")
        self.train_size = pairs - self.test_size
        order = key.fold("split").permutation(pairs)
        self._test, self._training = order[: self.test_size], order[self.test_size :]
        self._stream = Stream(self.train_size, key.fold("order"))
        self.settings: Mapping[str, Any] = {"key": key.to_json(), "modulus": modulus, "held_out": held_out}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "ModularAddition":
        """Return the task whose `settings` these are; what is left out takes its default."""
        given = dict(settings)
        return cls(key=Key.from_json(given.pop("key")), **given)

    def train(self, positions: np.ndarray) -> Batch:
        """Return the training examples at these positions (B,) of the stream."""
        return self._batch(self._training[self._stream.locate(positions).example])

    def test(self, positions: np.ndarray) -> Batch:
        """Return the held-out examples at these positions (B,)."""
        return self._batch(self._test[check_positions(positions, self.test_size)])

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.image`, with the accuracy and the thinking time (ticks) at the most certain tick."""
        loss, tick = losses.image(self._checked(thought.logits), thought.certainty, targets)
        return loss, means(self.score(thought.logits.detach(), targets, tick), tick)

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return which examples are right at their tick, (B,)."""
        return {"accuracy": losses.right(self._checked(logits), targets, tick)}

    def _checked(self, logits: Tensor) -> Tensor:
        return checks.shape("logits", logits, ("B", self.modulus, "T"), fix=f"Answer(outputs={self.modulus})")

    def _batch(self, pairs: np.ndarray) -> Batch:
        numbers = np.stack(np.divmod(pairs, self.modulus), axis=1)
        return Batch(torch.from_numpy(numbers), torch.from_numpy(numbers.sum(axis=1) % self.modulus))
