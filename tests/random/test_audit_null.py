"""The null distributions against tables, other formulas, and simulation from keys."""

import numpy as np
import pytest
from scipy import special, stats

from cofire.random import Key
from cofire.random._audit import higher, null, pairs, repeats, scores, spectrum


def test_tracy_widom_law_is_the_published_one():
    published = {
        0.05: 0.9793,
        0.01: 2.0234,
        0.005: 2.4224,
        0.001: 3.2724,
    }  # e.g. Patterson et al., PLoS Genet. 2 (2006)
    for p, edge in published.items():
        assert null.tracy_widom_p(edge) == pytest.approx(p, rel=2e-3)
        assert null.tracy_widom_edge(p) == pytest.approx(edge, abs=1e-3)
    below, above = null.tracy_widom_p(null.TAIL), null.tracy_widom_p(null.TAIL + 1e-9)
    assert below == pytest.approx(above, rel=3e-3)  # the determinant meets the asymptotic form


def test_tracy_widom_law_has_the_published_moments():
    s = np.linspace(-7, 8, 1501)
    upper = np.array([null.tracy_widom_p(one) for one in s])
    density, step = -np.diff(upper), (s[:-1] + s[1:]) / 2
    mean = (density * step).sum()
    assert mean == pytest.approx(-1.2065335746, abs=1e-4)
    assert (density * (step - mean) ** 2).sum() == pytest.approx(1.6077810346, abs=1e-3)


def test_correlation_is_students():
    for r, n in ((0.02, 10_000), (-0.4, 50), (0.9, 10)):
        t = r * np.sqrt((n - 2) / (1 - r * r))
        assert null.correlation_p(r, n) == pytest.approx(2 * stats.t.sf(abs(t), n - 2), rel=1e-9)
        assert null.correlation_edge(null.correlation_p(r, n), n) == pytest.approx(abs(r), rel=1e-6)


def test_one_question_among_many():
    assert null.any_of(null.each_of(0.01, 5e7), 5e7) == pytest.approx(0.01)
    assert null.any_of(1.0, 10) == 1.0
    p = np.array([0.001, 0.2, 0.012, 0.012])
    assert null.holm(p) == pytest.approx([0.004, 0.2, 0.036, 0.036])


def test_skewed_law_is_the_gamma_law_and_the_normal_law():
    n = 400
    law = stats.chi2(n, scale=1 / n)
    for x in (0.8, 1.0, 1.25):
        p = null.skewed_p(x, 1.0, np.sqrt(2 / n), np.sqrt(8 / n))
        assert p == pytest.approx(min(1.0, 2 * min(law.cdf(x), law.sf(x))), rel=1e-9)
    assert null.skewed_p(2.0, 0.0, 1.0, 0.0) == pytest.approx(2 * special.ndtr(-2.0))


def test_counts_are_poisson_or_wider():
    assert null.counts_p(12, 3.0, 3.0) == pytest.approx(stats.poisson.sf(11, 3.0))
    size, success = 9.0 / 3.0, 0.5  # mean 3, variance 6
    assert null.counts_p(12, 3.0, 6.0) == pytest.approx(stats.nbinom.sf(11, size, success))
    assert null.counts_p(0, 3.0, 3.0) == 1.0


def test_distance_covariance_of_ranks_is_the_plain_definition():
    """The modes add up to the double sum over distances of ranks, up to the modes left out."""
    n = 400
    x = scores.normal_scores(Key(5).normal((2, n)).astype(np.float64))
    x[1] = scores.normal_scores(np.abs(x[:1]) + x[:1] + 0.5 * x[1:])[0]
    u = special.ndtr(x)
    A, B = (np.abs(row[:, None] - row[None, :]) for row in u)
    A, B = (D - D.mean(0) - D.mean(1)[:, None] + D.mean() for D in (A, B))
    plain = (A * B).mean()
    Q = higher.distance_correlation(higher.distance_modes(x), 0)[0, 1]
    largest = 2 / np.pi**2  # centred, -|u - v| is the sum over k of 2 / (pi k)**2 times mode k of u and of v
    assert Q / n * largest**2 == pytest.approx(plain, rel=0.03)


def test_tail_of_a_quadratic_form():
    weights = higher.distance_weights().ravel()
    drawn = np.zeros(400_000)
    for number, weight in enumerate(weights):
        drawn += weight * Key(6).fold("chi", number).normal(len(drawn)).astype(np.float64) ** 2
    for p in (1e-3, 1e-4):
        share = (drawn > higher.quadratic_edge(p, weights)).mean()
        assert share == pytest.approx(p, abs=4 * np.sqrt(p / len(drawn)) + 0.06 * p)
        assert null.quadratic_p(higher.quadratic_edge(p, weights), weights) == pytest.approx(p)


def test_largest_eigenvalue_does_not_pass_its_edge_too_often():
    N, T, runs = 30, 200, 150
    centre, width = null.eigenvalue_scale(N, T)
    z = scores.standardised(Key(7).normal((runs * N, T)).astype(np.float64)).reshape(runs, N, T)
    largest = np.array([pairs.measure(one).eigenvalues[-1] for one in z])
    assert (largest > centre + width * null.tracy_widom_edge(0.05)).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert abs(largest.mean() - null.bulk_edge(N, T)) < 3 * width


def test_coherence_of_independent_units_is_beta():
    N, T = 7, 4001
    found = spectrum.measure(Key(8).normal((N, T)).astype(np.float64))
    assert stats.kstest(found.coherent / N, stats.beta(1, N - 1).cdf).pvalue > 0.01
    assert stats.kstest(found.own, stats.gamma(N, scale=1 / N).cdf).pvalue > 0.01


@pytest.mark.parametrize("resolution", ["bits 32", "single", "double", "levels"])
def test_windows_are_as_long_as_the_numbers_are_coarse(resolution):
    key = Key(12)
    drawn = {
        "bits 32": lambda: (key.integers(0, 2**32, (40, 2000)) + 0.5) / 2**32,
        "single": lambda: key.normal((40, 2000)).astype(np.float64),
        "double": lambda: key.uniform((40, 2000), dtype=np.float64),
        "levels": lambda: key.integers(0, 30, (40, 2000)).astype(np.float64),
    }[resolution]()
    found = repeats.search(drawn)
    lengths = {"bits 32": range(2, 5), "single": range(2, 5), "double": range(1, 2), "levels": range(8, 12)}[resolution]
    assert found.window in lengths
    assert found.total == 0
    drawn[7, 300:] = drawn[3, : 2000 - 300]
    found = repeats.search(drawn)
    assert found.counts.most_common(1) == [((3, 7, 300), 1700 - found.window + 1)]
    assert repeats.restart_of(found, 40) == 0


def test_scores_are_normal_and_keep_order_and_ties():
    x = np.array([[3.0, 1.0, 2.0, 2.0, 2.0, 5.0]])
    z = scores.normal_scores(x)[0]
    assert z.mean() == pytest.approx(0, abs=1e-12)
    assert z.std() == pytest.approx(1)
    assert z[2] == z[3] == z[4]
    assert z[1] < z[2] < z[0] < z[5]
    a, s = scores.amplitude_scores(Key(9).normal((2, 3000)).astype(np.float64))
    assert stats.kstest(a[0], "norm").pvalue > 0.99
    assert stats.skew(s[0]) == pytest.approx(np.sqrt(8), rel=0.1)  # of a chi-square with one degree of freedom


def test_whitening_leaves_the_innovations_of_an_autoregression():
    e = Key(10).normal((3, 4000)).astype(np.float64)
    x = e.copy()
    for step in range(1, x.shape[1]):
        x[:, step] += 0.8 * x[:, step - 1]
    left = scores.whitened(scores.normal_scores(x))
    kept = e[:, -left.shape[1] :]
    assert np.corrcoef(left[0], kept[0])[0, 1] > 0.99
    assert abs((left[:, 1:] * left[:, :-1]).mean()) < 0.02
