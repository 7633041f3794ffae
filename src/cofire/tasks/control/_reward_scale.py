"""Rewards on a scale that learning likes: divided by the spread of the discounted returns seen so far."""

from collections.abc import Mapping

import numpy as np

from cofire import checks


class RewardScale:
    """Divide rewards by the standard deviation of discounted returns.

        G_i <- gamma G_i + r_i   (place i; from 0 where an episode begins)
        r'  = r / sqrt(Var + 1e-8),   Var over all G of all places and steps so far

    The steps of one call count before they are divided, so that all of them are on one scale, and the first ones on a
    sensible one. The variance begins as that of 1e-4 values at mean 0 and variance 1. Learning sees r', logs and
    evaluations r. Source: `NormalizeReward` of Gymnasium, which divides step by step.

    >>> scale = RewardScale(1, discount=0.0)
    >>> scale(np.array([[1.0], [-1.0], [5.0], [-5.0]]), np.zeros((4, 1), dtype=bool)).round(2).ravel().tolist()
    [0.28, -0.28, 1.39, -1.39]
    """

    def __init__(self, count: int, *, discount: float):
        self._discount = checks.number("discount", discount, low=0, high=1)
        self._returns = np.zeros(count)
        self._moments = np.array([1e-4, 0.0, 1.0])  # weight, mean and variance

    def __call__(self, rewards: np.ndarray, ended: np.ndarray) -> np.ndarray:
        """Take in the rewards (S, N) of S steps, and which episodes ended with them; return them scaled."""
        returns = np.empty_like(rewards, dtype=np.float64)
        for now, reward, over in zip(returns, rewards, ended, strict=True):
            now[:] = self._returns * self._discount + reward
            self._returns = np.where(over, 0.0, now)
        self._moments = _with(self._moments, returns.ravel())
        return rewards / np.sqrt(self._moments[2] + 1e-8)

    def state(self) -> dict[str, np.ndarray]:
        """Return all that there is to keep, by name."""
        return {"returns": self._returns.copy(), "moments": self._moments.copy()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what `state` returned."""
        self._returns, self._moments = np.array(state["returns"]), np.array(state["moments"])


def _with(moments: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weight, mean and variance of what was seen together with new values (Chan's parallel update)."""
    count, mean, variance = moments
    more = len(values)
    total, shift = count + more, values.mean() - mean
    squares = variance * count + values.var() * more + shift**2 * count * more / total
    return np.array([total, mean + shift * more / total, squares / total])
