"""Spike-train measures against closed forms and plain definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire import sync
from cofire.checks import InvalidType, InvalidValue
from cofire.random import Key
from tests.oracles import synchrony as oracle

STOP = 10.0
train = st.lists(st.integers(0, 40), max_size=8, unique=True).map(lambda ticks: np.sort(np.array(ticks) * 0.25))
grid = np.linspace(0, STOP, 20_000, endpoint=False) + STOP / 40_000


def poisson_train(seed, rate, stop):
    gaps = -np.log1p(-Key(seed).uniform((int(rate * stop * 1.2) + 50,), dtype=np.float64)) / rate
    times = np.cumsum(gaps)
    return times[times < stop]


@settings(max_examples=60, deadline=None)
@given(train, train, st.sampled_from([0.1, 0.25, 0.6, 3.0]))
def test_tiling_is_the_definition(a, b, dt):
    found = sync.tiling_coefficient([a, b], dt, stop=STOP)
    if len(a) and len(b):
        assert found[0, 1] == pytest.approx(oracle.tiling(a, b, dt + 1e-12, 0, STOP), abs=1e-9)
    else:
        assert np.isnan(found[0, 1])
    np.testing.assert_array_equal(found, found.T)


def test_tiling_does_not_depend_on_when_the_recording_began():
    a, b = poisson_train(1, 3.0, 20.0), poisson_train(2, 5.0, 20.0)
    early = sync.tiling_coefficient([a, b], 0.05, stop=20.0)
    late = sync.tiling_coefficient([a + 1000, b + 1000], 0.05, start=1000.0, stop=1020.0)
    np.testing.assert_allclose(early, late, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(train, train)
def test_distances_are_the_integrals_of_their_profiles(a, b):
    isi = sync.isi_distance([a, b], stop=STOP)[0, 1]
    assert isi == pytest.approx(oracle.isi_distance(a, b, 0.0, STOP, grid[::20]), abs=5e-3)
    spike = sync.spike_distance([a, b], stop=STOP)[0, 1]
    assert spike == pytest.approx(oracle.spike_distance(a, b, 0.0, STOP, grid[::20]), abs=5e-3)
    found = sync.spike_synchronisation([a, b], stop=STOP)[0, 1]
    assert found == pytest.approx(oracle.spike_synchronisation(a, b, 0.0, STOP))


@settings(max_examples=10, deadline=None)
@given(train, train)
def test_van_rossum_is_the_integral(a, b):
    found = sync.van_rossum([a, b, a], 1.0, stop=STOP)
    assert found[0, 1] == pytest.approx(oracle.van_rossum(a, b, 1.0, STOP), abs=2e-2)
    assert found[0, 2] == 0


def test_irregularity_of_a_clock_and_of_poisson():
    poisson, clock = poisson_train(3, 20.0, 1000.0), np.arange(100.0)
    for measure in (sync.cv, sync.cv2, sync.lv):
        found = measure([poisson, clock, [1.0, 2.0]], stop=1000.0)
        assert found[0] == pytest.approx(1.0, abs=0.04)  # 20,000 intervals
        assert found[1] == 0.0
        assert np.isnan(found[2])


def test_fano_factor_of_poisson_is_one_at_every_width():
    found = sync.fano_factor([poisson_train(4, 20.0, 1000.0), []], [0.1, 1.0, 5.0], stop=1000.0)
    np.testing.assert_allclose(found[:, 0], 1.0, atol=0.25)
    assert np.isnan(found[:, 1]).all()


def test_count_correlation_of_shared_spikes():
    shared, own = poisson_train(5, 10.0, 500.0), poisson_train(6, 10.0, 500.0)
    mixed = np.sort(np.concatenate([shared, own]))
    found = sync.count_correlation([shared, mixed], 0.5, stop=500.0)[0, 1]
    assert found == pytest.approx(np.sqrt(0.5), abs=0.06)  # half of the variance is shared
    assert np.isnan(sync.count_correlation([shared, []], 0.5, stop=500.0)[0, 1])


def test_bins_hold_their_left_border_whatever_the_rounding():
    times = np.arange(30) * 0.1
    np.testing.assert_array_equal(sync.spike_counts([times], 0.1, stop=3.0)[:, 0], 1)
    raster = Key(7).uniform((50, 3)) < 0.3
    trains = sync.spike_times(raster, step=0.1)
    np.testing.assert_array_equal(sync.spike_counts(trains, 0.1, stop=5.0), raster)


def test_cross_correlogram_counts_every_pair_once():
    a, b = poisson_train(8, 5.0, 50.0), poisson_train(9, 5.0, 50.0)
    found = sync.cross_correlogram(a, b, 0.1, 1.0, stop=50.0)
    lags = (b[None, :] - a[:, None]).ravel()
    plain = np.histogram(lags, bins=np.arange(-10, 12) * 0.1 - 0.05)[0]
    np.testing.assert_array_equal(found.counts, plain)
    assert found.lags[10] == 0
    shifted = sync.cross_correlogram(a, a + 0.3, 0.1, 1.0, stop=51.0)
    assert shifted.lags[shifted.counts.argmax()] == pytest.approx(0.3)


def branching_process(seed, ratio, ticks):
    key, active, counts = Key(seed), 20, []
    for tick in range(ticks):
        children = key.uniform((active, 2), step=tick) < ratio / 2
        immigrants = key.fold("in").uniform((40,), step=tick) < 0.25
        active = int(children.sum() + immigrants.sum())
        counts.append(active)
    return np.array(counts)


@pytest.mark.parametrize("ratio", [0.5, 0.9])
def test_the_branching_ratio_is_found_even_when_few_neurons_are_seen(ratio):
    counts = branching_process(10, ratio, 3000)
    found = sync.branching_ratio(counts, lags=10)
    assert found.ratio == pytest.approx(ratio, abs=0.05)
    assert found.one_step == pytest.approx(ratio, abs=0.05)
    seen = np.array([(Key(11).uniform((n,), step=t) < 0.2).sum() for t, n in enumerate(counts)])
    few = sync.branching_ratio(seen, lags=10)
    assert few.one_step < 0.75 * ratio  # the plain regression is fooled
    assert few.ratio == pytest.approx(ratio, abs=0.12)
    assert np.isnan(sync.branching_ratio(np.full(100, 3)).ratio)


def test_avalanches_hold_all_spikes():
    counts = np.array([1, 0, 2, 3, 0, 0, 1])
    found = sync.avalanches(counts)
    assert found.starts.tolist() == [0, 2, 6]
    assert found.sizes.tolist() == [1, 5, 1]
    assert found.durations.tolist() == [1, 2, 1]
    assert sync.avalanches([0, 0]).sizes.size == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sync.cv([[2.0, 1.0]], stop=3.0), "trains: wanted sorted times, got train 0 going back"),
        (lambda: sync.cv([[1.0], [4.0]], stop=3.0), r"times from 0 to 3, got train 1 from 4 to 4.*start and stop"),
        (lambda: sync.cv([[np.nan]], stop=3.0), "train 0: wanted finite numbers, got nan"),
        (lambda: sync.cv([], stop=3.0), "trains: wanted an integer of at least 1, got 0"),
        (lambda: sync.cv(np.zeros((4, 2)), stop=3.0), "one array of times per unit, got a raster.*spike_times"),
        (lambda: sync.cv([["a"]], stop=3.0), "times in numbers, got dtype <U1 for unit 0"),
        (lambda: sync.spike_times(np.full((2, 2), 0.5)), "raster: wanted zeros and ones"),
        (lambda: sync.spike_counts([[1.0]], 5.0, stop=3.0), "bins: wanted an integer of at least 1, got 0"),
        (lambda: sync.tiling_coefficient([[1.0]], -1.0, stop=3.0), "dt: wanted a finite number"),
        (lambda: sync.avalanches([0.5]), "counts of spikes"),
        (lambda: sync.branching_ratio([1, 2, 3], lags=20), "record longer"),
    ],
)
def test_bad_trains_are_refused_in_words(call, words):
    with pytest.raises((InvalidValue, InvalidType), match=words):
        call()
