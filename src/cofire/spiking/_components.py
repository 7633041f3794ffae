"""Does a wiring hang together? Connected components, and the density at which random wiring starts to."""

import math
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from cofire import checks


class Components(NamedTuple):
    """The parts of a wiring, largest first; labels are (N,) and give each neuron's part."""

    weak: np.ndarray  # labels of parts connected when directions are ignored
    strong: np.ndarray  # labels of parts in which everyone reaches everyone
    weak_sizes: np.ndarray
    strong_sizes: np.ndarray
    density: float  # of connections between different neurons
    mean_degree: float  # outgoing connections per neuron, none counted to itself
    threshold: float  # the density above which random wiring of this size is connected, ln N / N
    isolated: np.ndarray  # neurons without any connection to others

    @property
    def connected(self) -> bool:
        """Whether there is one part, directions ignored."""
        return len(self.weak_sizes) == 1

    def __str__(self) -> str:
        side = "above" if self.density > self.threshold else "below"
        return (
            f"{len(self.weak)} neurons, density {self.density:.4f} ({side} the connectivity threshold ln N / N = "
            f"{self.threshold:.4f}): {len(self.weak_sizes)} component(s), the largest of {self.weak_sizes[0]}; "
            f"{len(self.strong_sizes)} strong, the largest of {self.strong_sizes[0]}; {len(self.isolated)} isolated"
        )


def components(weights: np.ndarray, *, weight_threshold: float = 0.0) -> Components:
    """The component report of a wiring (N, N); connections weaker than `weight_threshold` do not count.

    >>> print(components(np.array([[0, 1.0, 0], [0, 0, 0], [0, 0, 0]])))
    3 neurons, density 0.1667 (below the connectivity threshold ln N / N = 0.3662): 2 component(s), the largest of 2;
    3 strong, the largest of 1; 1 isolated
    """
    matrix = checks.finite("weights", np.asarray(weights, np.float64))
    n = len(matrix)
    checks.shape("weights", matrix, (n, n))
    checks.integer("neurons", n, low=1)
    linked = (matrix != 0) & (np.abs(matrix) >= checks.number("weight_threshold", weight_threshold, low=0))
    np.fill_diagonal(linked, False)
    graph = csr_array(linked)
    weak, weak_sizes = _parts(graph, "weak")
    strong, strong_sizes = _parts(graph, "strong")
    links = int(linked.sum())
    alone = np.flatnonzero(~linked.any(axis=0) & ~linked.any(axis=1))
    density = links / (n * (n - 1)) if n > 1 else 0.0
    return Components(weak, strong, weak_sizes, strong_sizes, density, links / n, connectivity_threshold(n), alone)


def connectivity_threshold(neurons: int) -> float:
    """ln N / N: the connection probability around which an Erdős–Rényi graph of N nodes becomes connected.

    At p = (ln N + c) / N an undirected graph is connected with probability exp(-exp(-c)) as N grows (Erdős and Rényi,
    1959); a giant component appears much earlier, at 1 / N.

    >>> round(connectivity_threshold(256), 4)
    0.0217
    """
    n = checks.integer("neurons", neurons, low=1)
    return math.log(n) / n


def _parts(graph: csr_array, connection: str) -> tuple[np.ndarray, np.ndarray]:
    count, labels = connected_components(graph, directed=True, connection=connection)
    sizes = np.bincount(labels, minlength=count)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    return rank[labels], sizes[order]
