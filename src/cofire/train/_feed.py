"""Where the batches of a run come from, ahead of their time if there is somebody to make them."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numpy as np

from cofire.tasks import Batch, Task
from cofire.train._config import TrainConfig

Parts = list[Batch]


def share(step: int, config: TrainConfig, rank: int, world: int) -> list[np.ndarray]:
    """Return the positions of the examples that a device sees in a step, counted from 0, in micro-batches.

    >>> [part.tolist() for part in share(1, TrainConfig(steps=9, batch_size=8, accumulate=2), rank=1, world=2)]
    [[9, 11], [13, 15]]
    """
    size = config.batch_size
    own = np.arange(step * size, (step + 1) * size)[rank::world]
    return np.array_split(own, min(config.accumulate, len(own)))


class Feed:
    """The batches of the steps from `first` on, asked for in order.

    `ahead` of them are made by a thread in the background while a step is under way. What stands at a position of the
    stream is a function of the position, so that nothing depends on when it is made.
    """

    def __init__(self, task: Task, config: TrainConfig, first: int, *, rank: int, world: int, ahead: int):
        self._task, self._config, self._rank, self._world, self._ahead = task, config, rank, world, ahead
        self._next = first
        self._waiting: deque[Future[Parts]] = deque()
        self._maker = ThreadPoolExecutor(1, "cofire-batches") if ahead else None

    def take(self) -> Parts:
        """Return the micro-batches of the next step."""
        if self._maker is None:
            self._next += 1
            return self._make(self._next - 1)
        self._order(1)
        parts = self._waiting.popleft().result()
        self._order(self._ahead)
        return parts

    def rest(self) -> None:
        """Wait until no batch is being made, so that a task is never asked from two threads at once."""
        wait(self._waiting)

    def close(self) -> None:
        """Make no more."""
        if self._maker:
            self._maker.shutdown(cancel_futures=True)

    def _order(self, count: int) -> None:
        while self._maker and len(self._waiting) < count and self._next < self._config.steps:
            self._waiting.append(self._maker.submit(self._make, self._next))
            self._next += 1

    def _make(self, step: int) -> Parts:
        return [self._task.train(part) for part in share(step, self._config, self._rank, self._world)]
