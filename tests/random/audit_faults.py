"""Generators with one planted fault each, and sound ones: `(name, arguments) -> noise (steps, units)`.

They draw from NumPy's generators on purpose: they stand for the code of others.
"""

from collections.abc import Callable

import numpy as np

from cofire.random import Key

STEPS, UNITS = 10_000, 100
Maker = Callable[[int, int], np.ndarray]


def generator(*seeds: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds)))


def independent(steps: int = STEPS, units: int = UNITS, seed: int = 1) -> np.ndarray:
    return generator(seed).standard_normal((steps, units), dtype=np.float32)


def uniforms(counters: np.ndarray, seed: int = 5) -> np.ndarray:
    """A uniform in (0, 1) for each counter: what a counter-based generator gives."""
    table = generator(seed).random(int(counters.max()) + 1)
    return table[counters]


def broadcast(steps: int, units: int) -> np.ndarray:
    """One sample for all units."""
    return np.repeat(generator(2).standard_normal((steps, 1)), units, axis=1)


def added_broadcast(steps: int, units: int) -> np.ndarray:
    """One percent of every unit's variance is common."""
    return np.sqrt(0.99) * independent(steps, units) + 0.1 * generator(3).standard_normal((steps, 1))


def constant(steps: int, units: int) -> np.ndarray:
    """The generator is made anew, with the same seed, in every step."""
    return np.stack([generator(4).standard_normal(units) for _ in range(steps)])


def reseeded(steps: int, units: int) -> np.ndarray:
    """The generator is seeded again every 250 steps."""
    return np.resize(independent(250, units), (steps, units))


def overlapping(steps: int, units: int) -> np.ndarray:
    """Counters seed + step: five units of a hundred read one sequence from different starts."""
    noise = independent(steps, units)
    starts = {3: 0, 17: 137, 42: 1_000, 77: 5_200, 90: 9_000}
    sequence = generator(6).standard_normal(9_000 + steps)
    for unit, start in starts.items():
        noise[:, unit % units] = sequence[start : start + steps]
    return noise


def duplicated(steps: int, units: int) -> np.ndarray:
    """Two units have the same seed."""
    noise = independent(steps, units)
    noise[:, -1] = noise[:, 0]
    return noise


def overlapping_box_muller(steps: int, units: int) -> np.ndarray:
    """Box-Muller from counters c and c + 1, while the step advances c by 1: consecutive samples share a uniform."""
    counters = np.arange(steps)[:, None] + (steps + 7) * np.arange(units)[None, :]
    first, second = uniforms(counters), uniforms(counters + 1)
    return np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)


def neighbouring_box_muller(steps: int, units: int) -> np.ndarray:
    """Box-Muller from counters c and c + 1, where neighbouring units have neighbouring counters."""
    counters = np.arange(units)[None, :] + (units + 7) * np.arange(steps)[:, None]
    first, second = uniforms(counters), uniforms(counters + 1)
    return np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)


def two_variables(steps: int, units: int) -> dict[str, np.ndarray]:
    """A current and a threshold from one counter: the threshold is the uniform that made the current's radius."""
    half = units // 2
    counters = np.arange(steps * half).reshape(steps, half)
    first, second = uniforms(counters, 7), uniforms(counters, 8)
    current = np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)
    return {"current": current, "threshold": first}


def same_variables(steps: int, units: int) -> dict[str, np.ndarray]:
    """Two variables draw the very same numbers."""
    return {"current": independent(steps, units // 2), "threshold": independent(steps, units // 2)}


def rhythmic(steps: int, units: int) -> np.ndarray:
    """A weak oscillation in phase (0.5 % of each unit's variance)."""
    return independent(steps, units) + 0.1 * np.sin(2 * np.pi * 0.0437 * np.arange(steps))[:, None]


def phases(steps: int, units: int) -> np.ndarray:
    """The same frequency in every unit, each with a phase of its own."""
    phase = 2 * np.pi * generator(9).random(units)
    return independent(steps, units) + 0.15 * np.sin(2 * np.pi * 0.0437 * np.arange(steps)[:, None] + phase)


def filtered(noise: np.ndarray, memory: float) -> np.ndarray:
    """White noise (T, N) of variance 1 turned into an Ornstein-Uhlenbeck process, in place."""
    for step in range(1, len(noise)):
        noise[step] = memory * noise[step - 1] + np.sqrt(1 - memory**2) * noise[step]
    return noise


def coloured(steps: int, units: int, memory: float = 0.9) -> np.ndarray:
    """An Ornstein-Uhlenbeck process in each unit, all independent."""
    return filtered(independent(steps, units).astype(np.float64), memory)


def slightly_coloured(steps: int, units: int) -> np.ndarray:
    """A serial correlation of 0.02 in every unit, which hardly any unit shows by itself."""
    return coloured(steps, units, 0.02)


def wrong_shape(steps: int, units: int) -> np.ndarray:
    """Normal numbers as the sum of twelve uniforms: too few in the tails."""
    return generator(10).random((steps, units, 12), dtype=np.float32).sum(axis=2) - 6


def one_wrong_unit(steps: int, units: int) -> np.ndarray:
    """One unit is wider than the others."""
    noise = independent(steps, units)
    noise[:, 40] *= 1.2
    return noise


def shared_volatility(steps: int, units: int) -> np.ndarray:
    """One positive factor scales all units: uncorrelated, but loud together."""
    return independent(steps, units) * np.exp(0.3 * generator(11).standard_normal((steps, 1)))


def centred(steps: int, units: int) -> np.ndarray:
    """The mean over units is removed in every step."""
    noise = independent(steps, units)
    return noise - noise.mean(axis=1, keepdims=True)


def logistic(steps: int, units: int) -> np.ndarray:
    """A home-made generator, the logistic map: uncorrelated, yet each value decides the next."""
    x = np.empty((steps, units))
    x[0] = generator(14).random(units)
    for step in range(1, steps):
        x[step] = 4 * x[step - 1] * (1 - x[step - 1])
    return x


FAULTS: dict[str, tuple[Maker, str]] = {
    maker.__name__: (maker, cause)
    for maker, cause in (
        (broadcast, "broadcast"),
        (added_broadcast, "broadcast"),
        (constant, "reseeding"),
        (reseeded, "reseeding"),
        (overlapping, "counter overlap"),
        (duplicated, "duplicated unit"),
        (overlapping_box_muller, "shared draw between consecutive samples"),
        (neighbouring_box_muller, "shared draw between units"),
        (two_variables, "shared draw between variables"),
        (same_variables, "shared draw between variables"),
        (rhythmic, "global rhythm"),
        (phases, "global rhythm"),
        (coloured, "serial dependence"),
        (slightly_coloured, "serial dependence"),
        (wrong_shape, "wrong distribution"),
        (one_wrong_unit, "wrong distribution"),
        (shared_volatility, "shared amplitude"),
        (centred, "common mean removed"),
        (logistic, "serial dependence"),
    )
}


def trains(key: Key, kind: str, steps: int, units: int) -> np.ndarray:
    """Independent spike trains (steps, units) without or with a memory: renewal processes, noisy clocks, bursts."""
    if kind == "poisson":
        return key.uniform((steps, units)) < 0.03
    if kind == "bursts":
        starts = key.uniform((steps, units)) < 0.01
        inside = sum(np.roll(starts, shift, axis=0) for shift in range(8)) > 0
        return inside & (key.fold("within").uniform((steps, units)) < 0.4)
    intervals = {
        "refractory": 5 + np.floor(-9.5 * np.log1p(-key.uniform((steps, units)))),
        "clocks": np.maximum(1, np.rint(15 + 1.5 * key.normal((steps, units)))),
    }[kind]
    times = np.cumsum(intervals, axis=0).astype(int) - key.fold("start").integers(0, 15, units)
    spikes = np.zeros((steps, units), bool)
    for unit in range(units):
        spikes[times[(times[:, unit] >= 0) & (times[:, unit] < steps), unit], unit] = True
    return spikes
