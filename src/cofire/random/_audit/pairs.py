"""Units against units at the same step: correlations, their largest eigenvalue, and the variance of the sum."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy import special

from cofire.random._audit import null
from cofire.random._audit.question import Question


@final
@dataclass(frozen=True, eq=False)
class Pairs:
    """The correlation matrix R (N, N) of scores (N, T), its eigenvalues, and the relative variance of the units' sum.

    For independent units the sum's variance is the sum of the variances: `population` is near 1.
    """

    R: np.ndarray
    eigenvalues: np.ndarray
    leading: np.ndarray  # the eigenvector of the largest eigenvalue
    population: float
    steps: int

    @property
    def units(self) -> int:
        """N."""
        return len(self.R)

    @property
    def strongest(self) -> tuple[int, int, float]:
        """The pair with the largest |r|, and that r."""
        off = np.abs(np.triu(self.R, 1))
        i, j = np.unravel_index(int(off.argmax()), off.shape)
        return int(i), int(j), float(self.R[i, j])

    @property
    def effective_units(self) -> float:
        """How many independent units give sums as variable as these units do: N**2 / sum(R**2), noise removed."""
        chance = self.units * (self.units - 1) / (self.steps - 1)
        return self.units**2 / max(float((self.R**2).sum()) - chance, self.units)


def measure(scores: np.ndarray) -> Pairs:
    """All of it for scores (N, T) of mean 0 and variance 1."""
    return of_matrix(scores @ scores.T / scores.shape[1], scores.shape[1])


def of_matrix(R: np.ndarray, steps: int) -> Pairs:
    """All of it for a correlation matrix (N, N), or a part of one."""
    eigenvalues, vectors = np.linalg.eigh(R)
    present = float(np.trace(R))  # a unit without scores counts nothing
    return Pairs(R, eigenvalues, vectors[:, -1], float(R.sum() / max(present, 1.0)), steps)


def questions(pairs: Pairs, label: Callable[[int], str], prefix: str = "") -> list[Question]:
    """Largest correlation, largest eigenvalue and population variance, for values or (with a prefix) amplitudes."""
    N, T = pairs.units, pairs.steps
    count = N * (N - 1) / 2
    i, j, r = pairs.strongest
    centre, width = null.eigenvalue_scale(N, T)
    largest = float(pairs.eigenvalues[-1])
    return [
        Question(
            name=f"{prefix}correlation, largest",
            asks="Are two units correlated at the same step?",
            measured=abs(r),
            p_value=null.any_of(null.correlation_p(r, T), count),
            edge=lambda p: null.correlation_edge(null.each_of(p, count), T),
            place=f"{label(i)} and {label(j)}",
        ),
        Question(
            name=f"{prefix}eigenvalue, largest",
            asks="Do many units share a weak signal? (Tracy-Widom edge of the correlation matrix)",
            measured=largest,
            p_value=null.tracy_widom_p((largest - centre) / width),
            edge=lambda p: centre + width * null.tracy_widom_edge(p),
        ),
        population_question(pairs, prefix),
    ]


def population_question(pairs: Pairs, prefix: str) -> Question:
    """The variance of the units' sum against the prediction for independent units, whose ratio has mean 1.

    The ratio is 1 + (2 / N) sum of r over pairs: variance 2 (N - 1) / (N (T - 1)), third moment from triangles.
    """
    N, T = pairs.units, pairs.steps
    deviation = float(np.sqrt(2 * (N - 1) / (N * (T - 1))))
    third = (2 / N) ** 3 * N * (N - 1) * (N - 2) / (T - 1) ** 2
    return Question(
        name=f"{prefix}population variance",
        asks="Is the variance of the units' sum what independent units predict (1)?",
        measured=pairs.population,
        p_value=null.skewed_p(pairs.population, 1.0, deviation, third / deviation**3),
        edge=lambda p: 1 - special.ndtri(p / 2) * deviation,
    )
