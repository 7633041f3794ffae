"""Null models keep what they promise, p-values are right when nothing is there, and find what is."""

import numpy as np
import pytest
from scipy import stats

from cofire import sync
from cofire.checks import InvalidValue
from cofire.random import Key


def traces(seed, ticks, units):
    return Key(seed).normal((ticks, units)).astype(np.float64)


def test_each_null_keeps_what_its_table_says():
    x, key = traces(0, 60, 4), Key(1)
    for null in (sync.shuffled, sync.circularly_shifted, sync.jittered(10)):
        np.testing.assert_array_equal(np.sort(null(key, x, 0), axis=0), np.sort(x, axis=0))
    jittered = sync.jittered(10)(key, x, 0)
    np.testing.assert_array_equal(np.sort(jittered.reshape(6, 10, 4), axis=1), np.sort(x.reshape(6, 10, 4), axis=1))
    shifted = sync.circularly_shifted(key, x)
    shifts = [int(np.flatnonzero(shifted[:, unit] == x[0, unit])[0]) for unit in range(4)]
    for unit, shift in enumerate(shifts):
        np.testing.assert_array_equal(np.roll(x[:, unit], shift), shifted[:, unit])
    assert len(set(shifts)) > 1
    for ticks in (60, 59):
        part = x[:ticks]
        random = sync.phase_randomised(key, part)
        np.testing.assert_allclose(np.abs(np.fft.rfft(random, axis=0)), np.abs(np.fft.rfft(part, axis=0)), atol=1e-9)
        assert np.abs(random - part).max() > 0.5


def test_poisson_surrogates_have_the_rates():
    raster = Key(2).uniform((4000, 3)) < np.array([0.05, 0.2, 0.5])
    found = sync.rate_matched_poisson(Key(3), raster)
    np.testing.assert_allclose(found.mean(axis=0), raster.mean(axis=0), atol=0.03)
    assert set(np.unique(found)) == {0.0, 1.0}
    with pytest.raises(InvalidValue, match="a raster of zeros and ones"):
        sync.rate_matched_poisson(Key(3), traces(0, 9, 2))


def test_surrogates_are_addresses_not_events():
    x = traces(4, 30, 3)
    for null in (sync.shuffled, sync.circularly_shifted, sync.phase_randomised, sync.jittered(5)):
        late = null(Key(5), x, 7)
        null(Key(5), x, 3)
        np.testing.assert_array_equal(null(Key(5), x, 7), late)
        assert (null(Key(5), x, 8) != late).any()
        assert (null(Key(6), x, 7) != late).any()


def test_p_values_are_uniform_when_nothing_is_there():
    found = [float(sync.against_chance(traces(seed, 40, 3), key=Key(seed), surrogates=19).p) for seed in range(200)]
    share = np.mean(np.array(found) <= 0.05)
    assert stats.binomtest(int(share * 200), 200, 0.05).pvalue > 0.001
    assert stats.kstest(np.array(found) - 0.025, "uniform").pvalue > 0.001


def test_pair_tests_find_the_planted_pairs_and_control_false_discoveries():
    x = traces(7, 300, 12)
    x[:, 1] += 0.8 * x[:, 0]
    x[:, 5] += 0.8 * x[:, 4]
    found = sync.against_chance(x, sync.correlation, key=Key(8), null=sync.shuffled, surrogates=999)
    pairs = {tuple(pair) for pair in np.argwhere(np.triu(found.q <= 0.05, 1)).tolist()}
    assert {(0, 1), (4, 5)} <= pairs
    assert len(pairs) <= 3
    np.testing.assert_array_equal(found.q, found.q.T)
    assert found.z[0, 1] > 5
    assert "of 66 above chance" in str(found)


def test_undefined_statistics_are_no_evidence():
    x = traces(9, 50, 3)
    x[:, 2] = 1.0
    found = sync.against_chance(x, sync.correlation, key=Key(0), surrogates=19)
    assert (found.p[2] == 1).all()
    assert float(sync.against_chance(np.ones((9, 2)), key=Key(0), surrogates=9).p) == 1.0


def test_a_common_rhythm_is_no_synchrony_beyond_chance_when_spectra_are_kept():
    t = np.arange(400)[:, None]
    phases = 2 * np.pi * Key(10).uniform((1, 8))
    x = np.sin(2 * np.pi * t / 20 + phases)
    assert float(sync.against_chance(x, key=Key(11), null=sync.phase_randomised, surrogates=99).p) > 0.05


def test_false_discovery_rate_is_scipys():
    p = Key(12).uniform((40,), dtype=np.float64) ** 2
    np.testing.assert_allclose(sync.false_discovery(p), stats.false_discovery_control(p), atol=1e-14)
    np.testing.assert_allclose(sync.false_discovery(p.reshape(8, 5)).ravel(), sync.false_discovery(p))
    with pytest.raises(InvalidValue, match="p: wanted probabilities"):
        sync.false_discovery([1.5])
