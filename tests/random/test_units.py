"""A unit's noise is its own: order, neighbours, chunks and shapes change nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from cofire.random import Key

KEY = Key(3).fold("population")
DRAWS = {
    "bits": {},
    "uniform": {},
    "normal": {},
    "exponential": {},
    "bernoulli": {"probability": 0.3},
    "integers": {"low": -5, "high": 100},
    "categorical": {"weights": [1.0, 2.0, 0.5]},
    "gamma": {"concentration": 0.7},
    "poisson": {"rate": 12.5},
    "truncated_normal": {"low": 1.0, "high": 2.0},
}
FLOATS = ("uniform", "normal", "exponential", "gamma", "truncated_normal")


def draw(name: str, ids, step):
    return getattr(KEY.units(ids), name)(step, **DRAWS[name])


@pytest.mark.parametrize("name", DRAWS)
@settings(max_examples=15, deadline=None)
@given(
    ids=st.lists(
        st.one_of(st.integers(0, 2**62 - 1), st.text(), st.booleans()), min_size=1, max_size=12, unique_by=repr
    )
)
def test_a_unit_draws_the_same_in_any_company(name, ids):
    together = draw(name, ids, 5)
    backwards = draw(name, ids[::-1], 5)
    np.testing.assert_array_equal(together[::-1], backwards)
    for place, one in enumerate(ids):
        assert draw(name, [one], 5)[0] == together[place]


@pytest.mark.parametrize("name", DRAWS)
def test_steps_may_be_asked_for_in_any_order_and_chunking(name):
    whole = draw(name, range(7), range(20))
    assert whole.shape == (20, 7)
    np.testing.assert_array_equal(
        np.concatenate([draw(name, range(7), range(3)), draw(name, range(7), range(3, 20))]), whole
    )
    np.testing.assert_array_equal(draw(name, range(7), [19, 4]), whole[[19, 4]])
    np.testing.assert_array_equal(draw(name, range(7), 11), whole[11])


@pytest.mark.parametrize("name", DRAWS)
def test_a_key_draws_what_its_units_draw(name):
    units = draw(name, range(24), 9)
    for shape in (24, (4, 6), (2, 3, 4)):
        parameters = DRAWS[name]
        drawn = getattr(KEY, name)(shape=shape, step=9, **parameters)
        np.testing.assert_array_equal(drawn, units.reshape(shape))
        assert drawn.dtype == units.dtype
    single = getattr(KEY, name)(step=9, **DRAWS[name])
    assert single == units[0]
    assert np.ndim(single) == 0


@pytest.mark.parametrize("name", FLOATS)
def test_floats_come_in_two_widths_with_draws_of_their_own(name):
    single = getattr(KEY.units(range(500)), name)(0, **DRAWS[name])
    double = getattr(KEY.units(range(500)), name)(0, dtype=np.float64, **DRAWS[name])
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    if name in ("uniform", "normal", "exponential"):
        assert abs(np.corrcoef(single, double)[0, 1]) < 0.2
    else:
        np.testing.assert_allclose(single, double, rtol=1e-6)


def test_no_two_kinds_of_draw_are_alike():
    drawn = {name: draw(name, range(4000), 0).astype(float) for name in DRAWS}
    drawn["permutation"] = KEY.permutation(4000).astype(float)
    drawn["choice"] = KEY.choice(4000, 4000).astype(float)
    drawn["distinct"] = KEY.choice(4000, 4000, replace=False).astype(float)
    correlation = np.corrcoef(rankdata(list(drawn.values()), axis=1)) - np.eye(len(drawn))
    assert np.abs(correlation).max() < 0.08  # five deviations


def test_blocks_do_not_overlap_at_the_ends_of_their_fields():
    corners = [
        (unit, step) for unit in (0, 3, 4, 2**30, 2**32, 2**34, 2**61, 2**62 - 4) for step in (0, 1, 2**32, 2**39)
    ]
    words = [int(KEY.units([unit]).bits(step)[0]) for unit, step in corners]
    assert len(set(words)) == len(words)


def test_arrays_are_filled_in_place():
    units = KEY.units(range(1000))
    buffer = np.empty(1000, np.float32)
    for name in ("normal", "uniform"):
        assert getattr(units, name)(4, out=buffer) is buffer
        np.testing.assert_array_equal(buffer, draw(name, range(1000), 4))
        table = np.empty((10, 100), np.float64)
        assert getattr(KEY, name)((10, 100), step=4, out=table) is table
        np.testing.assert_array_equal(table, getattr(KEY, name)((10, 100), step=4, dtype=np.float64))


def test_names_and_numbers_of_units_do_not_meet():
    numbers = KEY.units([1, "1", True, 1.0, "a", 2**62 - 1]).numbers
    assert len(set(numbers.tolist())) == 6
    assert (numbers >= 0).all()
    assert (numbers < 2**62).tolist() == [True, False, False, False, False, True]
    np.testing.assert_array_equal(KEY.units(np.array([5, 2], np.uint8)).numbers, [5, 2])


def test_parameters_may_differ_between_units():
    rates = np.array([0.0, 1.0, 1000.0])
    np.testing.assert_array_equal(KEY.poisson(np.tile(rates, (500, 1)), (500, 3)), KEY.poisson(rates, (500, 3)))
    assert KEY.poisson(rates, (500, 3)).mean(axis=0) == pytest.approx(rates, rel=0.2)
    assert KEY.bernoulli([[0.0], [1.0]], (2, 50)).tolist() == [[False] * 50, [True] * 50]
    assert KEY.gamma([[0.01], [100.0]], (2, 50)).max(axis=1) == pytest.approx([0, 120], abs=25)
    assert KEY.categorical(np.eye(4), 4).tolist() == [0, 1, 2, 3]


def test_units_say_what_they_are():
    assert len(KEY.units(range(12))) == 12
    assert repr(KEY.units(["a", "b"])) == "Key(3).fold('population').units(<2 units>)"
