"""Weight matrices drawn from keys: who is connected to whom, and how strongly."""

from typing import Any, NamedTuple

import numpy as np

from cofire import checks
from cofire.random import Key


class Wiring(NamedTuple):
    """A weight matrix with the module that each neuron belongs to."""

    weights: np.ndarray  # (N, N) float64, weights[j, i] from j to i
    modules: np.ndarray  # (N,) int64, all 0 where there are none


def random_wiring(key: Key, neurons: int, *, density: float = 0.1, scale: float = 0.4) -> Wiring:
    """Every connection exists with probability `density`; weights are clip(scale * N(0, 1), -1, 1).

    A neuron may connect to itself, as published.

    >>> wiring = random_wiring(Key(0), 100, density=0.1)
    >>> round(float((wiring.weights != 0).mean()), 2)
    0.1
    """
    n = checks.integer("neurons", neurons, low=1)
    density = checks.number("density", density, low=0, high=1)
    exists = _uniform(key, "exists", (n, n)) < density
    return Wiring(_strengths(key, exists, scale), np.zeros(n, np.int64))


def modular_wiring(
    key: Key, neurons: int, *, modules: int = 4, intra: float = 0.3, inter: float = 0.02, scale: float = 0.4
) -> Wiring:
    """Modules of neighbouring indices, densely wired inside (`intra`) and sparsely between (`inter`).

    Modules have neurons // modules members; the remainder joins the last one.

    >>> modular_wiring(Key(0), 10, modules=3).modules
    array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
    """
    n = checks.integer("neurons", neurons, low=1)
    count = checks.integer("modules", modules, low=1, high=n)
    member = np.minimum(np.arange(n) // (n // count), count - 1)
    inside = member[:, None] == member[None, :]
    intra, inter = checks.number("intra", intra, low=0, high=1), checks.number("inter", inter, low=0, high=1)
    exists = _uniform(key, "exists", (n, n)) < np.where(inside, intra, inter)
    return Wiring(_strengths(key, exists, scale), member)


def sinusoidal_wiring(neurons: int) -> Wiring:
    """Everyone to everyone, W_ij = (sin((i + j) π / N) + 1) / 2.

    >>> sinusoidal_wiring(2).weights
    array([[0.5, 1. ],
           [1. , 0.5]])
    """
    n = checks.integer("neurons", neurons, low=1)
    place = np.arange(n)
    return Wiring(np.sin((place[:, None] + place) * np.pi / n) * 0.5 + 0.5, np.zeros(n, np.int64))


def small_world_wiring(
    key: Key, neurons: int, *, neighbours: int = 10, rewired: float = 0.1, scale: float = 0.4
) -> Wiring:
    """A ring, everyone connected to the nearest `neighbours`; a connection moves with probability `rewired`.

    The directed form of Watts and Strogatz (1998): moved connections go to a target drawn from those that the source
    does not reach yet, so that everyone keeps exactly `neighbours` outgoing connections and none to itself.

    >>> (small_world_wiring(Key(0), 20, neighbours=4).weights != 0).sum(axis=1).tolist() == [4] * 20
    True
    """
    n = checks.integer("neurons", neurons, low=3)
    k = checks.integer("neighbours", neighbours, low=2, high=n - 1)
    checks.number("rewired", rewired, low=0, high=1)
    offsets = np.concatenate([np.arange(1, (k + 1) // 2 + 1), -np.arange(1, k // 2 + 1)])
    exists = np.zeros((n, n), bool)
    exists[np.arange(n)[:, None], (np.arange(n)[:, None] + offsets) % n] = True
    moves = _uniform(key, "rewire", (n, k)) < rewired
    order = _uniform(key, "target", (n, n))
    for source in range(n):
        leaving = (source + offsets[moves[source]]) % n
        free = np.flatnonzero(~exists[source] & (np.arange(n) != source))
        chosen = free[np.argsort(order[source, free], kind="stable")][: len(leaving)]
        exists[source, leaving[: len(chosen)]] = False
        exists[source, chosen] = True
    return Wiring(_strengths(key, exists, scale), np.zeros(n, np.int64))


def scale_free_wiring(key: Key, neurons: int, *, links: int = 5, scale: float = 0.4) -> Wiring:
    """Preferential attachment: each new neuron links to `links` old ones, drawn in proportion to their degree.

    Barabási and Albert (1999), started from `links` + 1 neurons that are all linked. A link carries a weight of its
    own in each direction. The old neurons are drawn without repetition, one after the other.

    >>> wiring = scale_free_wiring(Key(0), 200, links=3)
    >>> degree = (wiring.weights != 0).sum(axis=1)
    >>> int(degree.min()), bool(degree.max() > 5 * degree.min())
    (3, True)
    """
    n = checks.integer("neurons", neurons, low=2)
    m = checks.integer("links", links, low=1, high=n - 1)
    exists = np.zeros((n, n), bool)
    exists[: m + 1, : m + 1] = ~np.eye(m + 1, dtype=bool)
    degree = exists.sum(axis=1).astype(np.float64)
    ticket = _uniform(key, "attach", (n, n))
    for new in range(m + 1, n):
        # The m smallest of -log(u) / degree are a draw without repetition in proportion to degree.
        race = -np.log1p(-ticket[new, :new]) / degree[:new]
        chosen = np.argpartition(race, m - 1)[:m]
        exists[new, chosen] = exists[chosen, new] = True
        degree[chosen] += 1
        degree[new] = m
    return Wiring(_strengths(key, exists, scale), np.zeros(n, np.int64))


def distance_wiring(key: Key, positions: Any, *, length: float, peak: float = 1.0, scale: float = 0.4) -> Wiring:
    """Connections that thin out with distance d: probability `peak` * exp(-d / `length`), none to itself.

    `positions` is (N, dimensions), in the unit of `length`.

    >>> line = np.arange(50.0)[:, None]
    >>> source, target = np.nonzero(distance_wiring(Key(0), line, length=2.0).weights)
    >>> bool(np.abs(source - target).mean() < 4)
    True
    """
    places = checks.finite("positions", np.asarray(positions, np.float64))
    checks.shape("positions", places, ("N", "dimensions"))
    length = checks.number("length", length, above=0)
    checks.number("peak", peak, low=0, high=1)
    distance = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
    exists = _uniform(key, "exists", distance.shape) < peak * np.exp(-distance / length)
    np.fill_diagonal(exists, False)
    return Wiring(_strengths(key, exists, scale), np.zeros(len(places), np.int64))


def spectral_radius(weights: np.ndarray) -> float:
    """The largest magnitude among the eigenvalues.

    >>> spectral_radius(np.diag([0.5, -2.0]))
    2.0
    """
    square = checks.finite("weights", np.asarray(weights, np.float64))
    checks.shape("weights", square, (len(square), len(square)))
    return float(np.abs(np.linalg.eigvals(square)).max()) if len(square) else 0.0


def scale_spectral_radius(weights: np.ndarray, radius: float, *, modules: Any = None) -> np.ndarray:
    """The weights scaled to a spectral radius; with `modules` (N,), the inner weights of each module alone.

    Raises InvalidValue where a part has no cycle: its radius is 0 and no factor changes that.

    >>> scale_spectral_radius(np.diag([0.5, -2.0]), 1.0)
    array([[ 0.25,  0.  ],
           [ 0.  , -1.  ]])
    """
    checks.number("radius", radius, low=0)
    scaled = np.array(weights, np.float64)
    member = np.zeros(len(scaled), np.int64) if modules is None else np.asarray(modules)
    checks.shape("modules", member, (len(scaled),))
    for module in np.unique(member):
        inside = np.ix_(member == module, member == module)
        found = spectral_radius(scaled[inside])
        if found == 0:
            got = f"spectral radius 0{'' if modules is None else f' in module {module}'}"
            fix = "wire it more densely, so that some connections form a cycle"
            raise checks.InvalidValue(checks.message("weights", "a recurrent network", got, fix))
        scaled[inside] *= radius / found
    return scaled


def most_connected(weights: np.ndarray, *, modules: Any = None) -> np.ndarray:
    """The neuron with the largest sum of outgoing weights; with `modules`, one of each module. The neurons to kick.

    >>> most_connected(np.array([[0, 1.0], [0, 3.0]]))
    array([1])
    """
    total = np.asarray(weights, np.float64).sum(axis=1)
    if modules is None:
        return np.array([int(np.argmax(total))])
    member = checks.shape("modules", np.asarray(modules), total.shape)
    return np.array([int(np.argmax(np.where(member == one, total, -np.inf))) for one in np.unique(member)])


def _uniform(key: Key, name: str, shape: tuple[int, ...]) -> np.ndarray:
    return key.fold(name).uniform(shape, dtype=np.float64)


def _strengths(key: Key, exists: np.ndarray, scale: float) -> np.ndarray:
    scale = checks.number("scale", scale, low=0)
    strengths = key.fold("strength").normal(exists.shape).astype(np.float64) * scale
    return np.where(exists, np.clip(strengths, -1.0, 1.0), 0.0)
