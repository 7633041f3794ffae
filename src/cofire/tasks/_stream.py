"""An endless stream over a data set: shuffled anew every epoch, addressed by position."""

from typing import NamedTuple

import numpy as np

from cofire import checks
from cofire.random import Key


class Places(NamedTuple):
    """Where positions of the stream lie: epoch (k,), place within the epoch (k,) and example of the data set (k,)."""

    epoch: np.ndarray
    place: np.ndarray
    example: np.ndarray


class Stream:
    """The order in which the examples of a data set are seen.

    >>> stream = Stream(4, Key(0))
    >>> sorted(stream.locate(np.arange(4)).example.tolist()), stream.locate(np.array([9])).epoch.tolist()
    ([0, 1, 2, 3], [2])
    """

    def __init__(self, size: int, key: Key):
        self.size = checks.integer("size", size, low=1)
        self._key = key
        self._orders: dict[int, np.ndarray] = {}

    def locate(self, positions: np.ndarray) -> Places:
        """Return the place of each position (k,) of the stream; what was asked before does not matter."""
        positions = check_positions(positions)
        epoch, place = np.divmod(positions, self.size)
        example = np.empty_like(positions)
        for one in np.unique(epoch):
            here = epoch == one
            example[here] = self._order(int(one))[place[here]]
        return Places(epoch, place, example)

    def _order(self, epoch: int) -> np.ndarray:
        if epoch not in self._orders:
            if len(self._orders) > 1:  # a batch spans two epochs at most, unless it is larger than the data
                self._orders.clear()
            self._orders[epoch] = self._key.permutation(self.size, step=epoch)
        return self._orders[epoch]


def check_positions(positions: np.ndarray, size: int | None = None) -> np.ndarray:
    """Return positions as int64 (k,), or raise `InvalidValue` where one lies outside [0, size)."""
    positions = np.asarray(positions, dtype=np.int64)
    checks.shape("positions", positions, ("k",))
    if positions.size:
        checks.integer("positions", positions.min(), low=0)
        checks.integer("positions", positions.max(), high=None if size is None else size - 1)
    return positions
