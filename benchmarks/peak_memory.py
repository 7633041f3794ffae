"""What a training step adds to the memory of its process at its peak, in GB.

python -m benchmarks.peak_memory NAME BATCH cofire|published
"""

import sys
from pathlib import Path

import torch

from benchmarks.ctm_setups import SETUPS
from benchmarks.published_steps import PublishedSteps
from cofire import CTM, Key


def memory(field: str) -> float:
    """VmRSS, the memory of this process now, or VmHWM, its peak; GB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1e6


if __name__ == "__main__":
    name, batch, who = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    _, shape, config = SETUPS[name]
    model = CTM(config, key=Key(0)).eval()
    x = torch.from_numpy(Key(1).normal((batch, *shape)))
    before = memory("VmRSS")
    logits = model(x).logits if who == "cofire" else PublishedSteps(model).eval()(x)[0]
    logits.square().mean().backward()
    print(memory("VmHWM") - before)
