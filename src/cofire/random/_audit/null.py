"""What chance alone does: the null distributions of the audit, and the two ways of asking many questions at once.

Every test of the audit ends in one of these. None is fitted to the data it judges.
"""

from functools import cache

import numpy as np
from scipy import special

TAIL = 7.0  # beyond this half the integral of Ai, as a series, takes the place of the determinant
NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)


def correlation_p(r: float, n: int) -> float:
    """P(|R| >= |r|) for Pearson's R of n independent pairs: R**2 is Beta(1/2, (n - 2)/2).

    Exact when one of the two is normal, which is why the audit works on normal scores.

    >>> round(correlation_p(0.0254, 10_000), 3)
    0.011
    """
    return float(special.betainc((n - 2) / 2, 0.5, max(0.0, 1 - r * r)))


def correlation_edge(p: float, n: int) -> float:
    """The |r| that chance reaches with probability p."""
    return float(np.sqrt(1 - special.betaincinv((n - 2) / 2, 0.5, p)))


def any_of(p: float, count: float) -> float:
    """The chance that the smallest of `count` independent p-values is at most p (dependent ones: less).

    >>> round(any_of(0.01, 2), 4)
    0.0199
    """
    return 1.0 if p >= 1 else float(-np.expm1(count * np.log1p(-p)))


def each_of(p: float, count: float) -> float:
    """The p at which one of `count` questions is asked so that all together alarm with probability p."""
    return float(-np.expm1(np.log1p(-p) / count))


def tracy_widom_p(s: float) -> float:
    """P(S >= s) for the Tracy-Widom law of real symmetric matrices: 1 - det(1 - Ai(x + y + s)) over x, y > 0.

    Ferrari, Spohn, "A determinantal formula for the GOE Tracy-Widom distribution", J. Phys. A 38 (2005);
    evaluated on Gauss-Legendre nodes (Bornemann, Math. Comp. 79 (2010)).

    >>> round(tracy_widom_p(0.9793), 3), round(tracy_widom_p(2.0234), 3)
    (0.05, 0.01)
    """
    if s > TAIL:
        zeta = 2 / 3 * s**1.5
        series = 1 - 41 / (72 * zeta) + 9241 / (10368 * zeta**2)
        return float(np.exp(-zeta) / (4 * np.sqrt(np.pi) * s**0.75) * series)
    length = 8.0 - min(s, 0.0)
    x, w = (NODES + 1) * length / 2, np.sqrt(WEIGHTS * length / 2)
    kernel = special.airy(x[:, None] + x[None, :] + s)[0] * w[:, None] * w[None, :]
    return float(np.clip(1 - np.linalg.det(np.eye(len(x)) - kernel), 0.0, 1.0))


@cache
def tracy_widom_edge(p: float) -> float:
    """The value that the Tracy-Widom law passes with probability p."""
    low, high = -8.0, 60.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if tracy_widom_p(middle) > p else (low, middle)
    return high


def eigenvalue_scale(units: int, steps: int) -> tuple[float, float]:
    """Centre and width of the largest eigenvalue of the correlation matrix of independent units.

    (largest - centre) / width follows the Tracy-Widom law; the mean of each unit costs one step.
    Ma, "Accuracy of the Tracy-Widom limits for the extreme eigenvalues in white Wishart matrices", Bernoulli 18 (2012).
    """
    n, p = np.sqrt(steps - 1.5), np.sqrt(units - 0.5)
    return float((n + p) ** 2 / (steps - 1)), float((n + p) * (1 / n + 1 / p) ** (1 / 3) / (steps - 1))


def bulk_edge(units: int, steps: int) -> float:
    """Where the eigenvalues of independent units end, in the limit: Marchenko and Pastur's (1 + sqrt(N / T))**2."""
    return float((1 + np.sqrt(units / (steps - 1))) ** 2)


def skewed_p(x: float, mean: float, deviation: float, skewness: float) -> float:
    """Two-sided p of x under the shifted gamma law with these moments (Pearson's type III)."""
    z = (x - mean) / deviation
    if abs(skewness) < 1e-4:
        return float(2 * special.ndtr(-abs(z)))
    shape = 4 / skewness**2
    scaled = shape + np.sign(skewness) * z * np.sqrt(shape)
    upper, lower = special.gammaincc(shape, max(scaled, 0.0)), special.gammainc(shape, max(scaled, 0.0))
    return float(min(1.0, 2 * min(upper, lower)))


def quadratic_p(x: float, weights: np.ndarray) -> float:
    """P(sum(w * chi2_1) >= x) far out, the largest weight being 1 and single (Zolotarev, 1961).

    Right to a few percent below 0.001, which is where many questions are asked at once.
    """
    rest = np.sort(weights)[:-1]
    return float(min(1.0, np.prod(1 / np.sqrt(1 - rest)) * special.chdtrc(1, x)))


def counts_p(x: float, mean: float, variance: float) -> float:
    """P(X >= x) for a count: Poisson, or negative binomial where the variance exceeds the mean.

    >>> round(counts_p(3, 1.0, 1.0), 4)
    0.0803
    """
    if x <= 0:
        return 1.0
    if variance <= mean * 1.02:
        return float(special.gammainc(x, mean))
    size, success = mean**2 / (variance - mean), mean / variance
    return float(special.betainc(x, size, 1 - success))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values: below alpha anywhere with probability alpha at most, whatever the dependence.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    left = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(1.0, np.maximum.accumulate(p_values[order] * left))
    return adjusted[np.argsort(order)]
