"""Units against units at every lag, by FFT: finds streams that are shifted copies, and serial correlation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy import special

from cofire.random._audit import fourier, null
from cofire.random._audit.question import Question

MAX_STEPS = 32_768  # longer noise is searched over this many steps; exact copies are found at any length
REFINED = 256  # so many of the most suspicious pairs get an exact p-value


@final
@dataclass(frozen=True)
class LagPair:
    """Unit `second` repeats unit `first`, `lag` steps later, with correlation r over n steps."""

    first: int
    second: int
    lag: int
    r: float
    n: int

    @property
    def deviance(self) -> float:
        """A score that does not depend on n: near chi2_1 for independent units (Bartlett's correction)."""
        return -(self.n - 2.5) * float(np.log1p(-min(self.r**2, 1 - 1e-15)))


@final
@dataclass(frozen=True, eq=False)
class Lags:
    """The most suspicious pairs (first and second differ) and units (they are equal), each at its best lag.

    `across` and `within` (L + 1) are profiles for the picture: the largest |z| over all pairs, or units, at each lag.
    """

    pairs: list[LagPair]
    units: list[LagPair]
    peaks: list[tuple[float, int, int, int]]  # of all pairs: |z|, the rows, the lag
    across: np.ndarray
    within: np.ndarray
    searched: int  # units
    steps: int

    @property
    def pair_count(self) -> float:
        """How many correlations `pairs` was chosen from."""
        return self.searched * (self.searched - 1) * (len(self.across) - 1.0)

    @property
    def unit_count(self) -> float:
        """How many correlations `units` was chosen from."""
        return self.searched * (len(self.within) - 1.0)


def search(scores: np.ndarray) -> Lags:
    """All lags that leave at least a twentieth of the steps (and 50) for comparison, for scores (N, T)."""
    scores = scores[:, :MAX_STEPS]
    N, T = scores.shape
    L = T - max(50, T // 20)
    size = fourier.good_size(T + L)
    spectra = fourier.forward(scores.astype(np.float32), size)
    scale = (1 / np.sqrt(T - np.arange(L + 1.0))).astype(np.float32)
    both = np.concatenate([scale, scale[:0:-1]])
    across, within = np.zeros(L + 1, np.float32), np.zeros(L + 1, np.float32)
    best: list[tuple[float, int, int, int]] = []
    own: list[tuple[float, int, int, int]] = []
    for i in range(N):
        products = fourier.backward(np.conj(spectra[i]) * spectra[i:], size)
        z = np.abs(np.concatenate([products[:, : L + 1], products[:, -L:]], axis=1) * both)
        z[:, 0] = 0  # the same step belongs to the correlation matrix
        np.maximum(within, z[0, : L + 1], out=within)
        own.append((float(z[0, : L + 1].max()), i, i, int(z[0, : L + 1].argmax())))
        if i + 1 < N:
            folded = z[1:].max(axis=0)
            np.maximum(across[1:], np.maximum(folded[1 : L + 1], folded[:L:-1]), out=across[1:])
            place = z[1:].argmax(axis=1)
            peak = np.take_along_axis(z[1:], place[:, None], axis=1)[:, 0]
            lag = np.where(place > L, place - (2 * L + 1), place)
            best += [(float(p), i, i + 1 + j, int(k)) for j, (p, k) in enumerate(zip(peak, lag, strict=True))]
    return Lags(refined(scores, best), refined(scores, own), best, across, within, N, T)


def refined(scores: np.ndarray, found: list[tuple[float, int, int, int]]) -> list[LagPair]:
    """The strongest, with the exact Pearson correlation over the overlap, strongest first."""
    pairs = []
    for _, i, j, lag in sorted(found, reverse=True)[:REFINED]:
        first, second, lag = (i, j, lag) if lag >= 0 else (j, i, -lag)
        pairs.append(overlap(scores, first, second, lag))
    return sorted(pairs, key=lambda pair: -pair.deviance)


def overlap(scores: np.ndarray, first: int, second: int, lag: int) -> LagPair:
    """Pearson's correlation of first(t) and second(t + lag) over the steps that have both."""
    n = scores.shape[1] - lag
    x, y = scores[first, :n] - scores[first, :n].mean(), scores[second, lag:] - scores[second, lag:].mean()
    r = float(x @ y / max(np.sqrt((x @ x) * (y @ y)), 1e-30))
    return LagPair(first, second, lag, r, n)


def significant(found: Lags, level: float) -> list[LagPair]:
    """The pairs of units that chance does not explain; beyond the refined ones r is taken from the peak."""
    single, edge = null.each_of(level, found.pair_count), z_edge(level, found.pair_count)
    exact = [pair for pair in found.pairs if null.correlation_p(pair.r, pair.n) < single]
    known = {frozenset((pair.first, pair.second)) for pair in found.pairs}
    rest = [one for one in found.peaks if one[0] > edge and frozenset(one[1:3]) not in known]
    for peak, i, j, lag in rest:
        first, second, n = (i, j, found.steps - lag) if lag >= 0 else (j, i, found.steps + lag)
        exact.append(LagPair(first, second, abs(lag), min(1.0, peak / float(np.sqrt(n))), n))
    return exact


def pair_p(pair: LagPair, count: float) -> float:
    """The p-value of the most suspicious of `count` lagged correlations."""
    return null.any_of(null.correlation_p(pair.r, pair.n), count)


def z_edge(p: float, count: float) -> float:
    """The |z| that the largest of `count` lagged correlations passes with probability p."""
    return float(-special.ndtri(null.each_of(p, count) / 2))


def lag_question(pairs: list[LagPair], count: float, name: str, asks: str, label: Callable[[int], str]) -> Question:
    """The question about the most suspicious pair; its statistic is |z|, which chance keeps under the edge."""
    top = pairs[0]
    same = top.first == top.second
    who = f"unit {label(top.first)}" if same else f"{label(top.first)} then {label(top.second)}"
    return Question(
        name=name,
        asks=asks,
        measured=float(np.sqrt(top.deviance)),
        p_value=pair_p(top, count),
        edge=lambda p: z_edge(p, count),
        place=f"{who}, lag {top.lag}, r {top.r:.3g}",
    )
