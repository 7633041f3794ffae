"""The interface of an environment: many independent episodes at once, as pure functions of arrays."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from cofire.random import Key

MOST_EPISODES = 1 << 20  # of one place; the number of an episode and its place make up an address
MOST_PLACES = 1 << 40


class Transition(NamedTuple):
    """What N actions lead to: states (N, K), rewards (N,), and whether the episodes are over by themselves (N,)."""

    states: np.ndarray
    rewards: np.ndarray
    over: np.ndarray


@runtime_checkable
class Environment(Protocol):
    """A world to act in, without memory of its own: whoever uses it keeps the states, float64 or int64 (N, K).

    An episode that is not over after `limit` steps is cut off by whoever counts the steps.
    """

    @property
    def name(self) -> str:
        """A short name for logs and files."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one observation."""
        ...

    @property
    def actions(self) -> int:
        """The number of actions, 0 to `actions` - 1."""
        ...

    @property
    def limit(self) -> int:
        """The most steps of an episode."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """What it takes to make the same environment again, ready for JSON."""
        ...

    def begin(self, key: Key, episodes: np.ndarray) -> np.ndarray:
        """Return the first states (N, K) of episodes with these numbers (N,): functions of the key and the number."""
        ...

    def step(self, states: np.ndarray, actions: np.ndarray, steps: np.ndarray) -> Transition:
        """Return what actions (N,) lead to; `steps` (N,) are those of each episode, this one included."""
        ...

    def observe(self, states: np.ndarray) -> np.ndarray:
        """Return what is seen, (N, ...)."""
        ...
