"""Each draw has the distribution it says, by moments and by a test of fit at fixed keys."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from cofire.random import Key

N = 100_000
KEY = Key(11).fold("distributions")
LEAST = 1e-3  # of p-values at fixed keys: a right draw at a lucky key, a wrong one at none


def fits(drawn: np.ndarray, law) -> None:
    """Moments within five standard errors, and a Kolmogorov-Smirnov test."""
    mean, variance, kurtosis = (float(moment) for moment in law.stats("mvk"))
    drawn = drawn.astype(np.float64)
    assert drawn.mean() == pytest.approx(mean, abs=5 * math.sqrt(variance / len(drawn)))
    spread = variance * math.sqrt((kurtosis + 2) / len(drawn))
    assert drawn.var() == pytest.approx(variance, abs=5 * spread)
    assert stats.kstest(drawn, law.cdf).pvalue > LEAST


def counts_fit(drawn: np.ndarray, law) -> None:
    """Moments within five standard errors, and a chi-square test over cells of five expected counts or more."""
    mean, variance = law.mean(), law.var()
    assert drawn.mean() == pytest.approx(mean, abs=5 * math.sqrt(variance / len(drawn)))
    assert drawn.var() == pytest.approx(variance, rel=0.05)
    low, high = law.ppf(20 / len(drawn)), law.ppf(1 - 20 / len(drawn))
    edges = np.unique(np.linspace(low, high, 40).astype(np.int64))
    chances = np.diff([0, *law.cdf(edges), 1])
    found = np.bincount(np.searchsorted(edges, drawn), minlength=len(chances))
    cells = chances * len(drawn) >= 5
    found, chances = np.append(found[cells], found[~cells].sum()), np.append(chances[cells], chances[~cells].sum())
    if chances[-1] * len(drawn) < 5:
        assert found[-1] < 30
        found, chances = found[:-1], chances[:-1]
    assert stats.chisquare(found, found.sum() * chances / chances.sum()).pvalue > LEAST


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("key", [KEY, KEY.fold("other"), Key(12)])
def test_uniform_normal_exponential(key, dtype):
    fits(key.uniform(N, dtype=dtype), stats.uniform())
    fits(key.uniform(N, low=-3.0, high=2.0, dtype=dtype, step=1), stats.uniform(-3, 5))
    fits(key.normal(N, dtype=dtype), stats.norm())
    fits(key.normal(N, mean=10.0, std=0.1, dtype=dtype, step=1), stats.norm(10, 0.1))
    fits(key.exponential(N, dtype=dtype), stats.expon())
    fits(key.exponential(N, scale=7.0, dtype=dtype, step=1), stats.expon(scale=7))


def test_noise_along_steps_is_as_good_as_across_units():
    along = KEY.units([17]).normal(range(N))[:, 0].astype(np.float64)
    fits(along, stats.norm())
    for lag in (1, 2, 3, 4):
        for power in (1, 2):
            assert abs(np.corrcoef(along[lag:], along[:-lag] ** power)[0, 1]) < 5 / math.sqrt(N)


def test_neighbours_that_share_a_block_are_independent():
    normal = KEY.normal((N // 4, 4)).astype(np.float64)
    for power in (1, 2):
        correlation = np.corrcoef(normal.T, normal.T**power)[:4, 4:]
        np.fill_diagonal(correlation, 0)
        assert np.abs(correlation).max() < 5 / math.sqrt(N // 4)
    squared = normal[:, 0::2] ** 2 + normal[:, 1::2] ** 2  # exponential, were the pairs true Box-Muller pairs
    assert stats.kstest(squared.ravel() / 2, "expon").pvalue > LEAST


def test_normals_have_the_tails_of_normals():
    drawn = np.abs(Key(5).normal(20_000_000))
    for far in (3.0, 4.0, 5.0):
        expected = 2 * stats.norm.sf(far) * len(drawn)
        assert (drawn > far).sum() == pytest.approx(expected, abs=5 * math.sqrt(expected))


def test_uniform_never_reaches_its_high_end():
    high = 1.0 + 2.0**-23
    drawn = KEY.uniform(1000, low=1.0, high=high)
    assert (drawn == 1).all()
    assert (KEY.uniform(N, low=-1.0, high=1e-9) <= 0).all()


@pytest.mark.parametrize("probability", [0.0, 1e-3, 0.5, 0.9, 1.0])
def test_bernoulli(probability):
    drawn = KEY.bernoulli(probability, N)
    assert drawn.dtype == bool
    assert drawn.mean() == pytest.approx(probability, abs=5 * math.sqrt(probability * (1 - probability) / N))


@pytest.mark.parametrize(
    ("low", "high"), [(0, 2), (-3, 7), (0, 2**16 + 1), (-(2**31), 2**32), (0, 3 * 2**61), (-(2**63), 2**63)]
)
def test_integers(low, high):
    drawn = KEY.integers(low, high, N)
    assert drawn.dtype == np.int64
    assert drawn.min() >= low
    assert drawn.max() < high
    cells = min(high - low, 64)
    found = np.bincount([(int(x) - low) * cells // (high - low) for x in drawn], minlength=cells)
    shares = np.diff([-(-(high - low) * cell // cells) for cell in range(cells + 1)]).astype(float)
    assert stats.chisquare(found, N * shares / shares.sum()).pvalue > LEAST


def test_integers_of_one_value():
    assert KEY.integers(5, 6, 10).tolist() == [5] * 10
    assert KEY.integers(2**63 - 1, 2**63) == 2**63 - 1


@pytest.mark.parametrize("concentration", [1e-3, 0.3, 1.0, 2.5, 1000.0])
def test_gamma(concentration):
    drawn = KEY.gamma(concentration, N, dtype=np.float64)
    if concentration < 0.01:  # half of such numbers lie below the least double
        assert (drawn == 0).mean() == pytest.approx(float(stats.gamma(concentration).cdf(1e-307)), abs=0.01)
        drawn, law = drawn[drawn > 1e-300], stats.gamma(concentration)
        floor = law.cdf(1e-300)
        assert stats.kstest(drawn, lambda x: (law.cdf(x) - floor) / (1 - floor)).pvalue > LEAST
    else:
        fits(drawn, stats.gamma(concentration))
        fits(KEY.gamma(concentration, N, scale=3.0, dtype=np.float64, step=1), stats.gamma(concentration, scale=3))


@pytest.mark.parametrize("rate", [0.01, 1.0, 9.99, 10.0, 47.5, 1e4, 1e9])
def test_poisson(rate):
    drawn = KEY.poisson(rate, N)
    assert drawn.dtype == np.int64
    counts_fit(drawn, stats.poisson(rate))


def test_poisson_of_rate_zero():
    assert not KEY.poisson(0.0, 100).any()


INTERVALS = [(-1, 1), (-0.1, 0.2), (-2, 3), (0, math.inf), (3, math.inf), (3, 3.1), (-math.inf, -4), (-5, -4), (8, 9)]


@pytest.mark.parametrize(("low", "high"), [*INTERVALS, (-math.inf, math.inf)])
def test_truncated_normal(low, high):
    drawn = KEY.truncated_normal(low, high, N, dtype=np.float64)
    assert drawn.min() >= low
    assert drawn.max() <= high
    assert stats.kstest(drawn, stats.truncnorm(low, high).cdf).pvalue > LEAST
    law = stats.truncnorm(low, high)
    assert drawn.mean() == pytest.approx(law.mean(), abs=5 * law.std() / math.sqrt(N))
    shifted = KEY.truncated_normal(2 * low - 1, 2 * high - 1, N, mean=-1.0, std=2.0, dtype=np.float64)
    np.testing.assert_allclose(shifted, 2 * drawn - 1, rtol=1e-9, atol=1e-9)


def test_truncated_normal_keeps_its_ends_in_single_precision():
    drawn = KEY.truncated_normal(0.1, 0.1 + 1e-8, N)
    assert (drawn.astype(np.float64) >= 0.1).all()
    assert (drawn.astype(np.float64) <= 0.1 + 1e-8).all()


def test_categorical():
    weights = np.array([0.0, 1.0, 2.0, 0.0, 5.0, 0.0])
    found = np.bincount(KEY.categorical(weights, N), minlength=6)
    assert found[[0, 3, 5]].tolist() == [0, 0, 0]
    positive = weights > 0
    assert stats.chisquare(found[positive], N * weights[positive] / weights.sum()).pvalue > LEAST
    rows = np.tile([[0.2, 0.8], [0.7, 0.3]], (N // 2, 1))
    drawn = KEY.categorical(rows, N)
    assert [drawn[0::2].mean(), drawn[1::2].mean()] == pytest.approx([0.8, 0.3], abs=0.01)


def test_permutation():
    drawn = KEY.permutation(10_000)
    assert drawn.dtype == np.int64
    assert sorted(drawn.tolist()) == list(range(10_000))
    assert abs(np.corrcoef(drawn, np.arange(10_000))[0, 1]) < 0.05
    orders = [tuple(KEY.permutation(3, step=step).tolist()) for step in range(6000)]
    found = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(found) == 6
    assert stats.chisquare(found).pvalue > LEAST


def test_choice_with_replacement():
    drawn = KEY.choice(7, (100, 1000))
    assert drawn.shape == (100, 1000)
    assert stats.chisquare(np.bincount(drawn.ravel(), minlength=7)).pvalue > LEAST
    assert KEY.choice(2**40, 1000).max() > 2**39


def test_choice_without_replacement():
    drawn = np.array([KEY.choice(6, 2, step=step, replace=False) for step in range(6000)])
    assert (drawn[:, 0] != drawn[:, 1]).all()
    pairs = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(pairs) == 30
    assert stats.chisquare(pairs).pvalue > LEAST
    whole = KEY.choice(50, 50, replace=False)
    assert sorted(whole.tolist()) == list(range(50))
    for few, more in pairwise((1, 7, 20, 50)):
        np.testing.assert_array_equal(KEY.choice(50, more, replace=False)[:few], KEY.choice(50, few, replace=False))
    assert KEY.choice(6, (2, 3), replace=False).shape == (2, 3)


def test_bits_are_even_and_uncorrelated():
    words = KEY.bits(N)
    assert words.dtype == np.uint32
    bits = np.unpackbits(words.view(np.uint8).reshape(N, 4), axis=1).astype(np.float64)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / math.sqrt(N)
    assert np.abs(np.corrcoef(bits.T) - np.eye(32)).max() < 5 / math.sqrt(N)
