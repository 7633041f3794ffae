"""The arithmetic against published answers and against the true values in 40 digits."""

import numpy as np
import pytest
from mpmath import mp, mpf

from cofire.random import Key, _functions, _recipe, philox

FULL = 2**32
EDGES = [0, 1, 2, 3, FULL - 1, FULL - 2, FULL // 2, FULL // 2 - 1]
EDGES += [i * FULL // 8 + j for i in (1, 2, 3, 5, 6, 7) for j in (-1, 0)]  # where the octant changes


@pytest.fixture(scope="module")
def words() -> tuple[np.ndarray, np.ndarray]:
    """Pairs of words: every pair of edges, and random ones."""
    more = Key(0).fold("words").integers(0, FULL, (2, 1500))
    return (
        np.concatenate([np.repeat(EDGES, len(EDGES)), more[0]]),
        np.concatenate([np.tile(EDGES, len(EDGES)), more[1]]),
    )


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(40):
        yield


def worst_ulp(found: np.ndarray, true: list[mpf], dtype: type) -> float:
    spacing = np.spacing(np.abs(np.array([float(x) for x in true])).astype(dtype))
    return max(
        float(abs(mpf(float(f)) - t) / mpf(float(s)))
        for f, t, s in zip(found.astype(dtype), true, spacing, strict=True)
    )


def test_the_published_answers(fixtures):
    lines = [line for line in (fixtures / "random-kat.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == 3
    for line in lines:
        counter, key, answer = ([int(word, 16) for word in part.split()] for part in line.split("|"))
        assert list(_recipe.philox(*counter, *key)) == answer
        assert philox(counter, key).tolist() == answer
    counters = np.array([[int(word, 16) for word in line.split("|")[0].split()] for line in lines])
    keys = np.array([[int(word, 16) for word in line.split("|")[1].split()] for line in lines])
    answers = [[int(word, 16) for word in line.split("|")[2].split()] for line in lines]
    assert philox(counters, keys).tolist() == answers


def test_float32_normals_are_within_an_ulp_of_the_true_value(words):
    w0, w1 = words
    found = _recipe.normals_single(w0, w1, w1, w0)
    for (radius, angle), (cosine, sine) in (((w0, w1), found[:2]), ((w1, w0), found[2:])):
        r = [mp.sqrt(-2 * mp.log((mpf(int(w)) + 0.5) / FULL)) for w in radius]
        a = [2 * mp.pi * (mpf(int(w)) + 0.5) / FULL for w in angle]
        assert worst_ulp(cosine, [x * mp.cos(y) for x, y in zip(r, a, strict=True)], np.float32) < 0.51
        assert worst_ulp(sine, [x * mp.sin(y) for x, y in zip(r, a, strict=True)], np.float32) < 0.51


def test_float64_normals_and_exponentials_are_within_a_few_ulp(words):
    w0, w1 = words

    def fraction(high: np.ndarray, low: np.ndarray) -> list[mpf]:
        return [(mpf((int(h) << 20) | (int(b) >> 12)) + 0.5) / 2**52 for h, b in zip(high, low, strict=True)]

    e = [-mp.log(u) for u in fraction(w0, w1)]
    assert worst_ulp(_recipe.exponential_double(w0, w1), e, np.float64) < 3
    cosine, sine = _recipe.normals_double(w0, w1, w1, w0)
    turns = list(zip(e, fraction(w1, w0), strict=True))
    assert worst_ulp(cosine, [mp.sqrt(2 * x) * mp.cos(2 * mp.pi * u) for x, u in turns], np.float64) < 4
    assert worst_ulp(sine, [mp.sqrt(2 * x) * mp.sin(2 * mp.pi * u) for x, u in turns], np.float64) < 4


def test_float32_exponentials_are_correctly_rounded_nearly_always(words):
    w = words[0]
    assert worst_ulp(_recipe.exponential_single(w), [-mp.log((mpf(int(x)) + 0.5) / FULL) for x in w], np.float32) < 0.51


def test_the_tails_reach_beyond_six_and_a_half_deviations():
    zero, near, half = (np.array([w]) for w in (0, FULL - 1, FULL // 2))
    right = _recipe.normals_single(zero, zero, zero, near)
    left = _recipe.normals_single(zero, half, zero, half - 1)
    assert right[0] > 6.7
    assert right[2] > 6.7
    assert left[0] < -6.7
    assert left[2] < -6.7
    assert _recipe.normals_double(zero, zero, zero, zero)[0] > 8.5


def test_uniforms_fill_their_interval():
    top = np.array([FULL - 1])
    zero = np.array([0])
    assert _recipe.unit_single(top)[0] == 1 - 2.0**-24
    assert _recipe.unit_double(top, top)[0] == 1 - 2.0**-53
    assert _recipe.unit_single(zero)[0] == _recipe.unit_double(zero, zero)[0] == 0


def test_logarithm_exponential_and_log_factorial():
    x = np.concatenate([Key(0).uniform(300, dtype=np.float64) * 10, 10.0 ** np.arange(-300, 300, 7)])
    assert worst_ulp(_functions.log(x), [mp.log(mpf(v)) for v in x], np.float64) < 2
    y = np.concatenate([Key(1).uniform(300, dtype=np.float64) * 2 - 1, np.linspace(-700, 700, 301)])
    assert worst_ulp(_functions.exp(y), [mp.exp(mpf(v)) for v in y], np.float64) < 2
    assert _functions.exp(np.array([-709.0, -np.inf])).tolist() == [0, 0]
    k = np.concatenate([np.arange(200.0), 10.0 ** np.arange(3, 13)])
    np.testing.assert_allclose(
        _functions.log_factorial(k), [float(mp.loggamma(v + 1)) for v in k], rtol=2e-15, atol=1e-13
    )
