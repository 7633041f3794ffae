"""Addition of long numbers, digit by digit: where to look, and what to carry."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cofire import checks
from cofire.random import Key
from cofire.tasks import losses
from cofire.tasks._held_out import HeldOut
from cofire.tasks._sequences import by_position, means, score_positions
from cofire.tasks._stream import check_positions
from cofire.tasks._task import Batch, Thoughtlike

HELD_OUT = 1 / 16  # of all pairs of numbers
FEW = 2  # digits up to which all pairs are counted out


class MultiDigitAddition:
    """Two numbers of n digits each, the first digit first; the target are the n + 1 digits of their sum.

    Inputs are the 2 n digits, int64 (B, 2 n), for `TokenEmbedding(vocabulary=10, signed=False)`; targets int64
    (B, n + 1), for `Answer(outputs=10 * (n + 1), positions=n + 1)`. Digits are drawn evenly, leading zeros among them.

    Every position of the training stream is drawn anew; an epoch is 100,000 of them in name only. One pair in 16,
    chosen by a hash of its digits, is held out: the test set takes only such ones, all different, and the training
    stream leaves them out. `digits` is n; `test_size` the number of held-out examples, 1,000 or as many as there are.
    Source of the task: Nanda et al., arXiv 2301.05217, appendix.

    >>> task = MultiDigitAddition(digits=3, key=Key(0))
    >>> batch = task.train(np.arange(1))
    >>> batch.inputs.tolist(), batch.targets.tolist()  # 334 + 623 = 957
    ([[3, 3, 4, 6, 2, 3]], [[0, 9, 5, 7]])
    """

    name = "multi-digit-addition"
    train_size = 100_000

    def __init__(self, *, digits: int = 5, key: Key, test_size: int | None = None):
        self.digits = checks.integer("digits", digits, low=1, high=1000)
        most = int(100.0 ** min(digits, 8) * HELD_OUT)
        sure = most if digits <= FEW else most // 2
        test_size = min(1000, sure) if test_size is None else test_size
        self.test_size = checks.integer("test_size", test_size, low=1, high=sure)
        self._held_out = HeldOut(2 * digits, key=key.fold("held out"), share=HELD_OUT)
        self._key = key.fold("train")
        if digits <= FEW:
            everything = np.arange(100**digits)[:, None] // 10 ** np.arange(2 * digits) % 10
            self._test = self._held_out.keep_lowest(everything, most)[:test_size]
        else:
            self._test = self._held_out.test(test_size, lambda n, at: _digits(key.fold("test", n), at, 2 * digits))
        self.settings: Mapping[str, Any] = {"key": key.to_json(), "digits": digits, "test_size": test_size}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "MultiDigitAddition":
        """Return the task whose `settings` these are; what is left out takes its default."""
        given = dict(settings)
        return cls(key=Key.from_json(given.pop("key")), **given)

    def train(self, positions: np.ndarray) -> Batch:
        """Return the training examples at these positions (B,) of the stream."""
        positions = check_positions(positions)
        return _batch(self._held_out.training(positions, lambda n, at: _digits(self._key.fold(n), at, 2 * self.digits)))

    def test(self, positions: np.ndarray) -> Batch:
        """Return the held-out examples at these positions (B,)."""
        return _batch(self._test[check_positions(positions, self.test_size)])

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.sequence`, with the scores and the thinking time (ticks) at the most certain tick."""
        logits = by_position(thought.logits, self.digits + 1, 10)
        loss, tick = losses.sequence(logits, thought.certainty, targets)
        return loss, means(score_positions(logits.detach(), targets, tick), tick)

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return the share of digits that are right at the tick, and whether all of them are, (B,) each."""
        return score_positions(by_position(logits, self.digits + 1, 10), targets, tick)


def _digits(key: Key, positions: np.ndarray, count: int) -> np.ndarray:
    """The digits drawn at these positions, (B, count)."""
    drawn = key.units(range(count)).uniform(positions, dtype=np.float64)
    return np.floor(10 * drawn).astype(np.int64)


def _batch(digits: np.ndarray) -> Batch:
    left, right = np.split(digits, 2, axis=1)
    sums = np.pad(left + right, ((0, 0), (1, 0)))
    for place in range(sums.shape[1] - 1, 0, -1):  # from the last digit on
        carry, sums[:, place] = np.divmod(sums[:, place], 10)
        sums[:, place - 1] += carry
    return Batch(torch.from_numpy(digits), torch.from_numpy(sums))
