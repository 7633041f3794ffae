"""The Continuous Thought Machine against the published steps: same weights, same run; time, memory and agreement.

    python -m benchmarks.ctm [--threads N] [--only NAME]

The first table has a row for each of the published set-ups at its batch and at a single sample; the second the peak
memory of a training step; the third shows how time and memory of a thought grow with ticks and with neurons. The peer
steps as the published implementation does (benchmarks/published_steps.py). The output must agree to 1e-5, or the
benchmark stops.
"""

import argparse
import dataclasses
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from benchmarks.ctm_setups import SETUPS
from benchmarks.published_steps import PublishedSteps
from cofire import CTM, Key
from cofire.ctm import CTMConfig


def seconds(call: Callable[[], object], runs: int) -> float:
    """The median wall time of a call, after one that is not counted."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def compare(name: str, batch: int, shape: tuple[int, ...], config: CTMConfig) -> None:
    """Print a row: both times of a thought and of a training step, and their ratios."""
    model = CTM(config, key=Key(0)).eval()
    peer = PublishedSteps(model).eval()
    x = torch.from_numpy(Key(1).normal((batch, *shape)))
    with torch.no_grad():
        apart = (model(x).logits - peer(x)[0]).abs().max().item()
        if apart > 1e-5:
            raise SystemExit(f"{name}: the outputs differ by {apart:.1e}")
        thinking = seconds(lambda: model(x), 5), seconds(lambda: peer(x), 3)
    training = (
        seconds(lambda: model(x).logits.square().mean().backward(), 3),
        seconds(lambda: peer(x)[0].square().mean().backward(), 2),
    )
    row = f"{name:12} {batch:5}"
    for ours, theirs in (thinking, training):
        row += f"   {ours:8.3f} {theirs:9.3f} {theirs / ours:6.1f}x"
    print(f"{row}   {apart:.0e}", flush=True)


def memory(name: str, batch: int) -> None:
    """Print a row: what a training step adds to the memory at its peak, of cofire and of the peer, in processes of
    their own, with and without the gradients of the weights, which both must hold.
    """
    config = SETUPS[name][2]
    weights = sum(parameter.numel() for parameter in CTM(config, key=None).parameters()) * 4 / 1e9
    peaks = []
    for who in ("cofire", "published"):
        command = [sys.executable, "-m", "benchmarks.peak_memory", name, str(batch), who]
        peaks.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    ours, theirs = peaks
    beside = (theirs - weights) / (ours - weights)
    print(f"{name:12} {batch:5}   {ours:8.2f} {theirs:9.2f} {theirs / ours:6.1f}x   {beside:6.1f}x", flush=True)


def growth(config: CTMConfig) -> None:
    """Print how a thought grows: time and its share per tick and neuron, and what it adds to the memory."""
    for ticks, neurons in ((25, 1024), (50, 1024), (100, 1024), (200, 1024), (50, 512), (50, 2048), (50, 4096)):
        changed = dataclasses.replace(config, ticks=ticks, neurons=neurons)
        model, x = CTM(changed, key=Key(0)).eval(), torch.ones(16, 64)
        with torch.no_grad():
            spent = seconds(lambda model=model, x=x: model(x), 5)
        history = 4 * 16 * neurons * (ticks + changed.memory_length) / 1e6
        read = 4 * 16 * ticks * model.sync_out.width / 1e6
        per = spent / ticks / neurons * 1e9
        print(f"{ticks:5} {neurons:7}   {spent:8.3f} {per:10.1f}   {history:10.1f} {read:8.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", choices=list(SETUPS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"seconds on {arguments.threads} threads   thought: cofire, published, ratio   training step: the same   apart"
    )
    for name, (batch, shape, config) in SETUPS.items():
        if arguments.only in (None, name):
            for size in (batch, 1):
                compare(name, size, shape, config)
    print("\npeak memory of a training step, GB   cofire, published, ratio   ratio beside the weights' gradients")
    for name, size in (("parity", 64), ("mazes", 4), ("mazes", 16)):
        if arguments.only in (None, name):
            memory(name, size)
    if arguments.only is None:
        print("\nticks neurons    seconds    ns each   history MB  read MB   (parity's machine, batch 16)")
        growth(SETUPS["parity"][2])


if __name__ == "__main__":
    main()
