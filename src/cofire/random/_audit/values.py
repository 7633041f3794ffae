"""The examination of real-valued noise: every question, in the order in which one answer clears the way for the next.

Repeats first (a stream that starts again would fool every other test), then rhythms, then serial dependence within the
units; what was found is taken out before units are compared, so that one fault is not reported as ten.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from cofire.random._audit import higher, lags, marginal, pairs, repeats, scores, spectrum
from cofire.random._audit.groups import grouped
from cofire.random._audit.higher import Amplitudes, Scores
from cofire.random._audit.lags import Lags
from cofire.random._audit.noise import MIN_STEPS, Noise
from cofire.random._audit.pairs import Pairs
from cofire.random._audit.question import Question
from cofire.random._audit.repeats import Repeats
from cofire.random._audit.spectrum import Spectrum

QUESTIONS = 19  # at most
MATRIX_UNITS, PAIR_UNITS = 1024, 128  # how many units the N**2 and the N**2 T tests look at


@final
@dataclass(frozen=True, eq=False)
class Rhythm:
    """The spectra of the units, and the bins that hold a rhythm."""

    spectrum: Spectrum
    bins: np.ndarray


@final
@dataclass(frozen=True, eq=False)
class Memory:
    """What ties the steps of a unit together; `found`: more than chance does. The parts can be used again."""

    scores: Scores
    modes: np.ndarray
    lags: Lags
    amplitudes: Amplitudes
    questions: list[Question]
    found: bool


@final
@dataclass(frozen=True, eq=False)
class Comparison:
    """Units against units: `pairs` over all compared rows, the rest over the `few` of them."""

    pairs: Pairs
    loudness: Pairs
    lags: Lags
    amplitudes: Amplitudes
    distances: tuple[np.ndarray, np.ndarray]  # at lag 0 and 1


@final
@dataclass(eq=False)
class Evidence:
    """What the examination saw. `rows` are the rows of the noise that vary, those in front (at most `MATRIX_UNITS`) are
    compared, and pairwise tests see the `few` of them.

    Parts stay None where an earlier finding made them pointless.
    """

    noise: Noise
    level: float  # of one question
    white: bool
    constant: np.ndarray
    rows: np.ndarray
    few: np.ndarray
    repeats: Repeats
    restart: int  # steps after which the units start again, or 0
    questions: list[Question] = field(default_factory=list)
    rhythm: Rhythm | None = None
    memory: Memory | None = None
    comparison: Comparison | None = None

    def label(self, row: int) -> str:
        """The name of a compared unit."""
        return self.noise.label(int(self.rows[row]))

    def few_label(self, row: int) -> str:
        """The name of a unit that pairwise tests saw."""
        return self.label(int(self.few[row]))


def examine(noise: Noise, *, white: bool, distribution: Any, false_alarms: float) -> Evidence:
    """Put all questions to the noise."""
    level = false_alarms / QUESTIONS
    evidence = begin(noise, level, white)
    marginal.check(distribution)
    steps = evidence.restart or noise.steps
    if len(evidence.rows) < 2 or steps < MIN_STEPS:
        return evidence
    compared = evidence.rows[:MATRIX_UNITS]
    values = noise.values[compared, :steps]
    z = scores.normal_scores(values)
    evidence.rhythm = look_for_rhythm(evidence, z)
    if len(evidence.rhythm.bins):
        z = scores.normal_scores(spectrum.without(z, evidence.rhythm.bins))
    evidence.memory = look_for_memory(evidence, z[evidence.few]) if white else None
    evidence.comparison = compare(evidence, z)
    if white and evidence.memory and not evidence.memory.found:
        clean = all(question.p_value > level for question in evidence.questions)
        parts = np.unique(noise.variable_of[compared], return_inverse=True)[1]
        evidence.questions += marginal.questions(values, parts, distribution, evidence.label, pool=clean)
    return evidence


def begin(noise: Noise, level: float, white: bool) -> Evidence:
    """Constant units and repeated values, which need no statistics."""
    silent = np.ptp(noise.values, axis=1) == 0
    rows = np.flatnonzero(~silent)
    first = chosen(len(rows), MATRIX_UNITS)
    rows = np.concatenate([rows[first], np.delete(rows, first)])
    found = repeats.search(noise.values[rows]) if len(rows) else Repeats(Counter(), 0, 0.0, 0)
    few = chosen(min(len(rows), MATRIX_UNITS), PAIR_UNITS)
    restart = repeats.restart_of(found, len(rows))
    evidence = Evidence(noise, level, white, np.flatnonzero(silent), rows, few, found, restart)
    if found.window:
        evidence.questions.append(repeats.question(found))
    return evidence


def chosen(units: int, most: int) -> np.ndarray:
    """At most `most` of the units: neighbours from the start, and others spread over the rest."""
    if units <= most:
        return np.arange(units)
    half = most // 2
    return np.concatenate([np.arange(half), np.linspace(half, units - 1, most - half).astype(int)])


def look_for_rhythm(evidence: Evidence, z: np.ndarray) -> Rhythm:
    """The spectra and their questions."""
    found = spectrum.measure(z)
    effective = pairs.measure(z).effective_units
    evidence.questions.append(spectrum.coherent_question(found))
    if evidence.white:
        evidence.questions.append(spectrum.own_question(found, effective))
    return Rhythm(found, spectrum.lines(found, effective, evidence.level, evidence.white))


def look_for_memory(evidence: Evidence, z: np.ndarray) -> Memory:
    """Serial dependence within the units: linear at any lag, of amplitudes, pooled over the units, and of any form."""
    a, s = scores.amplitude_scores(z)
    found = lags.search(z)
    shifted = grouped([(pair.first, pair.second) for pair in lags.significant(found, evidence.level)], len(z))
    distinct = len(z) - sum(len(group) - 1 for group in shifted)
    effective = (pairs.measure(one).effective_units for one in (z, a))
    parts, modes = Scores(z, a, s, tuple(min(distinct, one) for one in effective)), higher.distance_modes(z)
    amplitudes = higher.amplitudes(parts, evidence.level)
    name, asks = "serial correlation", "Is a unit correlated with its own past, at any lag?"
    own = lags.lag_question(found.units, found.unit_count, name, asks, evidence.few_label)
    consecutive, _, pooled = higher.amplitude_questions(amplitudes, evidence.few_label)
    any_form = higher.own_distance_correlation(modes)
    free = higher.distance_question(any_form, 1, z.shape[1], evidence.few_label)
    questions = [own, pooled, consecutive, free]
    evidence.questions += questions
    rhythm = evidence.rhythm is not None and len(evidence.rhythm.bins) > 0
    remembers = rhythm or any(one.p_value < evidence.level for one in questions)
    return Memory(parts, modes, found, amplitudes, questions, remembers)


def compare(evidence: Evidence, z: np.ndarray) -> Comparison:
    """Units against units, on scores from which the units' own memory is gone."""
    memory = evidence.memory
    if memory is not None and not memory.found:
        parts, modes, found, amplitudes = memory.scores, memory.modes, memory.lags, memory.amplitudes
    else:
        z = scores.whitened(z)
        a, s = (scores.whitened(one) for one in scores.amplitude_scores(z[evidence.few]))
        z = scores.normal_scores(z[:, z.shape[1] - a.shape[1] :])
        parts = Scores(z[evidence.few], a, s)
        modes, found = higher.distance_modes(parts.z), lags.search(parts.z)
        amplitudes = higher.amplitudes(parts, evidence.level)
    distances = higher.distance_correlation(modes, 0), higher.distance_correlation(modes, 1)
    seen = Comparison(pairs.measure(z), pairs.measure(parts.a), found, amplitudes, distances)
    evidence.questions += comparison_questions(evidence, seen, modes.shape[2])
    return seen


def comparison_questions(evidence: Evidence, seen: Comparison, steps: int) -> list[Question]:
    """All questions about pairs of units."""
    label = evidence.few_label
    asks = "Does a unit repeat another one some steps later?"
    _, across, _ = higher.amplitude_questions(seen.amplitudes, label)
    return [
        *pairs.questions(seen.pairs, evidence.label),
        lags.lag_question(seen.lags.pairs, seen.lags.pair_count, "lagged correlation", asks, label),
        across,
        *pairs.questions(seen.loudness, label, "amplitude ")[1:],
        *(higher.distance_question(Q, lag, steps, label) for lag, Q in enumerate(seen.distances)),
    ]
