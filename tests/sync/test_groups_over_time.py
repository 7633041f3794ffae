"""Measures of a group over time against loops over pairs, with the stated values at the borders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire import sync
from cofire.checks import InvalidValue
from cofire.random import Key
from tests.oracles import synchrony as oracle


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(2, 6), st.integers(1, 25))
def test_windowed_measures_are_the_loops_over_pairs(seed, ticks, units, window):
    key = Key(seed)
    x = key.normal((ticks, units)).astype(np.float64) * (key.fold("silent").uniform((units,)) > 0.3)
    x[: ticks // 3] = 0.25  # a stretch where nothing varies
    for measure in ("coherence", "windowed_sync", "inverse_mse"):
        plain = [getattr(oracle, measure)(x, tick, window) for tick in range(ticks)]
        np.testing.assert_allclose(sync.over_time(x, measure, window=window), plain, atol=1e-10, err_msg=measure)
    variance = [oracle.window_of(x, tick, window).var(axis=0).mean() for tick in range(ticks)]
    np.testing.assert_allclose(sync.over_time(x, "variance", window=window), variance, atol=1e-12)


def test_the_others_are_their_formulas():
    x = Key(1).normal((10, 4)).astype(np.float64)
    pairs = [x[:, i] * x[:, j] for i in range(4) for j in range(i)]
    np.testing.assert_allclose(sync.over_time(x, "instantaneous_sync"), np.mean(pairs, axis=0), atol=1e-14)
    np.testing.assert_allclose(sync.over_time(x, "derivative")[1:], np.diff(x.mean(axis=1)), atol=1e-14)
    assert sync.over_time(x, "derivative")[0] == 0
    np.testing.assert_allclose(sync.over_time(x, "activation"), x.mean(axis=1))


def test_one_unit_has_the_stated_values():
    x = Key(2).normal((6, 1)).astype(np.float64)
    stated = {"coherence": 1.0, "inverse_mse": 1.0, "windowed_sync": 0.0, "instantaneous_sync": 0.0}
    for measure, value in stated.items():
        np.testing.assert_array_equal(sync.over_time(x, measure), np.full(6, value))


def test_constant_traces_off_zero_count_as_constant_in_spite_of_rounding():
    x = np.full((40, 3), 0.1)
    x[:, 0] = np.sin(np.arange(40))
    np.testing.assert_array_equal(sync.over_time(x, "coherence")[1:], 0.0)
    np.testing.assert_array_equal(sync.over_time(np.full((40, 3), 0.1), "coherence")[1:], 0.0)


def test_long_windows_are_cut_into_parts_without_a_seam():
    x = Key(3).normal((3000, 8)).astype(np.float64)
    found = sync.over_time(x, "coherence", window=512)
    for tick in (0, 1, 510, 511, 512, 575, 576, 2999):
        assert found[tick] == pytest.approx(oracle.coherence(x, tick, 512), abs=1e-10)


def test_bad_input_is_refused_in_words():
    with pytest.raises(InvalidValue, match="did you mean 'coherence'"):
        sync.over_time(np.zeros((3, 2)), "coherense")
    with pytest.raises(InvalidValue, match=r"labels: wanted shape \(2\), got shape \(3,\); .*one label per unit"):
        sync.within_clusters(np.zeros((3, 2)), [1, 1, 2])
