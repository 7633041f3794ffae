"""Spikes: what independent trains are not accused of, and what ties trains together."""

import numpy as np
import pytest
from scipy import stats

from cofire.random import Key, audit
from cofire.random._audit import spikes
from tests.random import audit_faults

T, N = 4000, 24


@pytest.fixture(params=["refractory", "bursts"])
def trains(request) -> np.ndarray:
    return audit_faults.trains(Key(4).fold("spikes"), request.param, T, N)


def cause_of(noise, **settings):
    report = audit(noise, **settings)
    assert len(report.causes) == 1, report
    assert report.coupled
    return report.causes[0]


def test_independent_trains_pass_at_full_size():
    report = audit(audit_faults.trains(Key(4).fold("full"), "refractory", 10_000, 100))
    assert report.causes == []
    assert report.subject == "spikes: 100 units, 10000 steps"


def test_shifted_train_is_found_with_its_lag(trains):
    trains[:, 7] = np.roll(trains[:, 13], 211)
    cause = cause_of(trains)
    assert (cause.name, cause.place["lag"], cause.place["pairs"]) == ("counter overlap", 211, [["13", "7"]])
    assert cause.strength > 0.9


def test_duplicated_train_and_broadcast_are_told_apart(trains):
    trains[:, 7] = trains[:, 13]
    assert (cause_of(trains).name, cause_of(trains).place["units"]) == ("duplicated unit", ["7", "13"])
    trains[:] = trains[:, :1]
    assert cause_of(trains).name == "broadcast"


def test_rhythm_of_the_population_rate():
    rate = 0.03 * (1 + 0.4 * np.sin(2 * np.pi * 0.01 * np.arange(T)))[:, None]
    cause = cause_of(Key(5).uniform((T, N)) < rate)
    assert cause.name == "global rhythm"
    assert cause.place["frequency"] == pytest.approx(0.01, abs=2 / T)


def test_common_input_of_a_network_without_synapses():
    """Leaky neurons that share 5 % of their noise variance fire a little more together than chance has it."""
    key, v = Key(6), np.zeros(N)
    fired = np.zeros((T, N), bool)
    for step in range(T):
        own, shared = key.normal(N, step=step), key.fold("shared").normal(step=step)
        v = 0.95 * v + 0.06 + 0.12 * (np.sqrt(0.95) * own + np.sqrt(0.05) * shared)
        fired[step] = v >= 1
        v[fired[step]] = 0
    cause = cause_of(fired)
    assert cause.name == "common input"
    assert 0 < cause.strength < 0.1


def test_measures_are_the_textbook_ones():
    trains = audit_faults.trains(Key(7), "poisson", T, 10).T.astype(float)
    assert spikes.interval_cv(trains[0]) == pytest.approx(stats.variation(np.diff(np.flatnonzero(trains[0]))))
    found = spikes.measures(trains, np.arange(10))
    counts = trains.reshape(10, -1, 20).sum(axis=2)
    assert found["Fano factor, 20 steps"] == pytest.approx((counts.var(axis=1) / counts.mean(axis=1)).mean())
    assert found["rate per step"] == pytest.approx(trains.mean())
    assert found["interval CV"] == pytest.approx(1, abs=0.15)  # of a Poisson process


def test_coincidences_are_counted_as_defined():
    trains = audit_faults.trains(Key(8), "poisson", 1000, 3).T.astype(float)
    trains[2, 40:] = trains[0, :-40]
    found, _ = spikes.coincidences(trains)
    pair = found[0].pair
    assert (pair.first, pair.second, pair.lag) == (0, 2, 40)
    assert pair.r == pytest.approx(trains[2, 40:].sum() / min(trains[0].sum(), trains[2].sum()))


def test_white_spikes_can_be_demanded():
    refractory = audit_faults.trains(Key(9), "refractory", T, 20)
    assert audit(refractory).causes == []
    assert cause_of(refractory, white=True).name == "serial dependence"
    assert audit(audit_faults.trains(Key(9), "poisson", T, 20), white=True).causes == []


def test_counts_and_zeros_and_ones_are_spikes_too():
    sparse = (audit_faults.trains(Key(10), "poisson", 1000, 6)).astype(int)
    assert audit(sparse).subject.startswith("spikes")
    assert audit(2 * sparse).subject.startswith("spikes")
    assert audit(sparse + Key(11).normal((1000, 6))).subject.startswith("values")


def test_silent_trains_leave_it_undecided():
    silent = np.zeros((500, 4), bool)
    silent[3, 1] = True
    report = audit(silent)
    assert report.verdict.startswith("UNDECIDED")
    assert not report.coupled
    assert report.measures["silent units"] == 4
