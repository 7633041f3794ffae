"""How many groups are there? Three answers beside each other: the gap in the tree, the silhouette, stability."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.sync._clusters import Clustering, adjusted_rand, cluster, silhouette
from cofire.sync._cumulative import cumulative
from cofire.sync._inputs import checked_traces
from cofire.sync._nulls import Null, circularly_shifted


@final
@dataclass(frozen=True, eq=False, repr=False)
class NaturalNumber:
    """The evidence for every number of clusters k = 2 .. most, and the cut it recommends."""

    numbers: np.ndarray  # (most - 1,) k
    gaps: np.ndarray  # relative rise of the tree just above the cut into k
    silhouettes: np.ndarray
    stability: np.ndarray  # agreement (adjusted Rand) of the groups found in two halves of the ticks
    null_stability: np.ndarray  # the same, mean over surrogates
    p: np.ndarray  # one-sided, of the stability against the surrogates
    clustering: Clustering  # of the whole recording, cut at `by_gap`
    surrogates: int

    @property
    def by_gap(self) -> int:
        """The k with the largest gap in the tree."""
        return int(self.numbers[np.argmax(self.gaps)])

    @property
    def by_silhouette(self) -> int:
        """The k with the largest mean silhouette."""
        return int(self.numbers[np.argmax(self.silhouettes)])

    @property
    def by_stability(self) -> int:
        """The k whose groups recur most beyond chance; 1 where no k does (p > 0.05): no evidence for groups."""
        excess = np.where(self.p <= 0.05, self.stability - self.null_stability, -np.inf)
        return int(self.numbers[np.argmax(excess)]) if np.isfinite(excess).any() else 1

    def __repr__(self) -> str:
        k = self.by_gap - 2
        return (
            f"NaturalNumber(gap {self.by_gap}, silhouette {self.by_silhouette}, stability {self.by_stability}; "
            f"cut into {self.by_gap} at {self.clustering.height:.3g}: agreement of halves {self.stability[k]:.2f} "
            f"against {self.null_stability[k]:.2f} by chance, p = {self.p[k]:.3g})"
        )


def natural_number(
    x: Any,
    *,
    key: Key,
    warmup: int = 0,
    most: int = 10,
    linkage: str = "ward",
    magnitude: bool = True,
    null: Null = circularly_shifted,
    surrogates: int = 39,
    block: int = 16,
) -> NaturalNumber:
    """The natural number of clusters of a recording (T, D), by gap, silhouette, and stability under a null model.

    The tree of `cluster(cumulative(x, warmup=warmup))` is cut into k = 2 .. `most`. The gap of k is the rise from the
    last merge below the cut to the first above it, divided by the height of the tree. Stability clusters two halves of
    the ticks (alternating blocks of `block` ticks) apart and compares the two partitions; surrogates say how much
    halves agree by loudness and rate alone. The three need not agree: where they do not, groups are a matter of degree.

    Raises InvalidValue for fewer than three units, and fewer than two blocks after the warm-up.

    >>> drives = np.repeat(Key(0).normal((512, 3)), 5, axis=1)  # three groups of five, each with a drive of its own
    >>> three = drives + 0.3 * Key(1).normal((512, 15))
    >>> found = natural_number(three, key=Key(0), magnitude=False, surrogates=19)
    >>> found.by_gap, found.by_silhouette, found.by_stability
    (3, 3, 3)
    """
    z = checked_traces(x, least_units=3)
    warmup = checks.integer("warmup", warmup, low=0, high=len(z) - 1)
    kept = z[warmup:]
    block = checks.integer("block", block, low=1, high=max(1, len(kept) // 2), fix="take shorter blocks")
    numbers = np.arange(2, checks.integer("most", most, low=2, high=z.shape[1] - 1) + 1)
    whole = cluster(cumulative(kept), n=2, linkage=linkage, magnitude=magnitude)
    heights = whole.linkage[:, 2]
    gaps = (heights[len(heights) - numbers + 1] - heights[len(heights) - numbers]) / max(heights[-1], 1e-300)
    silhouettes = np.array([silhouette(whole.distance, labels) for labels in whole.cuts(numbers.tolist())])

    def stability(traces: np.ndarray) -> np.ndarray:
        half = (np.arange(len(traces)) // block) % 2 == 0
        trees = [cluster(cumulative(traces[part]), linkage=linkage, magnitude=magnitude, n=2) for part in (half, ~half)]
        first, second = (tree.cuts(numbers.tolist()) for tree in trees)
        return np.array([adjusted_rand(a, b) for a, b in zip(first, second, strict=True)])

    observed = stability(kept)
    count = checks.integer("surrogates", surrogates, low=1)
    by_chance = np.array([stability(null(key, kept, number)) for number in range(count)])
    p = (1 + (by_chance >= observed).sum(axis=0)) / (1 + count)
    best = whole.cut(int(numbers[np.argmax(gaps)]))
    return NaturalNumber(numbers, gaps, silhouettes, observed, by_chance.mean(axis=0), p, best, count)
