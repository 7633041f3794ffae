"""Two populations that should be independent are not, and an audit finds out why.

A simulator gives every neuron counters of its own, and every population a seed of its own, but adds them up: neuron i
reads the random number at `seed + 5000 i + step`. With seeds 0 and 137 the first population draws what the second one
drew 137 steps earlier. At any one step the two look independent; over time every neuron has a double. Keys that name
the population and the neuron mend it.
"""

import numpy as np

from cofire.random import Key, audit

STEPS, NEURONS = 4000, 40
NUMBERS = Key(1).normal(5000 * NEURONS + STEPS)  # a good random number for each counter


def counter_noise(seed: int) -> np.ndarray:
    """Noise (steps, neurons) that is a function of seed + counter."""
    return NUMBERS[seed + 5000 * np.arange(NEURONS)[None, :] + np.arange(STEPS)[:, None]]


def keyed_noise(population: str) -> np.ndarray:
    """Noise (steps, neurons) of a population whose key has its name."""
    return Key(1).fold("noise", population).units(range(NEURONS)).normal(step=range(STEPS))


excitatory, inhibitory = counter_noise(seed=0), counter_noise(seed=137)
across = np.corrcoef(excitatory.T, inhibitory.T)[:NEURONS, NEURONS:]
print(
    f"The usual look: correlations across populations have mean {across.mean():+.4f}, |r| to {np.abs(across).max():.3f}"
)

report = audit({"excitatory": excitatory, "inhibitory": inhibitory})
print(f"\nThe audit: {report.verdict}")
print(f"The first pairs: {report.causes[0].place['pairs'][:3]}, all at lag {report.causes[0].place['lag']}.")
print(f"What to do: {report.causes[0].remedy}.")
report.figure().savefig("hidden_coupling.png")

mended = audit({name: keyed_noise(name) for name in ("excitatory", "inhibitory")})
print(f"\nWith keys: {mended.verdict}")
