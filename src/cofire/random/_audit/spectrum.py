"""Frequencies: a rhythm that the units share in phase, or that each of them has by itself."""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy import special

from cofire.random._audit import fourier, null
from cofire.random._audit.question import Question

FIRST = 3  # bins below are drift, which the serial tests see
AROUND = 40  # bins on either side that a rhythm must stand out from
LINE_SHARE = 0.02  # a rhythm takes few bins; more than this share is colour, or a broadcast


@final
@dataclass(frozen=True, eq=False)
class Spectrum:
    """Per frequency (cycles per step): coherence of the units' sum, and the mean of the units' own spectra.

    `coherent` is |sum of X|**2 / sum of |X|**2: 1 on average for independent units of whatever colour, N for units in
    phase. `own` is the mean of |X|**2 / T: 1 for white units.
    """

    frequencies: np.ndarray
    coherent: np.ndarray
    own: np.ndarray
    units: int


def measure(scores: np.ndarray) -> Spectrum:
    """Both spectra of scores (N, T), without the frequencies 0 and 1/2."""
    N, T = scores.shape
    X = fourier.forward(scores)[:, 1 : (T + 1) // 2]
    power = (np.abs(X) ** 2).sum(axis=0)
    coherent = np.abs(X.sum(axis=0)) ** 2 / np.maximum(power, 1e-12)
    return Spectrum(np.arange(1, (T + 1) // 2) / T, coherent, power / (N * T), N)


def coherent_p(peak: float, units: int, count: int) -> float:
    """The largest of `count` coherences: for independent units each is N times a Beta(1, N - 1)."""
    return null.any_of(max(0.0, 1 - peak / units) ** (units - 1), count)


def coherent_edge(p: float, units: int, count: int) -> float:
    """The coherence that chance reaches anywhere with probability p."""
    return units * (1 - null.each_of(p, count) ** (1 / (units - 1)))


def own_p(peak: float, units: float, count: int) -> float:
    """The largest of `count` mean periodograms of white units: each is a Gamma(N) / N."""
    return null.any_of(float(special.gammaincc(units, units * peak)), count)


def own_edge(p: float, units: float, count: int) -> float:
    """The mean periodogram that chance reaches anywhere with probability p."""
    return float(special.gammainccinv(units, null.each_of(p, count)) / units)


def coherent_question(spectrum: Spectrum) -> Question:
    """A rhythm in phase; holds for units of any colour, and for spikes."""
    count, N, top = len(spectrum.coherent), spectrum.units, int(spectrum.coherent.argmax())
    return Question(
        name="rhythm in phase",
        asks="Does the units' sum have a dominant frequency that independent units would not give it?",
        measured=float(spectrum.coherent[top]),
        p_value=coherent_p(float(spectrum.coherent[top]), N, count),
        edge=lambda p: coherent_edge(p, N, count),
        place=f"frequency {spectrum.frequencies[top]:.4g} per step",
    )


def own_question(spectrum: Spectrum, effective: float) -> Question:
    """A rhythm of any phase in many units that should be white."""
    count, top = len(spectrum.own), int(spectrum.own.argmax())
    return Question(
        name="rhythm in each unit",
        asks="Do the units have a dominant frequency in common, whatever its phase?",
        measured=float(spectrum.own[top]),
        p_value=own_p(float(spectrum.own[top]), effective, count),
        edge=lambda p: own_edge(p, effective, count),
        place=f"frequency {spectrum.frequencies[top]:.4g} per step",
    )


def lines(spectrum: Spectrum, effective: float, level: float, white: bool) -> np.ndarray:
    """The bins that hold a rhythm: few, and beyond the edge both by themselves and over their neighbours."""
    count, N = len(spectrum.own), spectrum.units
    in_phase = loud(spectrum.coherent, coherent_edge(level, N, count), -np.log(null.each_of(level, count)))
    silent = own_edge(level, effective, count)
    alone = loud(spectrum.own, silent, silent) if white else np.empty(0, int)
    bins = np.union1d(in_phase, alone)
    return bins[bins >= FIRST - 1].astype(int)


def loud(heights: np.ndarray, edge: float, contrast: float) -> np.ndarray:
    """The bins beyond the edge, if they are few and the highest is `contrast` times its neighbourhood (its median)."""
    bins = np.flatnonzero(heights > edge)
    if not len(bins) or len(bins) > max(LINE_SHARE * len(heights), 3):
        return bins[:0]
    peak = int(bins[np.argmax(heights[bins])])
    around = heights[max(0, peak - AROUND) : peak + AROUND + 1]
    return bins if heights[peak] > contrast * np.median(around) / np.log(2) else bins[:0]


def without(scores: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Scores (N, T) with these bins (and their neighbours) silenced, to see what else there is."""
    X = fourier.forward(scores)
    near = np.unique(bins[:, None] + 1 + np.arange(-2, 3))
    X[:, near[(near > 0) & (near < X.shape[1])]] = 0
    return fourier.backward(X, scores.shape[1])
