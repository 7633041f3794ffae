"""The learning rate as a function of the step alone, so that nothing has to be kept to resume."""

import math


def warmup_cosine(step: int, *, steps: int, peak: float, warmup: int = 0, final: float = 0.0) -> float:
    """Learning rate of the update that completes `step`, counted from 1.

        step <= warmup:  peak * step / warmup
        after:           final + (peak - final) * (1 + cos(pi * (step - warmup) / (steps - warmup))) / 2

    The last update is made with `final`.

    >>> [round(warmup_cosine(n, steps=6, peak=1.0, warmup=2), 3) for n in range(1, 7)]
    [0.5, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    if step <= warmup:
        return peak * step / warmup
    return final + (peak - final) * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
