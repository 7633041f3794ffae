"""Delayed match: a pattern, some ticks of nothing, another pattern. Are they the same?"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cofire import checks
from cofire.random import Key
from cofire.tasks import losses
from cofire.tasks._held_out import HeldOut
from cofire.tasks._stream import check_positions
from cofire.tasks._task import Batch, Thoughtlike

HELD_OUT = 1 / 16  # of all patterns


class DelayedMatch:
    """A sample of F signs at tick 0, nothing for some ticks, a probe: 1 where it is the sample, 0 where it is not.

    Inputs are a stream, float32 (B, S, F) of S = `delay` + 2 frames, one per tick: the sample, then zeros, and after 1
    to `delay` of them the probe, then zeros again. Probes are the sample or, as often, a pattern that differs from it
    in one to `changes` signs. The machine is streamed and has no attention: `Direct(features=F)`, `streamed=True`,
    `Answer(outputs=2)`. It is judged at the ticks after the last frame, its own `ticks`.

    Every position of the training stream is drawn anew; an epoch is 100,000 of them in name only. One pattern in 16,
    chosen by a hash of its signs, is held out: it is the sample in the test set only, where all examples differ.
    `features` is F, 10 or more; `test_size` the number of held-out examples, 500 or as many as there are patterns for.
    Source of the task: Fuster & Alexander, Neuron activity related to short-term memory, Science 173 (1971).

    >>> task = DelayedMatch(features=10, delay=3, key=Key(0))
    >>> batch = task.train(np.arange(64))
    >>> tuple(batch.inputs.shape), batch.targets[:6].tolist()
    ((64, 5, 10), [1, 0, 0, 0, 0, 0])
    """

    name = "delayed-match"
    train_size = 100_000

    def __init__(
        self, *, features: int = 16, delay: int = 10, changes: int | None = None, key: Key, test_size: int | None = None
    ):
        checks.integer("features", features, low=10, high=10_000, fix="fewer signs make too few patterns")
        self.delay = checks.integer("delay", delay, low=1)
        changes = features // 2 if changes is None else changes
        self._changes = checks.integer("changes", changes, low=1, high=features)
        most = 2 ** min(features, 30) // 32
        test_size = min(500, most) if test_size is None else test_size
        self.test_size = checks.integer(
            "test_size", test_size, low=1, high=most, fix="more features make more patterns"
        )
        self._held_out = HeldOut(features, key=key.fold("held out"), share=HELD_OUT)
        self._key, self._features = key, features
        self._samples = self._held_out.test(test_size, lambda attempt, at: self._signs("test", attempt, at))
        self.settings: Mapping[str, Any] = {
            "key": key.to_json(),
            "features": features,
            "delay": delay,
            "changes": changes,
            "test_size": test_size,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "DelayedMatch":
        """Return the task whose `settings` these are; what is left out takes its default."""
        given = dict(settings)
        return cls(key=Key.from_json(given.pop("key")), **given)

    def train(self, positions: np.ndarray) -> Batch:
        """Return the training examples at these positions (B,) of the stream."""
        positions = check_positions(positions)
        samples = self._held_out.training(positions, lambda attempt, at: self._signs("train", attempt, at))
        return self._batch(samples, positions, self._key.fold("train"))

    def test(self, positions: np.ndarray) -> Batch:
        """Return the held-out examples at these positions (B,)."""
        positions = check_positions(positions, self.test_size)
        return self._batch(self._samples[positions], positions, self._key.fold("test"))

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.image` over the ticks after the last frame, with the accuracy at the most certain of them."""
        ticks = thought.logits.shape[-1] - self.delay - 2
        checks.integer("ticks after the last frame", ticks, low=1, fix=f"show {self.delay + 2} frames, then think")
        logits, certainty = thought.logits[..., -ticks:], thought.certainty[..., -ticks:]
        loss, tick = losses.image(logits, certainty, targets)
        return loss, {"accuracy": losses.right(logits.detach(), targets, tick).mean()}

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return which examples are right at their tick, counted from the first frame, (B,)."""
        checks.shape("logits", logits, ("B", 2, "T"), fix="Answer(outputs=2)")
        return {"accuracy": losses.right(logits, targets, tick)}

    def _signs(self, part: str, attempt: int, positions: np.ndarray) -> np.ndarray:
        drawn = self._key.fold(part, "sample", attempt).units(range(self._features)).uniform(positions)
        return np.where(drawn < 0.5, -1, 1)

    def _batch(self, samples: np.ndarray, positions: np.ndarray, key: Key) -> Batch:
        alone = {name: key.fold(name).units([0]).uniform(positions)[:, 0] for name in ("same", "count", "delay")}
        same = alone["same"] < 0.5
        count = 1 + np.floor(alone["count"] * self._changes)
        order = np.argsort(key.fold("which").units(range(self._features)).uniform(positions), axis=1, kind="stable")
        changed = (np.argsort(order, axis=1) < count[:, None]) & ~same[:, None]
        frames = np.zeros((len(samples), self.delay + 2, self._features), dtype=np.float32)
        frames[:, 0] = samples
        arrival = 2 + np.floor(alone["delay"] * self.delay).astype(np.int64)
        frames[np.arange(len(samples)), arrival] = np.where(changed, -samples, samples)
        return Batch(torch.from_numpy(frames), torch.from_numpy(same.astype(np.int64)))
