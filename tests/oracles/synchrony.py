"""Synchrony measures as their definitions read: loops over pairs, ticks and spikes; integrals on a fine grid."""

import itertools
import math

import numpy as np


def cumulative(x, warmup, tick):
    """Sum of outer products up to and with a tick."""
    first = min(warmup, tick)
    return sum(np.outer(x[t], x[t]) for t in range(first, tick + 1))


def decayed(x, rate, i, j, tick):
    weights = [math.exp(-rate * (tick - s)) for s in range(tick + 1)]
    return sum(w * x[s, i] * x[s, j] for s, w in enumerate(weights)) / math.sqrt(sum(weights))


def window_of(x, tick, window):
    return x[max(0, tick - window + 1) : tick + 1]


def coherence(x, tick, window):
    part = window_of(x, tick, window)
    if x.shape[1] < 2 or len(part) < 2:
        return 1.0
    if (part.var(axis=0) < 1e-10).all():
        return 0.0
    values = []
    for i, j in itertools.combinations(range(x.shape[1]), 2):
        a, b = part[:, i] - part[:, i].mean(), part[:, j] - part[:, j].mean()
        if a.any() and b.any():
            values.append((a @ b) / math.sqrt((a @ a) * (b @ b)))
    return float(np.mean(values)) if values else 0.0


def windowed_sync(x, tick, window):
    part = window_of(x, tick, window)
    pairs = list(itertools.combinations(range(x.shape[1]), 2))
    return float(np.mean([part[:, i] @ part[:, j] for i, j in pairs]))


def inverse_mse(x, tick, window):
    part = window_of(x, tick, window)
    pairs = list(itertools.combinations(range(x.shape[1]), 2))
    return 1 / (1 + float(np.mean([((part[:, i] - part[:, j]) ** 2).mean() for i, j in pairs])))


def tiling(a, b, dt, start, stop):
    """The spike time tiling coefficient by counting; covered time on the union of intervals."""

    def covered(train):
        edges = sorted((max(t - dt, start), min(t + dt, stop)) for t in train)
        total, reached = 0.0, start
        for low, high in edges:
            total += max(0.0, high - max(low, reached))
            reached = max(reached, high)
        return total / (stop - start)

    def near(one, other):
        return sum(any(abs(t - u) <= dt for u in other) for t in one) / len(one)

    def term(share, time):
        return 1.0 if share * time == 1 else (share - time) / (1 - share * time)

    return (term(near(a, b), covered(b)) + term(near(b, a), covered(a))) / 2


def framed(train, start, stop):
    return sorted({start, *train, stop})


def around(train, t):
    before = max(s for s in train if s <= t)
    return before, min(s for s in train if s > t)


def isi_distance(a, b, start, stop, grid):
    a, b = framed(a, start, stop), framed(b, start, stop)
    values = []
    for t in grid:
        (p, f), (q, g) = around(a, t), around(b, t)
        values.append(abs((f - p) - (g - q)) / max(f - p, g - q))
    return float(np.mean(values))


def spike_distance(a, b, start, stop, grid):
    a, b = framed(a, start, stop), framed(b, start, stop)

    def dissimilarity(one, other, t):
        p, f = around(one, t)
        gap_p, gap_f = (min(abs(s - u) for u in other) for s in (p, f))
        return (gap_p * (f - t) + gap_f * (t - p)) / (f - p), f - p

    values = []
    for t in grid:
        (sa, na), (sb, nb) = dissimilarity(a, b, t), dissimilarity(b, a, t)
        values.append((sa * nb + sb * na) / (2 * ((na + nb) / 2) ** 2))
    return float(np.mean(values))


def spike_synchronisation(a, b, start, stop):
    def reach(train, k):
        sides = [train[n + 1] - train[n] for n in (k - 1, k) if 0 <= n < len(train) - 1]
        return min(sides, default=stop - start) / 2

    together = sum(
        any(t == u or abs(t - u) < min(reach(a, i), reach(b, j)) for j, u in enumerate(b)) for i, t in enumerate(a)
    ) + sum(any(t == u or abs(t - u) < min(reach(a, i), reach(b, j)) for i, t in enumerate(a)) for j, u in enumerate(b))
    return together / (len(a) + len(b)) if len(a) + len(b) else 1.0


def van_rossum(a, b, tau, stop):
    """By integration on a grid far beyond the last spike."""
    grid = np.arange(0, stop + 12 * tau, tau / 500) + tau / 1000
    f, g = (sum((np.exp(-(grid - t) / tau) * (grid >= t) for t in train), np.zeros(len(grid))) for train in (a, b))
    return math.sqrt(((f - g) ** 2).sum() * (tau / 500) / tau)
