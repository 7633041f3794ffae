"""The Ornstein-Uhlenbeck process against its closed forms."""

import math

import numpy as np
import pytest

from cofire.checks import InvalidType, InvalidValue
from cofire.random import Key, OrnsteinUhlenbeck

N = 20_000
KEY = Key(2).fold("current")


@pytest.mark.parametrize("dt", [1e-4, 0.1, 5.0, 500.0])
def test_the_variance_does_not_depend_on_the_time_step(dt):
    noise = OrnsteinUhlenbeck(KEY.units(range(N)), tau=5.0, dt=dt, std=2.0, mean=-1.0)
    path, _ = noise.path(20)
    error = 5 * math.sqrt(2 / N)
    for values in path[[0, 1, 10, 19]]:
        assert values.mean() == pytest.approx(-1, abs=5 * 2 / math.sqrt(N))
        assert values.var() == pytest.approx(4, rel=error)


@pytest.mark.parametrize("dt", [0.5, 2.0])
def test_the_correlation_in_time_is_exponential(dt):
    path, _ = OrnsteinUhlenbeck(KEY.units(range(N)), tau=5.0, dt=dt).path(12)
    for lag in (1, 4, 11):
        assert np.corrcoef(path[0], path[lag])[0, 1] == pytest.approx(math.exp(-lag * dt / 5), abs=5 / math.sqrt(N))


def test_units_are_independent():
    path, _ = OrnsteinUhlenbeck(KEY.units(range(20)), tau=1.0, dt=1.0).path(5000)
    correlation = np.corrcoef(path.T) - np.eye(20)
    assert np.abs(correlation).max() < 0.08


def test_a_unit_has_its_path_in_any_company_and_cut():
    def path(ids, *cuts):
        noise = OrnsteinUhlenbeck(KEY.units(ids), tau=3.0, dt=0.1)
        state, step, parts = None, 0, []
        for count in cuts:
            values, state = noise.path(count, step=step, state=state)
            step, parts = step + count, [*parts, values]
        return np.concatenate(parts)

    whole = path(range(10), 60)
    np.testing.assert_array_equal(path(range(10), 1, 20, 39), whole)
    np.testing.assert_array_equal(path([7, 2], 60), whole[:, [7, 2]])


def test_coefficients():
    noise = OrnsteinUhlenbeck(KEY.units([0]), tau=20.0, dt=0.1, std=3.0)
    assert noise.decay == pytest.approx(math.exp(-0.1 / 20), rel=1e-15)
    assert noise.gain == pytest.approx(3 * math.sqrt(-math.expm1(-0.2 / 20)), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "value"), [("tau", 0.0), ("dt", -1.0), ("std", -1.0), ("mean", math.nan), ("tau", math.inf)]
)
def test_impossible_parameters_are_refused(name, value):
    with pytest.raises(InvalidValue, match=f"{name}: wanted a finite number"):
        OrnsteinUhlenbeck(KEY.units([0]), **{"tau": 1.0, "dt": 0.1, name: value})


def test_a_state_that_does_not_fit_is_refused():
    noise = OrnsteinUhlenbeck(KEY.units(range(3)), tau=1.0, dt=0.1)
    with pytest.raises(InvalidValue, match=r"state: wanted shape \(3\), got shape \(2,\)"):
        noise.advance(np.zeros(2), 1)
    with pytest.raises(InvalidValue, match="state: wanted finite numbers, got nan"):
        noise.advance(np.full(3, np.nan), 1)
    with pytest.raises(InvalidValue, match="count: wanted an integer of at least 1"):
        noise.path(0)
    with pytest.raises(InvalidType, match=r"units: wanted Units, .*give key.units\(ids\)"):
        OrnsteinUhlenbeck(KEY, tau=1.0, dt=0.1)  # pyright: ignore[reportArgumentType]
