"""A whole free-running network drawn from a key, with the sizes that the experiments used."""

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.spiking._free_running import FreeRunning
from cofire.spiking._wiring import Wiring, random_wiring


def draw_free_running(
    key: Key,
    neurons: int = 256,
    *,
    wiring: Wiring | None = None,
    outputs: int = 48,
    output_density: float = 0.1,
    output_scale: float = 0.2,
    periods: tuple[int, int] = (4, 33),
    activation_leak: float = 0.98,
    refraction_leak: float = 0.75,
    weight_threshold: float = 0.0,
) -> FreeRunning:
    """A network with uniform thresholds (0..1), uniform refraction periods (both ends count) and sparse outputs.

    Output weights are non-negative, U(0, 1) * `output_scale`, present with probability `output_density`. The recurrent
    wiring is random, of density 0.1 and scale 0.4, unless another is given.

    >>> draw_free_running(Key(1), 64)
    FreeRunning(64 neurons, 405 synapses, 48 outputs)
    """
    n = checks.integer("neurons", neurons, low=1)
    wired = random_wiring(key.fold("weights"), n) if wiring is None else wiring
    checks.shape("wiring.weights", wired.weights, (n, n), fix="give `neurons` the size of the wiring")
    low = checks.integer("periods[0]", periods[0], low=1)
    high = checks.integer("periods[1]", periods[1], low=low)
    k = checks.integer("outputs", outputs, low=0)
    density = checks.number("output_density", output_density, low=0, high=1)
    out = key.fold("outputs")
    exists = out.fold("exists").uniform((n, k), dtype=np.float64) < density
    return FreeRunning(
        weights=wired.weights,
        output_weights=exists * out.fold("strength").uniform((n, k), dtype=np.float64) * output_scale,
        thresholds=key.fold("thresholds").uniform((n,), dtype=np.float64),
        refraction_period=key.fold("periods").integers(low, high + 1, (n,)),
        activation_leak=activation_leak,
        refraction_leak=refraction_leak,
        weight_threshold=weight_threshold,
    )
