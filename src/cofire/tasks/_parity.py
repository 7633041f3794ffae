"""Cumulative parity: after every place of a sequence of signs, is the number of minus signs so far odd?"""

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

HELD_OUT = 1 / 16  # of all sequences
FEW = 12  # sequences up to this long are counted out, so that even the shortest have one that is held out


class Parity:
    """Sequences x of -1 and +1; the target at place k is the number of minus signs in x_1 .. x_k, modulo 2.

    Inputs are float32 (B, L), targets int64 (B, L); a machine answers with `Answer(outputs=2 * L, positions=L)`.
    Every position of the training stream is drawn anew; an epoch is 100,000 of them in name only. One sequence in 16,
    chosen by a hash of its signs, is held out: the test set takes only such ones, all different, and the training
    stream leaves them out. Short sequences have few: the test set of length 8 has 16.

    `length` is L, 1 or more; `test_size` the number of held-out examples, 1,000 or as many as there are; without
    `use_most_certain` the loss looks at the last tick in place of the most certain one.
    Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section 8.

    >>> task = Parity(length=5, key=Key(0))
    >>> batch = task.train(np.arange(1))
    >>> batch.inputs.int().tolist(), batch.targets.tolist()
    ([[1, -1, -1, 1, -1]], [[0, 1, 0, 0, 1]])
    """

    name = "parity"
    train_size = 100_000

    def __init__(self, *, length: int = 64, key: Key, test_size: int | None = None, use_most_certain: bool = True):
        self.length = checks.integer("length", length, low=1)
        most = max(1, int(2.0 ** min(length, 40) * HELD_OUT))
        if test_size is None:
            test_size = min(1000, most // 2 if length > FEW else most)
        fix = f"sequences of {length} have {most} that are held out" if length <= FEW else ""
        self.test_size = checks.integer(
            "test_size", test_size, low=1, high=most // 2 if length > FEW else most, fix=fix
        )
        self._held_out = HeldOut(length, key=key.fold("held out"), share=HELD_OUT)
        self._key = key.fold("train")
        if length <= FEW:
            everything = 1 - 2 * (np.arange(2**length)[:, None] >> np.arange(length) & 1)
            self._test = self._held_out.keep_lowest(everything, most)[:test_size]
        else:
            self._test = self._held_out.test(
                test_size, lambda attempt, at: _signs(key.fold("test", attempt), at, length)
            )
        self._use_most_certain = checks.instance("use_most_certain", use_most_certain, bool)
        self.settings: Mapping[str, Any] = {
            "key": key.to_json(),
            "length": length,
            "test_size": test_size,
            "use_most_certain": use_most_certain,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Parity":
        """Return the task whose `settings` these are; what is left out takes its default."""
        given = dict(settings)
        return cls(key=Key.from_json(given.pop("key")), **given)

    def train(self, positions: np.ndarray) -> Batch:
        """Return the training examples at these positions (B,) of the stream."""
        positions = check_positions(positions)
        return _batch(self._held_out.training(positions, lambda n, at: _signs(self._key.fold(n), at, self.length)))

    def test(self, positions: np.ndarray) -> Batch:
        """Return the held-out examples at these positions (B,)."""
        return _batch(self._test[check_positions(positions, self.test_size)])

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.parity`, with the scores and the thinking time (ticks) at its second tick."""
        logits = by_position(thought.logits, self.length, 2)
        loss, tick = losses.parity(logits, thought.certainty, targets, self._use_most_certain)
        return loss, means(score_positions(logits.detach(), targets, tick), tick)

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return the share of positions that are right at the tick, and whether all of them are, (B,) each."""
        return score_positions(by_position(logits, self.length, 2), targets, tick)


def _signs(key: Key, positions: np.ndarray, length: int) -> np.ndarray:
    """The signs drawn at these positions, (B, L)."""
    return np.where(key.units(range(length)).uniform(positions) < 0.5, -1, 1)


def _batch(signs: np.ndarray) -> Batch:
    odd = np.cumsum(signs < 0, axis=1) % 2
    return Batch(torch.from_numpy(signs.astype(np.float32)), torch.from_numpy(odd.astype(np.int64)))
