"""Groups in a synchrony matrix: hierarchical clustering, cuts of the tree, and how well partitions agree."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from cofire import checks
from cofire.sync._inputs import checked_matrix

LINKAGES = ("ward", "complete", "average", "single")


@final
@dataclass(frozen=True, eq=False, repr=False)
class Clustering:
    """A tree of units and one cut through it."""

    labels: np.ndarray  # (D,) from 1; fewer than n where the tree has ties
    linkage: np.ndarray  # (D - 1, 4), SciPy's: two children, height, size
    distance: np.ndarray  # (D, D) that the tree was built on

    @property
    def n(self) -> int:
        """How many clusters the cut has."""
        return int(self.labels.max())

    @property
    def sizes(self) -> np.ndarray:
        """Units per cluster, (n,)."""
        return np.bincount(self.labels)[1:]

    @property
    def order(self) -> np.ndarray:
        """The units from left to right under the tree, which keeps clusters together, (D,)."""
        return hierarchy.leaves_list(self.linkage)

    @property
    def height(self) -> float:
        """The height of the cut: halfway between the last merge below it and the first above."""
        heights, last = self.linkage[:, 2], len(self.linkage) - self.n
        below = heights[last] if last >= 0 else 0.0
        return float((below + heights[last + 1]) / 2 if last + 1 < len(heights) else heights[-1] * 1.05)

    def cut(self, n: int) -> "Clustering":
        """The same tree cut into at most n clusters."""
        return Clustering(_cut(self.linkage, n), self.linkage, self.distance)

    def cuts(self, numbers: Any) -> np.ndarray:
        """The labels of several cuts, (len(numbers), D): every finer one divides clusters of a coarser one."""
        return np.array([_cut(self.linkage, int(n)) for n in numbers])

    def __repr__(self) -> str:
        return f"Clustering({len(self.labels)} units in {self.n} clusters of {', '.join(map(str, self.sizes))})"


def cluster(S: Any, n: int = 8, *, linkage: str = "ward", magnitude: bool = True) -> Clustering:
    """Hierarchical clustering of a synchrony matrix (D, D), cut into at most `n` clusters.

    Parameters
    ----------
    S
        Symmetric; of `cumulative`, `windowed`, `correlation` (without undefined entries) and their kin.
    n
        How many clusters; `natural_number` helps to choose.
    linkage
        "ward", "complete", "average" or "single".
    magnitude
        True, as the experiments did it: distance 1 - S / max(S). The loudest unit sets the scale, so that clusters are
        largely groups of equal loudness, and quiet units end up together whether they are in step or not.
        False: distance 1 - S_ij / sqrt(S_ii S_jj), the cosine, in which loudness has no part. Silent units have
        distance 1 to all others. Either way Ward's criterion is used on a distance that is not Euclidean.

    Raises
    ------
    InvalidValue
        For fewer than two units, values that are not finite, an asymmetric matrix, and where nothing is positive.

    >>> t = np.arange(64.0)[:, None]
    >>> waves = np.concatenate([np.sin(t / 2) ** 2 * [1, 3], np.sin(t / 5) ** 2 * [1, 3]], axis=1)
    >>> cluster(waves.T @ waves, n=2, magnitude=False).labels
    array([1, 1, 2, 2], dtype=int32)
    """
    matrix = checked_matrix(S, least_units=2)
    checks.choice("linkage", linkage, LINKAGES)
    distance = loud_distance(matrix) if magnitude else cosine_distance(matrix)
    tree = hierarchy.linkage(squareform(distance, checks=False), linkage)
    return Clustering(_cut(tree, n), tree, distance)


def loud_distance(S: np.ndarray) -> np.ndarray:
    """1 - S / max(S), symmetrised, with a zero diagonal."""
    largest = S.max()
    if largest <= 0:
        fix = "all units are silent; kick the network, or leave silent units out"
        raise checks.InvalidValue(checks.message("S", "a positive largest value", f"{largest:g}", fix))
    return _hollow(1.0 - S / largest)


def cosine_distance(S: np.ndarray) -> np.ndarray:
    """1 - S_ij / sqrt(S_ii S_jj), with a zero diagonal; 1 to and from units whose S_ii is 0."""
    power = np.diag(S)
    if (power < 0).any():
        raise checks.InvalidValue(checks.message("S", "a non-negative diagonal", f"{power.min():g}"))
    scale = np.sqrt(np.where(power > 0, power, np.inf))
    return _hollow(1.0 - np.clip(S / scale[:, None] / scale, -1.0, 1.0))


def adjusted_rand(first: Any, second: Any) -> float:
    """The adjusted Rand index of two partitions: 1 for equal ones up to names, about 0 for unrelated ones.

    Where both have one cluster, or both only single units, they are equal: 1. Source: Hubert and Arabie (1985), J.
    Classification 2, 193.

    >>> adjusted_rand([1, 1, 2, 2], [7, 7, 3, 3])
    1.0
    """
    one, other = np.asarray(first), np.asarray(second)
    checks.shape("second", other, checks.shape("first", one, ("D",)).shape, fix="give both partitions of all units")
    _, a = np.unique(one, return_inverse=True)
    _, b = np.unique(other, return_inverse=True)
    table = np.zeros((a.max(initial=0) + 1, b.max(initial=0) + 1))
    np.add.at(table, (a, b), 1)
    both, rows, columns = (_pairs(counts) for counts in (table, table.sum(axis=1), table.sum(axis=0)))
    expected = rows * columns / max(_pairs(np.array([len(one)])), 1.0)
    most = (rows + columns) / 2
    return float((both - expected) / (most - expected)) if most != expected else 1.0


def silhouette(distance: Any, labels: Any) -> float:
    """The mean silhouette: (b - a) / max(a, b), a a unit's mean distance within its cluster, b to the next one.

    Single units count 0, as do all where there is one cluster only. Source: Rousseeuw (1987), J. Comput. Appl. Math.
    20, 53.

    >>> silhouette([[0.0, 1, 5], [1, 0, 5], [5, 5, 0]], [1, 1, 2]).__round__(3)
    0.533
    """
    matrix = checked_matrix(distance, name="distance")
    _, member = np.unique(np.asarray(labels), return_inverse=True)
    checks.shape("labels", member, (len(matrix),), fix="give one label per unit")
    belongs = np.eye(member.max() + 1)[member]
    size = belongs.sum(axis=0)
    if len(size) < 2:
        return 0.0
    total = matrix @ belongs
    own = size[member]
    within = total[np.arange(len(member)), member] / np.maximum(own - 1, 1)
    between = np.where(belongs > 0, np.inf, total / size).min(axis=1)
    scale = np.maximum(within, between)
    value = np.divide(between - within, scale, out=np.zeros(len(member)), where=scale > 0)
    return float(np.where(own > 1, value, 0.0).mean())


def _cut(tree: np.ndarray, n: int) -> np.ndarray:
    count = checks.integer("n", n, low=1, high=len(tree) + 1, fix="ask for at most one cluster per unit")
    return hierarchy.fcluster(tree, count, criterion="maxclust")


def _hollow(distance: np.ndarray) -> np.ndarray:
    np.fill_diagonal(distance, 0.0)
    return (distance + distance.T) / 2


def _pairs(counts: np.ndarray) -> float:
    return float((counts * (counts - 1)).sum() / 2)
