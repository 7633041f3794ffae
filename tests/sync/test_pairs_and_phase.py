"""Correlation, lags, locking and coherence: NumPy and SciPy's own, closed forms, and stated values for constants."""

import numpy as np
import pytest
from scipy import signal

from cofire import sync
from cofire.checks import InvalidValue
from cofire.random import Key


def traces(seed, ticks, units):
    return Key(seed).normal((ticks, units)).astype(np.float64)


def test_correlation_is_numpys_and_constants_are_undefined():
    x = traces(0, 50, 5)
    np.testing.assert_allclose(sync.correlation(x), np.corrcoef(x.T), atol=1e-14)
    x[:, 2] = 0.1
    found = sync.correlation(x)
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 2]).all()
    assert not np.isnan(np.delete(np.delete(found, 2, 0), 2, 1)).any()
    np.testing.assert_array_equal(np.diag(found)[[0, 1, 3, 4]], 1.0)
    assert (sync.correlation(x, undefined=0.0)[2] == 0).all()
    assert np.isnan(sync.correlation(x[:1])).all()  # one tick: nothing varies


def test_mean_pair_leaves_undefined_pairs_out():
    x = traces(1, 50, 4)
    x[:, 0] = 1
    assert sync.mean_pair(sync.correlation(x)) == pytest.approx(sync.mean_pair(sync.correlation(x[:, 1:])))
    assert np.isnan(sync.mean_pair([[1.0]]))


def test_inverse_mse_is_its_loop():
    x = traces(2, 30, 4) + 1000
    plain = [[1 / (1 + ((a - b) ** 2).mean()) for a in x.T] for b in x.T]
    np.testing.assert_allclose(sync.inverse_mse(x), plain, atol=1e-12)


def test_cross_correlation_finds_the_delay_and_matches_the_sum():
    source = traces(3, 300, 1)[:, 0]
    x = np.stack([source, np.roll(source, 3)], axis=1)
    found = sync.cross_correlation(x, 6)
    assert found.best_lag.tolist() == [[0, 3], [-3, 0]]
    d = x - x.mean(axis=0)
    plain = sum(d[t, 0] * d[t + 2, 1] for t in range(298)) / np.sqrt((d[:, 0] ** 2).sum() * (d[:, 1] ** 2).sum())
    assert found.values[found.lags.tolist().index(2), 0, 1] == pytest.approx(plain)
    np.testing.assert_allclose(found.values[6], sync.correlation(x), atol=1e-12)
    with pytest.raises(InvalidValue, match="max_lag: wanted an integer from 0 to 299"):
        sync.cross_correlation(x, 300)


def test_strongest_pairs_come_in_order():
    x = traces(4, 20, 6)
    S = sync.cumulative(x)
    pairs = sync.strongest_pairs(S, 15)
    values = S[pairs[:, 0], pairs[:, 1]]
    assert (np.diff(values) <= 0).all()
    assert (pairs[:, 0] < pairs[:, 1]).all()
    with pytest.raises(InvalidValue, match=r"at least 2 unit\(s\), got 1"):
        sync.strongest_pairs([[1.0]])


def test_phase_locking_knows_locked_drifting_and_constant():
    t = np.arange(400)
    x = np.stack([np.sin(2 * np.pi * t / 20), np.cos(2 * np.pi * t / 20 + 1), np.sin(2 * np.pi * t / 25), t * 0.0], 1)
    found = sync.phase_locking(x)
    assert found[0, 1] == pytest.approx(1.0, abs=1e-9)
    assert found[0, 2] == pytest.approx(0.0, abs=1e-9)  # 4 whole beats
    assert np.isnan(found[3]).all()
    np.testing.assert_allclose(sync.analytic(x).phase[:, :3], np.angle(signal.hilbert(x, axis=0))[:, :3], atol=1e-9)
    in_band = sync.phase_locking(x + 0.5 * np.sin(2 * np.pi * t / 4)[:, None] * [1, -1, 0, 0], band=(0.03, 0.07))
    assert in_band[0, 1] > 0.99


def test_kuramoto_order_of_agreeing_opposed_and_no_phases():
    t = np.arange(200)
    wave, opposed = np.sin(2 * np.pi * t / 20), np.sin(2 * np.pi * t / 20 + np.pi)
    np.testing.assert_allclose(sync.kuramoto(np.stack([wave, wave, 0 * t], 1)), 1.0, atol=1e-9)
    np.testing.assert_allclose(sync.kuramoto(np.stack([wave, opposed], 1)), 0.0, atol=1e-9)
    assert np.isnan(sync.kuramoto(np.zeros((9, 2)))).all()


def test_band_coherence_is_scipys_average():
    x = traces(5, 512, 3)
    x[:, 1] += np.roll(x[:, 0], 2)
    found = sync.band_coherence(x, (0.1, 0.3), segment=64)
    frequency, plain = signal.coherence(x[:, 0], x[:, 1], nperseg=64)
    assert found[0, 1] == pytest.approx(plain[(frequency >= 0.1) & (frequency <= 0.3)].mean(), rel=1e-9)
    np.testing.assert_allclose(np.diag(found), 1.0)
    with pytest.raises(InvalidValue, match="ticks for at least 4 segments, got 64 ticks"):
        sync.band_coherence(x[:64], (0.1, 0.3), segment=64)
    with pytest.raises(InvalidValue, match=r"band\[1\]: wanted a frequency below 0.5, got 0.6"):
        sync.band_coherence(x, (0.1, 0.6))
    with pytest.raises(InvalidValue, match="band: wanted one that holds a frequency"):
        sync.band_coherence(x, (0.101, 0.102))
