"""Which pairs of neurons are read: chosen once, from a key, and kept with the weights.

Each choice gives the index vectors `left` and `right` of the pairs (i, j) whose synchronisation is read. "Dense"
choices pick n neurons per side and read the upper triangle, n (n + 1) / 2 pairs, of their products.

Neurons are drawn with replacement, so that more pairs than neurons can be read.
Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section 3.4 and its published code.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cofire import checks
from cofire.random import Key

Side = Literal["out", "action"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstLast:
    """The upper triangle of the first n neurons (read for the answer) or the last n (read for the action).

    `end` overrides which end is read (the published control machines read the answer from the last n).

    >>> FirstLast(neurons=2).choose(4, "action", Key(0))
    (array([2, 3]), array([2, 3]))
    """

    neurons: int
    end: Literal["first", "last"] | None = None
    dense = True

    def __post_init__(self) -> None:
        checks.integer("neurons", self.neurons, low=1)
        checks.choice("end", self.end, (None, "first", "last"))

    def choose(self, neurons: int, side: Side, key: Key) -> tuple[np.ndarray, np.ndarray]:
        """The indices of both sides, (n,) each."""
        checks.integer("pairs of the first or last neurons", self.neurons, high=neurons, fix="read fewer or have more")
        last = (self.end or ("last" if side == "action" else "first")) == "last"
        chosen = np.arange(neurons - self.neurons, neurons) if last else np.arange(self.neurons)
        return chosen, chosen.copy()

    @property
    def count(self) -> int:
        """The number of pairs."""
        return self.neurons * (self.neurons + 1) // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class RandomDense:
    """The upper triangle of the products of n random neurons with n other random ones (published name: `random`)."""

    neurons: int
    dense = True

    def __post_init__(self) -> None:
        checks.integer("neurons", self.neurons, low=1)

    def choose(self, neurons: int, side: Side, key: Key) -> tuple[np.ndarray, np.ndarray]:
        """The indices of both sides, (n,) each."""
        left = key.fold("left").integers(0, neurons, (self.neurons,))
        return left, key.fold("right").integers(0, neurons, (self.neurons,))

    @property
    def count(self) -> int:
        """The number of pairs."""
        return self.neurons * (self.neurons + 1) // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class RandomPairs:
    """Random pairs, the first `self_pairs` of them of a neuron with itself (published name: `random-pairing`).

    >>> left, right = RandomPairs(pairs=6, self_pairs=2).choose(4, "out", Key(0))
    >>> bool((left[:2] == right[:2]).all()), len(left)
    (True, 6)
    """

    pairs: int
    self_pairs: int = 0
    dense = False

    def __post_init__(self) -> None:
        checks.integer("pairs", self.pairs, low=1)
        checks.integer("self_pairs", self.self_pairs, low=0, high=self.pairs, fix="at most as many as there are pairs")

    def choose(self, neurons: int, side: Side, key: Key) -> tuple[np.ndarray, np.ndarray]:
        """The indices of both sides, (P,) each."""
        left = key.fold("left").integers(0, neurons, (self.pairs,))
        right = key.fold("right").integers(0, neurons, (self.pairs,))
        right[: self.self_pairs] = left[: self.self_pairs]
        return left, right

    @property
    def count(self) -> int:
        """The number of pairs."""
        return self.pairs


PairSelection = FirstLast | RandomDense | RandomPairs
