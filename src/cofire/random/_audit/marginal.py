"""The distribution of the values: does each unit have the right one, and do all of them together?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast, final

import numpy as np
from scipy import special

from cofire import checks
from cofire.random._audit import null
from cofire.random._audit.question import Question

NEAR = 0.02  # a distribution within this distance of a known one is taken for an attempt at it
TAIL_COUNT = 30.0  # how many values the tail test expects

POOL = "like the other units"

Distribution = Callable[[np.ndarray], np.ndarray]


@final
@dataclass(frozen=True, eq=False)
class Target:
    """The distribution function that the values should follow, and how it is known."""

    name: str
    cdf: Distribution


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """The standard normal distribution function."""
    return np.asarray(special.ndtr(x))


def uniform_cdf(x: np.ndarray) -> np.ndarray:
    """The distribution function of the uniform distribution on [0, 1)."""
    return np.clip(x, 0.0, 1.0)


NAMED: dict[str, Distribution] = {"normal": normal_cdf, "uniform": uniform_cdf}


def check(distribution: Any) -> None:
    """Raise InvalidValue for a distribution that is neither named, nor a function, nor None."""
    if distribution is not None and not callable(distribution):
        checks.choice("distribution", distribution, list(NAMED), fix="name one, or give its cdf as a function")


def target(pool: np.ndarray, distribution: Any) -> Target:
    """The wanted distribution, or the known one that the sorted values come near; else the pool of all units.

    A recognised one has the mean and deviation, or the range, of the values: the test becomes milder, never harsher.
    """
    if callable(distribution):
        return Target("distributed as given", cast(Distribution, distribution))
    if distribution is not None:
        return Target(f"standard {distribution}", NAMED[distribution])
    mean, deviation = float(pool.mean()), float(pool.std())
    low, high = float(pool[0]), float(pool[-1])
    fitted = (
        Target(
            f"normal with mean {mean:.2g} and deviation {deviation:.3g}", lambda x: normal_cdf((x - mean) / deviation)
        ),
        Target(f"uniform from {low:.3g} to {high:.3g}", lambda x: uniform_cdf((x - low) / (high - low))),
    )
    for known in fitted:
        if distance(pool, known.cdf) < NEAR + 1.5 / np.sqrt(pool.size):
            return known
    return Target(POOL, lambda x: np.searchsorted(pool, x, side="right") / pool.size)


def questions(
    values: np.ndarray, parts: np.ndarray, distribution: Any, label: Callable[[int], str], pool: bool
) -> list[Question]:
    """The questions about values (N, T), whose variables `parts` (N,) numbers: the worst unit, and with `pool` all.

    The pool of all units is judged only where units are independent.
    """
    rows = [np.flatnonzero(parts == part) for part in range(int(parts.max()) + 1)]
    pools = [np.sort(values[part], axis=None) for part in rows]
    wanted = [target(one, distribution) for one in pools]
    asked = [worst_unit(values, part, one, label) for part, one in zip(rows, wanted, strict=True)]
    if pool:
        known = [(one, goal) for one, goal in zip(pools, wanted, strict=True) if goal.name != POOL]
        for ask in (pool_question, tail_question) if known else ():
            asked.append(worst([ask(one, goal) for one, goal in known]))
    return [worst(asked[: len(rows)]), *asked[len(rows) :]]


def worst(asked: list[Question]) -> Question:
    """The most significant of one question about each variable, as one question about all of them."""
    count, first = len(asked), min(asked, key=lambda one: one.p_value)
    p = null.any_of(first.p_value, count)
    return replace(first, p_value=p, edge=lambda level: first.edge(null.each_of(level, count)))


def distance(ordered: np.ndarray, cdf: Distribution) -> float:
    """Kolmogorov's distance of sorted values from a distribution function; tied values count once."""
    n = len(ordered)
    last = np.append(ordered[1:] != ordered[:-1], True)
    first = np.append(True, last[:-1])
    expected = np.asarray(cdf(ordered), dtype=np.float64)
    above = np.arange(1, n + 1)[last] / n - expected[last]
    below = expected[first] - np.arange(n)[first] / n
    if last.mean() < 0.99:  # a distribution with jumps: compare at the jumps only
        return float(np.abs(above).max())
    return float(max(above.max(), below.max()))


def distance_p(D: float, n: int) -> float:
    """Kolmogorov's p-value with Stephens' correction for small n."""
    return float(special.kolmogorov((np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n)) * D))


def distance_edge(p: float, n: int) -> float:
    """The distance that chance reaches with probability p."""
    return float(special.kolmogi(p) / (np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n)))


def worst_unit(values: np.ndarray, rows: np.ndarray, wanted: Target, label: Callable[[int], str]) -> Question:
    """The unit among these rows that is furthest from the wanted distribution."""
    N, T = len(rows), values.shape[1]
    distances = [distance(row, wanted.cdf) for row in np.sort(values[rows], axis=1)]
    top = int(np.argmax(distances))
    return Question(
        name="distribution of a unit",
        asks="Does every unit follow the distribution?",
        measured=distances[top],
        p_value=null.any_of(distance_p(distances[top], T), N),
        edge=lambda p: distance_edge(null.each_of(p, N), T),
        place=f"unit {label(int(rows[top]))}: {wanted.name}",
    )


def pool_question(pool: np.ndarray, wanted: Target) -> Question:
    """All units together; for independent values only."""
    n, D = len(pool), distance(pool, wanted.cdf)
    return Question(
        name="distribution of all units",
        asks="Do all values together follow the distribution?",
        measured=D,
        p_value=distance_p(D, n),
        edge=lambda p: distance_edge(p, n),
        place=f"all units: {wanted.name}",
    )


def tail_question(pool: np.ndarray, wanted: Target) -> Question:
    """How many values lie so far out that 30 are expected there."""
    n = len(pool)
    share = TAIL_COUNT / n
    levels = np.asarray(wanted.cdf(pool), dtype=np.float64)
    outside = int((levels < share / 2).sum() + (levels > 1 - share / 2).sum())
    upper = float(special.gammainc(outside, TAIL_COUNT)) if outside else 1.0
    lower = float(special.gammaincc(outside + 1, TAIL_COUNT))
    return Question(
        name="tails of all units",
        asks="Are there as many extreme values as the distribution has? (30)",
        measured=outside,
        p_value=min(1.0, 2 * min(upper, lower)),
        edge=lambda p: float(TAIL_COUNT - special.ndtri(p / 2) * np.sqrt(TAIL_COUNT)),
        place=f"all units: {wanted.name}",
    )
