"""The examination of spikes: counts, coincidences at every lag, and the population rate.

A spike train remembers (it is refractory, it bursts), so its null is not white noise. What independent trains of the
same kind give is seen by shifting every train by a time of its own (circularly): that keeps each train as it is and
breaks what ties them together.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import final

import numpy as np
from scipy import special

from cofire.random._audit import fourier, null, spectrum
from cofire.random._audit.lags import MAX_STEPS, LagPair
from cofire.random._audit.noise import Noise
from cofire.random._audit.question import Question
from cofire.random._audit.spectrum import Spectrum
from cofire.random._audit.values import chosen
from cofire.random._key import Key

SHIFTS = 99  # surrogates
MIN_BINS = 100
HEAVY_SHARE = 0.02
OVERDISPERSED = 1.1  # coincidences that vary more than this over the lags get a heavier tail
MIN_SPIKES = 5  # a train with fewer says nothing about coupling
COUNT_UNITS, PAIR_UNITS = 256, 128  # how many trains the counts and the coincidences are taken of
QUESTIONS = 13  # at most
TW_MEAN, TW_DEVIATION = -1.2065, 1.2680  # of the Tracy-Widom law


@final
@dataclass(frozen=True, eq=False)
class Counts:
    """Counts in bins of `width` steps: their correlations, and the variance of their sum over the prediction."""

    width: int
    R: np.ndarray
    population: float
    largest: float
    pair: float


@final
@dataclass(eq=False)
class SpikeEvidence:
    """What the examination saw; `rows` are the trains with enough spikes."""

    noise: Noise
    level: float
    rows: np.ndarray
    questions: list[Question] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    suspicious: list[str] = field(default_factory=list)
    pairs: list[LagPair] = field(default_factory=list)
    across: np.ndarray = field(default_factory=lambda: np.zeros(1))
    spectrum: Spectrum | None = None
    lines: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    measures: dict[str, float] = field(default_factory=dict)

    def label(self, row: int) -> str:
        """The name of a compared train."""
        return self.noise.label(int(self.rows[row]))


def examine(noise: Noise, *, white: bool, false_alarms: float) -> SpikeEvidence:
    """Put all questions to the trains; `white` asks as well whether each of them has no memory."""
    totals = noise.values.sum(axis=1)
    rows = np.flatnonzero((totals >= MIN_SPIKES) & (np.ptp(noise.values, axis=1) > 0))
    evidence = SpikeEvidence(noise, false_alarms / QUESTIONS, rows)
    evidence.measures = measures(noise.values, rows)
    if len(rows) < 2:
        return evidence
    evidence.rows = rows[chosen(len(rows), COUNT_UNITS)]
    trains = noise.values[evidence.rows]
    for width in widths(trains):
        evidence.questions += count_questions(evidence, binned(trains, width), width)
    evidence.questions.append(coincidence_question(evidence, trains[:PAIR_UNITS, :MAX_STEPS]))
    seen = spectrum.measure(trains - trains.mean(axis=1, keepdims=True))
    evidence.questions.append(spectrum.coherent_question(seen))
    evidence.spectrum, evidence.lines = seen, spectrum.lines(seen, len(trains), evidence.level, white=False)
    if white:
        evidence.questions += memory_questions(evidence, trains)
    return evidence


def widths(trains: np.ndarray) -> list[int]:
    """Up to three bin widths: one step, and wider ones that leave enough bins."""
    T = trains.shape[1]
    return sorted({1, max(1, T // 1000), max(1, T // (2 * MIN_BINS))})


def binned(trains: np.ndarray, width: int) -> np.ndarray:
    """Counts (N, bins) of spikes in bins of `width` steps."""
    bins = trains.shape[1] // width
    return trains[:, : bins * width].reshape(len(trains), bins, width).sum(axis=2)


def measures(values: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """Numbers without a judgement: rate, variability of intervals, Fano factor (means over the trains)."""
    found = {"rate per step": float(values.mean()), "silent units": float(len(values) - len(rows))}
    if not len(rows):
        return found
    cv = [interval_cv(train) for train in values[rows]]
    wide = binned(values[rows], widths(values)[-1])
    fano = wide.var(axis=1) / np.maximum(wide.mean(axis=1), 1e-12)
    known = [one for one in cv if np.isfinite(one)]
    found["interval CV"] = float(np.mean(known)) if known else 0.0
    found[f"Fano factor, {widths(values)[-1]} steps"] = float(fano.mean())
    return found


def interval_cv(train: np.ndarray) -> float:
    """The deviation of the intervals between spikes over their mean; NaN with fewer than three spikes."""
    intervals = np.diff(np.flatnonzero(train))
    return float(intervals.std() / intervals.mean()) if len(intervals) > 1 else float("nan")


def count_statistics(counts: np.ndarray, width: int) -> Counts:
    """The correlation matrix of counts (N, bins) and what is read off it."""
    centred = counts - counts.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T
    spread = np.sqrt(np.maximum(np.diagonal(covariance), 1e-12))
    R = covariance / np.outer(spread, spread)
    off = R[np.triu_indices(len(R), 1)]
    return Counts(
        width, R, float(covariance.sum() / np.trace(covariance)), float(np.linalg.eigvalsh(R)[-1]), float(off.max())
    )


def shifted(counts: np.ndarray, number: int) -> np.ndarray:
    """Every row turned by a number of bins of its own."""
    bins = counts.shape[1]
    shifts = Key(0).fold("audit", "shifts").integers(0, bins, len(counts), step=number)
    return np.take_along_axis(counts, (np.arange(bins)[None, :] + shifts[:, None]) % bins, axis=1)


def count_questions(evidence: SpikeEvidence, counts: np.ndarray, width: int) -> list[Question]:
    """Population variance, largest eigenvalue and largest correlation of counts, against shifted trains."""
    seen = count_statistics(counts, width)
    evidence.counts.append(seen)
    surrogates = [count_statistics(shifted(counts, number), width) for number in range(SHIFTS)]
    name = f"{width} step{'s' if width > 1 else ''}"
    table = (
        (
            "population variance",
            "Does the population rate vary as independent trains predict (1)?",
            "population",
            gamma_p,
            gamma_edge,
        ),
        (
            "count eigenvalue, largest",
            "Do many trains share a weak signal?",
            "largest",
            tracy_widom_p,
            tracy_widom_edge,
        ),
        ("count correlation, largest", "Are the counts of two trains correlated?", "pair", gumbel_p, gumbel_edge),
    )
    questions = []
    for title, asks, attribute, law, edge in table:
        sample = np.array([getattr(one, attribute) for one in surrogates])
        mean, deviation = float(sample.mean()), float(sample.std(ddof=1)) * (1 + 1 / np.sqrt(SHIFTS)) + 1e-9
        measured = getattr(seen, attribute)
        question = Question(
            name=f"{title}, {name}",
            asks=asks,
            measured=measured,
            p_value=law(measured, mean, deviation),
            edge=partial(edge, mean=mean, deviation=deviation),
            place=f"bins of {name}",
        )
        questions.append(question)
    return questions


def gamma_p(x: float, mean: float, deviation: float) -> float:
    """Two-sided, for a variance: a gamma law."""
    return null.skewed_p(x, mean, deviation, 2 * deviation / mean)


def gamma_edge(p: float, mean: float, deviation: float) -> float:
    """The upper edge of `gamma_p`."""
    shape = (mean / deviation) ** 2
    return float(special.gammainccinv(shape, p / 2) * mean / shape)


def tracy_widom_p(x: float, mean: float, deviation: float) -> float:
    """One-sided, for a largest eigenvalue."""
    return null.tracy_widom_p(TW_MEAN + TW_DEVIATION * (x - mean) / deviation)


def tracy_widom_edge(p: float, mean: float, deviation: float) -> float:
    """The edge of `tracy_widom_p`."""
    return mean + deviation * (null.tracy_widom_edge(p) - TW_MEAN) / TW_DEVIATION


def gumbel_p(x: float, mean: float, deviation: float) -> float:
    """One-sided, for a maximum of many: Gumbel's law."""
    scale = deviation * np.sqrt(6) / np.pi
    return float(-np.expm1(-np.exp(-(x - mean) / scale - np.euler_gamma)))


def gumbel_edge(p: float, mean: float, deviation: float) -> float:
    """The edge of `gumbel_p`."""
    scale = deviation * np.sqrt(6) / np.pi
    return float(mean - scale * (np.euler_gamma + np.log(-np.log1p(-p))))


def coincidence_question(evidence: SpikeEvidence, trains: np.ndarray) -> Question:
    """Whether one train has more of its spikes at a fixed lag after another's than any lag has by chance."""
    found, profile = coincidences(trains)
    tests = found[0].tests
    level = null.each_of(evidence.level, tests)
    evidence.pairs, evidence.across = [one.pair for one in found if one.p_value < level], profile
    top = found[0]
    first, second = evidence.label(top.pair.first), evidence.label(top.pair.second)
    return Question(
        name="coincidences at a lag",
        asks="Does a train repeat another one some steps later?",
        measured=float(-special.ndtri(max(top.p_value, 1e-300))),
        p_value=null.any_of(top.p_value, tests),
        edge=lambda p: float(-special.ndtri(null.each_of(p, tests))),
        place=f"{first} then {second}, lag {top.pair.lag}, {top.pair.r:.0%} of the spikes",
    )


@final
@dataclass(frozen=True)
class Coincidence:
    """The lag at which a pair of trains coincides most; `pair.r` is the share of the smaller train's spikes."""

    pair: LagPair
    p_value: float
    tests: float


def coincidences(trains: np.ndarray) -> tuple[list[Coincidence], np.ndarray]:
    """Each pair at its best lag, most significant first, and the profile over lags (L + 1) for the picture.

    Chance is what the pair itself shows at the other lags: a count with the Poisson mean of its rates, made wider where
    the trains' own rhythms make coincidences vary more. The score is Anscombe's, whose variance is near 1.
    """
    N, T = trains.shape
    L = T - max(50, T // 20)
    size = fourier.good_size(T + L)
    spectra = fourier.forward(trains.astype(np.float32), size)
    overlap = T - np.arange(L + 1.0)
    both = np.concatenate([overlap, overlap[:0:-1]]).astype(np.float32)
    rates, totals = trains.mean(axis=1), trains.sum(axis=1)
    profile, found = np.zeros(L + 1), []
    for i in range(N - 1):
        products = fourier.backward(np.conj(spectra[i]) * spectra[i + 1 :], size)
        counts = np.maximum(np.concatenate([products[:, : L + 1], products[:, -L:]], axis=1), 0)
        expected = (rates[i] * rates[i + 1 :, None]).astype(np.float32) * both
        score = 2 * (np.sqrt(counts + 0.375) - np.sqrt(expected + 0.375))
        score[:, 0] = 0  # the same step belongs to the counts
        spread = np.maximum((score**2).mean(axis=1), 1.0)
        score /= np.sqrt(spread)[:, None]
        folded = score.max(axis=0)
        np.maximum(profile[1:], np.maximum(folded[1 : L + 1], folded[:L:-1]), out=profile[1:])
        tops = score.argmax(axis=1)
        excess = (counts - expected) / np.sqrt(expected)
        peaks = excess[np.arange(len(tops)), tops]
        wide = np.flatnonzero((excess**2).mean(axis=1) - peaks**2 / excess.shape[1] > OVERDISPERSED)
        heavy = np.zeros(len(tops))
        heavy[wide] = heavy_tail_p(excess[wide], peaks[wide]) if len(wide) else 0
        for j, place in enumerate(tops, start=i + 1):
            mean, count = float(expected[j - i - 1, place]), float(counts[j - i - 1, place])
            p = null.counts_p(round(count), mean, mean * float(spread[j - i - 1]))
            p = max(p, float(heavy[j - i - 1]))
            first, second, lag = (i, j, int(place)) if place <= L else (j, i, 2 * L + 1 - int(place))
            share = min(1.0, count / max(1.0, float(min(totals[i], totals[j]))))
            found.append(Coincidence(LagPair(first, second, lag, share, int(both[place])), p, N * (N - 1.0) * L))
    return sorted(found, key=lambda one: (one.p_value, -one.pair.r)), profile


def heavy_tail_p(excess: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """P(excess >= peak) from the tail that the other lags show: bursts coincide in bulk, which no count law has.

    The tail beyond the 98th percentile is extended as an exponential of unknown scale, known from k runs of lags: the
    predictive law (1 + x / (k scale))**-k.
    """
    start = np.quantile(excess, 1 - HEAVY_SHARE, axis=1)
    above = excess > start[:, None]
    runs = np.maximum((above[:, 1:] & ~above[:, :-1]).sum(axis=1) / 2, 2)
    total = np.where(above, excess - start[:, None], 0).sum(axis=1) - (peaks - start)
    scale = np.maximum(total / np.maximum(above.sum(axis=1) - 1, 1), 1e-3)
    return HEAVY_SHARE * (1 + (peaks - start) / (runs * scale)) ** -runs


def memory_questions(evidence: SpikeEvidence, trains: np.ndarray) -> list[Question]:
    """For spikes that should be white: does a train's count depend on its own last 16 steps?"""
    N, T = trains.shape
    centred = trains - trains.mean(axis=1, keepdims=True)
    variance = (centred**2).sum(axis=1)
    z = np.array(
        [
            ((centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / variance * T + 1).sum() / np.sqrt(T * N)
            for lag in range(1, 17)
        ]
    )
    top = int(np.abs(z).argmax())
    return [
        Question(
            name="serial dependence, all units",
            asks="Do all trains together depend on their own past?",
            measured=float(abs(z[top])),
            p_value=null.any_of(2 * special.ndtr(-abs(z[top])), len(z)),
            edge=lambda p: float(-special.ndtri(null.each_of(p, len(z)) / 2)),
            place=f"lag {top + 1}",
        )
    ]
