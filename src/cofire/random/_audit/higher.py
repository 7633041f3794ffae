"""Dependence that correlations cannot see: amplitudes (z against z**2, |z| against |z|) and distance correlation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy import special

from cofire.random._audit import null
from cofire.random._audit.question import Question
from cofire.random._audit.scores import standardised

LAGS = 8  # steps apart at which amplitudes are compared
PROBED, DISCRETE = 256, 64  # a unit with fewer distinct values among so many is discrete
MODES = 4  # of the distance correlation; the weights of the others are below 1/25
KINDS = ("z, z", "z, z^2", "z^2, z", "|z|, |z|")


@final
@dataclass(frozen=True)
class Link:
    """A correlation r of `kind` between unit `first` at t and unit `second` at t + lag, over n steps."""

    kind: str
    first: int
    second: int
    lag: int
    r: float
    n: int


@final
@dataclass(frozen=True, eq=False)
class Amplitudes:
    """The strongest links within units and across units, and the mean over units at each lag as z (LAGS, 4)."""

    within: Link
    across: Link
    pooled: np.ndarray
    linked: list[tuple[int, int, int]]  # (first, second, lag) of every link across units beyond the edge
    units: int

    @property
    def within_count(self) -> float:
        """How many links `within` was chosen from."""
        return 3.0 * LAGS * self.units

    @property
    def across_count(self) -> float:
        """How many links `across` was chosen from."""
        return 1.5 * self.units * (self.units - 1) + 3.0 * LAGS * self.units * (self.units - 1)


@final
@dataclass(frozen=True, eq=False)
class Scores:
    """Scores (N, T) of values z, amplitudes a and squares s, and how many independent units z and a count for."""

    z: np.ndarray
    a: np.ndarray
    s: np.ndarray
    effective: tuple[float, ...] = (1.0, 1.0)

    def sides(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """For each of KINDS but the first the rows at t and the rows at t + lag, in single precision."""
        z, a, s = (one.astype(np.float32) for one in (self.z, self.a, self.s))
        return (z, s), (s, z), (a, a)


def amplitudes(scores: Scores, level: float) -> Amplitudes:
    """All links at lags 0 to LAGS; those across units beyond the edge of `level` are listed."""
    N, T = scores.z.shape
    sides = scores.sides()
    within, across = Link(KINDS[1], 0, 0, 1, 0.0, T), Link(KINDS[1], 0, 1, 0, 0.0, T)
    pooled = np.zeros((LAGS, 4))
    linked: list[tuple[int, int, int]] = []
    edge = null.correlation_edge(null.each_of(level, 3.0 * (LAGS + 1) * N * N), T)
    own = float((scores.z * scores.s).mean())
    units = np.array([scores.effective[0], min(scores.effective), min(scores.effective), scores.effective[1]])
    for lag in range(LAGS + 1):
        n = T - lag
        kinds = sides if lag else (sides[0], sides[2])
        C = np.stack([window_correlation(early[:, :n], late[:, lag:]) for early, late in kinds])
        diagonal = C.diagonal(axis1=1, axis2=2).astype(np.float64)
        others = np.where(np.eye(N, dtype=bool), 0.0, C)
        if lag:
            bias = np.array([1.0, own, own, 1.0]) * (T - 2 * lag) / n**2  # of removing a window's mean
            linear = (standardised(scores.z[:, :n]) * standardised(scores.z[:, lag:])).mean(axis=1)
            pooled[lag - 1] = (np.append(linear.mean(), diagonal.mean(axis=1)) + bias) * np.sqrt(n * units)
            within = max(within, strongest(diagonal[:, None, :], lag, n, within=True), key=lambda link: abs(link.r))
        else:
            others = np.stack([others[0], np.zeros((N, N)), np.triu(others[1])])  # the same pairs only once
        across = max(across, strongest(others, lag, n), key=lambda link: abs(link.r))
        linked += [(int(i), int(j), lag) for i, j in np.argwhere(np.abs(others).max(axis=0) > edge)]
    return Amplitudes(within, across, pooled, linked, N)


def window_correlation(early: np.ndarray, late: np.ndarray) -> np.ndarray:
    """Pearson's correlation (M, M) of every row with every other row, both (M, n)."""
    C = early @ late.T / early.shape[1] - early.mean(axis=1)[:, None] * late.mean(axis=1)[None, :]
    spread = early.std(axis=1)[:, None] * late.std(axis=1)[None, :]
    return np.divide(C, spread, out=np.zeros_like(C), where=spread > 1e-6)


def strongest(matrices: np.ndarray, lag: int, n: int, within: bool = False) -> Link:
    """The largest |r| among the matrices (3, N, N) of the last three kinds; (3, 1, N) within the units."""
    kind, i, j = np.unravel_index(int(np.abs(matrices).argmax()), matrices.shape)
    return Link(KINDS[kind + 1], int(j if within else i), int(j), lag, float(matrices[kind, i, j]), n)


def amplitude_questions(found: Amplitudes, label: Callable[[int], str]) -> list[Question]:
    """Within a unit, across units, and pooled over units."""
    one, two = found.within, found.across
    count, lag_count = found.within_count, float(found.pooled.size)
    lag, kind = np.unravel_index(int(np.abs(found.pooled).argmax()), found.pooled.shape)
    z = float(np.abs(found.pooled).max())
    return [
        Question(
            name="amplitude, consecutive samples",
            asks="Does a unit's z or |z| at one step depend on its own z**2 or |z| a few steps away?",
            measured=abs(one.r),
            p_value=null.any_of(null.correlation_p(one.r, one.n), count),
            edge=lambda p: null.correlation_edge(null.each_of(p, count), one.n),
            place=f"unit {label(one.first)}, lag {one.lag}, {one.kind}",
        ),
        Question(
            name="amplitude, across units",
            asks="Does a unit's z or |z| depend on another unit's |z|, at lags 0 to 8?",
            measured=abs(two.r),
            p_value=null.any_of(null.correlation_p(two.r, two.n), found.across_count),
            edge=lambda p: null.correlation_edge(null.each_of(p, found.across_count), two.n),
            place=f"{label(two.first)} and {label(two.second)}, lag {two.lag}, {two.kind}",
        ),
        Question(
            name="serial dependence, all units",
            asks="Do all units together depend a little on their own past, in z or |z|?",
            measured=z,
            p_value=null.any_of(2 * special.ndtr(-z), lag_count),
            edge=lambda p: -special.ndtri(null.each_of(p, lag_count) / 2),
            place=f"lag {lag + 1}, {KINDS[kind]}",
        ),
    ]


def distance_modes(z: np.ndarray) -> np.ndarray:
    """The features (MODES, N, T) whose products make up the distance covariance of ranks: sqrt(2) cos(pi k u).

    The kernel -|u - v| of uniform ranks has these eigenfunctions, with eigenvalues in the ratio 1 / k**2. Units with
    few distinct values keep the first one only.
    """
    u = special.ndtr(z).astype(np.float32)
    turn = [np.cos(np.pi * u)]
    for _ in range(1, MODES):  # Chebyshev's recurrence: cos((k + 1) x) = 2 cos(x) cos(k x) - cos((k - 1) x)
        turn.append(2 * turn[0] * turn[-1] - (turn[-2] if len(turn) > 1 else 1.0))
    modes = np.sqrt(2, dtype=np.float32) * np.stack(turn)
    few = np.array([len(np.unique(row[:PROBED])) < DISCRETE for row in z])
    modes[1:, few] = 0  # modes of few distinct values are not orthogonal; the first alone is milder
    return modes


def distance_correlation(modes: np.ndarray, lag: int) -> np.ndarray:
    """n times the squared distance covariance of ranks (N, N), scaled so that its largest null weight is 1.

    Szekely, Rizzo, Bakirov, "Measuring and testing dependence by correlation of distances", Ann. Stat. 35 (2007).
    """
    K, N, T = modes.shape
    flat = modes.reshape(K * N, T)
    C = window_correlation(flat[:, : T - lag], flat[:, lag:]).reshape(K, N, K, N)
    return (T - lag) * np.einsum("kinj,kn->ij", C.astype(np.float64) ** 2, distance_weights())


def own_distance_correlation(modes: np.ndarray) -> np.ndarray:
    """The same (N,) of each unit with itself one step later."""
    pairs = [distance_correlation(modes[:, unit : unit + 1], 1)[0, 0] for unit in range(modes.shape[1])]
    return np.array(pairs)


def distance_weights() -> np.ndarray:
    """The weight (MODES, MODES) of each pair of modes: 1 / (k**2 l**2)."""
    k = np.arange(1, MODES + 1.0)
    return 1 / (k[:, None] * k[None, :]) ** 2


def distance_question(Q: np.ndarray, lag: int, steps: int, label: Callable[[int], str]) -> Question:
    """The largest distance correlation over pairs of units (lag 0), ordered pairs (lag 1), or units (Q is (N,))."""
    N = len(Q)
    alone = Q.ndim == 1
    searched = np.diag(Q) if alone else (np.triu(Q, 1) if lag == 0 else np.where(np.eye(N, dtype=bool), 0.0, Q))
    count = float(N if alone else N * (N - 1) / (1 if lag else 2))
    i, j = np.unravel_index(int(searched.argmax()), searched.shape)
    weights, top = distance_weights().ravel(), float(searched[i, j])
    full = float((1 / np.arange(1, MODES + 1) ** 4.0).sum()) * (steps - lag)
    where = f"{label(int(i))} and {label(int(j))}" + (f", lag {lag}" if lag else "")
    between = "a unit and its own next step" if alone else f"two units{', one step apart' if lag else ''}"
    return Question(
        name="distance correlation" + (", own next step" if alone else ", next step" if lag else ""),
        asks=f"Is there dependence of any form between {between}?",
        measured=float(np.sqrt(top / full)),
        p_value=null.any_of(null.quadratic_p(top, weights), count),
        edge=lambda p: float(np.sqrt(quadratic_edge(null.each_of(p, count), weights) / full)),
        place=f"unit {label(int(i))}" if alone else where,
    )


def quadratic_edge(p: float, weights: np.ndarray) -> float:
    """The value that `quadratic_p` gives p for."""
    return float(special.chdtri(1, p * np.prod(np.sqrt(1 - np.sort(weights)[:-1]))))
