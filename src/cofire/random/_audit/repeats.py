"""Numbers that come again bit for bit: copies at any distance, in noise of any length."""

from collections import Counter
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy import special

from cofire.random._audit.question import Question

MAX_NUMBERS = 20_000_000  # more are not searched: the first steps are
CHANCE = 1e-6  # how often independent noise may repeat a window anywhere
MAX_WINDOW = 32
LOW_BITS = 8  # of the 52 of a double: zero in most numbers that were made from 32-bit words or single precision
KEPT = 2_000  # pairs of units that are listed


@final
@dataclass(frozen=True, eq=False)
class Repeats:
    """How often `second` repeats `first`, `lag` steps later: counts of windows by (first, second, lag).

    `total` counts all repeats; `expected` is what chance would give. `window` is the number of consecutive values
    compared; 0 when the noise has so few distinct values that copies cannot be told from chance.
    """

    counts: Counter[tuple[int, int, int]]
    total: int
    expected: float
    window: int


def search(values: np.ndarray) -> Repeats:
    """Repeated windows among all units of values (N, T)."""
    N, T = values.shape
    T = min(T, max(MAX_NUMBERS // N, 100))
    bits = (values[:, :T] + 0.0).view(np.uint64)  # + 0.0 makes -0.0 and 0.0 one number
    window, expected = window_length(bits)
    if not window:
        return Repeats(Counter(), 0, 0.0, 0)
    marks = hashed(bits, window)
    order = np.argsort(marks, axis=None, kind="stable")
    flat = marks.ravel()[order]
    again = np.flatnonzero(flat[1:] == flat[:-1])
    first, second = np.divmod(order[again], marks.shape[1]), np.divmod(order[again + 1], marks.shape[1])
    lag = second[1] - first[1]
    early = np.where(lag >= 0, first[0], second[0])
    late = np.where(lag >= 0, second[0], first[0])
    codes, counts = np.unique((early * N + late) * T + np.abs(lag), return_counts=True)
    top = np.argsort(-counts, kind="stable")[:KEPT]
    links = zip(*np.unravel_index(codes[top], (N, N, T)), counts[top], strict=True)
    listed = {(int(i), int(j), int(k)): int(count) for i, j, k, count in links}
    return Repeats(Counter(listed), len(again), expected, window)


def restart_of(found: Repeats, units: int) -> int:
    """The steps after which at least half of the units repeat themselves, else 0."""
    own = Counter(lag for (first, second, lag), count in found.counts.items() if first == second and count > 2)
    lag, count = own.most_common(1)[0] if own else (0, 0)
    return lag if count >= max(1, min(units, KEPT // 2) // 2) else 0


def window_length(bits: np.ndarray) -> tuple[int, float]:
    """The shortest window that chance does not repeat, and the repeats that chance gives all the same."""
    N, T = bits.shape
    pairs = (N * T) ** 2 / 2
    ordered = np.sort(bits, axis=1)
    equal = ordered[:, 1:] == ordered[:, :-1]
    fine = (bits & np.uint64(2**LOW_BITS - 1)) != 0
    if not equal.any() and fine.mean() > 0.9:  # the lowest bits are in use: numbers of at least 44 random bits
        return 1, pairs * 2.0 ** (LOW_BITS - 52)
    collision = max(collision_rate(ordered), 3 / (T * T / 2))
    if collision >= 1:
        return 0, 0.0
    window = int(np.ceil(np.log(CHANCE / pairs) / np.log(collision)))
    return (0, 0.0) if window > MAX_WINDOW else (window, CHANCE)


def collision_rate(ordered: np.ndarray) -> float:
    """The chance that two values of one unit are equal, where it is largest; the rows (N, T) are sorted."""
    T = ordered.shape[1]
    rates = []
    for row in ordered:
        starts = np.flatnonzero(np.diff(row, prepend=row[0] + np.uint64(1)) != 0)
        sizes = np.diff(starts, append=T).astype(np.float64)
        rates.append(float((sizes * (sizes - 1)).sum() / (T * (T - 1))))
    return max(rates)


def hashed(bits: np.ndarray, window: int) -> np.ndarray:
    """A 64-bit mark (N, T - window + 1) of every window of consecutive values."""
    length = bits.shape[1] - window + 1
    marks = np.zeros((bits.shape[0], length), np.uint64)
    for place in range(window):
        marks = mixed(marks ^ bits[:, place : place + length]) + np.uint64(0x9E3779B97F4A7C15)
    return marks


def mixed(x: np.ndarray) -> np.ndarray:
    """A permutation of the 64-bit words that leaves no pattern (SplitMix64's finaliser, Steele et al., 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def question(repeats: Repeats) -> Question:
    """Whether numbers came again more often than chance has it."""
    p = float(special.gammainc(repeats.total, max(repeats.expected, 1e-300))) if repeats.total else 1.0
    return Question(
        name="repeated values",
        asks="Do the same numbers come again, bit for bit, anywhere?",
        measured=repeats.total,
        p_value=p,
        edge=lambda p: float(np.ceil(special.gammaincinv(1, p) + repeats.expected)) if repeats.window else 0.0,
        place=f"windows of {repeats.window}" if repeats.window else "not asked: too few distinct values",
    )
