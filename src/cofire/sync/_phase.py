"""Rhythms: phase locking, coherence by band, and the order of a crowd of phases."""

from typing import Any, NamedTuple

import numpy as np
from scipy import signal

from cofire import checks
from cofire.sync._inputs import checked_traces
from cofire.sync._pairs import standardised


class Analytic(NamedTuple):
    """Amplitude and phase (radians) of every unit at every tick, (T, D) each; 0 and NaN for constant traces."""

    amplitude: np.ndarray
    phase: np.ndarray


def analytic(x: Any, *, band: tuple[float | int, float | int] | None = None, rate: float | int = 1.0) -> Analytic:
    """The analytic signal of each trace by the Hilbert transform, of the deviation from its mean.

    Parameters
    ----------
    x
        (T, D), two ticks or more.
    band
        (low, high) frequencies: the traces are filtered first, forward and backward, so that phases do not shift
        (Butterworth of order 4; longer than about 3 cycles of `low` are needed). A phase means something for a narrow
        band only.
    rate
        Ticks per unit of time; frequencies are in cycles per that unit.
    """
    z = checked_traces(x, least_ticks=2)
    _, defined = standardised(z)
    deviation = z - z.mean(axis=0)
    if band is not None:
        low, high = checked_band(band, rate)
        sections = np.asarray(signal.butter(4, (low, high), btype="bandpass", fs=rate, output="sos"))
        needed = 3 * (2 * len(sections) + 1)
        if len(z) <= needed:
            text = checks.message("x", f"more than {needed} ticks to filter", str(len(z)), "record longer")
            raise checks.InvalidValue(text)
        deviation = signal.sosfiltfilt(sections, deviation, axis=0)
    wave = np.asarray(signal.hilbert(deviation, axis=0))
    return Analytic(np.where(defined, np.abs(wave), 0.0), np.where(defined, np.angle(wave), np.nan))


def phase_locking(
    x: Any, *, band: tuple[float, float] | None = None, rate: float = 1.0, undefined: float = np.nan
) -> np.ndarray:
    """The phase-locking value of all pairs (D, D): abs(mean_t exp(i (φ_i - φ_j))), 1 for a constant phase difference.

    Pairs with a constant trace are `undefined`. Two traces without relation have about 1 / sqrt(independent samples),
    so that a value means something against a null model only. See `analytic` for `band` and `rate`.

    >>> t = np.arange(200)[:, None]
    >>> phase_locking(np.sin(2 * np.pi * t / 20 + [0.0, 1.0])).round(3)
    array([[1., 1.],
           [1., 1.]])
    """
    phase = analytic(x, band=band, rate=rate).phase
    turning = np.exp(1j * phase)
    return np.where(np.isnan(phase[0])[:, None] | np.isnan(phase[0]), undefined, _lock(turning))


def _lock(turning: np.ndarray) -> np.ndarray:
    present = np.nan_to_num(turning)
    return np.minimum(np.abs(present.conj().T @ present) / len(present), 1.0)


def kuramoto(x: Any, *, band: tuple[float | int, float | int] | None = None, rate: float | int = 1.0) -> np.ndarray:
    """Kuramoto's order parameter at every tick (T,): abs(mean_i exp(i φ_i)), 1 when all phases agree.

    Constant traces have no phase and are left out; NaN where no unit varies. D unrelated phases give about 1 / sqrt(D).
    """
    phase = analytic(x, band=band, rate=rate).phase
    present = ~np.isnan(phase[0])
    if not present.any():
        return np.full(len(phase), np.nan)
    return np.abs(np.exp(1j * phase[:, present]).mean(axis=1))


def band_coherence(
    x: Any, band: tuple[float, float], *, rate: float = 1.0, segment: int = 64, undefined: float = np.nan
) -> np.ndarray:
    """Magnitude-squared coherence of all pairs (D, D), averaged over the frequencies of a band.

        C_ij(f) = abs(P_ij(f))² / (P_ii(f) P_jj(f))

    with Welch's estimate over half-overlapping Hann windows of `segment` ticks, each with its mean removed. One
    segment alone gives 1 everywhere, so at least 4 are asked for; K segments bias it upwards by about 1 / K.

    Raises InvalidValue for too short a recording and a band that holds no frequency of the segments.
    """
    z = checked_traces(x, least_ticks=2)
    low, high = checked_band(band, rate)
    segment = checks.integer("segment", segment, low=4)
    count = (len(z) - segment) // (segment // 2) + 1 if len(z) >= segment else 0
    if count < 4:
        fix = f"record longer, or take segments of at most {2 * len(z) // 5} ticks"
        raise checks.InvalidValue(checks.message("x", "ticks for at least 4 segments", f"{len(z)} ticks", fix))
    frequency = np.fft.rfftfreq(segment, 1.0 / rate)
    inside = (frequency >= low) & (frequency <= high)
    if not inside.any():
        got = f"{band} between the frequencies 0, {frequency[1]:g}, {frequency[2]:g} ..."
        raise checks.InvalidValue(checks.message("band", "one that holds a frequency", got, "take longer segments"))
    window = np.asarray(signal.get_window("hann", segment))
    starts = np.arange(count) * (segment // 2)
    parts = z[starts[:, None] + np.arange(segment)]  # (K, segment, D)
    spectra = np.fft.rfft((parts - parts.mean(axis=1, keepdims=True)) * window[:, None], axis=1)[:, inside]
    cross = np.einsum("kfi,kfj->fij", spectra.conj(), spectra, optimize=True)
    power = np.einsum("fii->fi", cross).real
    _, defined = standardised(z)
    scale = np.where(power > 0, power, np.inf)
    value = (np.abs(cross) ** 2 / (scale[:, :, None] * scale[:, None, :])).mean(axis=0)
    return np.where(defined[:, None] & defined, np.minimum(value, 1.0), undefined)


def checked_band(band: tuple[float | int, float | int], rate: float | int) -> tuple[float | int, float | int]:
    """Two frequencies between 0 and half the rate."""
    rate = checks.number("rate", rate, above=0)
    low = checks.number("band[0]", band[0], above=0)
    high = checks.number("band[1]", band[1], above=low)
    if high >= rate / 2:
        fix = "half the rate is the highest frequency that ticks can show"
        raise checks.InvalidValue(checks.message("band[1]", f"a frequency below {rate / 2:g}", f"{high:g}", fix))
    return low, high
