"""Communities of a synchrony matrix read as a weighted graph: modularity, Leiden and spectral partitions."""

from typing import Any

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.sync._inputs import checked_matrix


def modularity(W: Any, labels: Any, *, resolution: float | int = 1.0) -> float:
    """Newman's modularity of a partition of a weighted graph (D, D) without negative weights; the diagonal is left out.

        Q = Σ_ij (W_ij / 2m - γ k_i k_j / (2m)²) [c_i = c_j]

    >>> float(round(modularity(np.kron(np.eye(2), np.ones((3, 3))), [0, 0, 0, 1, 1, 1]), 3))
    0.5
    """
    graph = _checked_graph(W)
    member = np.asarray(labels)
    checks.shape("labels", member, (len(graph),), fix="give one label per unit")
    total = graph.sum()
    degree = graph.sum(axis=1)
    same = member[:, None] == member
    return float((graph[same].sum() - resolution * (np.outer(degree, degree)[same].sum()) / total) / total)


def leiden(W: Any, *, key: Key, resolution: float | int = 1.0, rounds: int = 10) -> np.ndarray:
    """Communities of largest modularity, (D,) labels from 0 by size.

    Units move one at a time to the community that gains most, communities are refined into connected parts, and the
    parts become the units of the next round, until nothing moves: the scheme of Leiden, with the greedy refinement.
    The order of moving is drawn from the key. Source: Traag, Waltman and van Eck (2019), Sci. Rep. 9, 5233.

    Parameters
    ----------
    W
        (D, D) symmetric; negative weights and the diagonal count as zero.
    key
        Of the order in which units are visited.
    resolution
        γ: larger for smaller communities.
    rounds
        At most so many passes over all levels; fewer when nothing changes.

    >>> leiden(np.kron(np.eye(3), np.ones((4, 4))), key=Key(0))
    array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    """
    graph = _checked_graph(W)
    checks.number("resolution", resolution, above=0)
    member = np.arange(len(graph))
    for number in range(checks.integer("rounds", rounds, low=1)):
        before = member
        member = _one_round(graph, member, key.fold("round", number), resolution)
        if len(np.unique(member)) == len(np.unique(before)) and _same(member, before):
            break
    return by_size(member)


def _one_round(graph: np.ndarray, member: np.ndarray, key: Key, resolution: float | int) -> np.ndarray:
    """Move, refine and merge until the merged graph has nothing to move."""
    part = np.arange(len(graph))  # the node of the merged graph that holds each unit
    merged, start, level = graph, member, 0
    while True:
        moved = _move(merged, start, key.fold("level", level), resolution)
        if len(np.unique(moved)) == len(merged):
            return moved[part]
        refined = _refine(merged, moved, key.fold("refine", level), resolution)
        if len(np.unique(refined)) == len(merged):
            refined = moved
        _, node = np.unique(refined, return_inverse=True)
        belongs = np.eye(node.max() + 1)[node]
        merged, part = belongs.T @ merged @ belongs, node[part]
        start = np.zeros(len(merged), np.int64)
        start[node] = moved  # the merged nodes begin in the communities found
        level += 1


def _move(graph: np.ndarray, member: np.ndarray, key: Key, resolution: float | int) -> np.ndarray:
    """Local moving: each node to the community of largest gain until none gains."""
    _, member = np.unique(member, return_inverse=True)
    degree, total = graph.sum(axis=1), graph.sum()
    size = len(graph)
    weight = np.bincount(member, degree, minlength=size)  # room for every node alone
    for sweep in range(100):
        changed = False
        for node in key.permutation(size, step=sweep).tolist():
            home = member[node]
            weight[home] -= degree[node]
            links = np.bincount(member, graph[node], minlength=size)
            links[home] -= graph[node, node]
            gain = links - resolution * degree[node] * weight / total
            best = int(np.argmax(gain))
            if gain[best] > gain[home] + 1e-12 * total:
                member[node], changed = best, True
            weight[member[node]] += degree[node]
        if not changed:
            break
    return np.unique(member, return_inverse=True)[1]


def _refine(graph: np.ndarray, member: np.ndarray, key: Key, resolution: float | int) -> np.ndarray:
    """Within every community, start from single nodes and merge again: parts that hang together."""
    refined = np.arange(len(graph))
    for community in np.unique(member):
        inside = np.flatnonzero(member == community)
        if len(inside) > 1:
            block = graph[np.ix_(inside, inside)]
            if block.sum() > 0:
                found = _move(block, np.arange(len(inside)), key.fold(int(community)), resolution)
                refined[inside] = inside[0] + len(graph) * (1 + found)
    return np.unique(refined, return_inverse=True)[1]


def spectral_communities(W: Any, n: int, *, key: Key) -> np.ndarray:
    """Partition into n groups by the leading eigenvectors of the normalised graph, (D,) labels from 0 by size.

    The rows of the n leading eigenvectors of K^-½ W K^-½, scaled to unit length, are clustered by k-means from 10 keyed
    starts. Units without any weight join the first group. Source: Ng, Jordan and Weiss (2001), NIPS 14.

    >>> spectral_communities(np.kron(np.eye(3), np.ones((4, 4))), 3, key=Key(0))
    array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    """
    graph = _checked_graph(W)
    n = checks.integer("n", n, low=1, high=len(graph))
    degree = graph.sum(axis=1)
    scale = np.where(degree > 0, 1 / np.sqrt(np.where(degree > 0, degree, 1.0)), 0.0)
    _, vectors = np.linalg.eigh(graph * scale[:, None] * scale)
    points = vectors[:, -n:]
    length = np.linalg.norm(points, axis=1, keepdims=True)
    points = np.divide(points, length, out=np.zeros_like(points), where=length > 1e-12)
    best, least = np.zeros(len(graph), np.int64), np.inf
    for attempt in range(10):
        labels, spread = _k_means(points, n, key.fold("start", attempt))
        if spread < least - 1e-12:
            best, least = labels, spread
    return by_size(best)


def _k_means(points: np.ndarray, n: int, key: Key) -> tuple[np.ndarray, float]:
    """Lloyd's algorithm from k-means++ seeds."""
    ticket = key.uniform((n,), dtype=np.float64)
    centres = [points[int(ticket[0] * len(points))]]
    for number in range(1, n):
        gap = np.min([((points - centre) ** 2).sum(axis=1) for centre in centres], axis=0)
        chance = np.cumsum(gap) if gap.sum() > 0 else np.arange(1.0, len(points) + 1)
        centres.append(points[int(np.searchsorted(chance, ticket[number] * chance[-1], "right"))])
    middle, labels = np.array(centres), np.full(len(points), -1)
    for _ in range(100):
        distance = ((points[:, None] - middle) ** 2).sum(axis=2)
        nearest = distance.argmin(axis=1)
        if (nearest == labels).all():
            break
        labels = nearest
        for group in np.unique(labels):
            middle[group] = points[labels == group].mean(axis=0)
    return labels, float(((points - middle[labels]) ** 2).sum())


def by_size(labels: np.ndarray) -> np.ndarray:
    """The same partition with labels from 0, the largest group first, ties by first unit."""
    _, first, member, count = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -count))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[member]


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((by_size(one) == by_size(other)).all())


def _checked_graph(W: Any) -> np.ndarray:
    graph = np.maximum(checked_matrix(W, name="W", least_units=2), 0.0)
    np.fill_diagonal(graph, 0.0)
    if graph.sum() <= 0:
        fix = "there is nothing to group; look at the activity first"
        raise checks.InvalidValue(checks.message("W", "some positive weight between units", "none", fix))
    return graph
