"""The arrays that a report's page shows: correlations, eigenvalues, lags and spectrum, each with its edge."""

from typing import Any

import numpy as np

from cofire.random._audit import null, spectrum
from cofire.random._audit.lags import z_edge
from cofire.random._audit.spikes import SpikeEvidence
from cofire.random._audit.values import Evidence


def of_values(evidence: Evidence) -> dict[str, Any]:
    """What can be shown of real-valued noise."""
    seen, shown = evidence.comparison, {}
    if seen is not None:
        centre, width = null.eigenvalue_scale(seen.pairs.units, seen.pairs.steps)
        shown["correlation"] = seen.pairs.R
        shown["eigenvalues"] = seen.pairs.eigenvalues
        shown["steps"] = seen.pairs.steps
        shown["correlation edge"] = correlation_edge(seen.pairs.R, seen.pairs.steps, evidence.level)
        shown["eigenvalue edge"] = centre + width * null.tracy_widom_edge(evidence.level)
        shown["lags"] = seen.lags.across
        shown["lag edge"] = z_edge(evidence.level, seen.lags.pair_count)
        if evidence.memory is not None:
            shown["own lags"] = evidence.memory.lags.within
    if evidence.rhythm is not None:
        shown |= of_spectrum(evidence.rhythm.spectrum, evidence.level)
    return shown


def of_spikes(evidence: SpikeEvidence) -> dict[str, Any]:
    """What can be shown of spikes: counts in the middle bin width."""
    shown: dict[str, Any] = {}
    if evidence.counts:
        counts = evidence.counts[len(evidence.counts) // 2]
        bins = evidence.noise.steps // counts.width
        centre, width = null.eigenvalue_scale(len(counts.R), bins)
        shown["correlation"] = counts.R
        shown["eigenvalues"] = np.linalg.eigvalsh(counts.R)
        shown["steps"] = bins
        shown["correlation edge"] = correlation_edge(counts.R, bins, evidence.level)
        shown["eigenvalue edge"] = centre + width * null.tracy_widom_edge(evidence.level)
        shown["lags"] = evidence.across
        N = len(counts.R)
        shown["lag edge"] = z_edge(evidence.level, N * (N - 1.0) * len(evidence.across))
    if evidence.spectrum is not None:
        shown |= of_spectrum(evidence.spectrum, evidence.level)
    return shown


def correlation_edge(R: np.ndarray, steps: int, level: float) -> float:
    """The |r| that chance reaches in no pair."""
    return null.correlation_edge(null.each_of(level, len(R) * (len(R) - 1) / 2), steps)


def of_spectrum(seen: spectrum.Spectrum, level: float) -> dict[str, Any]:
    """The coherence of the units' sum and its edge."""
    return {
        "frequencies": seen.frequencies,
        "coherence": seen.coherent,
        "coherence edge": spectrum.coherent_edge(level, seen.units, len(seen.coherent)),
    }
